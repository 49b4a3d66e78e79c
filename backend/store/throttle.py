"""Counts attempts to sign in, before they are judged, so that guesses made at once count too."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select, update

from backend.store.dialect import insert_or_ignore
from backend.store.tables import sign_in_throttle as table

_MINUTE: Final = 60_000
QUIET_MS: Final = 60 * _MINUTE
"""Counting begins anew after this long without an attempt."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``free`` attempts, then each further one locks for ``lock_ms``, doubled up to a day."""

    free: int
    lock_ms: int


PAIR: Final = Limit(5, _MINUTE)
"""One login from one address: somebody who forgot, or who guesses."""
LOGIN: Final = Limit(30, _MINUTE)
"""One login from anywhere: guessing from many addresses. Generous, for it also locks the owner."""
ADDRESS: Final = Limit(100, 5 * _MINUTE)
"""One address, any login: one password tried on many. Generous, for a town may share an address."""

_MAX_LOCK_MS: Final = 24 * 60 * _MINUTE


def count(conn: Connection, login: str, address: str, now: int) -> int:
    """Count an attempt; returns until when (ms, wall time) it is refused, 0 when it may be judged.

    Rows are locked in one order, so attempts at once stand in line.
    """
    limits = {
        _subject("pair", login, address): PAIR,
        _subject("login", login): LOGIN,
        _subject("address", address): ADDRESS,
    }
    subjects = sorted(limits)
    conn.execute(
        insert_or_ignore(conn, table),
        [{"subject": one, "attempts": 0, "last_at": now, "locked_until": 0} for one in subjects],
    )
    rows = conn.execute(
        select(table)
        .where(table.c.subject.in_(subjects))
        .order_by(table.c.subject)
        .with_for_update()
    ).all()
    locked = max((row.locked_until for row in rows if row.locked_until > now), default=0)
    if locked:
        return int(locked)
    for row in rows:
        attempts = 1 if now - row.last_at > QUIET_MS else row.attempts + 1
        limit = limits[row.subject]
        over = attempts - limit.free
        # The lock begins with this attempt, which itself may still be judged.
        until = now + min(limit.lock_ms << min(over, 20), _MAX_LOCK_MS) if over >= 0 else 0
        conn.execute(
            update(table)
            .where(table.c.subject == row.subject)
            .values(attempts=attempts, last_at=now, locked_until=until)
        )
    return 0


def forgive(conn: Connection, login: str, address: str) -> None:
    """After a success: forget this login's attempts, and take this one off the address's count."""
    own = _subject("address", address)
    conn.execute(
        delete(table).where(
            table.c.subject.in_([_subject("pair", login, address), _subject("login", login)])
        )
    )
    conn.execute(update(table).where(table.c.subject == own).values(attempts=table.c.attempts - 1))
    conn.execute(
        update(table)
        .where(table.c.subject == own, table.c.attempts < ADDRESS.free)
        .values(locked_until=0)
    )


def sweep(conn: Connection, now: int) -> None:
    """Forget what no longer counts."""
    conn.execute(delete(table).where(table.c.last_at < now - QUIET_MS, table.c.locked_until < now))


def _subject(*parts: str) -> str:
    # Digests, so that mistyped passwords in the login field are not kept in the clear.
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()
