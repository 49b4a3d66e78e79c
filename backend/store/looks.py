"""Looks that the eyes are to take: a durable queue beside the journal.

A look waits until the pictures that it needs have come, is leased by whoever takes it, and ends
with a finding. Lock order: one look, then pictures, then the log's head.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, func, or_, select, update

from backend.store.dialect import insert_or_ignore
from backend.store.tables import look, picture

WAITING: Final = "waiting"
READY: Final = "ready"
DONE: Final = "done"
_OPEN: Final = (WAITING, READY)
_UNTOLD: Final = look.c.seq.is_(None)
"""A look that is open and has a record already was put off."""
_PRESSES: Final = ("page", "imprint")
_LAST: Final = "draft"
"""Papers of drafts are read when there is nothing else to do."""

_ON_ITS_WAY: Final = "announced"


@dataclass(frozen=True, slots=True)
class NewLook:
    """A look to take. ``about`` tells it from every other: the same one is queued once."""

    kind: str
    about: tuple[object, ...]
    org_path: str
    state: str
    at: int
    input: Mapping[str, Any] = field(default_factory=dict)
    device: str | None = None
    use_id: str | None = None
    application: str | None = None
    press: int | None = None
    counter: int | None = None
    held: bool = False
    """Whether a sleeve waits for it before its next press."""

    @property
    def id(self) -> str:
        """A digest of what it is about."""
        text = "\n".join(map(str, (self.kind, *self.about)))
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def add(conn: Connection, looks: Sequence[NewLook]) -> None:
    """Queue ``looks`` that are not queued yet."""
    if looks:
        conn.execute(
            insert_or_ignore(conn, look),
            [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "org_path": one.org_path,
                    "device_id": one.device,
                    "use_id": one.use_id,
                    "application_id": one.application,
                    "press": one.press,
                    "counter": one.counter,
                    "state": one.state,
                    "held_since": one.at if one.held else None,
                    "input": dict(one.input),
                    "result": {},
                    "created_at": one.at,
                    "attempts": 0,
                }
                for one in looks
            ],
        )


def waiting(conn: Connection, limit: int) -> Sequence[Row[Any]]:
    """The oldest looks that wait for pictures or for approved pages to be read."""
    return conn.execute(
        select(look)
        .where(look.c.state == WAITING)
        .order_by(look.c.created_at, look.c.id)
        .limit(limit)
    ).all()


def on_their_way(conn: Connection, pictures: Sequence[str]) -> set[str]:
    """Which of these pictures have not come yet, and may."""
    query = select(picture.c.id).where(
        picture.c.id.in_(list(pictures)), picture.c.state == _ON_ITS_WAY
    )
    return set(conn.execute(query).scalars())


def being_read(conn: Connection, applications: Sequence[str]) -> set[str]:
    """Which of these applications have pages that are still to be read."""
    query = select(look.c.application_id).where(
        look.c.kind == "reference",
        look.c.state.in_(_OPEN),
        look.c.application_id.in_(list(applications)),
    )
    return set(conn.execute(query).scalars())


def release(conn: Connection, ids: Sequence[str]) -> None:
    """Nothing is missing any more: these may be taken."""
    if ids:
        conn.execute(
            update(look)
            .where(look.c.id.in_(list(ids)), look.c.state == WAITING)
            .values(state=READY)
        )


def queued(conn: Connection) -> int:
    """How many looks at presses stand in the queue."""
    query = select(func.count()).where(look.c.state == READY, look.c.kind.in_(_PRESSES), _UNTOLD)
    return conn.execute(query).scalar_one()


def put_off(conn: Connection, look_id: str, *, finding: str, reason: str) -> bool:
    """Nothing is missing, but the queue is full: it comes after all that stands there, and what is
    known of it meanwhile is ``finding``. False when another process was quicker."""
    done = conn.execute(
        update(look)
        .where(look.c.id == look_id, look.c.state == WAITING)
        .values(state=READY, finding=finding, result={"marks": [], "reasons": [reason]})
    )
    return bool(done.rowcount)


def told(conn: Connection, look_id: str, seq: int) -> None:
    """The record ``seq`` says so of a look that was put off."""
    conn.execute(update(look).where(look.c.id == look_id).values(seq=seq))


def put_off_before(conn: Connection, before: int) -> Sequence[str]:
    """Looks that were put off so long ago."""
    query = select(look.c.id).where(look.c.state == READY, look.c.seq.is_not(None))
    return conn.execute(query.where(look.c.created_at < before)).scalars().all()


def drop(conn: Connection, ids: Sequence[str], now: int) -> None:
    """These were put off and are not taken any more: what was told of them stays."""
    for one in ids:
        conn.execute(
            update(look)
            .where(look.c.id == one, look.c.state == READY)
            .values(state=DONE, done_at=now)
        )


def lease(conn: Connection, now: int, lease_ms: int) -> Row[Any] | None:
    """Take the most urgent look: first those that a sleeve waits for, then the oldest; papers of
    drafts after them, and what was put off last."""
    free = or_(look.c.lease_until.is_(None), look.c.lease_until < now)
    row = conn.execute(
        select(look)
        .where(look.c.state == READY, free)
        .order_by(
            look.c.held_since.is_(None),
            look.c.seq.is_not(None),
            look.c.kind == _LAST,
            look.c.created_at,
            look.c.id,
        )
        .limit(1)
        .with_for_update(skip_locked=True)
    ).one_or_none()
    if row is not None:
        conn.execute(
            update(look)
            .where(look.c.id == row.id)
            .values(lease_until=now + lease_ms, attempts=look.c.attempts + 1)
        )
    return row


def presses_open(conn: Connection) -> set[str]:
    """What becomes of the presses that are still to be looked at: ``ready`` where all that a look
    needs has come, or will without anybody's doing; ``waiting`` where a picture is on its way."""
    query = select(look.c.state, look.c.input)
    rows = conn.execute(query.where(look.c.kind.in_(_PRESSES), look.c.state.in_(_OPEN))).all()
    named = [name for row in rows if row.state == WAITING for name in row.input["pictures"]]
    missing = on_their_way(conn, named) if named else set()
    return {
        READY if row.state == READY or missing.isdisjoint(row.input["pictures"]) else WAITING
        for row in rows
    }


