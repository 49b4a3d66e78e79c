"""The database: one way to read, one way to write, on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# A database that vanished without a word is noticed within seconds, not after TCP's two hours.
_PATIENCE: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}


class Database:
    """An engine with our transaction rules.

    SQLite: WAL, ``synchronous=FULL`` (what is acknowledged survives a power cut), one writer at a
    time in this process, ``BEGIN IMMEDIATE`` so that a write never fails half-way for a lock.
    PostgreSQL: READ COMMITTED; rows that must stay in order are locked by their own queries.
    """

    def __init__(self, url: str, *, pool_size: int = 8) -> None:
        self.url = url
        self.is_sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        if not self.is_sqlite:
            options |= {"pool_size": pool_size, "max_overflow": 16, "connect_args": _PATIENCE}
        elif ":memory:" in url:
            raise ValueError("an in-memory SQLite cannot be shared between threads; use a file")
        self.engine: Engine = create_engine(url, **options)
        self._writer = threading.RLock()
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_deferred)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that writes: committed on leaving, rolled back on an error."""
        if not self.is_sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._writer, self.engine.connect() as connection:
            connection.info["immediate"] = True
            try:
                with connection.begin():
                    yield connection
            finally:
                connection.info.pop("immediate", None)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads. On PostgreSQL each statement sees what was committed when
        it began; see :meth:`snapshot`."""
        with self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A transaction that only reads, and sees one moment in all its statements: for whatever
        compares what it read with what it read before."""
        if self.is_sqlite:
            with self.read() as connection:
                yield connection
            return
        with self.engine.connect() as plain:
            connection = plain.execution_options(isolation_level="REPEATABLE READ")
            with connection.begin():
                yield connection

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def is_passing(error: BaseException) -> bool:
    """Whether a database error is worth trying again: away, restarting, locked, disk full, no
    connection free, or a standby that is about to take over."""
    if isinstance(error, OperationalError | PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in _PASSING


_PASSING = frozenset({"25006"})  # read_only_sql_transaction: PostgreSQL's standby


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    cursor = connection.cursor()
    cursor.execute("PRAGMA busy_timeout=30000")
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-16000")
    cursor.close()


def _begin_deferred(connection: Connection) -> None:
    immediate = connection.info.get("immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
