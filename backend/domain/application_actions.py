"""What somebody may do with an application right now: so that a page offers only what works."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from backend.domain.actor import Actor, Role
from backend.domain.application import EDITABLE, EMERGENCY_ROLE, Application, Kind, Status
from backend.domain.application_checks import Facts
from backend.domain.application_guards import seat
from backend.domain.errors import DomainError

_Rule = Callable[[Application, Actor], bool]

READERS: Final = (Role.CUSTODIAN, Role.APPROVER, Role.SUPERVISOR)
"""Who sees the applications of a branch; everybody sees those that they take part in."""


def may_see(application: Application, actor: Actor) -> bool:
    """Whether the application is within the actor's view (promise 6). A draft is its applicant's
    alone."""
    if application.status is Status.DRAFT:
        return _own(application, actor)
    return actor.person_id in application.people or actor.may_any(READERS, application.org_path)


def possible(application: Application, actor: Actor, facts: Facts) -> tuple[str, ...]:
    """The commands that ``actor`` could give now; deciding still checks each of them."""
    found = [name for name, rule in _RULES.items() if rule(application, actor)]
    try:
        step = seat(application, actor, facts)
    except DomainError:
        return tuple(found)
    found += ["approve", "reject", "return"]
    if step.role != EMERGENCY_ROLE:
        found.append("delegate")
    return tuple(found)


def _own(application: Application, actor: Actor) -> bool:
    return actor.person_id == application.applicant_id


def _void(application: Application, actor: Actor) -> bool:
    if application.status is Status.APPROVED and _own(application, actor):
        return True
    return application.status in (
        Status.APPROVED,
        Status.IN_USE,
        Status.USED,
        Status.FINISHED_EARLY,
    ) and actor.may_any((Role.APPROVER, Role.SUPERVISOR), application.org_path)


def _explain(application: Application, actor: Actor) -> bool:
    return (
        application.status is Status.FINISHED_EARLY
        and not application.details.get("explanation")
        and (
            actor.person_id in application.people or actor.may(Role.CUSTODIAN, application.org_path)
        )
    )


def _close(application: Application, actor: Actor) -> bool:
    early = application.status is Status.FINISHED_EARLY
    if application.status is not Status.USED and not early:
        return False
    if early and not application.details.get("explanation"):
        return False
    if application.kind is Kind.EMERGENCY and application.reviewed_at is None:
        return False
    return _own(application, actor) or actor.may_any(
        (Role.CUSTODIAN, Role.SUPERVISOR), application.org_path
    )


def _review(application: Application, actor: Actor) -> bool:
    took_part = application.people | {step.decided_by for step in application.steps}
    return (
        application.kind is Kind.EMERGENCY
        and application.decided_at is not None
        and application.status is not Status.REJECTED
        and application.reviewed_at is None
        and actor.person_id not in took_part
        and actor.may(Role.SUPERVISOR, application.org_path)
    )


def _extend(application: Application, actor: Actor) -> bool:
    return application.status in EXTENDABLE and actor.may_any(
        (Role.APPLICANT, Role.CUSTODIAN), application.org_path
    )


EXTENDABLE: Final = frozenset({Status.APPROVED, Status.IN_USE, Status.USED, Status.FINISHED_EARLY})
"""More stamps may be asked for while an application stands here."""

_RULES: Final[dict[str, _Rule]] = {
    "edit": lambda one, by: one.status in EDITABLE and _own(one, by),
    "submit": lambda one, by: one.status in EDITABLE and _own(one, by),
    "withdraw": lambda one, by: one.status in (*EDITABLE, Status.SUBMITTED) and _own(one, by),
    "void": _void,
    "explain": _explain,
    "review": _review,
    "close": _close,
    "extend": _extend,
}
