"""Notification rules of an organisation: which alert goes to whom, how, and when it goes up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import service
from backend.domain.actor import Role
from backend.domain.calendar import DAY_MS, HOUR_MS, MINUTE_MS
from backend.domain.errors import DomainError
from backend.domain.notice_rule import (
    ANY,
    ESCALATED_TO,
    MOST_STEPS,
    NOTHING,
    SEVERITIES,
    TARGETS,
    Escalation,
    NoticeRule,
)
from backend.services.notice_rules import NoticeRuleService
from backend.web.admin import admin_of
from backend.web.i18n import mark
from backend.web.numbers import number
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

ALL: Final = "all"
"""In addresses: every alert."""

TARGET: Final[Mapping[str, str]] = {
    "approver": mark("本单位审批人"),
    "custodian": mark("印章保管人"),
    "village": mark("村社监督员"),
    "town": mark("镇街监督员"),
    "district": mark("区县监督员"),
    "admins": mark("系统管理员"),
}
UNIT: Final[Mapping[str, tuple[int, str]]] = {
    "minutes": (MINUTE_MS, mark("分钟")),
    "hours": (HOUR_MS, mark("小时")),
    "days": (DAY_MS, mark("天")),
}
_ROWS: Final = 3

Rules = Annotated[NoticeRuleService, service(NoticeRuleService)]

router = pages()


@router.get("/admin/orgs/{org_id}/notices")
def notices_page(
    request: Request, who: Concerned, web: WebPort, rules: Rules, org_id: str
) -> Response:
    """Every alert, with what holds for it here."""
    values = _frame(web, who, org_id) | {"rules": rules.find(who.actor, org_id)}
    return page(request, web, who, "notice_rules.html", values)


@router.get("/admin/orgs/{org_id}/notices/{name}")
def notice_page(
    request: Request, who: Concerned, web: WebPort, rules: Rules, org_id: str, name: str
) -> Response:
    """One alert: what holds, what is said here."""
    own = rules.get(who.actor, org_id, _code(name)).own
    return _show(request, web, who, rules, org_id, name, own)


async def _sent(request: Request) -> FormData:
    return await request.form()


Sent = Annotated[FormData, Depends(_sent)]


@router.post("/admin/orgs/{org_id}/notices/{name}")
def save_notice(
    request: Request,
    who: Concerned,
    web: WebPort,
    rules: Rules,
    sent: Sent,
    org_id: str,
    name: str,
) -> Response:
    """Say it from now on; ``do=clear`` takes it back."""
    rule = NOTHING
    try:
        if sent.get("do") != "clear":
            rule = _rule(sent)
        rules.save(who.actor, org_id, _code(name), rule)
    except DomainError as error:
        showable(error)
        return _show(request, web, who, rules, org_id, name, rule, error)
    return go(f"/admin/orgs/{org_id}/notices")


def _code(name: str) -> str:
    return ANY if name == ALL else name


def _rule(sent: FormData) -> NoticeRule:
    told, channels = sent.getlist("told"), sent.getlist("channels")
    return NoticeRule(
        severity=str(sent.get("severity") or "") or None,
        told=tuple(one for one in TARGETS if one in told),
        channels=tuple(str(one) for one in channels),
        at_once=sent.get("at_once") == "1",
        escalation=tuple(step for place in range(MOST_STEPS) for step in _step(sent, place)),
    )


def _step(sent: FormData, place: int) -> list[Escalation]:
    """The step in one row of the form; an empty row is none."""
    delay = number(str(sent.get(f"s{place}_after", ""))[:12])
    chosen = sent.getlist(f"s{place}_to")
    targets = tuple(one for one in ESCALATED_TO if one in chosen)
    if delay is None and not targets:
        return []
    size, _ = UNIT.get(str(sent.get(f"s{place}_unit", "")), UNIT["minutes"])
    return [Escalation(round((delay or 0) * size), targets)]


def _frame(web: Web, who: Concerned, org_id: str) -> dict[str, Any]:
    org = admin_of(web).organisations.get(who.actor, org_id)
    return {
        "org": org,
        "tab": "notices",
        "targets": TARGET,
        "span": _span,
        "units": UNIT,
        "administers": who.actor.may(Role.ADMIN, org.path),
        "top": org.level == "district",
        "error": None,
    }


def _show(
    request: Request,
    web: Web,
    who: Concerned,
    rules: NoticeRuleService,
    org_id: str,
    name: str,
    own: NoticeRule,
    error: DomainError | None = None,
) -> Response:
    rows = [_row(step) for step in own.escalation]
    values = _frame(web, who, org_id) | {
        "rule": rules.get(who.actor, org_id, _code(name)),
        "own": own,
        "name": name,
        "rows": [*rows, *([("", "minutes", ())] * (_ROWS - len(rows)))],
        "severities": SEVERITIES,
        "escalated_to": ESCALATED_TO,
        "channels": [one for one in rules.defaults.channels if one != "console"],
        "never_held": _code(name) in rules.defaults.at_once,
        "error": error,
    }
    return page(request, web, who, "notice_rule.html", values, 422 if error else 200)


def _row(step: Escalation) -> tuple[str, str, tuple[str, ...]]:
    """A step as typed: a number, its unit, who is told."""
    return *_span(step.after_ms), step.targets


def _span(ms: int) -> tuple[str, str]:
    """A delay in the largest unit (of :data:`UNIT`) that needs no fraction."""
    for unit in ("days", "hours"):
        size, _ = UNIT[unit]
        if ms and ms % size == 0:
            return f"{ms // size}", unit
    return f"{ms / MINUTE_MS:g}", "minutes"