def give_all_back(conn: Connection) -> None:
    """For whoever knows that nobody is looking: a lease that somebody left behind is void."""
    conn.execute(
        update(look)
        .where(look.c.state == READY, look.c.lease_until.is_not(None))
        .values(lease_until=None)
    )


def give_back(conn: Connection, look_id: str) -> None:
    """It was not taken after all: anybody may, at once."""
    conn.execute(update(look).where(look.c.id == look_id).values(lease_until=None))


def lock_open(conn: Connection, look_id: str) -> bool:
    """Lock a look; False when somebody else has ended it meanwhile."""
    query = select(look.c.state).where(look.c.id == look_id).with_for_update()
    return conn.execute(query).scalar() in _OPEN


def finish(
    conn: Connection,
    look_id: str,
    *,
    finding: str,
    result: Mapping[str, Any],
    seq: int | None,
    now: int,
) -> None:
    """It was taken; ``seq`` is the record that says so."""
    conn.execute(
        update(look)
        .where(look.c.id == look_id)
        .values(state=DONE, finding=finding, result=dict(result), seq=seq, done_at=now)
    )


@dataclass(frozen=True, slots=True)
class Backlog:
    """Looks not yet taken: how many may be, how many wait, how many were put off because the queue
    was full; and how long (ms) the oldest that may be taken has stood there."""

    ready: int
    waiting: int
    put_off: int
    age_ms: int


def backlog(conn: Connection, now: int) -> Backlog:
    """What is to be done."""
    rows = conn.execute(
        select(look.c.state, _UNTOLD.label("untold"), func.count(), func.min(look.c.created_at))
        .where(look.c.state.in_(_OPEN))
        .group_by(look.c.state, _UNTOLD)
    ).all()
    counts = {(state, bool(untold)): count for state, untold, count, _ in rows}
    oldest = min((at for state, untold, _, at in rows if state == READY and untold), default=now)
    return Backlog(
        counts.get((READY, True), 0),
        counts.get((WAITING, True), 0),
        counts.get((READY, False), 0),
        max(0, now - oldest),
    )


def held(conn: Connection, late_before: int, limit: int = 50) -> Sequence[Row[Any]]:
    """Looks that a sleeve waits for, and that may be answered: taken, or too late."""
    return conn.execute(
        select(look)
        .where(
            look.c.held_since.is_not(None),
            or_(look.c.state == DONE, look.c.held_since < late_before),
        )
        .order_by(look.c.held_since)
        .limit(limit)
    ).all()


def let_go(conn: Connection, look_id: str) -> bool:
    """The sleeve is being told; False when somebody else has told it."""
    done = conn.execute(
        update(look)
        .where(look.c.id == look_id, look.c.held_since.is_not(None))
        .values(held_since=None)
    )
    return bool(done.rowcount)
