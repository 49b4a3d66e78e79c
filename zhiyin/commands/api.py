"""``zhiyin api``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("api")
    def api() -> None:
        """单独运行网页和接口（PostgreSQL）· pages and JSON API as a process of their own."""
        from zhiyin import parts
        from zhiyin.running.main import run

        run(parts.api)
