"""Many rows at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import itemgetter
from typing import Any, Final

from sqlalchemy import (
    JSON,
    BindParameter,
    ColumnElement,
    Connection,
    Insert,
    Table,
    Update,
    bindparam,
    func,
    tuple_,
    update,
)
from sqlalchemy.dialects import sqlite

_SQLITE: Final = sqlite.dialect()

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
    run_many(
        conn,
        _update(table, columns, keep_if_null),
        [{"key": row["id"], **{f"v_{name}": row[name] for name in columns}} for row in rows],
    )


def run_many(
    conn: Connection, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run an INSERT or UPDATE once for each of ``rows``, which all bind the same names.

    For the hot path: the rows go to the driver as they are, which saves a third of the time. So no
    column may need its values converted (JSON does; numbers, text, bytes and booleans do not).
    """
    if not rows:
        return
    if len(rows) == 1 or conn.dialect.name != "sqlite":
        conn.execute(statement, list(rows))
        return
    text, read = _prepared(statement, tuple(rows[0]))
    conn.exec_driver_sql(text, [read(row) for row in rows])


@cache
def _prepared(
    statement: Insert | Update, names: tuple[str, ...]
) -> tuple[str, Callable[[Mapping[str, Any]], tuple[Any, ...]]]:
    compiled = statement.compile(dialect=_SQLITE, column_keys=list(names))
    kinds = {bind.key: bind.type for bind in compiled.binds.values()}
    if any(isinstance(kinds[name], JSON) for name in compiled.positiontup or ()):
        raise TypeError("a JSON column needs its values converted: use Connection.execute")
    return str(compiled), itemgetter(*(compiled.positiontup or ()))


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
    wanted: BindParameter[Any] = bindparam("wanted", expanding=True)
    return (columns[0] if len(columns) == 1 else tuple_(*columns)).in_(wanted)
