"""Shows applications: lists, one with everything about it, and what waits for whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Row

from backend.domain import application_actions as allowed
from backend.domain.actor import Actor
from backend.domain.amounts import to_capital
from backend.domain.application import (
    EDITABLE,
    STATUS_ZH,
    Application,
    Document,
    Status,
    StepState,
)
from backend.domain.application_checks import Facts, problems
from backend.domain.approval import approval_digest
from backend.domain.errors import missing
from backend.services.context import ServiceContext
from backend.services.facts import load_facts
from backend.services.grant_views import grants_of
from backend.services.paging import Page, decode_cursor, page
from backend.services.views import (
    ApplicationRow,
    ApplicationView,
    DocumentView,
    Named,
    ProblemView,
    StepView,
)
from backend.store import application_lists, applications, standing
from backend.store.application_lists import ApplicationFilter


class ApplicationReader:
    """Reads only; every answer is narrowed to what the actor may see (promise 6)."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def list(
        self,
        actor: Actor,
        wanted: ApplicationFilter | None = None,
        *,
        after: str | None = None,
        limit: int | None = None,
    ) -> Page[ApplicationRow]:
        """Newest first; ``after`` is the cursor of the page before.

        Raises:
            DomainError: ``bad_cursor``.
        """
        size = self._context.settings.clamp(limit)
        before = None if after is None else str(decode_cursor(after, (str,))[0])
        with self._context.db.read() as conn:
            found = application_lists.rows(
                conn, actor, wanted or ApplicationFilter(), before, size + 1
            )
        shown = page(found, size, lambda row: (row.id,))
        return Page([_row(row) for row in shown.items], shown.next)

    def get(self, actor: Actor, application_id: str) -> ApplicationView:
        """One application.

        Raises:
            DomainError: ``not_found``, also outside the actor's view.
        """
        with self._context.db.read() as conn:
            return show(conn, self._context, actor, application_id)


def visible(conn: Connection, actor: Actor, application_id: str, *, lock: bool) -> Application:
    """The application, if the actor may see it.

    Raises:
        DomainError: ``not_found``.
    """
    found = applications.load(conn, application_id, lock=lock)
    if found is None or not allowed.may_see(found, actor):
        raise missing("该用印申请", "application")
    return found


def show(
    conn: Connection, context: ServiceContext, actor: Actor, application_id: str
) -> ApplicationView:
    """The whole view, in the caller's transaction; raises as :meth:`ApplicationReader.get`."""
    item = visible(conn, actor, application_id, lock=False)
    row = application_lists.one(conn, application_id)
    assert row is not None  # read in the same transaction
    now = context.now()
    facts = load_facts(conn, context, item, now)
    people = standing.names(conn, _people(item))
    return ApplicationView(
        row=_row(row),
        matter_version=item.matter_version,
        purpose=item.purpose,
        beneficiary=item.beneficiary,
        counterparty=item.counterparty,
        amount_capital=None if item.amount_fen is None else to_capital(item.amount_fen),
        stamps_per_copy=item.stamps_per_copy,
        alternates=[_named(one, people) for one in item.alternates],
        resolution=item.resolution,
        details=dict(item.details),
        extends_id=item.extends_id,
        reason=item.reason,
        wanted_from=item.wanted_from,
        wanted_until=item.wanted_until,
        expires_at=item.expires_at,
        closed_at=item.closed_at,
        reviewed_by=_maybe(item.reviewed_by, people),
        reviewed_at=item.reviewed_at,
        review_outcome=item.review_outcome,
        review_note=item.review_note,
        steps=[_step(step, people) for step in item.steps],
        documents=[_document(one) for one in item.documents],
        grants=grants_of(conn, actor, item.id),
        problems=_problems(item, facts, now),
        actions=list(allowed.possible(item, actor, facts)),
        approval_digest=approval_digest(item).hex(),
    )


def _problems(item: Application, facts: Facts, now: int) -> list[ProblemView]:
    if item.status not in EDITABLE:
        return []
    return [ProblemView(one.field, one.code, one.zh, one.en) for one in problems(item, facts, now)]


def _people(item: Application) -> Iterable[str | None]:
    yield from item.people
    yield item.reviewed_by
    for step in item.steps:
        yield step.assignee_id
        yield step.decided_by


def _row(row: Row[Any]) -> ApplicationRow:
    status = Status(row.status)
    return ApplicationRow(
        id=row.id,
        number=row.number,
        org=Named(row.org_id or "", row.org_name or ""),
        org_path=row.org_path,
        matter=Named(row.matter_id, row.matter_name or row.matter_id),
        seal=Named(row.seal_id, row.seal_name),
        applicant=Named(row.applicant_id, row.applicant_name or ""),
        operator=Named(row.operator_id, row.operator_name or ""),
        status=row.status,
        status_zh=STATUS_ZH[status],
        kind=row.kind,
        title=row.title,
        copies=row.copies,
        stamps=row.stamps,
        amount_fen=row.amount_fen,
        step=row.step_name if status is Status.SUBMITTED else None,
        due_at=row.due_at,
        created_at=row.created_at,
        submitted_at=row.submitted_at,
        decided_at=row.decided_at,
        version=row.version,
    )


def _step(step: StepState, people: Mapping[str, str]) -> StepView:
    return StepView(
        position=step.position,
        name=step.name,
        role=step.role,
        org_path=step.org_path,
        limit_ms=step.limit_ms,
        opened_at=step.opened_at,
        due_at=step.due_at,
        overdue_at=step.overdue_at,
        document_opened=step.document_opened_at is not None,
        assignee=_maybe(step.assignee_id, people),
        decided_by=_maybe(step.decided_by, people),
        decision=None if step.decision is None else step.decision.value,
        reason=step.reason,
        decided_at=step.decided_at,
        signed=step.signature is not None,
    )


def _document(one: Document) -> DocumentView:
    return DocumentView(
        id=one.id,
        kind=one.kind.value,
        name=one.name,
        mime=one.mime,
        size=one.size,
        sha256=one.sha256.hex(),
        picture_id=one.picture_id,
        position=one.position,
        created_at=one.created_at,
    )


def _named(person_id: str, people: Mapping[str, str]) -> Named:
    return Named(person_id, people.get(person_id, ""))


def _maybe(person_id: str | None, people: Mapping[str, str]) -> Named | None:
    return None if person_id is None else _named(person_id, people)
