"""Alerts as people read them: lists narrowed to the reader's branch, one with its story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, or_, select

from alerts import messages
from alerts.case_life import OPEN, READERS
from alerts.wording import Namer
from backend.domain.actor import Actor
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.store.scope import in_branches
from backend.store.tables import alert, alert_note, case_evidence, delivery, inbox_notice


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with the name that they have now."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class AlertInfo:
    """An alert in a list. Times are ms UTC. ``active``: the matter goes on; ``stage``: its case.
    ``late``: it was found well after it happened. ``title`` is in the reader's language."""

    id: str
    code: str
    severity: str
    active: bool
    stage: str
    acknowledged: bool
    title: str
    org_path: str
    org_name: str | None
    device: str | None
    seal: str | None
    seal_name: str | None
    application: str | None
    use_id: str | None
    person: Someone | None
    count: int
    late: bool
    suppressed: bool
    happened_at: int
    raised_at: int
    updated_at: int
    cleared_at: int | None
    closed_at: int | None
    assignee: Someone | None
    due_at: int | None
    escalation: int
    seq: int
    version: int


@dataclass(frozen=True, slots=True)
class Note:
    """A step of the case, or somebody's words."""

    id: str
    kind: str
    person: Someone | None
    text: str
    data: Mapping[str, Any]
    at: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """Proof of what was done; its picture is seen through a review only."""

    id: str
    name: str
    picture_id: str | None
    added_by: Someone | None
    at: int


@dataclass(frozen=True, slots=True)
class Told:
    """Who was told by which channel (``inbox``: in the app), and what became of it."""

    person: Someone | None
    channel: str
    state: str
    at: int


