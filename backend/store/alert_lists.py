"""Alerts with the names that lists need; a keyset page by time raised (newest first)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, Select, select, tuple_

from backend.store.scope import in_branches
from backend.store.tables import (
    alert,
    alert_note,
    application,
    case_evidence,
    organisation,
    person,
    seal,
)

OPEN_STAGES: Final = ("new", "acknowledged", "assigned", "rectifying")


@dataclass(frozen=True, slots=True)
class AlertFilter:
    """What a list is narrowed to. Times (of raising; of the deadline: ``due_*``) are ms UTC, from
    inclusive, until exclusive."""

    org_path: str | None = None
    code: str | None = None
    severity: str | None = None
    stages: Collection[str] = ()
    device: str | None = None
    seal: str | None = None
    assignee_id: str | None = None
    from_at: int | None = None
    until_at: int | None = None
    due_from: int | None = None
    due_until: int | None = None


_assignee = person.alias("assignee")

_ROWS: Select[Any] = (
    select(
        alert,
        organisation.c.name.label("org_name"),
        seal.c.name.label("seal_name"),
        application.c.number.label("application_number"),
        application.c.title.label("application_title"),
        _assignee.c.name.label("assignee_name"),
    )
    .outerjoin(organisation, organisation.c.path == alert.c.org_path)
    .outerjoin(seal, seal.c.id == alert.c.seal)
    .outerjoin(application, application.c.id == alert.c.application)
    .outerjoin(_assignee, _assignee.c.id == alert.c.assignee_id)
)


def rows(
    conn: Connection,
    seen: ColumnElement[bool],
    wanted: AlertFilter,
    before: tuple[int, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Alerts that meet ``seen`` (what the asker may see), newest first, older than ``before``."""
    a = alert.c
    query = _ROWS.where(seen).order_by(a.raised_at.desc(), a.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(a.raised_at, a.id) < before)
    for column, value in (
        (a.code, wanted.code),
        (a.severity, wanted.severity),
        (a.device, wanted.device),
        (a.seal, wanted.seal),
        (a.assignee_id, wanted.assignee_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.stages:
        query = query.where(a.stage.in_(list(wanted.stages)))
        if set(wanted.stages) <= set(OPEN_STAGES):
            query = query.where(a.closed_at.is_(None))  # says the same; there is an index of those
    if wanted.org_path is not None:
        query = query.where(in_branches(conn, a.org_path, [wanted.org_path]))
    for column, first, end in (
        (a.raised_at, wanted.from_at, wanted.until_at),
        (a.due_at, wanted.due_from, wanted.due_until),
    ):
        if first is not None:
            query = query.where(column >= first)
        if end is not None:
            query = query.where(column < end)
    return conn.execute(query).all()


def one(conn: Connection, seen: ColumnElement[bool], alert_id: str) -> Row[Any] | None:
    """One alert, if it may be seen."""
    return conn.execute(_ROWS.where(seen, alert.c.id == alert_id)).one_or_none()


def of_use(conn: Connection, seen: ColumnElement[bool], use_id: str) -> Sequence[Row[Any]]:
    """Every alert about a use, oldest first."""
    return conn.execute(
        _ROWS.where(seen, alert.c.use_id == use_id).order_by(alert.c.raised_at, alert.c.id)
    ).all()


def notes(conn: Connection, alert_id: str) -> Sequence[Row[Any]]:
    """Comments and turns of a case with their authors, oldest first."""
    return conn.execute(
        select(alert_note, person.c.name.label("author"))
        .outerjoin(person, person.c.id == alert_note.c.person_id)
        .where(alert_note.c.alert_id == alert_id)
        .order_by(alert_note.c.at, alert_note.c.id)
    ).all()


def evidence(conn: Connection, alert_id: str) -> Sequence[Row[Any]]:
    """Papers and pictures put to a case, oldest first."""
    return conn.execute(
        select(case_evidence, person.c.name.label("author"))
        .outerjoin(person, person.c.id == case_evidence.c.added_by)
        .where(case_evidence.c.alert_id == alert_id)
        .order_by(case_evidence.c.at, case_evidence.c.id)
    ).all()
