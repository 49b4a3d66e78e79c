"""Uses as they go on and as they were: lists for the live page, the story of one use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, or_, select

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.services.plain import readable
from backend.store import standing
from backend.store.journal import from_row
from backend.store.scope import in_branches
from backend.store.tables import alert, organisation, picture, record, seal, seal_use


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with the name that they have now."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class UseInfo:
    """A use in a list. Times are ms UTC; ``started_at`` by the sleeve's clock, ``recorded_at`` by
    ours; ``alerts`` counts those not closed."""

    id: str
    number: str | None
    org_path: str
    org_name: str | None
    device_id: str
    seal_id: str
    seal_name: str | None
    application_id: str | None
    grant_id: str | None
    operator: Someone | None
    stamped_by: Someone | None
    witness: Someone | None
    state: str
    person_check: str
    score: float | None
    granted: int
    entered: int
    pressed: int
    offline: bool
    late: bool
    started_at: int
    recorded_at: int
    first_stamp_at: int | None
    finished_at: int | None
    finish_reason: str | None
    lat: float | None
    lon: float | None
    alerts: int


@dataclass(frozen=True, slots=True)
class StoryEntry:
    """One record of the use. ``seq`` is its place in the log; ``erased``: the content is gone, the
    proof stays."""

    seq: int
    kind: str
    at: int
    happened_at: int
    counter: int | None
    person: Someone | None
    data: Mapping[str, Any]
    erased: bool


@dataclass(frozen=True, slots=True)
class UsePicture:
    """That there is a picture; it is seen through a review only."""

    id: str
    kind: str
    state: str
    press: int | None
    frame: int | None


@dataclass(frozen=True, slots=True)
class UseAlert:
    """An alert about the use."""

    id: str
    code: str
    severity: str
    stage: str
    raised_at: int
    closed_at: int | None


@dataclass(frozen=True, slots=True)
class UseDetail:
    """One use with everything that is recorded of it."""

    use: UseInfo
    story: Sequence[StoryEntry]
    pictures: Sequence[UsePicture]
    alerts: Sequence[UseAlert]


@dataclass(frozen=True, slots=True)
class UseFilter:
    """What is wanted. Times of beginning in ms UTC: from inclusive, until exclusive.

    ``alerted``: with an alert not closed (or without).
    """

    branch: str | None = None
    seal_id: str | None = None
    device_id: str | None = None
    application_id: str | None = None
    state: str | None = None
    person_check: str | None = None
    alerted: bool | None = None
    from_at: int | None = None
    until_at: int | None = None


class UseService:
    """Reads uses."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def find(
        self, actor: Actor, wanted: UseFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[UseInfo]:
        """Newest first.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = _USES.where(_visible(conn, actor), *_conditions(conn, wanted))
            if cursor is not None:
                at, last = decode_cursor(cursor, (int, str))
                query = query.where(
                    or_(
                        seal_use.c.started_at < at,
                        and_(seal_use.c.started_at == at, seal_use.c.id < last),
                    )
                )
            rows = conn.execute(
                query.order_by(seal_use.c.started_at.desc(), seal_use.c.id.desc()).limit(limit + 1)
            ).all()
            shown = page(rows, limit, lambda row: (row.started_at, row.id))
            return Page(_infos(conn, shown.items), shown.next)

    def get(self, actor: Actor, use_id: str) -> UseDetail:
        """One use with its records in log order.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            row = conn.execute(
                _USES.where(seal_use.c.id == use_id, _visible(conn, actor))
            ).one_or_none()
            if row is None:
                raise missing("该次用印", "use")
            pictures = conn.execute(
                select(picture)
                .where(picture.c.use_id == use_id)
                .order_by(picture.c.counter, picture.c.frame, picture.c.id)
            ).all()
            alerts = conn.execute(
                select(alert).where(alert.c.use_id == use_id).order_by(alert.c.seq, alert.c.id)
            ).all()
            return UseDetail(
                _infos(conn, [row])[0],
                _story(conn, use_id),
                [UsePicture(one.id, one.kind, one.state, one.press, one.frame) for one in pictures],
                [
                    UseAlert(
                        one.id, one.code, one.severity, one.stage, one.raised_at, one.closed_at
                    )
                    for one in alerts
                ],
            )


