"""``zhiyin eyes``."""

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("eyes")
    def eyes() -> None:
        """单独运行文件与印迹核对（PostgreSQL）· looks at papers and imprints."""
        from zhiyin import parts
        from zhiyin.running.main import run

        run(parts.eyes)
