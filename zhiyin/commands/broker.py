"""``zhiyin broker``."""

from pathlib import Path
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("broker")
    def broker(
        files: Annotated[
            Path | None,
            typer.Option(
                "--files",
                metavar="DIR",
                help="只写配置、口令和权限文件，不运行 · only write the files, do not run it",
            ),
        ] = None,
        watch: Annotated[
            bool, typer.Option("--watch", help="账号变化时更新文件 · renew them as accounts change")
        ] = False,
        pid_file: Annotated[
            Path | None,
            typer.Option("--pid-file", help="更新后向该进程发 SIGHUP · whom to tell by SIGHUP"),
        ] = None,
    ) -> None:
        """运行 Mosquitto（账号、权限、TLS 自动生成）· run Mosquitto with our accounts and ACL."""
        from zhiyin import broker_part
        from zhiyin.running.main import run

        if files is None:
            if watch or pid_file is not None:
                raise typer.BadParameter("--watch、--pid-file 须与 --files 同用 · need --files")
            run(broker_part.run)
            return
        folder = files
        run(
            lambda settings, stop: broker_part.keep_files(
                settings,
                folder,
                stop,
                watch=watch,
                pid=lambda: None if pid_file is None else broker_part.pid_in(pid_file),
            )
        )
