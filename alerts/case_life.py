"""The life of a case: new → acknowledged → assigned → rectifying → closed, or a false alarm.

Pure. Who may do what is decided here; scope by the branch in which the alert lies (promise 6), and
nobody ends a case about themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, denied


class Stage(StrEnum):
    """Where a case stands."""

    NEW = "new"
    ACKNOWLEDGED = "acknowledged"
    ASSIGNED = "assigned"
    RECTIFYING = "rectifying"
    CLOSED = "closed"
    FALSE_ALARM = "false_alarm"


STAGE_ZH: Final[dict[Stage, str]] = {
    Stage.NEW: "待处理",
    Stage.ACKNOWLEDGED: "已受理",
    Stage.ASSIGNED: "已交办",
    Stage.RECTIFYING: "整改中",
    Stage.CLOSED: "已销号",
    Stage.FALSE_ALARM: "误报",
}

OPEN: Final = frozenset({Stage.NEW, Stage.ACKNOWLEDGED, Stage.ASSIGNED, Stage.RECTIFYING})
READERS: Final = (Role.SUPERVISOR, Role.APPROVER)
"""Roles whose branch shows its alerts; an assignee sees their own, wherever they sit."""

MIN_TEXT: Final = 2
MAX_TEXT: Final = 2_000


class Action(StrEnum):
    """What may be done with a case; also the last part of its record's kind."""

    ACKNOWLEDGE = "acknowledged"
    ASSIGN = "assigned"
    RECTIFY = "rectifying"
    CLOSE = "closed"
    FALSE_ALARM = "false_alarm"


_FROM: Final[dict[Action, frozenset[Stage]]] = {
    Action.ACKNOWLEDGE: frozenset({Stage.NEW}),
    Action.ASSIGN: OPEN,
    Action.RECTIFY: frozenset({Stage.ACKNOWLEDGED, Stage.ASSIGNED, Stage.RECTIFYING}),
    Action.CLOSE: OPEN - {Stage.NEW},
    Action.FALSE_ALARM: OPEN,
}


@dataclass(frozen=True, slots=True)
class Case:
    """What deciding needs of an alert. ``about``: the people whom it is about."""

    org_path: str
    stage: Stage
    version: int
    assignee_id: str | None
    about: frozenset[str]


def may_see(case: Case, actor: Actor) -> bool:
    """Whether the case is in the actor's view."""
    return actor.person_id == case.assignee_id or actor.may_any(READERS, case.org_path)


def decide(case: Case, actor: Actor, action: Action, version: int | None) -> Stage:
    """The stage that ``action`` leads to.

    Raises:
        DomainError: ``denied``, ``wrong_stage``, ``changed_meanwhile``, ``own_case``.
    """
    _may(case, actor, action)
    if case.stage not in _FROM[action]:
        raise conflict(
            "wrong_stage",
            f"这件预警现在是“{STAGE_ZH[case.stage]}”，不能这样操作",
            f"the case is {case.stage.value}; this is not possible now",
        )
    if version is not None and version != case.version:
        raise conflict(
            "changed_meanwhile",
            "这件预警刚被别人处理过，请刷新后再操作",
            "somebody else has dealt with it meanwhile; look again",
        )
    return Stage(action.value)


def _may(case: Case, actor: Actor, action: Action) -> None:
    supervisor = actor.may(Role.SUPERVISOR, case.org_path)
    if action is Action.RECTIFY:
        allowed = supervisor or actor.person_id == case.assignee_id
    elif action is Action.ACKNOWLEDGE:
        allowed = supervisor or actor.may(Role.APPROVER, case.org_path)
    else:
        allowed = supervisor
    if not allowed:
        raise denied(
            "只有监督员（或承办人）可以这样处理预警", "a supervisor of the branch does this"
        )
    if action in (Action.CLOSE, Action.FALSE_ALARM) and actor.person_id in case.about:
        raise denied(
            "不能了结与本人有关的预警，请交其他监督员", "nobody ends a case about themselves"
        )


def may_add_evidence(case: Case, actor: Actor) -> None:
    """Supervisors of the branch and the assignee, while the case is open.

    Raises:
        DomainError: ``denied``, ``wrong_stage``.
    """
    if case.stage not in OPEN:
        raise conflict("wrong_stage", "这件预警已经了结，不能再加材料", "the case is over")
    if not (actor.may(Role.SUPERVISOR, case.org_path) or actor.person_id == case.assignee_id):
        raise denied("只有监督员或承办人可以上传材料", "a supervisor or the assignee does this")


def stated(text: str, what_zh: str, what_en: str) -> str:
    """Words that say something.

    Raises:
        DomainError: ``text_missing``.
    """
    text = text.strip()
    if not MIN_TEXT <= len(text) <= MAX_TEXT:
        raise DomainError(
            "text_missing",
            f"请用{MIN_TEXT}到{MAX_TEXT}个字写明{what_zh}",
            f"state {what_en} in {MIN_TEXT} to {MAX_TEXT} characters",
        )
    return text
