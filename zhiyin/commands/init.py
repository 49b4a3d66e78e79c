"""``zhiyin init``."""

from __future__ import annotations

from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""

    @app.command("init")
    def init(
        district: Annotated[
            str,
            typer.Option(prompt="区县编号 district id", help="区县编号，如 330109 · district id"),
        ],
        district_name: Annotated[
            str,
            typer.Option(prompt="区县名称 district name", help="区县名称 · district name"),
        ],
        admin: Annotated[
            str,
            typer.Option(prompt="管理员姓名 name", help="首位管理员姓名 · first administrator"),
        ],
        login: Annotated[str, typer.Option(help="管理员用户名 · their login")] = "admin",
        ask_password: Annotated[
            bool,
            typer.Option(
                "--ask-password",
                help="现在设置口令；否则生成一个临时口令，只显示一次 · choose one now",
            ),
        ] = False,
    ) -> None:
        """首次安装：密钥、表、区县、事项目录、首位管理员 · set up a new installation.

        Cut short, it may be run again: what exists is kept.
        """
        from backend.services.founding import FoundingForm
        from zhiyin.founding import found
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        password: str | None = None
        if ask_password:
            password = typer.prompt(
                "管理员口令 password", hide_input=True, confirmation_prompt=True
            )
        form = FoundingForm(district, district_name, admin, login, password)
        made = found(settings, form, tell=typer.echo)
        typer.echo("")
        typer.echo(f"用户名 login:    {made.login}")
        if made.temporary_password is not None:
            typer.echo(f"临时口令 password: {made.temporary_password}")
            typer.echo(
                "口令只显示这一次，首次登录后须修改 · shown once; change it at first sign-in"
            )
        typer.echo("下一步 next:      zhiyin serve")
