"""``zhiyin alerts``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("alerts")
    def alerts() -> None:
        """单独运行预警、通知和定时任务（PostgreSQL）· alerts, notices and chores."""
        from zhiyin import parts
        from zhiyin.running.main import run

        run(parts.alerts)
