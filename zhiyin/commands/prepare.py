"""``zhiyin prepare``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("prepare")
    def prepare(
        folder: Annotated[Path, typer.Argument(help="写到哪个目录 · the folder")] = Path(
            "deploy/secrets"
        ),
        names: Annotated[
            list[str] | None,
            typer.Option("--name", help="用户访问用的主机名或 IP · what people type; repeatable"),
        ] = None,
        broker: Annotated[
            list[str] | None,
            typer.Option("--broker-name", help="套筒连接用的主机名或 IP · what sleeves connect to"),
        ] = None,
    ) -> None:
        """为 docker compose 准备口令和证书文件（已有的不动）· passwords and certificates as files.

        Replace web.crt and web.key by those of your authority before going live.
        """
        from zhiyin.running.prepare import prepare as make
        from zhiyin.wall import wall_clock

        try:
            made = make(folder, names or ["localhost", "127.0.0.1"], broker or [], wall_clock())
        except OSError as error:
            raise typer.BadParameter(f"{error.filename}: {error.strerror}") from error
        for path in made:
            typer.echo(f"已生成 made: {path}")
        if not made:
            typer.echo("都已存在，未改动 · nothing to make")
