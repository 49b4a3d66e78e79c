"""Rows of applications, their steps and documents.

Lock order for whoever touches several: sleeve, grant, application, running number, log head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from backend.domain.application import (
    Application,
    Decision,
    Document,
    DocumentKind,
    Kind,
    Status,
    StepState,
)
from backend.store.tables import application, application_step, document

_DERIVED: Final = ("stamps_per_copy", "steps", "documents")
_STEP_COLUMNS: Final = tuple(field.name for field in fields(StepState))
_PLAIN: Final = tuple(field.name for field in fields(Application) if field.name not in _DERIVED)


def insert(conn: Connection, item: Application) -> None:
    """A new application with its documents."""
    conn.execute(application.insert(), _row(item))
    insert_documents(conn, item.id, item.documents)


def save(conn: Connection, old: Application, new: Application) -> None:
    """``new`` in the place of ``old``, which this transaction has locked."""
    conn.execute(update(application).where(application.c.id == new.id), _row(new))
    if new.steps != old.steps:
        conn.execute(delete(application_step).where(application_step.c.application_id == new.id))
        if new.steps:
            conn.execute(
                application_step.insert(),
                [
                    {
                        **{name: getattr(step, name) for name in _STEP_COLUMNS},
                        "application_id": new.id,
                        "signature_info": dict(step.signature_info),
                    }
                    for step in new.steps
                ],
            )


def load(conn: Connection, application_id: str, *, lock: bool = False) -> Application | None:
    """One application with its steps and documents."""
    return load_many(conn, [application_id], lock=lock).get(application_id)


def load_many(
    conn: Connection, ids: Sequence[str], *, lock: bool = False
) -> dict[str, Application]:
    """Applications by id, locked in id order when this transaction will change them."""
    if not ids:
        return {}
    query = select(application).where(application.c.id.in_(ids)).order_by(application.c.id)
    rows = conn.execute(query.with_for_update() if lock else query).all()
    steps: dict[str, list[StepState]] = {row.id: [] for row in rows}
    papers: dict[str, list[Document]] = {row.id: [] for row in rows}
    for row in conn.execute(
        select(application_step)
        .where(application_step.c.application_id.in_(steps))
        .order_by(application_step.c.position)
    ):
        steps[row.application_id].append(_step(row))
    for row in conn.execute(
        select(document)
        .where(document.c.application_id.in_(papers))
        .order_by(document.c.position, document.c.id)
    ):
        papers[row.application_id].append(to_document(row))
    return {
        row.id: to_application(row, tuple(steps[row.id]), tuple(papers[row.id])) for row in rows
    }


def insert_documents(conn: Connection, application_id: str, papers: Sequence[Document]) -> None:
    """Documents of an application."""
    if papers:
        conn.execute(
            document.insert(),
            [
                {
                    "id": one.id,
                    "application_id": application_id,
                    "position": one.position,
                    "kind": one.kind.value,
                    "name": one.name,
                    "mime": one.mime,
                    "size": one.size,
                    "sha256": one.sha256,
                    "picture_id": one.picture_id,
                    "created_at": one.created_at,
                }
                for one in papers
            ],
        )


def delete_document(conn: Connection, application_id: str, document_id: str) -> bool:
    """Take a paper out; whether it was there."""
    gone = conn.execute(
        delete(document).where(
            document.c.id == document_id, document.c.application_id == application_id
        )
    )
    return gone.rowcount > 0


def waited_in_vain(conn: Connection, now: int, limit: int) -> list[str]:
    """Ids of applications that waited for approval until their time was over."""
    query = (
        select(application.c.id)
        .where(
            application.c.status.in_([Status.SUBMITTED.value, Status.RETURNED.value]),
            application.c.expires_at <= now,
        )
        .order_by(application.c.id)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def newly_overdue(conn: Connection, now: int, limit: int) -> list[str]:
    """Ids of applications whose open step missed its deadline, not yet noted."""
    query = (
        select(application.c.id)
        .join(
            application_step,
            (application_step.c.application_id == application.c.id)
            & (application_step.c.position == application.c.step),
        )
        .where(
            application.c.status == Status.SUBMITTED.value,
            application.c.due_at < now,
            application_step.c.overdue_at.is_(None),
        )
        .order_by(application.c.id)
        .limit(limit)
    )
    return list(conn.execute(query).scalars())


def _row(item: Application) -> dict[str, Any]:
    row = {name: getattr(item, name) for name in _PLAIN}
    return row | {
        "status": item.status.value,
        "kind": item.kind.value,
        "alternates": list(item.alternates),
        "details": dict(item.details),
        "stamps": item.stamps,
    }


def to_application(
    row: Row[Any], steps: tuple[StepState, ...], papers: tuple[Document, ...]
) -> Application:
    """An application from its row and theirs."""
    values = row._asdict()
    plain: dict[str, Any] = {name: values[name] for name in _PLAIN}
    return Application(
        **plain
        | {
            "status": Status(row.status),
            "kind": Kind(row.kind),
            "alternates": tuple(row.alternates or ()),
            "details": row.details or {},
            "stamps_per_copy": row.stamps // max(row.copies, 1),
            "steps": steps,
            "documents": papers,
        }
    )


def _step(row: Row[Any]) -> StepState:
    values = row._asdict()
    plain: dict[str, Any] = {name: values[name] for name in _STEP_COLUMNS}
    return StepState(
        **plain
        | {
            "decision": None if row.decision is None else Decision(row.decision),
            "signature_info": row.signature_info or {},
        }
    )


def to_document(row: Row[Any]) -> Document:
    """A document from its row."""
    return Document(
        id=row.id,
        kind=DocumentKind(row.kind),
        name=row.name,
        mime=row.mime,
        size=row.size,
        sha256=bytes(row.sha256),
        picture_id=row.picture_id,
        position=row.position,
        created_at=row.created_at,
    )
