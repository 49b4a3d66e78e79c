"""Who may, and when: the conditions that the decisions about applications share."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from backend.domain.actor import Actor, Role
from backend.domain.application import (
    EMERGENCY_ROLE,
    STATUS_ZH,
    Application,
    Kind,
    Status,
    StepState,
)
from backend.domain.application_checks import AtTheDoor, Facts
from backend.domain.errors import DomainError, conflict, denied

MIN_REASON: Final = 2
MAX_REASON: Final = 500


def seat(application: Application, by: Actor, facts: Facts) -> StepState:
    """The open step, if ``by`` is the one to decide it.

    Raises:
        DomainError: ``wrong_status``, ``denied``.
        AtTheDoor: see :func:`no_conflict`.
    """
    step = application.open_step
    if step is None:
        raise wrong_status(application)
    if step.role == EMERGENCY_ROLE:
        seated = by.may_any((Role.APPROVER, Role.SUPERVISOR), step.org_path)
    elif step.assignee_id is not None:
        seated = by.person_id == step.assignee_id and by.may(Role.APPROVER, step.org_path)
    else:
        # Decided where the step stands: somebody higher up does not skip the village.
        seated = by.sits_at(Role.APPROVER, step.org_path)
    if not seated:
        raise denied("该环节不由您审批", "this step is not yours to decide")
    no_conflict(application, by, facts)
    return step


def no_conflict(application: Application, by: Actor, facts: Facts) -> None:
    """Whoever asks, keeps the seal or stamps does not approve (C26).

    Raises:
        AtTheDoor: ``approver_is_applicant``, ``approver_is_custodian``, ``approver_is_operator``.
        DomainError: ``denied`` to who decided an earlier step.
    """
    if by.person_id == application.applicant_id:
        raise AtTheDoor(
            "approver_is_applicant",
            "不能审批自己提出的申请，请转交其他审批人",
            "an approver may not approve their own application",
            "denied",
        )
    if by.person_id in facts.seal.custodians:
        raise AtTheDoor(
            "approver_is_custodian",
            "保管印章的人不能审批用印，请转交其他审批人",
            "the custodian of the seal may not approve its use",
            "denied",
        )
    emergency = application.kind is Kind.EMERGENCY
    if by.person_id in application.people and (emergency or not facts.rules.approver_may_stamp):
        raise AtTheDoor(
            "approver_is_operator",
            "用章人不能审批自己要盖的章，请转交其他审批人",
            "the operator may not approve what they will stamp",
            "denied",
        )
    if any(step.decided_by == by.person_id for step in application.steps):
        raise denied("同一个人不能审批两个环节，请转交他人", "one person, one step")


def with_step(application: Application, **changes: Any) -> Application:
    """The application with its current step changed."""
    steps = list(application.steps)
    steps[application.step] = replace(steps[application.step], **changes)
    return replace(application, steps=tuple(steps))


def only_applicant(application: Application, by: Actor) -> None:
    """Refuse anybody else.

    Raises:
        DomainError: ``denied``.
    """
    if by.person_id != application.applicant_id:
        raise denied("只有申请人本人可以操作", "only the applicant may do this")


def stated(reason: str) -> str:
    """A reason that says something.

    Raises:
        DomainError: ``reason_missing``.
    """
    reason = reason.strip()
    if not MIN_REASON <= len(reason) <= MAX_REASON:
        raise DomainError(
            "reason_missing",
            f"请用{MIN_REASON}到{MAX_REASON}个字写明原因",
            f"state the reason in {MIN_REASON} to {MAX_REASON} characters",
        )
    return reason


def expect(application: Application, *statuses: Status) -> None:
    """Refuse unless the application stands in one of ``statuses``.

    Raises:
        DomainError: ``wrong_status``.
    """
    if application.status not in statuses:
        raise wrong_status(application)


def wrong_status(application: Application) -> DomainError:
    """The refusal of a command that the status does not allow."""
    return conflict(
        "wrong_status",
        f"申请现在是“{STATUS_ZH[application.status]}”，不能这样操作",
        f"the application is {application.status.value}; this is not possible now",
    )
