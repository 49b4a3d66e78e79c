"""``zhiyin keys``."""

from typing import Annotated

import typer

_SLEEVES_HOLD = ("grant", "receipt", "picture_wire")
"""Sleeves know these public keys from their commissioning."""


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    keys = typer.Typer(
        help="本机构的密钥：查看、更换 · the installation's keys", no_args_is_help=True
    )

    @keys.command("list")
    def show() -> None:
        """各种密钥有几代（不显示密钥）· how many generations of each there are."""
        from backend.store.keyring import KeyRing
        from zhiyin.settings_source import load_settings

        settings = load_settings()
        for purpose, count in KeyRing.load(settings.keys_path()).generations().items():
            typer.echo(f"{purpose:14} {count}")

    @keys.command("rotate")
    def rotate(
        purpose: Annotated[str, typer.Argument(help="哪种密钥，见 list · which, see list")],
        sleeves_know: Annotated[
            bool,
            typer.Option(
                "--sleeves-know",
                help="套筒已预先写入新公钥 · the sleeves were given the new public key",
            ),
        ] = False,
    ) -> None:
        """新增一代密钥，旧的继续能验、能解 · add a generation; older ones still verify and open.

        Takes effect with the next start of the parts.
        """
        from backend.domain.errors import DomainError
        from backend.store.keyfiles import Purpose
        from backend.store.keyring import KeyRing
        from zhiyin.settings_source import load_settings

        try:
            wanted = Purpose(purpose)
        except ValueError as error:
            raise typer.BadParameter(f"可选 one of: {', '.join(Purpose)}") from error
        if purpose in _SLEEVES_HOLD and not sleeves_know:
            raise DomainError(
                "sleeves_hold_key",
                f"套筒只认登记时写入的 {purpose} 公钥，直接更换会使它们拒绝平台的消息。"
                "请先由厂家把新公钥写入全部套筒，再加 --sleeves-know 执行",
                f"sleeves know the {purpose} key from their commissioning and would refuse a new"
                " one: have it written into all of them, then use --sleeves-know",
            )
        settings = load_settings()
        number = KeyRing.rotate(settings.keys_path(), wanted)
        typer.echo(
            f"已生成第 {number} 代 {purpose} 密钥：请备份，然后重启各部分 · "
            f"generation {number}: back it up, then restart the parts"
        )

    app.add_typer(keys, name="keys")
