"""``zhiyin contract``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("contract")
    def contract(
        docs: Annotated[Path, typer.Argument(help="文档目录 · the docs folder")] = Path("docs"),
        write: Annotated[
            bool, typer.Option("--write", help="重新生成 · write what differs (default: tell)")
        ] = False,
    ) -> None:
        """套筒接口文档是否与代码一致 · whether the published device contract is what the types say.

        Covers asyncapi.yaml, the tables of protocol.md and the test vectors. Exit code 1 on drift.
        """
        from gateway.protocol import published

        try:
            differing = published.write(docs) if write else published.drift(docs)
        except OSError as error:
            raise typer.BadParameter(f"{docs}: {error.strerror}") from error
        for path in differing:
            typer.echo(f"{'已更新 written' if write else '不一致 differs'}: {path}")
        if not differing:
            typer.echo("一致 · no drift")
        elif not write:
            raise typer.Exit(1)
