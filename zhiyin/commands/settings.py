"""``zhiyin settings``."""

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("settings")
    def settings(
        table: Annotated[
            bool, typer.Option("--table", help="所有配置项的说明表 · every setting, as Markdown")
        ] = False,
    ) -> None:
        """查看生效的配置（口令不显示）· show the settings in force, secrets hidden."""
        from zhiyin.settings_source import load_settings
        from zhiyin.settings_text import as_lines, as_table

        typer.echo(as_table() if table else as_lines(load_settings()))
