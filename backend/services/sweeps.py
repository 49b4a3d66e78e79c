"""What time alone brings about: called by a timer, again and again, without harm.

Each sweep is one transaction over at most ``sweep_batch`` rows and tells how many it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select, update

from backend.domain.application import Application, Status
from backend.domain.application_commands import Command, Expire, NoteOverdue
from backend.domain.application_life import decide
from backend.domain.calendar import HOUR_MS, local_day
from backend.domain.organisation import ids
from backend.domain.permit import PermitState, is_overdue
from backend.domain.record import Record
from backend.services import issuing
from backend.services.application_changes import records_of
from backend.services.context import ServiceContext
from backend.services.facts import load_facts
from backend.services.permits import permit_record
from backend.store import applications, grants, permits, search
from backend.store.numbers import next_number
from backend.store.tables import seal_use


class Sweeps:
    """Expiry, missed deadlines, permits not returned, numbers of the register."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def run(self) -> dict[str, int]:
        """All of them once; how many of each changed."""
        return {
            "applications_expired": self.expire_applications(),
            "grants_expired": self.expire_grants(),
            "steps_overdue": self.note_overdue_steps(),
            "permits_overdue": self.note_overdue_permits(),
            "uses_numbered": self.number_uses(),
            "downlinks_overtaken": self.drop_overtaken_downlinks(),
        }

    def expire_applications(self) -> int:
        """Applications that waited for approval until their time was over."""
        now = self._context.now()
        with self._context.db.write() as conn:
            due = applications.waited_in_vain(conn, now, self._context.settings.sweep_batch)
            return self._decide(conn, due, (Status.SUBMITTED, Status.RETURNED), Expire(), now)

    def note_overdue_steps(self) -> int:
        """Steps whose deadline was missed: ``application.overdue``, once each (C28)."""
        now = self._context.now()
        with self._context.db.write() as conn:
            due = applications.newly_overdue(conn, now, self._context.settings.sweep_batch)
            return self._decide(conn, due, (Status.SUBMITTED,), NoteOverdue(), now)

    def expire_grants(self) -> int:
        """Grants that nobody used in time, and the applications that they came from."""
        now = self._context.now()
        with self._context.db.write() as conn:
            due = grants.lock_overdue(conn, now, self._context.settings.sweep_batch)
            ended = issuing.expire(conn, due, now)
            of = [one.application for one in ended if one.application is not None]
            self._decide(conn, of, (Status.APPROVED,), Expire(), now, ended)
            return len(ended)

    def note_overdue_permits(self) -> int:
        """Sleeves that should be back: ``permit.overdue``, once each."""
        now = self._context.now()
        with self._context.db.write() as conn:
            found = permits.lock_late(conn, now, self._context.settings.sweep_batch)
            late = [one for one in found if is_overdue(one, now)]
            records: list[Record] = []
            for one in late:
                overdue = replace(one, state=PermitState.OVERDUE)
                permits.save(conn, overdue)
                records.append(permit_record(conn, overdue, "permit.overdue", None, now))
            self._context.journal.append(conn, records)
            return len(late)

    def number_uses(self) -> int:
        """Give finished uses their number in the register: running within a unit and a year."""
        query = (
            select(seal_use.c.id, seal_use.c.org_path, seal_use.c.started_at)
            .where(
                seal_use.c.number.is_(None),
                seal_use.c.pressed > 0,
                seal_use.c.finished_at.is_not(None),
            )
            .order_by(seal_use.c.finished_at, seal_use.c.id)
            .limit(self._context.settings.sweep_batch)
            .with_for_update(skip_locked=True)
        )
        with self._context.db.write() as conn:
            rows = conn.execute(query).all()
            for row in rows:
                name = f"{ids(row.org_path)[-1][-20:]}-{local_day(row.started_at).year}"
                number = f"{name}-{next_number(conn, name):05d}"
                conn.execute(update(seal_use).where(seal_use.c.id == row.id).values(number=number))
            search.read_again(conn, [row.id for row in rows])
            return len(rows)

    def drop_overtaken_downlinks(self) -> int:
        """What need no longer be said to sleeves, an hour after it lost its meaning."""
        now = self._context.now()
        with self._context.db.write() as conn:
            return grants.stop_saying_overtaken(conn, now - HOUR_MS)

    def _decide(
        self,
        conn: Connection,
        due: Sequence[str],
        expected: tuple[Status, ...],
        command: Command,
        now: int,
        records: Sequence[Record] = (),
    ) -> int:
        """Give ``command`` to those that still stand as ``expected`` now that they are locked."""
        found = applications.load_many(conn, sorted(set(due)), lock=True)
        standing = [item for item in found.values() if item.status in expected]
        written = list(records)
        for item in standing:
            written += self._one(conn, item, command, now)
        self._context.journal.append(conn, written)
        return len(standing)

    def _one(self, conn: Connection, item: Application, command: Command, now: int) -> list[Record]:
        outcome = decide(item, command, load_facts(conn, self._context, item, now), now)
        applications.save(conn, item, outcome.application)
        return records_of(outcome, None, now)
