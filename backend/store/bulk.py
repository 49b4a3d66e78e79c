"""Many rows at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, Update, bindparam, func, tuple_, update

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
    columns = tuple(name for name in rows[0] if name != "id")
    conn.execute(
        _update(table, columns, keep_if_null),
        [{"key": row["id"], **{f"v_{name}": row[name] for name in columns}} for row in rows],
    )


@cache
def _update(table: Table, columns: tuple[str, ...], keep_if_null: tuple[str, ...]) -> Update:
    values: dict[str, Any] = {}
    for name in columns:
        new: Any = bindparam(f"v_{name}", type_=table.c[name].type)
        if name in keep_if_null:
            new = func.coalesce(new, table.c[name])
        values[name] = new
    return update(table).where(table.c.id == bindparam("key")).values(**values)


def among(*columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """The condition that the column (or the columns together) is one of the bound ``wanted``.

    For statements that are made once: on the hot path, building one costs as much as running it.
    """
    wanted = bindparam("wanted", expanding=True)
    return (columns[0] if len(columns) == 1 else tuple_(*columns)).in_(wanted)
