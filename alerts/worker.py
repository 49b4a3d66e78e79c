"""Reads the journal in log order and lets the rules look at each record.

Alerts, their records, notices, deliveries, what rules remember and how far it has read are written
in one transaction: killed at any moment, it goes on where it was, and says nothing twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import structlog
from sqlalchemy import Connection, func, select, update

from alerts import notices, telling
from alerts.book import AlertBook, Found
from alerts.facts import DatabaseContext, HolidayName, published_name
from alerts.outbox import Outbox, Telling
from alerts.policies import Policies
from alerts.rules.finding import Rule
from alerts.rules.registry import KINDS, RULES
from alerts.settings import AlertSettings
from alerts.states import RuleStates
from alerts.wording import Namer
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store import turns
from backend.store.journal import from_row
from backend.store.tables import record, worker_cursor

log = structlog.get_logger(__name__)

CURSOR: Final = "alerts"
READ_KINDS: Final = KINDS | notices.KINDS
UNREADABLE: Final = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError)
"""What a record of an unforeseen shape makes of a rule; the database's own errors are not these."""


@dataclass(slots=True)
class WorkerStats:
    """Counts since the start."""

    records: int = 0
    findings: int = 0
    deliveries: int = 0
    failed: int = 0
    """Rules that fell over a record: logged, and the others went on."""


class Worker:
    """One step handles the next few records. Several workers take turns at the cursor's row."""

    def __init__(
        self,
        context: ServiceContext,
        settings: AlertSettings,
        *,
        rules: tuple[Rule, ...] = RULES,
        holiday_name: HolidayName = published_name,
    ) -> None:
        self._context = context
        self._settings = settings
        self._rules = rules
        self._holiday_name = holiday_name
        self._book = AlertBook(context)
        self._outbox = Outbox(context, settings)
        self.stats = WorkerStats()

    def step(self) -> int:
        """Handle the next records; how many. 0: everything is read."""
        if self.idle:
            return 0
        now = self._context.now()
        with self._context.db.write() as conn:
            first = turns.take(conn, CURSOR, now)
            head = _head(conn)
            last = min(first + self._settings.batch - 1, head)
            if last < first:
                return 0
            rows = conn.execute(
                select(record)
                .where(record.c.seq >= first, record.c.seq <= last, record.c.kind.in_(READ_KINDS))
                .order_by(record.c.seq)
            ).all()
            self._handle(conn, [from_row(row) for row in rows], now, last + 1)
        self.stats.records += last - first + 1
        return last - first + 1

    @property
    def idle(self) -> bool:
        """Whether every record has been read."""
        with self._context.db.read() as conn:
            query = select(worker_cursor.c.seq).where(worker_cursor.c.name == CURSOR)
            return (conn.execute(query).scalar() or 0) > _head(conn)

    def _handle(self, conn: Connection, records: list[Record], now: int, next_seq: int) -> None:
        facts = DatabaseContext(
            conn,
            self._settings.rules,
            self._context.holidays,
            now,
            self._holiday_name,
        )
        states = RuleStates(conn)
        namer = Namer(conn, now)
        found: list[Found] = []
        said: list[Telling] = []
        for one in records:
            found += self._judge(one, states, facts)
            said += self._notices(conn, one, namer, now)
        policies = Policies(conn, self._settings)
        entries = self._book.write(conn, found, policies, now)
        said += telling.of_entries(conn, entries, namer, policies, now)
        self.stats.deliveries += self._outbox.tell(conn, said, now)
        self.stats.findings += len(found)
        states.flush(now)
        conn.execute(
            update(worker_cursor)
            .where(worker_cursor.c.name == CURSOR)
            .values(seq=next_seq, updated_at=now)
        )
        self._book.journal(conn, entries, now)

    def _judge(self, one: Record, states: RuleStates, facts: DatabaseContext) -> list[Found]:
        found: list[Found] = []
        for rule in self._rules:
            if one.kind not in rule.kinds:
                continue
            subject = None if rule.subject is None else rule.subject(one)
            if rule.subject is not None and subject is None:
                continue
            before = {} if subject is None else states.load(rule.name, subject)
            try:
                after, findings = rule.judge(before, one, facts)
            except UNREADABLE as error:
                # A record that one rule cannot read must not silence the others.
                self.stats.failed += 1
                log.error("rule.failed", rule=rule.name, seq=one.seq, exc_info=error)
                continue
            if subject is not None:
                states.save(rule.name, subject, after)
            # Out of its order, from a gap that was closed without it: what it says of the sleeve's
            # state was overtaken long ago, and ends nothing.
            stale = bool(one.data.get("found")) and one.use_id is None
            found += [Found(item, one.seq) for item in findings if not (item.clears and stale)]
        return found

    def _notices(self, conn: Connection, one: Record, namer: Namer, now: int) -> list[Telling]:
        try:
            return notices.tellings(conn, one, namer, now)
        except UNREADABLE as error:
            self.stats.failed += 1
            log.error("notice.failed", kind=one.kind, seq=one.seq, exc_info=error)
            return []


def _head(conn: Connection) -> int:
    """The newest seq; -1: the journal is empty."""
    newest = conn.execute(select(func.max(record.c.seq))).scalar()
    return -1 if newest is None else int(newest)
