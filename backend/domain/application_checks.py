"""What must hold before an application may be submitted; each problem says what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from backend.domain.application import Application, DocumentKind, Kind
from backend.domain.calendar import HOUR_MS, WorkingCalendar
from backend.domain.errors import DomainError
from backend.domain.matter import (
    MAX_ALTERNATES,
    MAX_STAMPS,
    SEAL_KIND_ZH,
    Liveness,
    Matter,
    SealKind,
    Step,
)
from backend.domain.organisation import Level

MAX_TITLE: Final = 200
_UPWARDS: Final = (Level.VILLAGE, Level.TOWN, Level.DISTRICT)


@dataclass(frozen=True, slots=True)
class Rules:
    """What an organisation chose; the nearest setting above a seal holds.

    ``custodian_alone``: for plain facts the custodian's own application needs no approver.
    ``approver_may_stamp``: an approver may also be the operator (never the custodian).
    ``liveness``: how sure it wants to be of a living person at the sleeve.
    """

    custodian_alone: bool = False
    approver_may_stamp: bool = False
    emergency_window_ms: int = 2 * HOUR_MS
    emergency_confirm_ms: int = HOUR_MS
    emergency_stamps: int = 10
    liveness: Liveness = Liveness.CHALLENGE


@dataclass(frozen=True, slots=True)
class SealFacts:
    """The seal, as an application needs it. ``custodians`` keep it; ``device_id`` its sleeve."""

    id: str
    kind: SealKind
    org_id: str
    org_path: str
    active: bool
    custodians: frozenset[str]
    device_id: str | None


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision about an application has to know besides the application.

    ``places``: the organisation of each level along the seal's path. ``approvers``: who holds the
    approver's role at each path. ``may_stamp``: who of the people named may stamp now.
    ``forbidden``: the certificates that may not be issued here. ``extends``: the application that
    gets more stamps. ``retired``: the matter is no longer in the catalogue.
    """

    matter: Matter
    seal: SealFacts
    places: Mapping[Level, str]
    approvers: Mapping[str, frozenset[str]]
    may_stamp: frozenset[str]
    calendar: WorkingCalendar
    rules: Rules = Rules()
    forbidden: tuple[Matter, ...] = ()
    extends: Application | None = None
    retired: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Something missing or wrong in a field of the form."""

    field: str
    code: str
    zh: str
    en: str


class Incomplete(DomainError):
    """The application cannot be submitted; ``problems`` names every field to mend."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(
            "incomplete",
            "；".join(one.zh for one in problems),
            "; ".join(one.en for one in problems),
        )
        self.problems = problems


class AtTheDoor(DomainError):
    """Refused before anything begins, and recorded as ``application.refused`` with ``code``."""


def place_of(level: Level, places: Mapping[Level, str]) -> str:
    """Where a step of ``level`` is decided for this seal: that level, else the next one above
    (a town's own seal has no village), else the nearest below.

    Raises:
        DomainError: ``no_organisation`` when the seal hangs nowhere.
    """
    start = _UPWARDS.index(level)
    for candidate in (*_UPWARDS[start:], *reversed(_UPWARDS[:start])):
        if candidate in places:
            return places[candidate]
    raise DomainError(
        "no_organisation", "印章不属于任何组织", "the seal belongs to no organisation"
    )


def needs_approver(application: Application, facts: Facts) -> bool:
    """False only for a plain fact that the custodian certifies alone, where that was chosen."""
    return not (
        facts.rules.custodian_alone
        and facts.matter.basic_fact
        and application.kind is Kind.ORDINARY
        and application.extends_id is None
        and application.applicant_id in facts.seal.custodians
    )


def planned(application: Application, facts: Facts) -> tuple[tuple[Step, str], ...]:
    """The steps of the matter's chain over this amount, each with its place."""
    if not needs_approver(application, facts):
        return ()
    return tuple(
        (step, place_of(step.level, facts.places))
        for step in facts.matter.chain_for(application.amount_fen)
    )