@dataclass(frozen=True, slots=True)
class AlertDetail:
    """One alert: what it says, its story, its proof, who was told."""

    alert: AlertInfo
    lines: Sequence[str]
    data: Mapping[str, Any]
    outcome: str | None
    notes: Sequence[Note]
    evidence: Sequence[Evidence]
    told: Sequence[Told]


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What is wanted. Times of raising in ms UTC: from inclusive, until exclusive. ``open``: its
    case is not closed."""

    branch: str | None = None
    code: str | None = None
    severity: str | None = None
    stage: str | None = None
    open: bool | None = None
    active: bool | None = None
    device: str | None = None
    mine: bool = False
    from_at: int | None = None
    until_at: int | None = None


class AlertReader:
    """Reads alerts."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def find(
        self, actor: Actor, wanted: AlertFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[AlertInfo]:
        """Newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = select(alert).where(_visible(conn, actor), *_conditions(conn, actor, wanted))
            if cursor is not None:
                at, last = decode_cursor(cursor, (int, str))
                query = query.where(
                    or_(alert.c.raised_at < at, and_(alert.c.raised_at == at, alert.c.id < last))
                )
            rows = conn.execute(
                query.order_by(alert.c.raised_at.desc(), alert.c.id.desc()).limit(limit + 1)
            ).all()
            shown = page(rows, limit, lambda row: (row.raised_at, row.id))
            namer = Namer(conn, self._context.now())
            return Page([_info(row, namer, actor.locale) for row in shown.items], shown.next)

    def get(self, actor: Actor, alert_id: str) -> AlertDetail:
        """One alert.

        Raises:
            DomainError: ``not_found``, also outside the reader's view.
        """
        with self._context.db.read() as conn:
            row = conn.execute(
                select(alert).where(alert.c.id == alert_id, _visible(conn, actor))
            ).one_or_none()
            if row is None:
                raise missing("该预警", "alert")
            namer = Namer(conn, self._context.now())
            _, lines = messages.render(row.code, namer.alert(row._asdict()), actor.locale)
            return AlertDetail(
                alert=_info(row, namer, actor.locale),
                lines=lines,
                data=row.data,
                outcome=row.outcome,
                notes=_notes(conn, alert_id, namer),
                evidence=_evidence(conn, alert_id, namer),
                told=_told(conn, alert_id, namer),
            )

    def counts(self, actor: Actor) -> Mapping[str, int]:
        """Open alerts by severity."""
        with self._context.db.read() as conn:
            query = (
                select(alert.c.severity, func.count().label("number"))
                .where(_visible(conn, actor), alert.c.stage.in_(sorted(OPEN)))
                .group_by(alert.c.severity)
            )
            return {row.severity: row.number for row in conn.execute(query)}


def _visible(conn: Connection, actor: Actor) -> ColumnElement[bool]:
    return or_(
        alert.c.assignee_id == actor.person_id,
        in_branches(conn, alert.c.org_path, actor.branches(*READERS)),
    )


def _conditions(conn: Connection, actor: Actor, wanted: AlertFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.branch is not None:
        found.append(in_branches(conn, alert.c.org_path, [wanted.branch]))
    for column, value in (
        (alert.c.code, wanted.code),
        (alert.c.severity, wanted.severity),
        (alert.c.stage, wanted.stage),
        (alert.c.device, wanted.device),
    ):
        if value is not None:
            found.append(column == value)
    if wanted.active is not None:
        found.append(alert.c.active.is_(wanted.active))
    if wanted.open is not None:
        is_open = alert.c.stage.in_(sorted(OPEN))
        found.append(is_open if wanted.open else ~is_open)
    if wanted.mine:
        found.append(alert.c.assignee_id == actor.person_id)
    if wanted.from_at is not None:
        found.append(alert.c.raised_at >= wanted.from_at)
    if wanted.until_at is not None:
        found.append(alert.c.raised_at < wanted.until_at)
    return found


def someone(namer: Namer, person_id: str | None) -> Someone | None:
    """A person by id; None when there is none of that id."""
    name = namer.person(person_id)
    return None if person_id is None or name is None else Someone(person_id, name)


def _info(row: Row[Any], namer: Namer, locale: str) -> AlertInfo:
    title, _ = messages.render(row.code, namer.alert(row._asdict()), locale)
    return AlertInfo(
        id=row.id,
        code=row.code,
        severity=row.severity,
        active=row.active,
        stage=row.stage,
        acknowledged=row.acknowledged,
        title=title,
        org_path=row.org_path,
        org_name=namer.village(row.org_path),
        device=row.device,
        seal=row.seal,
        seal_name=namer.seal(row.seal),
        application=row.application,
        use_id=row.use_id,
        person=someone(namer, row.person),
        count=row._mapping["count"],
        late=row.late,
        suppressed=bool(row.data.get("suppressed")),
        happened_at=row.happened_at,
        raised_at=row.raised_at,
        updated_at=row.updated_at,
        cleared_at=row.cleared_at,
        closed_at=row.closed_at,
        assignee=someone(namer, row.assignee_id),
        due_at=row.due_at,
        escalation=row.escalation,
        seq=row.seq,
        version=row.version,
    )


def _notes(conn: Connection, alert_id: str, namer: Namer) -> list[Note]:
    query = select(alert_note).where(alert_note.c.alert_id == alert_id)
    return [
        Note(row.id, row.kind, someone(namer, row.person_id), row.text, row.data, row.at)
        for row in conn.execute(query.order_by(alert_note.c.at, alert_note.c.id))
    ]


def _evidence(conn: Connection, alert_id: str, namer: Namer) -> list[Evidence]:
    query = select(case_evidence).where(case_evidence.c.alert_id == alert_id)
    return [
        Evidence(row.id, row.name, row.picture_id, someone(namer, row.added_by), row.at)
        for row in conn.execute(query.order_by(case_evidence.c.at, case_evidence.c.id))
    ]


def _told(conn: Connection, alert_id: str, namer: Namer) -> list[Told]:
    query = select(delivery).where(delivery.c.alert_id == alert_id)
    sent = [
        Told(
            someone(namer, row.person_id),
            row.channel,
            row.state,
            row.delivered_at or row.created_at,
        )
        for row in conn.execute(query.order_by(delivery.c.created_at, delivery.c.id))
    ]
    notices = select(inbox_notice).where(inbox_notice.c.alert_id == alert_id)
    shown = [
        Told(
            someone(namer, row.person_id),
            "inbox",
            "unread" if row.read_at is None else "read",
            row.read_at or row.created_at,
        )
        for row in conn.execute(notices.order_by(inbox_notice.c.created_at, inbox_notice.c.id))
    ]
    return [*sent, *shown]
