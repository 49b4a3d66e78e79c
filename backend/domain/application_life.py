"""The life of an application: which command is possible when, by whom, and what follows.

============== ================================================================
draft          → submitted · withdrawn
submitted      → approved · rejected · returned · withdrawn · expired
returned       → submitted · withdrawn · expired
approved       → in_use · expired · voided
in_use         → used · finished_early · voided
used           → closed · voided
finished_early → closed · voided
============== ================================================================

The turns at the sleeve are told by its events (backend.domain.use); a use begun off line in time
also brings an expired application to ``in_use``. What a person ended stays ended: the use of a
voided one shows in its grant and in the register.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from backend.domain import application_steps as steps
from backend.domain.actor import Role
from backend.domain.application import Application, Kind, Status
from backend.domain.application_checks import Facts
from backend.domain.application_commands import (
    Approve,
    Close,
    Command,
    Delegate,
    Expire,
    Explain,
    Happened,
    NoteOverdue,
    OpenPages,
    Outcome,
    Reject,
    Return,
    Review,
    Submit,
    Void,
    Withdraw,
)
from backend.domain.application_guards import expect, stated
from backend.domain.errors import DomainError, conflict, denied


def decide(application: Application, command: Command, facts: Facts, now: int) -> Outcome:
    """What ``command`` does to ``application`` at ``now`` (ms UTC).

    Raises:
        DomainError: ``wrong_status``, ``denied``, ``reason_missing`` …
        Incomplete: with every field to mend.
        AtTheDoor: refused and to be recorded (``forbidden``, ``approver_is_applicant``,
            ``approver_is_custodian``, ``approver_is_operator``).
    """
    outcome = _HANDLERS[type(command)](application, command, facts, now)
    if isinstance(command, OpenPages | NoteOverdue):
        return outcome  # changes nothing that anybody decides by: their version still holds
    return replace(
        outcome, application=replace(outcome.application, version=application.version + 1)
    )


def _void(application: Application, command: Void, facts: Facts, now: int) -> Outcome:
    expect(application, Status.APPROVED, Status.IN_USE, Status.USED, Status.FINISHED_EARLY)
    by = command.by
    unused = application.status is Status.APPROVED
    if not (
        by.may_any((Role.APPROVER, Role.SUPERVISOR), application.org_path)
        or (unused and by.person_id == application.applicant_id)
    ):
        raise denied("只有审批人、监督员或未用印时的申请人可以作废", "you may not void this")
    reason = stated(command.reason)
    gone = replace(application, status=Status.VOIDED, reason=reason, closed_at=now)
    data = {"reason": reason, "was": application.status.value}
    return Outcome(gone, (Happened("application.voided", data),), revoke=True)


def _explain(application: Application, command: Explain, _facts: Facts, _now: int) -> Outcome:
    expect(application, Status.FINISHED_EARLY)
    by = command.by
    if by.person_id not in application.people and not by.may(Role.CUSTODIAN, application.org_path):
        raise denied()
    reason = stated(command.reason)
    told = replace(application, details={**application.details, "explanation": reason})
    return Outcome(told, (Happened("application.explained", {"reason": reason}),))


def _review(application: Application, command: Review, _facts: Facts, now: int) -> Outcome:
    if application.kind is not Kind.EMERGENCY:
        raise conflict("not_an_emergency", "这不是应急用印", "this was no emergency")
    expect(application, *_AFTER_APPROVAL)
    by = command.by
    if not by.may(Role.SUPERVISOR, application.org_path):
        raise denied("应急用印由监督员复核", "a supervisor reviews emergencies")
    if by.person_id in application.people | {step.decided_by for step in application.steps}:
        raise denied("参与应急用印的人不能复核", "who took part may not review")
    if application.reviewed_at is not None:
        raise conflict("already_reviewed", "该应急用印已复核", "it has been reviewed")
    if command.outcome not in ("proper", "improper"):
        raise DomainError("bad_outcome", "请选择“情况属实”或“不当使用”", "proper or improper?")
    note = stated(command.note)
    seen = replace(
        application,
        reviewed_by=by.person_id,
        reviewed_at=now,
        review_outcome=command.outcome,
        review_note=note,
    )
    return Outcome(
        seen, (Happened("emergency.reviewed", {"outcome": command.outcome, "note": note}),)
    )


def _close(application: Application, command: Close, _facts: Facts, now: int) -> Outcome:
    expect(application, Status.USED, Status.FINISHED_EARLY)
    by = command.by
    if by.person_id != application.applicant_id and not by.may_any(
        (Role.CUSTODIAN, Role.SUPERVISOR), application.org_path
    ):
        raise denied()
    if application.kind is Kind.EMERGENCY and application.reviewed_at is None:
        raise conflict("review_first", "应急用印要先由监督员复核", "review the emergency first")
    if application.status is Status.FINISHED_EARLY and not application.details.get("explanation"):
        raise conflict("explain_first", "请先写明提前结束的原因", "say first why it ended early")
    closed = replace(application, status=Status.CLOSED, closed_at=now)
    return Outcome(closed, (Happened("application.closed", {"was": application.status.value}),))


_AFTER_APPROVAL: Final = (
    Status.APPROVED,
    Status.EXPIRED,
    Status.IN_USE,
    Status.USED,
    Status.FINISHED_EARLY,
    Status.VOIDED,
)

_HANDLERS: Final[Mapping[type, Callable[[Application, Any, Facts, int], Outcome]]] = {
    Submit: steps.submit,
    OpenPages: steps.open_pages,
    Approve: steps.approve,
    Reject: steps.reject,
    Return: steps.turn_back,
    Delegate: steps.delegate,
    Withdraw: steps.withdraw,
    Expire: steps.expire,
    NoteOverdue: steps.note_overdue,
    Void: _void,
    Explain: _explain,
    Review: _review,
    Close: _close,
}
