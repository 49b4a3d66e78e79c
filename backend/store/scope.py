"""Narrows a query to branches of the tree (promise 6): the one place that writes this condition.

A prefix test by LIKE would ignore case on SQLite and treat ``_`` as a wildcard, and cannot use the
index on ``(org_path, id)``. So a village is compared as it is, a town by its villages' paths, and
only a whole district by comparing the beginning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from sqlalchemy import ColumnElement, false, func, or_, select, true

from backend.domain.organisation import ROOT, Level, ids
from backend.store.tables import organisation

_DEPTH: Final = len(Level)


def begins_with(column: ColumnElement[Any], branch: str) -> ColumnElement[bool]:
    """Exactly, on every database."""
    if branch == ROOT:
        return true()
    return func.substr(column, 1, len(branch)) == branch


def in_branches(column: ColumnElement[Any], branches: Iterable[str]) -> ColumnElement[bool]:
    """Whether ``column`` (a path) lies in one of ``branches``; with none, nothing does."""
    wanted = sorted(set(branches))
    if ROOT in wanted:
        return true()
    if not wanted:
        return false()
    return or_(*(_in_branch(column, branch) for branch in wanted))


def _in_branch(column: ColumnElement[Any], branch: str) -> ColumnElement[bool]:
    parts = ids(branch)
    if len(parts) >= _DEPTH:
        return column == branch
    if len(parts) == _DEPTH - 1:
        below = select(organisation.c.path).where(
            or_(organisation.c.path == branch, organisation.c.parent_id == parts[-1])
        )
        return column.in_(below)
    return begins_with(column, branch)
