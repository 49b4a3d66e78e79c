"""Shows grants. The job code is for those concerned: whoever else reads it could stand at the
sleeve before them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from backend.domain.actor import Actor, Role
from backend.services.views import GrantView, Named
from backend.store import standing
from backend.store.tables import application, use_grant

GRANTS: Select[Any] = select(use_grant, application.c.applicant_id).join(
    application, application.c.id == use_grant.c.application_id
)


def grants_of(conn: Connection, actor: Actor, application_id: str) -> list[GrantView]:
    """The grants of an application that the actor was found to see."""
    rows = conn.execute(
        GRANTS.where(use_grant.c.application_id == application_id).order_by(use_grant.c.id)
    ).all()
    return grant_views(conn, actor, rows)


def grant_views(conn: Connection, actor: Actor, rows: Sequence[Row[Any]]) -> list[GrantView]:
    """Rows of :data:`GRANTS` as they are shown to the actor."""
    people = standing.names(conn, _people(rows))
    return [_view(row, actor, people) for row in rows]


def _people(rows: Sequence[Row[Any]]) -> Iterable[str]:
    for row in rows:
        yield row.operator_id
        yield from row.alternates or ()


def _view(row: Row[Any], actor: Actor, people: Mapping[str, str]) -> GrantView:
    concerned = {row.applicant_id, row.operator_id, *(row.alternates or ())}
    tells = actor.person_id in concerned or actor.may(Role.CUSTODIAN, row.org_path)
    return GrantView(
        id=row.id,
        application_id=row.application_id,
        org_path=row.org_path,
        device_id=row.device_id,
        seal_id=row.seal_id,
        operator=Named(row.operator_id, people.get(row.operator_id, "")),
        alternates=[Named(one, people.get(one, "")) for one in row.alternates or ()],
        job=row.job if tells else None,
        stamps=row.stamps,
        title=row.title,
        not_before=row.not_before,
        not_after=row.not_after,
        state=row.state,
        offline=bool((row.policy or {}).get("offline")),
        use_id=row.use_id,
        issued_at=row.issued_at,
        burnt_at=row.burnt_at,
        ended_at=row.ended_at,
        ended_reason=row.ended_reason,
    )
