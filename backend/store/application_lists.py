"""Lists of applications: one query with every name in it, a keyset page by id (newest first)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, or_, select

from backend.domain.actor import Actor, Role
from backend.domain.application import EMERGENCY_ROLE, Kind, Status
from backend.domain.application_actions import READERS
from backend.store.scope import in_branches
from backend.store.tables import (
    application,
    application_step,
    matter,
    organisation,
    person,
    seal,
)


@dataclass(frozen=True, slots=True)
class ApplicationFilter:
    """What a list is narrowed to. ``mine``: the actor takes part; ``todo``: the actor is to decide;
    ``unreviewed``: emergencies that nobody has looked at. ``text``: in number, title, beneficiary
    or other party. Times (creation) are ms UTC, from inclusive, until exclusive."""

    statuses: Sequence[str] = ()
    kind: str | None = None
    org_path: str | None = None
    seal_id: str | None = None
    matter_id: str | None = None
    text: str | None = None
    from_at: int | None = None
    until_at: int | None = None
    mine: bool = False
    todo: bool = False
    unreviewed: bool = False


_applicant = person.alias("applicant")
_operator = person.alias("operator")
_at_step = and_(
    application_step.c.application_id == application.c.id,
    application_step.c.position == application.c.step,
)

_ROWS: Select[Any] = (
    select(
        application,
        organisation.c.id.label("org_id"),
        organisation.c.name.label("org_name"),
        seal.c.name.label("seal_name"),
        matter.c.name.label("matter_name"),
        _applicant.c.name.label("applicant_name"),
        _operator.c.name.label("operator_name"),
        application_step.c.name.label("step_name"),
    )
    .join(seal, seal.c.id == application.c.seal_id)
    .outerjoin(organisation, organisation.c.path == application.c.org_path)
    .outerjoin(
        matter,
        and_(
            matter.c.id == application.c.matter_id,
            matter.c.version == application.c.matter_version,
        ),
    )
    .outerjoin(_applicant, _applicant.c.id == application.c.applicant_id)
    .outerjoin(_operator, _operator.c.id == application.c.operator_id)
    .outerjoin(application_step, _at_step)
)


def one(conn: Connection, application_id: str) -> Row[Any] | None:
    """The row of one application with its names; who may see it is for the caller."""
    return conn.execute(_ROWS.where(application.c.id == application_id)).one_or_none()


def rows(
    conn: Connection, actor: Actor, wanted: ApplicationFilter, before: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Applications in the actor's view, newest first, those older than ``before``."""
    a = application.c
    query = _ROWS.where(_visible(conn, actor)).order_by(a.id.desc()).limit(limit)
    if before is not None:
        query = query.where(a.id < before)
    if len(wanted.statuses) == 1:
        query = query.where(a.status == wanted.statuses[0])  # walks (status, id) in order
    elif wanted.statuses:
        query = query.where(a.status.in_(list(wanted.statuses)))
    for column, value in (
        (a.kind, wanted.kind),
        (a.seal_id, wanted.seal_id),
        (a.matter_id, wanted.matter_id),
    ):
        if value is not None:
            query = query.where(column == value)
    if wanted.org_path is not None:
        query = query.where(in_branches(conn, a.org_path, [wanted.org_path]))
    if wanted.from_at is not None:
        query = query.where(a.created_at >= wanted.from_at)
    if wanted.until_at is not None:
        query = query.where(a.created_at < wanted.until_at)
    if wanted.text:
        query = query.where(
            or_(
                *(
                    column.contains(wanted.text, autoescape=True)
                    for column in (a.number, a.title, a.beneficiary, a.counterparty)
                )
            )
        )
    if wanted.mine:
        query = query.where(_own(actor))
    if wanted.todo:
        query = query.where(_waits_for(conn, actor))
    if wanted.unreviewed:
        query = query.where(
            a.kind == Kind.EMERGENCY.value,
            a.reviewed_at.is_(None),
            a.decided_at.is_not(None),
            a.status != Status.REJECTED.value,
        )
    return conn.execute(query).all()


def _own(actor: Actor) -> Any:
    return or_(
        application.c.applicant_id == actor.person_id, application.c.operator_id == actor.person_id
    )


def _visible(conn: Connection, actor: Actor) -> Any:
    # A draft is its applicant's alone until it is handed in.
    return or_(
        _own(actor),
        and_(
            in_branches(conn, application.c.org_path, actor.branches(*READERS)),
            application.c.status != Status.DRAFT.value,
        ),
    )


def _waits_for(conn: Connection, actor: Actor) -> Any:
    step = application_step.c
    seats = [held.org_path for held in actor.roles if held.role is Role.APPROVER]
    return and_(
        application.c.status == Status.SUBMITTED.value,
        application.c.applicant_id != actor.person_id,
        or_(
            step.assignee_id == actor.person_id,
            and_(
                step.assignee_id.is_(None),
                step.role == Role.APPROVER.value,
                step.org_path.in_(seats),
            ),
            and_(
                step.role == EMERGENCY_ROLE,
                in_branches(conn, step.org_path, actor.branches(Role.APPROVER, Role.SUPERVISOR)),
                application.c.operator_id != actor.person_id,
            ),
        ),
    )
