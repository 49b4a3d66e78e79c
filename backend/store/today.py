"""What a live page shows of a branch: uses with their people, their alerts and pictures, sleeves.

Each query takes ``seen``, the condition that narrows it to what the asker may see (promise 6).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, func, or_, select

from backend.store import sleeve_states
from backend.store.tables import (
    alert,
    application,
    device,
    matter,
    organisation,
    person,
    picture,
    seal,
    seal_use,
)

_operator = person.alias("operator")
_stamper = person.alias("stamper")
_applicant = person.alias("applicant")

_USES: Select[Any] = (
    select(
        seal_use,
        organisation.c.name.label("org_name"),
        seal.c.name.label("seal_name"),
        seal.c.kind.label("seal_kind"),
        application.c.number.label("application_number"),
        application.c.title,
        application.c.purpose,
        application.c.applicant_id,
        application.c.copies,
        application.c.kind.label("application_kind"),
        matter.c.name.label("matter_name"),
        _operator.c.name.label("operator_name"),
        _stamper.c.name.label("stamper_name"),
        _applicant.c.name.label("applicant_name"),
    )
    .outerjoin(organisation, organisation.c.path == seal_use.c.org_path)
    .outerjoin(seal, seal.c.id == seal_use.c.seal_id)
    .outerjoin(application, application.c.id == seal_use.c.application_id)
    .outerjoin(
        matter,
        and_(
            matter.c.id == application.c.matter_id,
            matter.c.version == application.c.matter_version,
        ),
    )
    .outerjoin(_operator, _operator.c.id == seal_use.c.operator_id)
    .outerjoin(_stamper, _stamper.c.id == seal_use.c.stamped_by)
    .outerjoin(_applicant, _applicant.c.id == application.c.applicant_id)
)


def uses(
    conn: Connection, seen: ColumnElement[bool], from_at: int, until_at: int, limit: int
) -> Sequence[Row[Any]]:
    """Uses that began within [from_at, until_at) (ms UTC), newest first."""
    u = seal_use.c
    return conn.execute(
        _USES.where(seen, u.started_at >= from_at, u.started_at < until_at)
        .order_by(u.started_at.desc(), u.id.desc())
        .limit(limit)
    ).all()


def uses_by_id(
    conn: Connection, seen: ColumnElement[bool], ids: Collection[str]
) -> Sequence[Row[Any]]:
    """Those of ``ids`` that may be seen, oldest first."""
    if not ids:
        return ()
    return conn.execute(
        _USES.where(seen, seal_use.c.id.in_(list(ids))).order_by(
            seal_use.c.started_at, seal_use.c.id
        )
    ).all()


def uses_of_application(
    conn: Connection, seen: ColumnElement[bool], application_id: str
) -> Sequence[Row[Any]]:
    """Every use by grants of one application, oldest first."""
    return conn.execute(
        _USES.where(seen, seal_use.c.application_id == application_id).order_by(
            seal_use.c.started_at, seal_use.c.id
        )
    ).all()


def totals(conn: Connection, seen: ColumnElement[bool], from_at: int) -> tuple[int, int]:
    """How many uses began since ``from_at``, and how often the seals dropped in them."""
    row = conn.execute(
        select(func.count(), func.coalesce(func.sum(seal_use.c.pressed), 0)).where(
            seen, seal_use.c.started_at >= from_at
        )
    ).one()
    return int(row[0]), int(row[1])


def pictures_of(conn: Connection, use_ids: Collection[str]) -> dict[str, list[Row[Any]]]:
    """Which pictures there are of each use, in the order in which they were taken; without what
    was cut out of them."""
    found: dict[str, list[Row[Any]]] = {}
    if not use_ids:
        return found
    p = picture.c
    query: Select[Any] = (
        select(p.id, p.kind, p.state, p.use_id, p.press, p.frame, p.counter, p.org_path)
        .where(p.use_id.in_(list(use_ids)), p.kind != "crop")
        .order_by(p.counter, p.frame, p.id)
    )
    for row in conn.execute(query):
        found.setdefault(row.use_id, []).append(row)
    return found


def alerts_of_uses(conn: Connection, use_ids: Collection[str]) -> dict[str, list[Row[Any]]]:
    """Alerts about each use that are not a false alarm, worst first."""
    found: dict[str, list[Row[Any]]] = {}
    if not use_ids:
        return found
    a = alert.c
    query: Select[Any] = (
        select(a.id, a.code, a.severity, a.use_id, a.stage)
        .where(a.use_id.in_(list(use_ids)), a.stage != "false_alarm")
        .order_by(a.severity, a.raised_at)  # critical < major < minor
    )
    for row in conn.execute(query):
        found.setdefault(row.use_id, []).append(row)
    return found


def alert_counts(conn: Connection, seen: ColumnElement[bool], from_at: int) -> dict[str, int]:
    """Alerts raised since ``from_at``, or still open from before, by severity."""
    a = alert.c
    query: Select[Any] = (
        select(a.severity, func.count())
        .where(
            seen,
            or_(a.raised_at >= from_at, a.closed_at.is_(None)),
            a.stage != "false_alarm",
        )
        .group_by(a.severity)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query)}


def sleeves(
    conn: Connection, seen: ColumnElement[bool], now: int, limit: int
) -> Sequence[Row[Any]]:
    """Sleeves in use with their newest telemetry and how they are (``state``, of
    backend.store.sleeve_states) at ``now``, in the order of the tree."""
    return conn.execute(
        select(
            device,
            sleeve_states.state(now).label("state"),
            organisation.c.name.label("org_name"),
            seal.c.name.label("seal_name"),
            seal.c.kind.label("seal_kind"),
            seal.c.status.label("seal_status"),
        )
        .outerjoin(organisation, organisation.c.path == device.c.org_path)
        .outerjoin(seal, seal.c.id == device.c.seal_id)
        .where(seen, device.c.status == "active")
        .order_by(device.c.org_path, device.c.id)
        .limit(limit)
    ).all()


def sleeve_counts(conn: Connection, seen: ColumnElement[bool], now: int) -> dict[str, int]:
    """How many sleeves in use are in each state (of backend.store.sleeve_states) at ``now``."""
    state = sleeve_states.state(now).label("state")
    query: Select[Any] = (
        select(state, func.count()).where(seen, device.c.status == "active").group_by(state)
    )
    return {row[0]: int(row[1]) for row in conn.execute(query)}
