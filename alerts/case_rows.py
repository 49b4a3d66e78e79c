"""Rows and records of cases, for those who decide about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, select

from alerts import case_life
from alerts.case_life import Case, Stage
from backend.domain.actor import Actor
from backend.domain.errors import missing
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store.tables import alert, alert_note


def lock(conn: Connection, actor: Actor, alert_id: str) -> tuple[Row[Any], Case]:
    """An alert's row, locked, and its case.

    Raises:
        DomainError: ``not_found``, also outside the actor's view.
    """
    row = conn.execute(select(alert).where(alert.c.id == alert_id).with_for_update()).one_or_none()
    if row is None:
        raise missing("该预警", "alert")
    case = case_of(row)
    if not case_life.may_see(case, actor):
        raise missing("该预警", "alert")
    return row, case


def case_of(row: Row[Any]) -> Case:
    """A case from an alert's row."""
    return Case(
        org_path=row.org_path,
        stage=Stage(row.stage),
        version=row.version,
        assignee_id=row.assignee_id,
        about=frozenset(
            one
            for one in (row.person, row.data.get("who"), row.data.get("operator"))
            if one is not None
        ),
    )


def add_note(
    conn: Connection,
    context: ServiceContext,
    alert_id: str,
    actor: Actor,
    kind: str,
    text: str,
    data: Mapping[str, Any],
) -> None:
    """``kind``: ``comment`` or ``transition``."""
    conn.execute(
        alert_note.insert(),
        {
            "id": context.new_id(),
            "alert_id": alert_id,
            "person_id": actor.person_id,
            "kind": kind,
            "text": text,
            "data": dict(data),
            "at": context.now(),
        },
    )


def record_of(
    row: Row[Any], actor: Actor, stage: Stage, before: Stage, data: Mapping[str, Any], now: int
) -> Record:
    """What a step leaves in the journal: ids and codes; the words stay in the note."""
    return Record(
        kind=f"alert.{stage.value}",
        org_path=row.org_path,
        at=now,
        happened_at=now,
        device=row.device,
        seal=row.seal,
        application=row.application,
        grant_id=row.grant_id,
        use_id=row.use_id,
        person=actor.person_id,
        data={
            "alert": row.id,
            "code": row.code,
            "dedupe": row.dedupe,
            "severity": row.severity,
            "from": before.value,
            **data,
        },
    )
