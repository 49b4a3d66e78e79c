"""``zhiyin version``."""

import platform
from typing import Annotated

import typer

from zhiyin import __version__


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("version")
    def version(
        as_json: Annotated[
            bool, typer.Option("--json", help="一行 JSON · one line of JSON")
        ] = False,
    ) -> None:
        """查看版本 · show versions."""
        found = {"zhiyin": __version__, "python": platform.python_version()}
        if as_json:
            import json

            typer.echo(json.dumps(found))
        else:
            typer.echo(" · ".join(f"{name} {number}" for name, number in found.items()))
