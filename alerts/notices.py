"""Ordinary notices: what a record means for whom, beside any rule.

A finished use is told to who keeps the seal, who stamped and who approved (promise 7); a step that
opens, to its approver; a decision, to the applicant. Permits: `alerts.permit_notices`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from alerts import permit_notices, recipients
from alerts.outbox import Telling
from alerts.wording import Namer
from backend.domain.record import Record
from backend.store.tables import application, application_step, seal_use, use_grant

Notice = Callable[[Connection, Record, Namer, int], list[Telling]]


def tellings(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    """What ``record`` means for whom; mostly nothing."""
    make = _NOTICES.get(record.kind)
    return [] if make is None else make(conn, record, namer, now)


def _use_finished(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    verdict = record.data.get("verdict", {})
    stamps = int(verdict.get("pressed") or verdict.get("reported") or 0)
    if not stamps or record.use_id is None:
        return []
    use = conn.execute(
        select(seal_use.c.operator_id, seal_use.c.stamped_by).where(seal_use.c.id == record.use_id)
    ).one_or_none()
    stamper = use.stamped_by or use.operator_id if use is not None else record.person
    people = [one for one in (stamper, record.person) if one is not None]
    if record.seal is not None:
        people += sorted(recipients.custodians(conn, record.seal, now))
    if record.application is not None:
        people += recipients.approvers_of(conn, record.application)
    fields = namer.fields(
        org_path=record.org_path,
        seal_id=record.seal,
        device=record.device,
        application_id=record.application,
        grant_id=record.grant_id,
        person_id=stamper,
    )
    fields |= {"stamps": stamps, "at": record.at, "happened_at": record.happened_at}
    fields.pop("expires_at", None)
    return [
        Telling(
            kind="use_finished",
            dedupe=record.use_id,
            org_path=record.org_path,
            people=recipients.unique(people),
            fields=fields,
            late=bool(record.data.get("late")),
            application_id=record.application,
            use_id=record.use_id,
        )
    ]


def _step_opened(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    position = 0
    if record.kind == "application.step_approved":
        position = int(record.data.get("position", 0)) + 1
    elif record.kind == "application.delegated":
        position = _open_position(conn, record)
    query = select(application_step).where(
        application_step.c.application_id == record.application,
        application_step.c.position == position,
    )
    step = conn.execute(query).one_or_none()
    if step is None or step.decided_at is not None:
        return []
    people = recipients.seated(conn, step.role, step.org_path, step.assignee_id, now)
    asking = {record.data.get("applicant")}
    fields = _application_fields(record, namer)
    if step.due_at is not None:
        fields["deadline_at"] = step.due_at
    return [
        Telling(
            kind="approval_wanted",
            dedupe=f"{record.application}:{position}:{record.seq}",
            org_path=record.org_path,
            people=recipients.without(people, asking),
            fields=fields,
            application_id=record.application,
        )
    ]


def _open_position(conn: Connection, record: Record) -> int:
    query = select(application.c.step).where(application.c.id == record.application)
    return int(conn.execute(query).scalar() or 0)


_DECIDED: Final[Mapping[str, str]] = {
    "application.approved": "approved",
    "application.rejected": "rejected",
    "application.returned": "returned",
    "application.expired": "expired",
}


def _decided(conn: Connection, record: Record, namer: Namer, now: int) -> list[Telling]:
    fields = _application_fields(record, namer)
    fields["decision"] = _DECIDED[record.kind]
    for name, value in (
        ("approver", namer.person(record.person)),
        ("reason", record.data.get("reason")),
    ):
        if value:
            fields[name] = value
    people = [record.data.get("applicant")]
    if record.kind == "application.approved":
        people.append(record.data.get("operator"))
        if record.seal is not None:
            people += sorted(recipients.custodians(conn, record.seal, now))
        fields |= _grant_fields(conn, record)
    return [
        Telling(
            kind="application_decided",
            dedupe=f"{record.application}:{record.seq}",
            org_path=record.org_path,
            people=recipients.unique(one for one in people if one is not None),
            fields=fields,
            application_id=record.application,
        )
    ]


def _grant_fields(conn: Connection, record: Record) -> dict[str, Any]:
    query = (
        select(use_grant.c.job, use_grant.c.not_after)
        .where(use_grant.c.application_id == record.application)
        .order_by(use_grant.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return {} if row is None else {"job_code": row.job, "expires_at": row.not_after}


def _application_fields(record: Record, namer: Namer) -> dict[str, Any]:
    fields = namer.fields(
        org_path=record.org_path, seal_id=record.seal, application_id=record.application
    )
    stamps = record.data.get("stamps")
    return {**fields, **({"stamps": stamps} if stamps else {}), "at": record.at}


_NOTICES: Final[Mapping[str, Notice]] = {
    "event.use_finished": _use_finished,
    "application.submitted": _step_opened,
    "application.step_approved": _step_opened,
    "application.delegated": _step_opened,
    **dict.fromkeys(_DECIDED, _decided),
    "permit.wanted": permit_notices.wanted,
    "permit.approved": permit_notices.decided,
    "permit.rejected": permit_notices.decided,
}

KINDS: Final = frozenset(_NOTICES)
"""The records that mean a notice."""
