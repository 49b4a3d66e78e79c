"""Databases with every table, copied from one that is made once: making the tables anew would take
longer than most tests do."""

from __future__ import annotations

import sqlite3
import tempfile
from functools import cache
from pathlib import Path

from sqlalchemy import inspect, make_url

import backend.ledger.tables  # noqa: F401  # declares the log's tables on the same metadata
from backend.store.db import Database
from backend.store.tables import metadata


def make_tables(db: Database) -> None:
    """Every table, where there are none yet. A SQLite file that does not exist becomes a copy."""
    file = sqlite_file(db.url)
    if file is not None and not file.exists():
        file.write_bytes(_empty())
        return
    with db.read() as conn:
        there = inspect(conn).has_table("record")
    if not there:
        metadata.create_all(db.engine)


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite database; None for another kind."""
    address = make_url(url)
    if address.get_backend_name() != "sqlite" or address.database is None:
        return None
    return Path(address.database)


def contents(db: Database) -> bytes:
    """All of a SQLite database in one piece, to be written elsewhere; it is closed by that.

    Raises:
        ValueError: for another kind of database, or while somebody else uses it.
    """
    file = sqlite_file(db.url)
    if file is None:
        raise ValueError("not a file")
    db.dispose()
    with sqlite3.connect(file) as conn:
        (busy, _, _) = conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    conn.close()
    if busy:
        raise ValueError(f"{file} is in use")
    return file.read_bytes()


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory(prefix="zhiyin-tables-") as folder:
        db = Database(f"sqlite+pysqlite:///{folder}/empty.sqlite3")
        metadata.create_all(db.engine)
        return contents(db)