def refuse_forbidden(application: Application, facts: Facts) -> None:
    """A certificate that a village may not issue is refused, by its matter or by its title (C29).

    Raises:
        AtTheDoor: ``forbidden`` with the reason and where to go instead.
    """
    for matter in (facts.matter, *facts.forbidden):
        rule = matter.forbidden
        if rule is None:
            continue
        if matter is facts.matter or any(word in application.title for word in rule.words):
            raise AtTheDoor(
                "forbidden",
                f"村社不能出具“{matter.name}”：{rule.reason}{rule.instead}",
                f"a village may not issue this certificate ({matter.name})",
            )


def problems(application: Application, facts: Facts, now: int) -> tuple[Problem, ...]:
    """Everything that still stands in the way of submitting ``application`` at ``now``."""
    found: list[Problem] = []
    for check in (_form, _seal, _amounts, _papers, _people, _times, _approvers, _special):
        found += [
            Problem(where, code, zh, en) for where, code, zh, en in check(application, facts, now)
        ]
    return tuple(found)


_Found = Iterator[tuple[str, str, str, str]]


def _form(application: Application, facts: Facts, _now: int) -> _Found:
    if not application.title.strip():
        yield "title", "title_missing", "请填写文件名称", "give the document's name"
    if len(application.title) > MAX_TITLE:
        yield "title", "title_too_long", f"文件名称最多{MAX_TITLE}个字", "the title is too long"
    if not application.purpose.strip():
        yield "purpose", "purpose_missing", "请填写用途", "say what the stamp is for"
    if facts.matter.beneficiary and not (application.beneficiary or "").strip():
        yield "beneficiary", "beneficiary_missing", "请填写为谁办理", "say for whom it is"
    if facts.retired:
        yield "matter_id", "matter_retired", "该事项已停用，请重新选择", "the matter is retired"


def _seal(application: Application, facts: Facts, _now: int) -> _Found:
    seal, matter = facts.seal, facts.matter
    if matter.seals and seal.kind not in matter.seals:
        allowed = "、".join(SEAL_KIND_ZH[kind] for kind in matter.seals)
        yield "seal_id", "wrong_seal", f"该事项只能用{allowed}", "this matter needs another seal"
    if not seal.active:
        yield "seal_id", "seal_suspended", "该印章已停用，请联系管理员", "the seal is suspended"
    elif seal.device_id is None:
        yield (
            "seal_id",
            "seal_without_sleeve",
            "该印章尚未装入套筒，请联系管理员",
            "the seal has no sleeve yet",
        )


def _amounts(application: Application, facts: Facts, _now: int) -> _Found:
    limits, copies = facts.matter.limits, application.copies
    batch = application.kind is Kind.BATCH
    most = limits.batch_copies if batch else limits.copies
    if copies < 1 or application.stamps_per_copy < 1:
        yield "copies", "copies_missing", "份数和每份章数至少为1", "at least one copy and one stamp"
    elif batch and limits.batch_copies == 0:
        yield "kind", "no_batches", "该事项不能批量用印", "this matter allows no batches"
    elif copies > most:
        more = "，请改用批量用印" if not batch and copies <= limits.batch_copies else ""
        yield "copies", "too_many_copies", f"该事项一次最多{most}份{more}", f"at most {most} copies"
    if application.stamps_per_copy > limits.stamps_per_copy:
        yield (
            "stamps_per_copy",
            "too_many_stamps",
            f"该事项每份最多盖{limits.stamps_per_copy}个章",
            f"at most {limits.stamps_per_copy} stamps a copy",
        )
    elif application.stamps > MAX_STAMPS:
        yield "copies", "too_many_stamps", f"一次最多盖{MAX_STAMPS}个章", f"at most {MAX_STAMPS}"
    if application.amount_fen is not None and application.amount_fen < 0:
        yield "amount_fen", "bad_amount", "金额不能为负数", "an amount is not negative"
    if application.kind is Kind.EMERGENCY:
        return
    if facts.matter.amount and application.amount_fen is None:
        yield "amount_fen", "amount_missing", "请填写金额", "state the amount"
    if facts.matter.counterparty and not (application.counterparty or "").strip():
        yield "counterparty", "counterparty_missing", "请填写对方名称", "name the other party"


