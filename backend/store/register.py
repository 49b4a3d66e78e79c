"""The official register (用印登记簿): uses with what they were for. One query a page, and one each
for approvers and permits of that page."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, select

from backend.domain.application import Decision
from backend.store.tables import (
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
    no supervisor has looked at, ``reviewed`` the others, ``alerted`` those with an alert that was
    no false alarm, ``alert_code`` with one of that code. ``state``: one of
    :data:`backend.domain.search.STATES`. ``person_id`` took part, or approved.
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
    reviewed: bool = False
    alerted: bool = False
    alert_code: str | None = None
    state: str | None = None


_ROWS: Select[Any] = (
    select(
        seal_use,
        organisation.c.id.label("org_id"),
        organisation.c.name.label("org_name"),
        seal.c.name.label("seal_name"),
        application.c.number.label("application_number"),
        application.c.applicant_id,
        application.c.operator_id.label("application_operator_id"),
        application.c.alternates,
        application.c.org_path.label("application_org_path"),
        application.c.matter_id,
        application.c.beneficiary,
        application.c.title,
        application.c.purpose,
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


def by_id(conn: Connection, use_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Those of ``use_ids`` that there are, in no order."""
    return conn.execute(_ROWS.where(seal_use.c.id.in_(list(use_ids)))).all()


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
