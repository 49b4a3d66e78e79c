"""``zhiyin keys``."""

from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from zhiyin.wiring import House

_SLEEVES_HOLD: Final = ("grant", "receipt", "picture_wire")
"""Sleeves know these public keys: from their commissioning, and by what they are told."""

_DAY_MS: Final = 86_400_000

Overlap = Annotated[
    int,
    typer.Option(
        "--overlap-days",
        min=1,
        max=3650,
        help="旧公钥还认多少天 · days for which sleeves believe the old key",
    ),
]


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
        overlap_days: Overlap = 90,
    ) -> None:
        """新增一代密钥，旧的继续能验、能解 · add a generation; older ones still verify and open.

        Sleeves are told a new grant, receipt or picture key at once, those off line when they come
        back. The parts use it from their next start: see `keys announce` for how many know it.
        """
        from backend.store.keyfiles import Purpose
        from zhiyin.commissioning import house
        from zhiyin.running import keys as on_disk
        from zhiyin.settings_source import load_settings

        try:
            wanted = Purpose(purpose)
        except ValueError as error:
            raise typer.BadParameter(f"可选 one of: {', '.join(Purpose)}") from error
        settings = load_settings()
        if purpose not in _SLEEVES_HOLD:
            number = on_disk.rotate(settings, wanted)
            typer.echo(_done(number, purpose))
            return
        with house(settings) as home:  # a key that nobody can be told of is not made
            number = on_disk.rotate(settings, wanted)
            typer.echo(_done(number, purpose))
            _announce(home, overlap_days)

    @keys.command("announce")
    def announce(overlap_days: Overlap = 90) -> None:
        """把现在的公钥告诉还不知道的套筒；已有几台确认 · tell sleeves the keys there are now.

        Harmless to repeat. With the same keys as before it only says how many sleeves know them.
        """
        from zhiyin.commissioning import house
        from zhiyin.settings_source import load_settings

        with house(load_settings()) as home:
            _announce(home, overlap_days)

    app.add_typer(keys, name="keys")


def _announce(home: "House", overlap_days: int) -> None:
    from backend.services.server_keys import ServerKeyService
    from backend.store.keyring import KeyRing

    ring = KeyRing.load(home.settings.keys_path())
    told = ServerKeyService(home.services, ring).announce(overlap_days * _DAY_MS)
    typer.echo(
        f"公钥清单第 {told.serial} 号：{told.sleeves} 个套筒，已确认 {told.confirmed} 个 · "
        f"list {told.serial}: {told.confirmed} of {told.sleeves} sleeves have confirmed it"
    )


def _done(number: int, purpose: str) -> str:
    return (
        f"已生成第 {number} 代 {purpose} 密钥：请备份，然后重启各部分 · "
        f"generation {number}: back it up, then restart the parts"
    )
