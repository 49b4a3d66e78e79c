"""Reviews: who may look at pictures right now, having said why."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from backend.store.tables import review


def open_reviews(conn: Connection, person_id: str, now: int) -> Sequence[Row[Any]]:
    """A person's reviews that are open at ``now`` (ms UTC), newest first."""
    return conn.execute(
        select(review)
        .where(
            review.c.person_id == person_id,
            review.c.opened_at <= now,
            review.c.closes_at > now,
        )
        .order_by(review.c.opened_at.desc(), review.c.id.desc())
        .limit(20)
    ).all()
