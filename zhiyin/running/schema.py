"""Whether the database has this version's tables, and how it gets them."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, inspect, text

import backend.store
from backend.domain.errors import DomainError
from backend.store.db import Database

MIGRATIONS: Final = Path(backend.store.__file__).parent / "migrations"
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells each time what it talks to

_REVISION: Final = re.compile(r'^(down_)?revision: [^=]+= (?:"(\w+)"|None)$', re.MULTILINE)

_LOCK: Final = 0x7A_68_69_79_69_6E
"""PostgreSQL advisory lock: one migration at a time ("zhiyin")."""


def wanted(migrations: Path = MIGRATIONS) -> str:
    """The revision that this version needs: the one that none follows."""
    steps = _steps(migrations)
    heads = set(steps) - set(steps.values())
    if len(heads) != 1:
        raise RuntimeError(f"{len(heads)} newest migrations in {migrations}")
    return heads.pop()


def _steps(migrations: Path) -> dict[str, str | None]:
    # Each revision and the one before it, read off the files: every start asks, and importing
    # Alembic takes a third of a second.
    found: dict[str, str | None] = {}
    for file in (migrations / "versions").glob("[0-9]*.py"):
        named = {
            bool(down): name or None for down, name in _REVISION.findall(file.read_text("utf-8"))
        }
        if (revision := named.get(False)) is None:
            raise RuntimeError(f"no revision in {file}")
        found[revision] = named[True]
    return found


def stands(conn: Connection) -> str | None:
    """The revision that the database has; ``None``: it is empty."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    found: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def require_current(db: Database, migrations: Path = MIGRATIONS) -> None:
    """Go on only with this version's tables.

    Raises:
        DomainError: ``schema_missing``, ``schema_old``, or ``schema_newer`` for a database that a
            later version has changed.
    """
    with db.read() as conn:
        found = stands(conn)
    head = wanted(migrations)
    if found == head:
        return
    if found is None:
        raise DomainError(
            "schema_missing",
            "数据库还没有建表：请先执行 zhiyin migrate（首次安装请执行 zhiyin init）",
            "the database has no tables yet: run zhiyin migrate (zhiyin init on a new"
            " installation)",
        )
    if found in _steps(migrations):
        raise DomainError(
            "schema_old",
            f"数据库的表结构是旧版（{found}，需要 {head}）：请先备份，再执行 zhiyin migrate",
            f"the database has the tables of an older version ({found}, needed {head}): make a"
            " backup, then run zhiyin migrate",
        )
    raise DomainError(
        "schema_newer",
        f"数据库已被更新版本的智印升级过（{found}）：请改用那个版本，或从备份恢复",
        f"the database was changed by a later version ({found}): use that version, or restore a"
        " backup",
    )


def upgrade(db: Database, migrations: Path = MIGRATIONS) -> tuple[str | None, str]:
    """Bring the tables to this version; the revisions before and after. Safe to run at any time,
    by several processes at once.

    Raises:
        DomainError: ``schema_newer``.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with db.write() as conn:
        if not db.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = stands(conn)
        head = wanted(migrations)
        if before == head:
            return before, head
        if before is not None and before not in _steps(migrations):
            raise DomainError(
                "schema_newer",
                f"数据库已被更新版本的智印升级过（{before}），不能降级",
                f"the database was changed by a later version ({before}) and cannot go back",
            )
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
        return before, head
