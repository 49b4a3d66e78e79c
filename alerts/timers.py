"""What time alone brings about, by a clock that is handed in.

Expiry of grants, applications, steps and permits is the backend's (its sweeps are handed in, and
their records come to the worker like any other); silence, gaps that stay, withheld events and uses
left open are watched here; so is the escalation of what nobody acknowledges.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import structlog
from sqlalchemy import Connection, Row, and_, func, or_, select

from alerts import escalation, telling, turns
from alerts.book import AlertBook, Found
from alerts.facts import DatabaseContext, HolidayName, published_name
from alerts.outbox import Outbox
from alerts.rules.watches import SLEEVE_WATCHES, USE_WATCHES, SleeveFacts, UseFacts
from alerts.settings import AlertSettings
from alerts.states import RuleStates
from alerts.wording import Namer
from backend.services.context import ServiceContext
from backend.store.tables import (
    application,
    application_step,
    device,
    offsite_permit,
    organisation,
    parked_event,
    rule_state,
    seal_use,
    use_grant,
)

log = structlog.get_logger(__name__)

_OPEN_USE: Final = ("unlocked", "open", "counted", "checking", "cleared", "stamping")
_NEAR_DEGREES: Final = 0.0005
"""Some 50 m: nearer to its home than this no sleeve is looked at more closely."""

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
            moments = [*self._moments(conn), *escalation.moments(conn, self._settings)]
        # Overdue ones stay: whatever is done about them, look again in a while, not at once.
        ahead = [moment for moment in moments if moment > now]
        return min(ahead, default=None)

    # ── watches ──────────────────────────────────────────────────────────────────────────────────

    def _watch(self, now: int) -> int:
        with self._context.db.read() as conn:
            quiet = not self._suspects(conn, now) and not self._open_uses(conn)
        if quiet:
            return 0
        with self._context.db.write() as conn:
            turns.take(
                conn, TURN, now
            )  # what watches remember is read and written by one at a time
            facts = DatabaseContext(
                conn, self._settings.rules, self._context.holidays, now, self._holiday_name
            )
            states = RuleStates(conn)
            for watch in (*SLEEVE_WATCHES, *USE_WATCHES):
                states.preload(watch.name)
            found = [
                *self._sleeves(conn, states, facts, now),
                *self._uses(conn, states, facts, now),
            ]
            entries = self._book.write(conn, found, now)
            namer = Namer(conn, now)
            self._outbox.tell(conn, telling.of_entries(conn, entries, namer, now), now)
            states.flush(now)
            self._book.journal(conn, entries, now)
        return len(entries)

    def _sleeves(
        self, conn: Connection, states: RuleStates, facts: DatabaseContext, now: int
    ) -> Iterator[Found]:
        settling = now - self._started_at < self._settings.settle_ms
        for sleeve in self._suspects(conn, now):
            for watch in SLEEVE_WATCHES:
                if settling and watch.name == "watch.silent":
                    continue  # we were away ourselves, perhaps
                before = states.load(watch.name, sleeve.id)
                after, findings = watch.judge(before, sleeve, now, facts)
                states.save(watch.name, sleeve.id, after)
                yield from (Found(one) for one in findings)

    def _uses(
        self, conn: Connection, states: RuleStates, facts: DatabaseContext, now: int
    ) -> Iterator[Found]:
        for use in self._open_uses(conn):
            for watch in USE_WATCHES:
                before = states.load(watch.name, use.id)
                after, findings = watch.judge(before, use, now, facts)
                states.save(watch.name, use.id, after)
                yield from (Found(one) for one in findings)

    def _suspects(self, conn: Connection, now: int) -> list[SleeveFacts]:
        """Sleeves of which a watch may have something to say, or already has."""
        rules = self._settings.rules
        home_lat = func.coalesce(device.c.home_lat, organisation.c.lat)
        home_lon = func.coalesce(device.c.home_lon, organisation.c.lon)
        watched = select(rule_state.c.subject).where(
            rule_state.c.name.in_([watch.name for watch in SLEEVE_WATCHES])
        )
        query = (
            select(device)
            .outerjoin(organisation, organisation.c.id == device.c.org_id)
            .where(
                device.c.status == "active",
                or_(
                    device.c.last_seen_at < now - rules.silent_ms,
                    device.c.gap_since.is_not(None),
                    device.c.claimed > device.c.counter,
                    device.c.duplicates > rules.replays,
                    func.abs(device.c.lat - home_lat) > _NEAR_DEGREES,
                    func.abs(device.c.lon - home_lon) > _NEAR_DEGREES,
                    device.c.id.in_(watched),
                ),
            )
            .order_by(device.c.id)
        )
        rows = conn.execute(query).all()
        gaps = _gaps(conn, [row for row in rows if row.gap_since is not None])
        return [_sleeve_facts(row, gaps.get(row.id)) for row in rows]

    @staticmethod
    def _open_uses(conn: Connection) -> list[UseFacts]:
        query = (
            select(seal_use, use_grant.c.not_after)
            .outerjoin(use_grant, use_grant.c.id == seal_use.c.grant_id)
            .where(seal_use.c.state.in_(_OPEN_USE))
            .order_by(seal_use.c.id)
        )
        return [_use_facts(row) for row in conn.execute(query)]

    # ── escalation ───────────────────────────────────────────────────────────────────────────────

    def _escalate(self, now: int) -> int:
        with self._context.db.read() as conn:
            if not escalation.due(conn, self._settings, now, lock=False):
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
                seal_use.c.state.in_(_OPEN_USE),
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
        ):
            query = select(func.min(column)).where(where, column > now - delay)
            first = conn.execute(query).scalar()
            if first is not None:
                yield int(first) + delay
        behind = select(device.c.id).where(live, device.c.claimed > device.c.counter).limit(1)
        if conn.execute(behind).first() is not None:
            yield now + rules.tail_ms + 1


def _sleeve_facts(row: Row[Any], gap: tuple[int, int] | None) -> SleeveFacts:
    known = row.lat is not None and row.lon is not None
    return SleeveFacts(
        id=row.id,
        org_path=row.org_path,
        seal=row.seal_id,
        enrolled_at=row.enrolled_at,
        last_seen_at=row.last_seen_at,
        counter=row.counter,
        claimed=row.claimed,
        gap_since=row.gap_since,
        gap=gap,
        duplicates=row.duplicates,
        position=(row.lat, row.lon) if known else None,
    )


def _use_facts(row: Row[Any]) -> UseFacts:
    return UseFacts(
        id=row.id,
        org_path=row.org_path,
        device=row.device_id,
        seal=row.seal_id,
        state=row.state,
        last_event_at=row.last_event_at,
        application=row.application_id,
        grant=row.grant_id,
        operator=row.operator_id,
        granted=row.granted,
        pressed=row.pressed,
        not_after=row.not_after,
    )


def _gaps(conn: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[int, int]]:
    """First and last counter that each of these sleeves still owes before what it sent early."""
    query = (
        select(parked_event.c.device_id, func.min(parked_event.c.counter).label("earliest"))
        .where(parked_event.c.device_id.in_([row.id for row in rows]))
        .group_by(parked_event.c.device_id)
    )
    earliest = {row.device_id: row.earliest for row in conn.execute(query)}
    return {row.id: (row.counter + 1, earliest[row.id] - 1) for row in rows if row.id in earliest}
