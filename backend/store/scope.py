"""Narrowing a query to the branches that somebody may see (promise 6)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Column, ColumnElement, and_, false, func, or_, true

from backend.domain.organisation import ROOT


def in_branches(column: Column[str], branches: Iterable[str]) -> ColumnElement[bool]:
    """Whether the path in ``column`` lies within one of ``branches``; without any, never.

    LIKE lets the index help, but ``_`` stands for anything in it and SQLite's forgets about case;
    so the beginning is compared exactly as well.
    """
    wanted = list(branches)
    if ROOT in wanted:
        return true()
    if not wanted:
        return false()
    found: list[Any] = [
        and_(
            column.startswith(branch, autoescape=True),
            func.substr(column, 1, len(branch)) == branch,
        )
        for branch in wanted
    ]
    return or_(*found)
