"""The official register (用印登记簿): uses with what they were for. One query a page, and one each
for approvers and permits of that page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, exists, or_, select, tuple_

from backend.domain.application import Decision
from backend.store.scope import in_branches
from backend.store.tables import (
    alert,
    application,
    application_step,
    matter,
    offsite_permit,
    organisation,
    person,
    seal,
    seal_use,
)


@dataclass(frozen=True, slots=True)
class RegisterFilter:
    """What the register is narrowed to. Times (of use) are ms UTC, from inclusive, until exclusive.

    ``unstamped`` adds uses in which the seal never dropped; ``unreviewed`` leaves only those that
    no supervisor has looked at, ``alerted`` those with an alert that was no false alarm.
    """

    org_path: str | None = None
    seal_id: str | None = None
    device_id: str | None = None
    matter_id: str | None = None
    person_id: str | None = None
    application_id: str | None = None
    text: str | None = None
    from_at: int | None = None
    until_at: int | None = None
    unstamped: bool = False
    unreviewed: bool = False
    alerted: bool = False


_ROWS: Select[Any] = (
    select(
        seal_use,
        organisation.c.id.label("org_id"),
        organisation.c.name.label("org_name"),
        seal.c.name.label("seal_name"),
        application.c.number.label("application_number"),
        application.c.applicant_id,
        application.c.beneficiary,
        application.c.title,
        application.c.copies,
        application.c.amount_fen,
        application.c.counterparty,
        application.c.resolution,
        matter.c.name.label("matter_name"),
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
)


def one(conn: Connection, use_id: str) -> Row[Any] | None:
    """One use with everything that the register says of it."""
    return conn.execute(_ROWS.where(seal_use.c.id == use_id)).one_or_none()


def rows(
    conn: Connection,
    seen: ColumnElement[bool],
    wanted: RegisterFilter,
    before: tuple[int, str] | None,
    limit: int,
) -> Sequence[Row[Any]]:
    """Uses that meet ``seen`` (what the asker may see), newest first, older than ``before``."""
    u, a = seal_use.c, application.c
    query = _ROWS.where(seen).order_by(u.started_at.desc(), u.id.desc()).limit(limit)
    if before is not None:
        query = query.where(tuple_(u.started_at, u.id) < before)
    if not wanted.unstamped:
        query = query.where(u.pressed > 0)
    if wanted.unreviewed:
        query = query.where(u.reviewed_at.is_(None))
    if wanted.alerted:
        query = query.where(exists().where(alert.c.use_id == u.id, alert.c.stage != "false_alarm"))
    for column, value in (
        (u.seal_id, wanted.seal_id),
        (u.device_id, wanted.device_id),
        (u.application_id, wanted.application_id),
        (a.matter_id, wanted.matter_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.org_path is not None:
        query = query.where(in_branches(conn, u.org_path, [wanted.org_path]))
    if wanted.person_id is not None:
        who = (u.operator_id, u.stamped_by, u.witness_id, a.applicant_id)
        query = query.where(or_(*(column == wanted.person_id for column in who)))
    if wanted.text:
        query = query.where(
            or_(
                *(
                    column.contains(wanted.text, autoescape=True)
                    for column in (u.number, a.number, a.title, a.beneficiary, a.counterparty)
                )
            )
        )
    if wanted.from_at is not None:
        query = query.where(u.started_at >= wanted.from_at)
    if wanted.until_at is not None:
        query = query.where(u.started_at < wanted.until_at)
    return conn.execute(query).all()


def approvers(conn: Connection, application_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
    """Who approved each application, (id, name), in the order of its steps."""
    query = (
        select(application_step.c.application_id, person.c.id, person.c.name)
        .join(person, person.c.id == application_step.c.decided_by)
        .where(
            application_step.c.application_id.in_(application_ids),
            application_step.c.decision == Decision.APPROVED.value,
        )
        .order_by(application_step.c.application_id, application_step.c.position)
    )
    found: dict[str, list[tuple[str, str]]] = {}
    for row in conn.execute(query):
        found.setdefault(row.application_id, []).append((row.id, row.name))
    return found


def trips(conn: Connection, application_ids: Sequence[str]) -> dict[str, tuple[str, int | None]]:
    """Where applications were carried out off site, and when the sleeve came back."""
    query = (
        select(offsite_permit)
        .where(
            offsite_permit.c.application_id.in_(application_ids),
            offsite_permit.c.approved_by.is_not(None),
            offsite_permit.c.state != "rejected",
        )
        .order_by(offsite_permit.c.id)
    )
    return {row.application_id: (row.place, row.returned_at) for row in conn.execute(query)}
