"""What time alone brings about, by a clock that is handed in.

Expiry of grants, applications, steps and permits is the backend's (its sweeps are handed in, and
their records come to the worker like any other); silence, gaps that stay, withheld events and uses
left open are watched here; so is the escalation of what nobody acknowledges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, and_, func, select

from alerts import escalation, telling, watched
from alerts.book import AlertBook, Found
from alerts.facts import DatabaseContext, HolidayName, published_name
from alerts.outbox import Outbox
from alerts.policies import Policies
from alerts.rules.watches import (
    PICTURE_WATCHES,
    SLEEVE_WATCHES,
    USE_WATCHES,
    SleeveFacts,
    UseFacts,
)
from alerts.settings import AlertSettings
from alerts.states import RuleStates
from alerts.wording import Namer
from backend.services.context import ServiceContext
from backend.store import turns
from backend.store.tables import (
    application,
    application_step,
    device,
    offsite_permit,
    picture,
    seal_use,
    use_grant,
)

TURN: Final = "alerts.timers"

Sweep = Callable[[], object]


class Timers:
    """:meth:`due` does everything that is due; :meth:`next_due` says when to come again."""

    def __init__(
        self,
        context: ServiceContext,
        settings: AlertSettings,
        sweeps: Sequence[Sweep] = (),
        *,
        holiday_name: HolidayName = published_name,
    ) -> None:
        self._context = context
        self._settings = settings
        self._sweeps = tuple(sweeps)
        self._holiday_name = holiday_name
        self._book = AlertBook(context)
        self._outbox = Outbox(context, settings)
        self._started_at = context.now()

    def due(self, now: int) -> int:
        """Do what is due at ``now`` (ms UTC); how many alerts changed or were escalated."""
        for sweep in self._sweeps:
            sweep()
        return self._watch(now) + self._escalate(now)

    def next_due(self) -> int | None:
        """When the next of these may be due (ms UTC): never too late, sometimes too early."""
        now = self._context.now()
        with self._context.db.read() as conn:
            moments = [*self._moments(conn), *escalation.moments(conn)]
        # Overdue ones stay: whatever is done about them, look again in a while, not at once.
        ahead = [moment for moment in moments if moment > now]
        return min(ahead, default=None)

    # ── watches ──────────────────────────────────────────────────────────────────────────────────

    def _watch(self, now: int) -> int:
        # Mostly nothing is new: that is found out without a write.
        with self._context.db.read() as conn:
            states, found = self._judge(conn, now)
            if not (found or states.changed):
                return 0
        with self._context.db.write() as conn:
            # What watches remember is read and written by one at a time.
            turns.take(conn, TURN, now)
            states, found = self._judge(conn, now)
            policies = Policies(conn, self._settings)
            entries = self._book.write(conn, found, policies, now)
            said = telling.of_entries(conn, entries, Namer(conn, now), policies, now)
            self._outbox.tell(conn, said, now)
            states.flush(now)
            self._book.journal(conn, entries, now)
        return len(entries)

    def _judge(self, conn: Connection, now: int) -> tuple[RuleStates, list[Found]]:
        facts = DatabaseContext(
            conn, self._settings.rules, self._context.holidays, now, self._holiday_name
        )
        states = RuleStates(conn)
        for watch in (*SLEEVE_WATCHES, *USE_WATCHES, *PICTURE_WATCHES):
            states.preload(watch.name)
        return states, list(self._findings(conn, states, facts, now))

    def _watched(
        self, conn: Connection, now: int
    ) -> tuple[list[SleeveFacts], list[UseFacts], list[UseFacts]]:
        rules = self._settings.rules
        return (
            watched.suspects(conn, rules, now),
            watched.open_uses(conn),
            watched.without_pictures(conn, rules, now),
        )

    def _findings(
        self, conn: Connection, states: RuleStates, facts: DatabaseContext, now: int
    ) -> Iterator[Found]:
        sleeves, uses, unsent = self._watched(conn, now)
        # We were away ourselves, perhaps.
        settling = now - self._started_at < self._settings.settle_ms
        for sleeve in sleeves:
            for watch in SLEEVE_WATCHES:
                if not (settling and watch.name == "watch.silent"):
                    before = states.load(watch.name, sleeve.id)
                    after, found = watch.judge(before, sleeve, now, facts)
                    states.save(watch.name, sleeve.id, after)
                    yield from map(Found, found)
        for over in USE_WATCHES:
            states.keep_only(over.name, [use.id for use in uses])
        for group, watches in ((uses, USE_WATCHES), (unsent, PICTURE_WATCHES)):
            for use in group:
                for one in watches:
                    after, found = one.judge(states.load(one.name, use.id), use, now, facts)
                    states.save(one.name, use.id, after)
                    yield from map(Found, found)

    # ── escalation ───────────────────────────────────────────────────────────────────────────────

    def _escalate(self, now: int) -> int:
        with self._context.db.read() as conn:
            if not escalation.due(conn, now, lock=False):
                return 0
        with self._context.db.write() as conn:
            tellings = escalation.escalate(conn, self._settings, now)
            self._outbox.tell(conn, tellings, now)
        return len(tellings)

    # ── when next ────────────────────────────────────────────────────────────────────────────────

    def _moments(self, conn: Connection) -> Iterator[int]:
        rules = self._settings.rules
        now = self._context.now()
        live = device.c.status == "active"
        # One millisecond beyond each limit: the watches say "more than".
        for column, where, delay in (
            (
                device.c.last_seen_at,
                and_(live, device.c.last_seen_at >= now - rules.silent_ms),
                rules.silent_ms + 1,
            ),
            (
                device.c.enrolled_at,
                and_(live, device.c.last_seen_at == 0),
                rules.never_heard_ms + 1,
            ),
            (device.c.gap_since, live, rules.gap_ms + 1),
            (
                seal_use.c.last_event_at,
                seal_use.c.state.in_(watched.OPEN_USE),
                rules.unfinished_ms + 1,
            ),
            (application.c.expires_at, application.c.status == "submitted", 1),
            (
                application_step.c.due_at,
                and_(
                    application_step.c.decided_at.is_(None),
                    application_step.c.overdue_at.is_(None),
                ),
                1,
            ),
            (use_grant.c.not_after, use_grant.c.state.in_(["issued", "unlocked"]), 1),
            (use_grant.c.not_after, use_grant.c.state == "burnt", rules.past_end_ms + 1),
            (
                offsite_permit.c.until_at,
                offsite_permit.c.state.in_(["approved", "out"]),
                rules.permit_slack_ms + 1,
            ),
            (picture.c.created_at, picture.c.state == "announced", rules.upload_ms + 1),
        ):
            query = select(func.min(column)).where(where, column > now - delay)
            first = conn.execute(query).scalar()
            if first is not None:
                yield int(first) + delay
        behind = select(device.c.id).where(live, device.c.claimed > device.c.counter).limit(1)
        if conn.execute(behind).first() is not None:
            yield now + rules.tail_ms + 1
