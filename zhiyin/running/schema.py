"""Whether the database has this version's tables, and how it gets them."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

import backend.store
from backend.domain.errors import DomainError
from backend.store.db import Database

MIGRATIONS: Final = Path(backend.store.__file__).parent / "migrations"
logging.getLogger("alembic").setLevel(logging.WARNING)  # it tells each time what it talks to

_LOCK: Final = 0x7A_68_69_79_69_6E
"""PostgreSQL advisory lock: one migration at a time ("zhiyin")."""


def wanted(migrations: Path = MIGRATIONS) -> str:
    """The revision that this version needs."""
    head = ScriptDirectory(str(migrations)).get_current_head()
    if head is None:
        raise RuntimeError(f"no migrations in {migrations}")
    return head


def stands(conn: Connection) -> str | None:
    """The revision that the database has; ``None``: it is empty."""
    return MigrationContext.configure(conn).get_current_revision()


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
    known = {script.revision for script in ScriptDirectory(str(migrations)).walk_revisions()}
    if found in known:
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
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with db.write() as conn:
        if not db.is_sqlite:
            conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        before = stands(conn)
        head = wanted(migrations)
        if before == head:
            return before, head
        known = {script.revision for script in ScriptDirectory(str(migrations)).walk_revisions()}
        if before is not None and before not in known:
            raise DomainError(
                "schema_newer",
                f"数据库已被更新版本的智印升级过（{before}），不能降级",
                f"the database was changed by a later version ({before}) and cannot go back",
            )
        config.attributes["connection"] = conn
        command.upgrade(config, "head")
        return before, head
