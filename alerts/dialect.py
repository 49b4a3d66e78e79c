"""An insert that tells whether it inserted, on both databases."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Table

from backend.store.dialect import insert_or_ignore


def inserted(conn: Connection, table: Table, row: Mapping[str, Any]) -> bool:
    """Insert ``row`` unless a unique index forbids it; whether it is in now by us."""
    # Without this option the count of an INSERT is lost (-1) with psycopg.
    statement = insert_or_ignore(conn, table).execution_options(preserve_rowcount=True)
    return conn.execute(statement, dict(row)).rowcount > 0
