"""From submission to the last approval: the steps of a chain and their deadlines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from backend.domain.actor import Actor, Role
from backend.domain.application import (
    EDITABLE,
    EMERGENCY_ROLE,
    Application,
    Decision,
    Kind,
    Status,
    StepState,
)
from backend.domain.application_checks import (
    Facts,
    Incomplete,
    planned,
    problems,
    refuse_forbidden,
)
from backend.domain.application_commands import (
    Approve,
    Delegate,
    Expire,
    Happened,
    NoteOverdue,
    OpenPages,
    Outcome,
    Reject,
    Return,
    Submit,
    Withdraw,
)
from backend.domain.application_guards import (
    MAX_REASON,
    expect,
    no_conflict,
    only_applicant,
    seat,
    stated,
    with_step,
)
from backend.domain.approval import approval_digest, paper_hashes
from backend.domain.errors import DomainError, conflict


def submit(application: Application, command: Submit, facts: Facts, now: int) -> Outcome:
    """Hand in, and open the first step."""
    expect(application, *EDITABLE)
    only_applicant(application, command.by)
    refuse_forbidden(application, facts)
    found = problems(application, facts, now)
    if found:
        raise Incomplete(found)
    steps = (
        _emergency_step(facts) if application.kind is Kind.EMERGENCY else _steps(application, facts)
    )
    submitted = replace(
        application,
        status=Status.SUBMITTED,
        number=application.number or command.number,
        matter_version=facts.matter.version,
        steps=steps,
        step=0,
        reason=None,
        submitted_at=now,
        expires_at=_end_of_waiting(application, facts, now),
        decided_at=None,
    )
    happened = Happened(
        "application.submitted",
        {
            "page_hashes": list(paper_hashes(submitted)),
            "details_commit": approval_digest(submitted),
            "amount_fen": submitted.amount_fen,
            "extends": submitted.extends_id,
            "steps": [step.name for step in steps],
            **_waits(steps[0] if steps else None),
        },
    )
    if not steps:
        # By rule, not by a person: recorded as such.
        approved = replace(submitted, status=Status.APPROVED, decided_at=now, due_at=None)
        by_rule = Happened("application.approved", {"by_rule": "custodian_alone", "took_ms": 0})
        return Outcome(approved, (happened, by_rule), issue=True)
    return Outcome(_opened(submitted, facts, now), (happened,))


def _steps(application: Application, facts: Facts) -> tuple[StepState, ...]:
    return tuple(
        StepState(position, step.role.value, path, step.name, step.limit_ms)
        for position, (step, path) in enumerate(planned(application, facts))
    )


def _emergency_step(facts: Facts) -> tuple[StepState, ...]:
    limit = facts.rules.emergency_confirm_ms
    return (StepState(0, EMERGENCY_ROLE, facts.seal.org_path, "应急第二人确认", limit),)


def _opened(application: Application, facts: Facts, now: int) -> Application:
    step = application.steps[application.step]
    # An emergency does not wait for office hours.
    due = (
        now + step.limit_ms
        if step.role == EMERGENCY_ROLE
        else facts.calendar.after_working(now, step.limit_ms)
    )
    return replace(with_step(application, opened_at=now, due_at=due), due_at=due)


def _waits(step: StepState | None) -> dict[str, Any]:
    """Whose turn it is now: whoever tells people reads it."""
    return {} if step is None else {"next_step": step.name, "next_at": step.org_path}


def _end_of_waiting(application: Application, facts: Facts, now: int) -> int:
    latest = now + facts.matter.life_ms
    return latest if application.wanted_until is None else min(latest, application.wanted_until)


def open_pages(application: Application, command: OpenPages, facts: Facts, now: int) -> Outcome:
    """The approver of the open step has the papers before them."""
    step = seat(application, command.by, facts)
    if step.document_opened_at is not None:
        return Outcome(application)
    return Outcome(with_step(application, document_opened_at=now))


def approve(application: Application, command: Approve, facts: Facts, now: int) -> Outcome:
    """The open step is passed; the next one opens, or the application is approved."""
    step = seat(application, command.by, facts)
    if application.expires_at is not None and now >= application.expires_at:
        raise conflict(
            "application_expired",
            "申请已超过有效期，请申请人重新提交",
            "the application's time is over; it must be submitted again",
        )
    if facts.matter.signed and command.signature is None and application.kind is not Kind.EMERGENCY:
        raise DomainError(
            "signature_required",
            "本事项要用您自己的密钥签名才能批准；还没有密钥的，请先在“我的设置”里登记",
            "this matter needs your own signature; register a key of yours first",
        )
    decided = _decided(application, command.by, Decision.APPROVED, command.reason or None, now)
    decided = with_step(
        decided, signature=command.signature, signature_info=dict(command.signature_info)
    )
    after = application.steps[step.position + 1 :]
    said = Happened(
        "application.step_approved",
        _step_data(decided.steps[step.position], command.by)
        | {"signed": command.signature is not None, "approval": approval_digest(application)}
        | ({"signature": dict(command.signature_info)} if command.signature is not None else {})
        | _waits(after[0] if after else None),
    )
    if after:
        following = replace(decided, step=step.position + 1)
        return Outcome(_opened(following, facts, now), (said,))
    approved = replace(decided, status=Status.APPROVED, decided_at=now, due_at=None)
    done = Happened(
        "application.approved",
        {
            "took_ms": now - (application.submitted_at or now),
            "document_opened": all(one.document_opened_at is not None for one in approved.steps),
            "step_count": len(approved.steps),
            "page_hashes": list(paper_hashes(approved)),
        },
    )
    happened: tuple[Happened, ...] = (said, done)
    if application.kind is Kind.EMERGENCY:
        opened = Happened(
            "emergency.opened",
            {
                "opened_by": application.applicant_id,
                "confirmed_by": command.by.person_id,
                "reason": application.details.get("emergency", ""),
            },
        )
        happened = (*happened, opened)
    return Outcome(approved, happened, issue=True)


def reject(application: Application, command: Reject, facts: Facts, now: int) -> Outcome:
    """The end of it."""
    return _turned_down(application, command, facts, now, Decision.REJECTED, Status.REJECTED)


def turn_back(application: Application, command: Return, facts: Facts, now: int) -> Outcome:
    """Back to the applicant for more."""
    return _turned_down(application, command, facts, now, Decision.RETURNED, Status.RETURNED)


def _turned_down(
    application: Application,
    command: Reject | Return,
    facts: Facts,
    now: int,
    decision: Decision,
    status: Status,
) -> Outcome:
    step = seat(application, command.by, facts)
    reason = stated(command.reason)
    decided = _decided(application, command.by, decision, reason, now)
    ended = replace(decided, status=status, reason=reason, due_at=None)
    if status is Status.REJECTED:
        ended = replace(ended, decided_at=now)
    data = _step_data(decided.steps[step.position], command.by) | {"reason": reason}
    return Outcome(ended, (Happened(f"application.{decision.value}", data),))


def delegate(application: Application, command: Delegate, facts: Facts, now: int) -> Outcome:
    """The open step is given to somebody else."""
    step = seat(application, command.by, facts)
    reason = stated(command.reason)
    if step.role == EMERGENCY_ROLE:
        raise conflict("not_delegable", "应急确认不能转交", "an emergency is not delegated")
    if command.to.person_id == command.by.person_id or not command.to.may(
        Role.APPROVER, step.org_path
    ):
        raise DomainError(
            "bad_delegate",
            "只能转交给本组织或上级组织的其他审批人",
            "delegate to another approver of this organisation or of one above it",
        )
    no_conflict(application, command.to, facts)
    given = with_step(
        application,
        assignee_id=command.to.person_id,
        delegated_by=command.by.person_id,
        document_opened_at=None,
    )
    data = {"step": step.name, "to": command.to.person_id, "reason": reason}
    return Outcome(given, (Happened("application.delegated", data),))


def withdraw(application: Application, command: Withdraw, _facts: Facts, now: int) -> Outcome:
    """The applicant takes it back."""
    expect(application, Status.DRAFT, Status.SUBMITTED, Status.RETURNED)
    only_applicant(application, command.by)
    gone = replace(
        application,
        status=Status.WITHDRAWN,
        reason=command.reason.strip()[:MAX_REASON] or None,
        due_at=None,
        closed_at=now,
    )
    if application.number is None:
        return Outcome(gone)  # nobody but the applicant ever saw the draft
    return Outcome(gone, (Happened("application.withdrawn", {"reason": gone.reason or ""}),))


def expire(application: Application, _command: Expire, facts: Facts, now: int) -> Outcome:
    """Nobody decided, or nobody stamped, in time."""
    expect(application, Status.SUBMITTED, Status.RETURNED, Status.APPROVED)
    waiting = application.status is not Status.APPROVED
    if waiting and (application.expires_at is None or now < application.expires_at):
        raise conflict("not_due", "尚未到期", "its time is not over")
    step = application.open_step
    waited = {} if step is None else {"step": step.name}
    gone = replace(application, status=Status.EXPIRED, due_at=None, closed_at=now)
    data = {"was": application.status.value, **waited}
    return Outcome(gone, (Happened("application.expired", data),))


def note_overdue(
    application: Application, _command: NoteOverdue, _facts: Facts, now: int
) -> Outcome:
    """The open step's deadline was missed; said once for each step (C28)."""
    step = application.open_step
    if step is None or step.due_at is None or now <= step.due_at or step.overdue_at is not None:
        raise conflict("not_due", "尚未到期", "its time is not over")
    data = {
        "step": step.name,
        "position": step.position,
        "at": step.org_path,
        "assignee": step.assignee_id,
        "opened_at": step.opened_at,
        "due_at": step.due_at,
    }
    noted = with_step(application, overdue_at=now)
    return Outcome(noted, (Happened("application.overdue", data),))


def _decided(
    application: Application, by: Actor, decision: Decision, reason: str | None, now: int
) -> Application:
    return with_step(
        application, decided_by=by.person_id, decision=decision, reason=reason, decided_at=now
    )


def _step_data(step: StepState, by: Actor) -> dict[str, Any]:
    opened, decided = step.opened_at or 0, step.decided_at or 0
    return {
        "step": step.name,
        "position": step.position,
        "at": step.org_path,
        "approver": by.person_id,
        "took_ms": decided - opened,
        "document_opened": step.document_opened_at is not None,
        "late": step.due_at is not None and decided > step.due_at,
        "delegated_by": step.delegated_by,
    }
