"""What the usage log's filters offer to choose from."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import Connection, Select, select

from backend.domain.organisation import ROOT
from backend.store.scope import in_branches
from backend.store.tables import matter, organisation, seal

SEALS: Final = 60
"""Seals that are offered; a wider branch is narrowed to a unit first."""


def seals(conn: Connection, branches: Collection[str], below: str | None) -> list[tuple[str, str]]:
    """Seals of ``branches`` (what the asker may see) and ``below``, (id, unit and name) in the
    order of the tree; none where there are too many."""
    query: Select[Any] = (
        select(seal.c.id, seal.c.name, organisation.c.name.label("org_name"))
        .join(organisation, organisation.c.path == seal.c.org_path)
        .where(
            in_branches(conn, seal.c.org_path, branches),
            in_branches(conn, seal.c.org_path, [below or ROOT]),
        )
        .order_by(seal.c.org_path, seal.c.id)
        .limit(SEALS + 1)
    )
    rows = conn.execute(query).all()
    return [] if len(rows) > SEALS else [(row.id, f"{row.org_name} {row.name}") for row in rows]


def matters(conn: Connection) -> list[tuple[str, str]]:
    """Every matter that was ever applied for or can be, (id, newest name), by name."""
    query = select(matter.c.id, matter.c.name).where(matter.c.forbidden.is_(False))
    newest = {row.id: row.name for row in conn.execute(query.order_by(matter.c.version))}
    return sorted(newest.items(), key=lambda item: (item[1], item[0]))