def _papers(application: Application, facts: Facts, _now: int) -> _Found:
    if application.kind is Kind.EMERGENCY:
        return  # looked at in the review afterwards
    kinds = {one.kind for one in application.documents}
    if facts.matter.pages and DocumentKind.PAGE not in kinds:
        yield (
            "documents",
            "pages_missing",
            "请上传要盖章的文件",
            "upload the document to be stamped",
        )
    if facts.matter.resolution_for(application.amount_fen):
        if not (application.resolution or "").strip():
            yield "resolution", "resolution_missing", "请填写会议决议编号", "give the resolution"
        if DocumentKind.RESOLUTION not in kinds:
            yield (
                "documents",
                "resolution_page_missing",
                "请上传村民（代表）会议决议",
                "upload the meeting's resolution",
            )
    names = [one.name for one in application.documents if one.kind is DocumentKind.ATTACHMENT]
    for wanted in facts.matter.attachments:
        if wanted.required and not any(name.startswith(wanted.name) for name in names):
            yield (
                "documents",
                "attachment_missing",
                f"请上传{wanted.name}",
                f"upload the attachment {wanted.name}",
            )


def _people(application: Application, facts: Facts, _now: int) -> _Found:
    if application.operator_id not in facts.may_stamp:
        yield (
            "operator_id",
            "operator_not_allowed",
            "用章人没有用章资格，请另选他人",
            "the operator may not stamp here",
        )
    others = application.alternates
    if len(others) > MAX_ALTERNATES:
        yield "alternates", "too_many_alternates", f"替补用章人最多{MAX_ALTERNATES}人", "too many"
    if len(set(others)) != len(others) or application.operator_id in others:
        yield "alternates", "alternate_twice", "替补用章人重复", "an alternate is named twice"
    if not set(others) <= facts.may_stamp:
        yield (
            "alternates",
            "operator_not_allowed",
            "有替补用章人没有用章资格，请另选他人",
            "an alternate may not stamp here",
        )


def _times(application: Application, _facts: Facts, now: int) -> _Found:
    begin, end = application.wanted_from, application.wanted_until
    if end is not None and end <= max(now, begin or 0):
        yield (
            "wanted_until",
            "window_over",
            "用印截止时间已过或早于开始时间",
            "the wanted time is over, or ends before it begins",
        )


def _approvers(application: Application, facts: Facts, _now: int) -> _Found:
    if application.kind is Kind.EMERGENCY:
        return
    needed: dict[str, int] = {}
    for _, path in planned(application, facts):
        needed[path] = needed.get(path, 0) + 1
    barred = {application.applicant_id} | facts.seal.custodians
    if not facts.rules.approver_may_stamp:
        barred |= {application.operator_id, *application.alternates}
    for path, count in needed.items():
        if len(facts.approvers.get(path, frozenset()) - barred) < count:
            yield (
                "steps",
                "no_eligible_approver",
                "没有可以审批的人：申请人、用章人和印章管理员不能审批，请联系管理员指定审批人",
                "no eligible approver: neither applicant, operator nor custodian may approve",
            )


def _special(application: Application, facts: Facts, _now: int) -> _Found:
    if application.kind is Kind.EMERGENCY:
        if not facts.matter.emergency:
            yield "kind", "no_emergency", "该事项不能应急用印", "no emergency use for this matter"
        if not str(application.details.get("emergency", "")).strip():
            yield "details", "reason_missing", "请写明紧急事由", "say what the emergency is"
        if application.stamps > facts.rules.emergency_stamps:
            yield (
                "copies",
                "too_many_stamps",
                f"应急用印最多盖{facts.rules.emergency_stamps}个章",
                f"at most {facts.rules.emergency_stamps} stamps in an emergency",
            )
    if application.extends_id is None:
        return
    if facts.extends is None or facts.extends.seal_id != application.seal_id:
        yield (
            "extends_id",
            "bad_extension",
            "加盖申请要与原申请使用同一枚印章",
            "more stamps are for the same seal",
        )
    if not str(application.details.get("more", "")).strip():
        yield "details", "reason_missing", "请写明为什么需要加盖", "say why more are needed"
