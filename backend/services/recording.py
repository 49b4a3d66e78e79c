"""How a service writes down that somebody changed something."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from backend.domain.actor import Actor
from backend.domain.record import Record
from backend.services.context import ServiceContext


def write_down(
    context: ServiceContext,
    conn: Connection,
    actor: Actor | None,
    kind: str,
    org_path: str,
    data: Mapping[str, Any],
    *,
    device: str | None = None,
    seal: str | None = None,
) -> None:
    """Append one record of now, by ``actor`` (``None``: the installation itself). Call it last in
    the transaction: it takes the log's lock. ``data`` holds ids and codes, never names."""
    now = context.now()
    context.journal.append(
        conn,
        [
            Record(
                kind=kind,
                org_path=org_path,
                at=now,
                happened_at=now,
                device=device,
                seal=seal,
                person=actor.person_id if actor is not None else None,
                data=data,
            )
        ],
    )
