"""The ways to reach the database, and which of its errors pass by themselves."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table, insert, select, text
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    IntegrityError,
    InternalError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from backend.store.db import Database, is_passing

META = MetaData()
NOTE = Table(
    "note", META, Column("id", Integer, primary_key=True), Column("text", String, unique=True)
)


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite+pysqlite:///{tmp_path / 'x.sqlite3'}")
    META.create_all(made.engine)
    yield made
    made.dispose()


def notes(db: Database) -> list[str]:
    with db.read() as conn:
        return list(conn.execute(select(NOTE.c.text).order_by(NOTE.c.id)).scalars())


def fail(db: Database, error: BaseException) -> None:
    """Write something and fail before the end."""
    with db.write() as conn:
        conn.execute(insert(NOTE).values(text="b"))
        raise error


def write(db: Database, what: str, pages: int) -> None:
    """Write something into a database of at most ``pages``."""
    with db.write() as conn:
        conn.execute(text(f"PRAGMA max_page_count = {pages}"))
        conn.execute(insert(NOTE).values(text=what))


def test_a_write_is_whole_or_nothing(db: Database) -> None:
    with db.write() as conn:
        conn.execute(insert(NOTE).values(text="a"))
    with pytest.raises(ZeroDivisionError):
        fail(db, ZeroDivisionError())
    assert notes(db) == ["a"]


def test_a_base_exception_rolls_back_too(db: Database) -> None:
    with pytest.raises(KeyboardInterrupt):
        fail(db, KeyboardInterrupt())
    assert notes(db) == []
    with db.write() as conn:
        conn.execute(insert(NOTE).values(text="a"))
    assert notes(db) == ["a"]


def test_what_is_committed_survives_a_power_cut(db: Database) -> None:
    """Promise 2 stands on these two settings of SQLite."""
    with db.read() as conn:
        assert conn.execute(text("PRAGMA journal_mode")).scalar() == "wal"
        assert conn.execute(text("PRAGMA synchronous")).scalar() == 2  # FULL


def test_writers_stand_in_line_and_none_fails_half_way(db: Database) -> None:
    barrier, errors = threading.Barrier(4), list[BaseException]()

    def work(name: int) -> None:
        try:
            barrier.wait(60)
            for number in range(5):
                with db.write() as conn:
                    count = len(conn.execute(select(NOTE)).all())
                    conn.execute(insert(NOTE).values(id=count + 1, text=f"{name}-{number}"))
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert len(notes(db)) == 20


def test_a_reader_sees_one_state_and_does_not_wait(db: Database) -> None:
    with db.write() as writing:
        writing.execute(insert(NOTE).values(text="a"))
        seen: list[list[str]] = []
        thread = threading.Thread(target=lambda: seen.append(notes(db)))
        thread.start()
        thread.join(60)
        assert seen == [[]]
    assert notes(db) == ["a"]


def test_memory_cannot_be_shared() -> None:
    with pytest.raises(ValueError, match="in-memory"):
        Database("sqlite+pysqlite:///:memory:")


def test_a_full_disk_passes_and_leaves_the_database_usable(db: Database) -> None:
    with db.write() as conn:
        pages = conn.execute(text("PRAGMA page_count")).scalar_one()
    with pytest.raises(OperationalError) as full:
        write(db, "x" * 100_000, pages)
    assert is_passing(full.value)
    write(db, "y" * 100_000, 1_000_000)
    assert len(notes(db)) == 1


def failed(kind: type[DBAPIError], original: Exception, gone: bool = False) -> DBAPIError:
    return kind("SELECT", {}, original, connection_invalidated=gone)


@pytest.mark.parametrize(
    ("passing", "error"),
    [
        (True, failed(OperationalError, sqlite3.OperationalError("database is locked"))),
        (True, failed(OperationalError, sqlite3.OperationalError("disk I/O error"))),
        (True, failed(OperationalError, psycopg.errors.AdminShutdown())),
        (True, failed(OperationalError, psycopg.errors.DiskFull())),
        (True, failed(OperationalError, psycopg.errors.DeadlockDetected())),
        (True, failed(InternalError, psycopg.errors.ReadOnlySqlTransaction())),
        (True, failed(DBAPIError, Exception("gone"), gone=True)),
        (True, PoolTimeoutError("no connection is free")),
        (False, failed(InternalError, psycopg.errors.InFailedSqlTransaction())),
        (False, failed(IntegrityError, sqlite3.IntegrityError("UNIQUE"))),
        (False, failed(DataError, psycopg.errors.NumericValueOutOfRange())),
        (False, failed(ProgrammingError, psycopg.errors.UndefinedTable())),
        (False, ZeroDivisionError()),
        (False, TimeoutError()),
    ],
)
def test_which_errors_pass_by_themselves(passing: bool, error: Exception) -> None:
    assert is_passing(error) is passing
