"""Browsers that listen for push messages, a person's at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import Connection

from backend.store import personal

MOST: Final = 8
"""Browsers a person; the oldest gives way."""

_TOPIC: Final = "push"


def devices(conn: Connection, person_id: str) -> Sequence[Mapping[str, str]]:
    """``endpoint``, ``p256dh`` and ``auth`` of each, newest last."""
    return personal.load(conn, _TOPIC, person_id) or []


def add(conn: Connection, person_id: str, device: Mapping[str, str], now: int) -> None:
    """Keep one (again); ``now`` is ms UTC."""
    kept = personal.lock(conn, _TOPIC, person_id) or []
    others = [one for one in kept if one["endpoint"] != device["endpoint"]]
    personal.save(conn, _TOPIC, person_id, [*others, dict(device)][-MOST:], now)


def drop(conn: Connection, person_id: str, endpoint: str, now: int) -> None:
    """Forget one."""
    kept = personal.lock(conn, _TOPIC, person_id) or []
    personal.save(
        conn, _TOPIC, person_id, [one for one in kept if one["endpoint"] != endpoint], now
    )
