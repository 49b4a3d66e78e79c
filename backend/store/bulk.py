"""Many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Table, bindparam, func, update

CHUNK: Final = 500
"""Values in one IN list: below SQLite's limit on bound parameters."""


def update_rows(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keep_if_null: tuple[str, ...] = (),
) -> None:
    """Write these rows, each with ``id`` and the same columns; a None in ``keep_if_null`` leaves
    what is there."""
    if not rows:
        return
    columns = [name for name in rows[0] if name != "id"]
    values: dict[str, Any] = {}
    for name in columns:
        new: Any = bindparam(f"v_{name}", type_=table.c[name].type)
        if name in keep_if_null:
            new = func.coalesce(new, table.c[name])
        values[name] = new
    statement = update(table).where(table.c.id == bindparam("key")).values(**values)
    conn.execute(
        statement,
        [{"key": row["id"], **{f"v_{name}": row[name] for name in columns}} for row in rows],
    )