_USES: Final = (
    select(seal_use, organisation.c.name.label("org_name"), seal.c.name.label("seal_name"))
    .join(organisation, organisation.c.path == seal_use.c.org_path, isouter=True)
    .join(seal, seal.c.id == seal_use.c.seal_id, isouter=True)
)


def _visible(conn: Connection, actor: Actor) -> ColumnElement[bool]:
    u = seal_use.c
    return or_(
        in_branches(conn, u.org_path, actor.branches(*READERS)),
        u.operator_id == actor.person_id,
        u.stamped_by == actor.person_id,
        u.witness_id == actor.person_id,
    )


def _conditions(conn: Connection, wanted: UseFilter) -> list[ColumnElement[bool]]:
    u = seal_use.c
    found: list[ColumnElement[bool]] = [
        column == value
        for column, value in (
            (u.seal_id, wanted.seal_id),
            (u.device_id, wanted.device_id),
            (u.application_id, wanted.application_id),
            (u.state, wanted.state),
            (u.person_check, wanted.person_check),
        )
        if value is not None
    ]
    if wanted.branch is not None:
        found.append(in_branches(conn, u.org_path, [wanted.branch]))
    if wanted.from_at is not None:
        found.append(u.started_at >= wanted.from_at)
    if wanted.until_at is not None:
        found.append(u.started_at < wanted.until_at)
    if wanted.alerted is not None:
        open_alert = exists().where(alert.c.use_id == u.id, alert.c.closed_at.is_(None))
        found.append(open_alert if wanted.alerted else ~open_alert)
    return found


def _infos(conn: Connection, rows: Sequence[Row[Any]]) -> list[UseInfo]:
    names = standing.names(
        conn, (one for row in rows for one in (row.operator_id, row.stamped_by, row.witness_id))
    )
    alerts = {
        row.use_id: row.open
        for row in conn.execute(
            select(alert.c.use_id, func.count().label("open"))
            .where(alert.c.use_id.in_([row.id for row in rows]), alert.c.closed_at.is_(None))
            .group_by(alert.c.use_id)
        )
    }

    def someone(person_id: str | None) -> Someone | None:
        return None if person_id is None else Someone(person_id, names.get(person_id, ""))

    return [
        UseInfo(
            id=row.id,
            number=row.number,
            org_path=row.org_path,
            org_name=row.org_name,
            device_id=row.device_id,
            seal_id=row.seal_id,
            seal_name=row.seal_name,
            application_id=row.application_id,
            grant_id=row.grant_id,
            operator=someone(row.operator_id),
            stamped_by=someone(row.stamped_by),
            witness=someone(row.witness_id),
            state=row.state,
            person_check=row.person_check,
            score=row.score,
            granted=row.granted,
            entered=row.entered,
            pressed=row.pressed,
            offline=row.offline,
            late=row.late,
            started_at=row.started_at,
            recorded_at=row.recorded_at,
            first_stamp_at=row.first_stamp_at,
            finished_at=row.finished_at,
            finish_reason=row.finish_reason,
            lat=row.lat,
            lon=row.lon,
            alerts=alerts.get(row.id, 0),
        )
        for row in rows
    ]


def _story(conn: Connection, use_id: str) -> list[StoryEntry]:
    rows = conn.execute(
        select(record).where(record.c.use_id == use_id).order_by(record.c.seq)
    ).all()
    names = standing.names(conn, (row.person for row in rows))
    return [
        StoryEntry(
            seq=item.seq,
            kind=item.kind,
            at=item.at,
            happened_at=item.happened_at,
            counter=item.counter,
            person=None
            if item.person is None
            else Someone(item.person, names.get(item.person, "")),
            data=readable(item.data),
            erased=row.body is None,
        )
        for row, item in ((row, from_row(row)) for row in rows)
    ]
