"""What exports list: the usage log, the official register, alerts. No picture, no face."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from backend.reports.sheet import Cell, Column
from backend.services.views import Named, RegisterRow
from backend.web import formats, words
from backend.web.alert_texts import AlertText
from backend.web.i18n import mark, say

Heads = Sequence[tuple[str, float, bool]]

REGISTER: Final[Heads] = (
    (mark("登记号"), 9, False),
    (mark("用印时间"), 8, False),
    (mark("单位和印章"), 8, False),
    (mark("申请人"), 5, False),
    (mark("用印事项"), 8, False),
    (mark("文件名称和编号"), 11, False),
    (mark("份数"), 3, True),
    (mark("章数"), 3, True),
    (mark("审批人"), 5, False),
    (mark("经办人"), 5, False),
    (mark("监督人"), 4.5, False),
    (mark("用印地点"), 5, False),
    (mark("归还时间"), 8, False),
    (mark("金额（元）"), 7, True),
    (mark("对方"), 5, False),
    (mark("会议决议"), 5, False),
    (mark("套筒"), 10, False),
    (mark("备注"), 5, False),
    (mark("查询码"), 8, False),
)

USES: Final[Heads] = (
    (mark("登记号"), 9, False),
    (mark("用印时间"), 8, False),
    (mark("单位和印章"), 8, False),
    (mark("用印事项"), 8, False),
    (mark("文件"), 10, False),
    (mark("申请人"), 5, False),
    (mark("用章人"), 5, False),
    (mark("核验"), 5, False),
    (mark("批准章数"), 4, True),
    (mark("实盖章数"), 4, True),
    (mark("审批人"), 5, False),
    (mark("预警"), 8, False),
    (mark("复核人"), 5, False),
    (mark("备注"), 6, False),
)

ALERTS: Final[Heads] = (
    (mark("时间"), 8, False),
    (mark("种类"), 6, False),
    (mark("级别"), 3, False),
    (mark("处理情况"), 4, False),
    (mark("单位和印章"), 8, False),
    (mark("内容"), 18, False),
    (mark("次数"), 3, True),
    (mark("办理人"), 5, False),
    (mark("期限"), 8, False),
    (mark("办结时间"), 8, False),
)


def columns(heads: Heads, locale: str) -> list[Column]:
    """The heads in the reader's language."""
    return [Column(say(title, locale), width, number) for title, width, number in heads]


def register_cells(row: RegisterRow, code: str | None, locale: str) -> list[Cell]:
    """One line of the official register (用印登记簿), with the paper's code for the public."""
    return [
        row.number,
        formats.day_and_time(row.used_at),
        _seal(row),
        f"{_name(row.applicant)}（{row.beneficiary}）" if row.beneficiary else _name(row.applicant),
        row.matter or say(mark("没有对应的申请"), locale),
        " ".join(one for one in (row.title, row.application_number) if one),
        row.copies,
        row.pressed,
        _names(row.approvers),
        _name(row.stamped_by or row.operator),
        _name(row.reviewed_by),
        row.place or say(mark("本单位"), locale),
        None if row.returned_at is None else formats.day_and_time(row.returned_at),
        None if row.amount_fen is None else row.amount_fen / 100,
        row.counterparty,
        row.resolution,
        row.device_id,
        row.remarks,
        code,
    ]


def use_cells(row: RegisterRow, alerts: Sequence[Any], locale: str) -> list[Cell]:
    """One line of the usage log as the page shows it."""
    return [
        row.number,
        formats.day_and_time(row.used_at),
        _seal(row),
        row.matter,
        row.title or say(mark("没有对应的申请"), locale),
        _name(row.applicant),
        _name(row.stamped_by or row.operator),
        say(words.word(words.PERSON_CHECK, row.person_check).text, locale),
        row.granted,
        row.pressed,
        _names(row.approvers),
        "、".join(f"{one.code} {_rule(one.code, locale)}" for one in alerts),
        _name(row.reviewed_by),
        row.remarks,
    ]


def alert_cells(one: AlertText, locale: str) -> list[Cell]:
    """One alert and how far its handling is."""
    row = one.row
    return [
        formats.day_and_time(row.raised_at),
        f"{row.code} {_rule(row.code, locale)}",
        say(words.word(words.SEVERITY, row.severity).text, locale),
        say(words.word(words.STAGE, row.stage).text, locale),
        " ".join(part for part in (row.org_name, row.seal_name) if part),
        "\n".join((one.title, *one.lines)),
        row.count,
        row.assignee_name,
        None if row.due_at is None else formats.day_and_time(row.due_at),
        None if row.closed_at is None else formats.day_and_time(row.closed_at),
    ]


def describe(asked: Mapping[str, str], org_name: str | None, locale: str) -> str:
    """What was asked for, in words; everything when nothing was chosen."""
    said = []
    if org_name is not None:
        said.append(org_name)
    if asked.get("from") or asked.get("until"):
        said.append(f"{asked.get('from') or '…'} — {asked.get('until') or '…'}")
    if asked.get("q"):
        said.append(f"“{asked['q']}”")
    for name, table in _CHOICES.items():
        if asked.get(name) in table:
            said.append(say(table[asked[name]], locale))
    said += [asked[name] for name in ("seal", "device", "code") if asked.get(name)]
    if asked.get("mine"):
        said.append(say(mark("只看派给我的"), locale))
    # What has no words here yet is still said: a file must not claim to hold more than it does.
    said += [f"{name}={value}" for name, value in asked.items() if name not in _WORDED and value]
    return "；".join(said) or say(mark("全部"), locale)


_WORDED: Final = frozenset(
    {"org", "from", "until", "q", "only", "stage", "severity", "seal", "device", "code", "mine"}
)


_CHOICES: Final[Mapping[str, Mapping[str, str]]] = {
    "only": {"alerted": mark("有预警的"), "unreviewed": mark("没复核的")},
    "stage": {
        "new": mark("未处理"),
        "handling": mark("处理中"),
        "closed": mark("已办结"),
        "all": mark("全部"),
    },
    "severity": {code: found.text for code, found in words.SEVERITY.items()},
}


def _rule(code: str, locale: str) -> str:
    return say(words.RULE_NAME.get(code, code), locale)


def _seal(row: RegisterRow) -> str:
    return f"{row.org.name} {row.seal.name}".strip()


def _name(who: Named | None) -> str:
    return "" if who is None else who.name


def _names(people: Sequence[Named]) -> str:
    return "、".join(one.name for one in people)
