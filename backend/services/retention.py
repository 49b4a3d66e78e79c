"""What is forgotten when its time is over, a little at a time: called by a chore, again and again.

Pictures have their own sweep (:meth:`backend.services.pictures.PictureService.sweep`). Here:

* **Records of use** lose content and salt; row, leaf and every proof stay. So do those that later
  checks need: sleeves, keys, people, roles, seals, gaps, forks, erasures.
* **Applications and uses** lose the words about people and papers, and where it was; number, seal,
  counts, times and ids stay, so that the register still adds up.
* **What the eyes read** goes: the words of papers with their application, those of a look alone.
* **Technical rows** (refused payloads, answers, deliveries, finished checks) go.

What an open case is about stays until the case is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from backend.domain.application import Status
from backend.domain.ids import uuid7
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store import search
from backend.store import settings as kept
from backend.store.tables import (
    alert,
    answer,
    application,
    check_job,
    delivery,
    delivery_attempt,
    document,
    downlink,
    look,
    poison,
    record,
    reference_page,
    seal_use,
    sheet,
)
from gateway.protocol.messages import Keys

FORGOTTEN: Final = "（已到保存期限，内容已删除）"
"""In place of a title."""

BATCH: Final = 500
_ROUNDS: Final = 400
"""Batches in one call, at most."""

USAGE: Final = (
    *("application.", "check.", "emergency.", "eyes.", "grant.", "page.", "permit."),
    "imprint.checked",
    *("picture.viewed", "review.", "use.", "alert."),
    *("event.unlock_request", "event.grant_burnt", "event.count_entered", "event.face_captured"),
    *("event.pin_entered", "event.page_captured", "event.stamped", "event.use_finished"),
    *("event.attempt_refused", "event.grant_stored", "event.grant_dropped", "event.moved"),
)
"""Beginnings of the kinds of records that speak of uses, of who asked and of who looked."""

_RUNNING: Final = (Status.SUBMITTED, Status.RETURNED, Status.APPROVED, Status.IN_USE)
_ENDED: Final = ("delivered", "dead", "bundled", "cancelled")


@dataclass(frozen=True, slots=True)
class Keep:
    """For how long, in ms: records of use, and technical rows."""

    usage_ms: int
    technical_ms: int


class RetentionService:
    """Forgets what is past its time."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def sweep(self, keep: Keep, batch: int = BATCH) -> dict[str, int]:
        """Forget what is due, in small transactions; how many of each went."""
        now = self._context.now()
        usage, technical = now - keep.usage_ms, now - keep.technical_ms
        return {
            "records": self._often(lambda: self._records(usage, batch)),
            "applications": self._often(lambda: self._applications(usage, batch)),
            "uses": self._often(lambda: self._uses(usage, batch)),
            "looks": self._often(lambda: self._looks(usage, batch)),
            "technical": self._often(lambda: self._technical(technical, batch)),
        }

    @staticmethod
    def _often(step: Callable[[], int]) -> int:
        total = 0
        for _ in range(_ROUNDS):
            done = step()
            total += done
            if not done:
                break
        return total

    # ── records ──────────────────────────────────────────────────────────────────────────────────

    def _records(self, before: int, batch: int) -> int:
        """Destroy content and salt of records of use; on the record, as a count and a range."""
        with self._context.db.read() as conn:
            # What was forgotten before lies behind this number, so it is not read over and over.
            passed = int((kept.get(conn, _PASSED) or {"seq": 0})["seq"])
            due = (
                select(record.c.seq)
                .where(
                    record.c.seq >= passed,
                    record.c.seq < _first_since(conn, passed, before),
                    record.c.body.is_not(None),
                    or_(*(record.c.kind.startswith(kind, autoescape=True) for kind in USAGE)),
                    ~_in_case(record.c.application, record.c.use_id),
                )
                .order_by(record.c.seq)
                .limit(batch)
            )
            if conn.execute(due).first() is None:
                return 0
        with self._context.db.write() as conn:
            kept.get(conn, _PASSED, lock=True)
            gone = list(conn.execute(due).scalars())
            if not gone:
                return 0
            _overwrite(conn)
            conn.execute(update(record).where(record.c.seq.in_(gone)).values(body=None, salt=None))
            kept.put(conn, _PASSED, {"seq": self._unforgotten(conn, passed)}, self._context.now())
            self._told("record.erased", conn, gone[0], gone[-1], len(gone))
            return len(gone)

    @staticmethod
    def _unforgotten(conn: Connection, passed: int) -> int:
        """The first record of use from ``passed`` on that still has its content."""
        query = (
            select(record.c.seq)
            .where(
                record.c.seq >= passed,
                record.c.body.is_not(None),
                or_(*(record.c.kind.startswith(kind, autoescape=True) for kind in USAGE)),
            )
            .order_by(record.c.seq)
            .limit(1)
        )
        return int(conn.execute(query).scalar() or passed)

    def _told(self, kind: str, conn: Connection, first: int, last: int, count: int) -> None:
        now = self._context.now()
        data = {"first": first, "last": last, "count": count, "reason": "retention"}
        self._context.journal.append(conn, [Record(kind, "/", now, now, data=data)])

    # ── what lists show ──────────────────────────────────────────────────────────────────────────

    def _applications(self, before: int, batch: int) -> int:
        due = (
            select(application.c.id)
            .where(
                application.c.id < uuid7(before, bytes(16)),  # ids grow with time
                application.c.created_at < before,
                application.c.title != FORGOTTEN,
                application.c.status.not_in([one.value for one in _RUNNING]),
                ~_in_case(application.c.id, None),
            )
            .order_by(application.c.id)
            .limit(batch)
        )
        words: dict[str, Any] = {
            "title": FORGOTTEN,
            "purpose": "",
            "beneficiary": None,
            "counterparty": None,
            "resolution": None,
            "reason": None,
            "review_note": None,
            "details": {},
        }

        def forget(conn: Connection, gone: list[str]) -> None:
            conn.execute(update(application).where(application.c.id.in_(gone)).values(words))
            conn.execute(
                update(document).where(document.c.application_id.in_(gone)).values(name=FORGOTTEN)
            )
            conn.execute(delete(reference_page).where(reference_page.c.application_id.in_(gone)))
            again = select(seal_use.c.id).where(seal_use.c.application_id.in_(gone))
            search.read_again(conn, list(conn.execute(again).scalars()))

        return self._each(due, forget)

    def _uses(self, before: int, batch: int) -> int:
        """Where it was, how alike the face was, and remarks: movement and faces are sensitive."""
        u = seal_use.c
        due = (
            select(u.id)
            .where(
                u.started_at < before,
                or_(u.lat.is_not(None), u.score.is_not(None), u.remarks.is_not(None)),
                ~_in_case(None, u.id),
            )
            .order_by(u.started_at, u.id)
            .limit(batch)
        )
        nothing = {"lat": None, "lon": None, "score": None, "remarks": None}

        def forget(conn: Connection, gone: list[str]) -> None:
            conn.execute(update(seal_use).where(u.id.in_(gone)).values(nothing))

        return self._each(due, forget)

    def _looks(self, before: int, batch: int) -> int:
        """What the eyes saw on papers: words of somebody's contract."""
        past = and_(
            look.c.state == "done", look.c.created_at < before, ~_in_case(None, look.c.use_id)
        )
        return self._rows(look, look.c.id, past, batch)

    # ── technical rows ───────────────────────────────────────────────────────────────────────────

    def _technical(self, before: int, batch: int) -> int:
        sent = and_(delivery.c.created_at < before, delivery.c.state.in_(_ENDED))
        done = and_(check_job.c.state == "done", check_job.c.created_at < before)
        # Lists of keys tell which sleeve knows which.
        said = and_(downlink.c.confirmed_at < before, downlink.c.type != Keys.type)
        return sum(
            (
                self._rows(poison, poison.c.id, poison.c.at < before, batch),
                self._rows(answer, answer.c.at, answer.c.at < before, batch),
                self._rows(downlink, downlink.c.id, said, batch),
                self._rows(check_job, check_job.c.id, done, batch),
                self._rows(
                    delivery_attempt, delivery_attempt.c.id, delivery_attempt.c.at < before, batch
                ),
                self._rows(delivery, delivery.c.id, sent, batch),
                self._rows(sheet, sheet.c.id, sheet.c.seen_at < before, batch),
            )
        )

    def _rows(
        self, table: Table, name: ColumnElement[Any], past: ColumnElement[bool], batch: int
    ) -> int:
        """Delete rows that are ``past``: those of the ``batch`` lowest of ``name``."""
        due = select(name).select_from(table).where(past).order_by(name).limit(batch)

        def forget(conn: Connection, gone: list[Any]) -> None:
            conn.execute(delete(table).where(past, name.in_(gone)))

        return self._each(due, forget)

    def _each(self, due: Any, forget: Callable[[Connection, list[Any]], None]) -> int:
        with self._context.db.read() as conn:
            if conn.execute(due).first() is None:
                return 0  # most of the time; nobody who writes has to wait for it
        with self._context.db.write() as conn:
            gone = list(conn.execute(due).scalars())
            if gone:
                _overwrite(conn)
                forget(conn, gone)
            return len(gone)


_PASSED: Final = "retention.records"


def _first_since(conn: Connection, low: int, time: int) -> int:
    """The first record from ``low`` on that is not older than ``time``; times follow the log's
    order, so it is found without reading what lies between."""
    newest = conn.execute(select(func.max(record.c.seq))).scalar()
    high = 0 if newest is None else int(newest) + 1
    while low < high:
        middle = (low + high) // 2
        at = conn.execute(select(record.c.at).where(record.c.seq == middle)).scalar_one()
        if at < time:
            low = middle + 1
        else:
            high = middle
    return low


def _in_case(application_id: Any, use_id: Any) -> ColumnElement[bool]:
    same = [
        column == value
        for column, value in ((alert.c.application, application_id), (alert.c.use_id, use_id))
        if value is not None
    ]
    return exists().where(alert.c.closed_at.is_(None), or_(*same))


def _overwrite(conn: Connection) -> None:
    """Let SQLite overwrite what is deleted instead of only letting go of it."""
    if conn.dialect.name == "sqlite":
        conn.exec_driver_sql("PRAGMA secure_delete=ON")
