"""The database of an installation: opened, waited for, and checked for the right tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from backend.domain.errors import DomainError
from backend.store.db import Database
from zhiyin.running.lock import make_folder
from zhiyin.settings import Settings


@contextmanager
def opened(settings: Settings) -> Iterator[Database]:
    """The database that the settings name, let go of afterwards."""
    if settings.database.url is None:
        make_folder(settings.data_dir)
    db = Database(settings.database_url(), pool_size=settings.database.pool_size)
    try:
        yield db
    finally:
        db.dispose()


def away(db: Database) -> str | None:
    """Why the database does not answer; ``None`` when it does. Never with a password."""
    try:
        with db.read() as conn:
            conn.execute(text("SELECT 1"))
    except DBAPIError as error:
        return str(error.orig).strip().splitlines()[0][:200]
    except SQLAlchemyError as error:
        return type(error).__name__
    return None


def require_answer(db: Database) -> None:
    """Go on only with a database that answers.

    Raises:
        DomainError: ``database_away``.
    """
    reason = away(db)
    if reason is not None:
        raise DomainError(
            "database_away",
            f"连不上数据库（{reason}）：请检查它是否在运行，以及配置项 database.url、"
            "database.password_file",
            f"the database does not answer ({reason}): check that it runs, and the settings"
            " database.url and database.password_file",
        )


def require_one_process(settings: Settings, part: str) -> None:
    """SQLite has one writer: a part as a process of its own needs PostgreSQL.

    Raises:
        DomainError: ``needs_postgresql``.
    """
    if settings.database_url().startswith("sqlite"):
        raise DomainError(
            "needs_postgresql",
            f"单独运行 {part} 须用 PostgreSQL：请设 database.url；"
            "只用一台机器时请改用 zhiyin serve",
            f"{part} as a process of its own needs PostgreSQL: set database.url; on one machine"
            " use zhiyin serve",
        )
