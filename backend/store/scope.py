"""Narrows a query to branches of the tree (promise 6): the one place that writes this condition.

A prefix test by LIKE would ignore case on SQLite and treat ``_`` as a wildcard; so a small branch
is listed by its organisations (which the index on ``(org_path, id)`` likes), and a wide one is
tested by comparing the beginning itself.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, false, func, or_, select, true

from backend.domain.organisation import ROOT
from backend.store.tables import organisation

LISTED: Final = 64
"""Branches of at most this many organisations are listed by path."""


def begins_with(column: ColumnElement[Any], branch: str) -> ColumnElement[bool]:
    """Exactly, on every database."""
    if branch == ROOT:
        return true()
    return func.substr(column, 1, len(branch)) == branch


def in_branches(
    conn: Connection, column: ColumnElement[Any], branches: Collection[str]
) -> ColumnElement[bool]:
    """Whether ``column`` (a path) lies in one of ``branches``; with none, nothing does."""
    if not branches:
        return false()
    if ROOT in branches:
        return true()
    paths = organisation.c.path
    inside = or_(*(begins_with(paths, branch) for branch in branches))
    found = conn.execute(select(paths).where(inside).limit(LISTED + 1)).scalars().all()
    if len(found) <= LISTED:
        return column.in_({*found, *branches})
    return or_(*(begins_with(column, branch) for branch in branches))
