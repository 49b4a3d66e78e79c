"""What ``zhiyin init`` does, step by step; each step keeps what is there already."""

from __future__ import annotations

from collections.abc import Callable

from backend.services.founding import Founded, FoundingForm, FoundingService, check_form
from backend.services.passwords import Passwords
from zhiyin import wiring
from zhiyin.running import keys, schema, store
from zhiyin.running.lock import claimed, make_folder
from zhiyin.settings import Settings


def found(
    settings: Settings,
    form: FoundingForm,
    *,
    tell: Callable[[str], None],
    now: wiring.Clock = wiring.wall_clock,
    passwords: Passwords | None = None,
) -> Founded:
    """Make data folder, keys, tables, district, catalogue and first administrator.

    Raises:
        DomainError: ``already_running``, ``data_dir_unusable``, ``keys_exposed``,
            ``database_away``, ``already_founded`` and what the form may be refused for.
    """
    check_form(form)  # before anything is made
    make_folder(settings.data_dir)
    with claimed(settings.data_dir):
        tell(f"[1/5] 数据目录 · data folder: {settings.data_dir}")
        ring = keys.create(settings)
        kinds = ", ".join(ring.generations())
        tell(f"[2/5] 密钥（请另行备份）· keys, back them up: {settings.keys_path()} ({kinds})")
        with store.opened(settings) as db:
            store.require_answer(db)
            _, head = schema.upgrade(db)
        tell(f"[3/5] 数据库表 · tables: {head}")
        house = wiring.build(settings, now=now)
        try:
            founding = FoundingService(house.services, passwords or Passwords())
            made = founding.found(form)
        finally:
            house.close()
        tell(f"[4/5] 区县和事项目录 · district and catalogue: {made.district_path}")
        tell(f"[5/5] 首位管理员 · first administrator: {made.login}")
        return made
