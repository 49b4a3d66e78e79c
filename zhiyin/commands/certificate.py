"""``zhiyin certificate``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("certificate")
    def certificate(
        folder: Annotated[Path, typer.Argument(help="写到哪个目录 · folder to write to")],
        names: Annotated[
            list[str] | None,
            typer.Option("--name", help="主机名或 IP（可多个）· host name or address, repeatable"),
        ] = None,
        file: Annotated[str, typer.Option("--file", help="文件名 · file name")] = "server",
    ) -> None:
        """生成试用证书：自建 CA 加服务器证书 · a certificate for a try, with its own authority.

        Keeps the authority that the folder has; never overwrites a file.
        """
        from zhiyin.running.certificates import make_server
        from zhiyin.wall import wall_clock

        try:
            made = make_server(folder, file, names or ["localhost", "127.0.0.1"], wall_clock())
        except FileExistsError as error:
            raise typer.BadParameter(
                f"{error.filename} 已存在，未覆盖 · exists and is kept"
            ) from error
        except OSError as error:
            raise typer.BadParameter(f"{error.filename}: {error.strerror}") from error
        for path in made:
            typer.echo(str(path))
        typer.echo(
            f"让手机和电脑信任 · let browsers trust: {folder / 'ca.crt'}\n"
            f"tls_cert_file = {folder / f'{file}.crt'}\ntls_key_file = {folder / f'{file}.key'}"
        )
