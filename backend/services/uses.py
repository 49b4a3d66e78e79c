"""Uses as they go on and as they were: lists for the live page, the story of one use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import Connection, Row, false, func, select, true

from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.errors import missing
from backend.domain.search import ALERT_OPEN, STATES, clause, term, without
from backend.domain.use_model import STAGES
from backend.services import search
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, encode_cursor
from backend.services.plain import readable
from backend.services.search import Question
from backend.store import register, standing
from backend.store.journal import from_row
from backend.store.register import RegisterFilter
from backend.store.tables import alert, picture, record


@dataclass(frozen=True, slots=True)
class Someone:
    """A person with the name that they have now."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class UseInfo:
    """A use in a list. Times are ms UTC; ``started_at`` by the sleeve's clock, ``recorded_at`` by
    ours; ``alerts`` counts those not closed, for whoever watches over the use."""

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

    ``text``: words of two characters or more. ``state``: the stage of the use, or one of
    :data:`backend.domain.search.STATES`. ``alerted``: with an alert not closed (or without);
    ``alert_code``: with one of that rule, closed or not. ``reviewed`` (or not) by a supervisor.
    ``person_id`` took part, or approved.
    """

    branch: str | None = None
    seal_id: str | None = None
    device_id: str | None = None
    application_id: str | None = None
    matter_id: str | None = None
    person_id: str | None = None
    text: str | None = None
    state: str | None = None
    person_check: str | None = None
    alerted: bool | None = None
    alert_code: str | None = None
    reviewed: bool | None = None
    from_at: int | None = None
    until_at: int | None = None


class UseService:
    """Reads uses."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def find(
        self, actor: Actor, wanted: UseFilter, *, cursor: str | None = None, limit: int = 50
    ) -> Page[UseInfo]:
        """Newest known first, as the usage log has them (docs/decisions/0090).

        Raises:
            DomainError: ``bad_cursor``, ``search_too_short``.
        """
        asked = _question(actor, wanted, self._context.now())
        before = None if cursor is None else str(decode_cursor(cursor, (str,))[0])
        with self._context.db.read() as conn:
            if wanted.application_id is not None:
                found = search.of_application(conn, actor, asked, wanted.application_id)
            else:
                found = search.find(conn, actor, asked, before=before, limit=limit)
            rows = found.rows
            following = encode_cursor((rows[-1].id,)) if rows and found.older else None
            return Page(_infos(conn, actor, rows), following)

    def get(self, actor: Actor, use_id: str) -> UseDetail:
        """One use with its records in log order; what only those read who watch over it, its
        alerts too, is left out for others.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            row = register.one(conn, use_id)
            if row is None or not search.sees(actor, row):
                raise missing("该次用印", "use")
            watches = actor.may_any(READERS, row.org_path)
            pictures = conn.execute(
                select(picture)
                .where(picture.c.use_id == use_id)
                .order_by(picture.c.counter, picture.c.frame, picture.c.id)
            ).all()
            alerts = conn.execute(
                select(alert)
                .where(alert.c.use_id == use_id, true() if watches else false())
                .order_by(alert.c.seq, alert.c.id)
            ).all()
            return UseDetail(
                _infos(conn, actor, [row])[0],
                [one for one in _story(conn, use_id) if watches or one.kind.startswith(FOR_ALL)],
                [UsePicture(one.id, one.kind, one.state, one.press, one.frame) for one in pictures],
                [
                    UseAlert(
                        one.id, one.code, one.severity, one.stage, one.raised_at, one.closed_at
                    )
                    for one in alerts
                ],
            )


FOR_ALL: Final = ("application.", "grant.", "event.", "check.", "use.")
"""Kinds of records that whoever took part in a use may read; those who watch over it read all."""


def _question(actor: Actor, wanted: UseFilter, now: int) -> Question:
    is_stage = wanted.state in STAGES and wanted.state not in STATES
    asked = search.question(
        actor,
        RegisterFilter(
            org_path=wanted.branch,
            seal_id=wanted.seal_id,
            device_id=wanted.device_id,
            matter_id=wanted.matter_id,
            person_id=wanted.person_id,
            text=wanted.text,
            from_at=wanted.from_at,
            until_at=wanted.until_at,
            unstamped=True,
            reviewed=wanted.reviewed is True,
            unreviewed=wanted.reviewed is False,
            alert_code=wanted.alert_code,
            state=None if is_stage else wanted.state,
        ),
        now,
    )
    more = []
    if wanted.person_check is not None:
        more.append(clause(term("i", wanted.person_check)))
    if wanted.alerted is not None:
        more.append(clause(ALERT_OPEN) if wanted.alerted else without(ALERT_OPEN))
    if is_stage and wanted.state != "finished":
        more.append(clause(term("i", "open")))
    stage = wanted.state if is_stage else None
    return replace(asked, clauses=(*asked.clauses, *more), stage=stage)


def _infos(conn: Connection, actor: Actor, rows: Sequence[Row[Any]]) -> list[UseInfo]:
    watched = [row.id for row in rows if actor.may_any(READERS, row.org_path)]
    names = standing.names(
        conn, (one for row in rows for one in (row.operator_id, row.stamped_by, row.witness_id))
    )
    alerts = {
        row.use_id: row.open
        for row in conn.execute(
            select(alert.c.use_id, func.count().label("open"))
            .where(alert.c.use_id.in_(watched), alert.c.closed_at.is_(None))
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
