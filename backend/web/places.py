"""The organisations that somebody may choose from, in the order of the tree."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, select

from backend.domain.actor import Actor
from backend.store.scope import in_branches
from backend.store.tables import organisation
from backend.web.ports import Web

_MOST = 1000


class Place(NamedTuple):
    """An organisation in a list. ``depth`` counts from the top of what is shown."""

    id: str
    path: str
    name: str
    level: str
    depth: int


def below(web: Web, actor: Actor) -> list[Place]:
    """Those of the actor's branches; at most a thousand (a district has some six hundred)."""
    with web.context.db.read() as conn:
        return listed(conn, actor)


def listed(conn: Connection, actor: Actor) -> list[Place]:
    """As :func:`below`, within the caller's transaction."""
    query: Select[Any] = (
        select(organisation.c.id, organisation.c.path, organisation.c.name, organisation.c.level)
        .where(in_branches(conn, organisation.c.path, actor.branches()))
        .order_by(organisation.c.path)
        .limit(_MOST)
    )
    rows = conn.execute(query).all()
    top = min((path.count("/") for _id, path, _name, _level in rows), default=0)
    return [Place(key, path, name, level, path.count("/") - top) for key, path, name, level in rows]
