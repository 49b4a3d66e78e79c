"""What services show: plain values with names beside ids. The API publishes these very types.

Times are ms UTC, amounts fen, hashes hex. A description is Chinese first, then English.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field


def _says(zh: str, en: str) -> Any:
    return Field(description=f"{zh} · {en}")


Id = Annotated[str, _says("编号", "id")]
Millis = Annotated[int, _says("时间，自1970年起的毫秒（UTC）", "ms since the epoch, UTC")]
Fen = Annotated[int, _says("金额，单位分", "amount in fen")]


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody or something with its name."""

    id: Id
    name: Annotated[str, _says("名称", "name")]


@dataclass(frozen=True, slots=True)
class ProblemView:
    """Something to mend before submitting."""

    field: Annotated[str, _says("表单字段", "field of the form")]
    code: Annotated[str, _says("问题代码", "stable code")]
    zh: Annotated[str, _says("中文说明", "what to do, in Chinese")]
    en: Annotated[str, _says("英文说明", "what to do, in English")]


@dataclass(frozen=True, slots=True)
class DocumentView:
    """An uploaded paper; its picture is seen through the picture service only."""

    id: Id
    kind: Annotated[str, _says("种类：正文页、决议、附件", "page, resolution or attachment")]
    name: Annotated[str, _says("文件名", "file name")]
    mime: Annotated[str, _says("媒体类型", "media type")]
    size: Annotated[int, _says("字节数", "bytes")]
    sha256: Annotated[str, _says("原文件SHA-256，十六进制", "SHA-256 of the clear bytes, hex")]
    picture_id: Annotated[str | None, _says("图片编号", "id in the picture store")]
    position: Annotated[int, _says("顺序", "order")]
    created_at: Millis


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the chain."""

    position: Annotated[int, _says("第几步，从0起", "from 0")]
    name: Annotated[str, _says("环节名称", "name of the step")]
    role: Annotated[str, _says("办理角色", "role")]
    org_path: Annotated[str, _says("办理组织路径", "path of the organisation that decides")]
    limit_ms: Annotated[int, _says("办理时限，工作时间毫秒", "working time allowed, ms")]
    opened_at: Millis | None
    due_at: Millis | None
    overdue_at: Millis | None
    document_opened: Annotated[bool, _says("审批人是否看过文件", "whether the papers were opened")]
    assignee: Annotated[Named | None, _says("转交给", "delegated to")]
    decided_by: Annotated[Named | None, _says("审批人", "who decided")]
    decision: Annotated[str | None, _says("意见：同意、不同意、退回", "what was decided")]
    reason: Annotated[str | None, _says("理由", "reason")]
    decided_at: Millis | None
    signed: Annotated[bool, _says("有无本人签名", "whether the approver signed")]


@dataclass(frozen=True, slots=True)
class GrantView:
    """A one-time authority to unlock."""

    id: Id
    application_id: Annotated[str, _says("申请编号", "application")]
    org_path: Annotated[str, _says("组织路径", "organisation path")]
    device_id: Annotated[str, _says("套筒", "sleeve")]
    seal_id: Annotated[str, _says("印章", "seal")]
    operator: Annotated[Named, _says("用章人", "operator")]
    alternates: Annotated[list[Named], _says("替补用章人", "who may stamp instead")]
    job: Annotated[str | None, _says("任务码，仅当事人可见", "job code; for those concerned only")]
    stamps: Annotated[int, _says("章数", "stamps allowed")]
    title: Annotated[str, _says("文件名称", "title")]
    not_before: Millis
    not_after: Millis
    state: Annotated[str, _says("状态", "issued, unlocked, burnt, used, expired or revoked")]
    offline: Annotated[bool, _says("可否离线使用", "whether it was pushed ahead")]
    use_id: Annotated[str | None, _says("用印编号", "use that burnt it")]
    issued_at: Millis
    burnt_at: Millis | None
    ended_at: Millis | None
    ended_reason: Annotated[str | None, _says("撤销原因", "why it was revoked")]


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application in a list."""

    id: Id
    number: Annotated[str | None, _says("申请号，提交时编", "number, given on submission")]
    org: Annotated[Named, _says("组织", "organisation")]
    org_path: Annotated[str, _says("组织路径", "organisation path")]
    matter: Annotated[Named, _says("用印事项", "matter")]
    seal: Annotated[Named, _says("印章", "seal")]
    applicant: Annotated[Named, _says("申请人", "applicant")]
    operator: Annotated[Named, _says("用章人", "operator")]
    status: Annotated[str, _says("状态代码", "status")]
    status_zh: Annotated[str, _says("状态", "status in words")]
    kind: Annotated[str, _says("类别：普通、批量、应急", "ordinary, batch or emergency")]
    title: Annotated[str, _says("文件名称", "title")]
    copies: Annotated[int, _says("份数", "copies")]
    stamps: Annotated[int, _says("总章数", "stamps in all")]
    amount_fen: Fen | None
    step: Annotated[str | None, _says("当前环节", "open step")]
    due_at: Millis | None
    created_at: Millis
    submitted_at: Millis | None
    decided_at: Millis | None
    version: Annotated[int, _says("版本，修改时带回", "version, to be sent back with a change")]


@dataclass(frozen=True, slots=True)
class ApplicationView:
    """An application with everything about it."""

    row: Annotated[ApplicationRow, _says("概要", "what lists show")]
    matter_version: Annotated[int, _says("事项版本", "version of the matter")]
    purpose: Annotated[str, _says("用途", "purpose")]
    beneficiary: Annotated[str | None, _says("为谁办理", "for whom")]
    counterparty: Annotated[str | None, _says("对方", "other party")]
    amount_capital: Annotated[str | None, _says("金额大写", "amount in capital numerals")]
    stamps_per_copy: Annotated[int, _says("每份章数", "stamps on each copy")]
    alternates: Annotated[list[Named], _says("替补用章人", "who may stamp instead")]
    resolution: Annotated[str | None, _says("会议决议编号", "number of the meeting resolution")]
    details: Annotated[dict[str, Any], _says("补充内容", "further details")]
    extends_id: Annotated[str | None, _says("加盖所依据的原申请", "gets more stamps for")]
    reason: Annotated[str | None, _says("退回、不同意、作废等的理由", "reason of the last turn")]
    wanted_from: Millis | None
    wanted_until: Millis | None
    expires_at: Millis | None
    closed_at: Millis | None
    reviewed_by: Annotated[Named | None, _says("应急复核人", "who reviewed the emergency")]
    reviewed_at: Millis | None
    review_outcome: Annotated[str | None, _says("复核结论", "proper or improper")]
    review_note: Annotated[str | None, _says("复核说明", "note of the review")]
    steps: Annotated[list[StepView], _says("审批环节", "steps of the chain")]
    documents: Annotated[list[DocumentView], _says("文件", "papers")]
    grants: Annotated[list[GrantView], _says("用印授权", "grants")]
    problems: Annotated[list[ProblemView], _says("提交前要补的内容", "to mend before submitting")]
    actions: Annotated[list[str], _says("您现在可做的操作", "what you may do now")]
    approval_digest: Annotated[
        str, _says("审批签名的摘要，十六进制", "SHA-256 of what an approver signs, hex")
    ]


@dataclass(frozen=True, slots=True)
class PermitView:
    """An off-site permit."""

    id: Id
    org_path: Annotated[str, _says("组织路径", "organisation path")]
    device_id: Annotated[str, _says("套筒", "sleeve")]
    application_id: Annotated[str | None, _says("有关申请", "application")]
    carrier: Annotated[Named, _says("携带人", "who carries it")]
    approved_by: Annotated[Named | None, _says("批准人", "who decided")]
    state: Annotated[str, _says("状态代码", "state")]
    state_zh: Annotated[str, _says("状态", "state in words")]
    reason: Annotated[str | None, _says("不同意的理由", "why not")]
    purpose: Annotated[str, _says("事由", "purpose")]
    place: Annotated[str, _says("地点", "place in words")]
    lat: Annotated[float | None, _says("纬度", "latitude")]
    lon: Annotated[float | None, _says("经度", "longitude")]
    radius_m: Annotated[float | None, _says("范围，米", "radius, metres")]
    from_at: Millis
    until_at: Millis
    returned_at: Millis | None
    created_at: Millis


@dataclass(frozen=True, slots=True)
class RegisterRow:
    """A line of the official register (用印登记簿)."""

    id: Annotated[str, _says("用印编号", "use")]
    number: Annotated[str | None, _says("登记号", "number in the register")]
    used_at: Millis
    org: Annotated[Named, _says("单位", "unit")]
    org_path: Annotated[str, _says("组织路径", "organisation path")]
    seal: Annotated[Named, _says("印章", "seal")]
    device_id: Annotated[str, _says("套筒", "sleeve")]
    application_id: Annotated[str | None, _says("申请", "application")]
    application_number: Annotated[str | None, _says("申请号", "its number")]
    applicant: Annotated[Named | None, _says("申请人", "applicant")]
    beneficiary: Annotated[str | None, _says("为谁办理", "for whom")]
    matter: Annotated[str | None, _says("用印事项", "matter")]
    title: Annotated[str | None, _says("文件名称", "document")]
    copies: Annotated[int | None, _says("份数", "copies")]
    granted: Annotated[int, _says("批准章数", "stamps granted")]
    pressed: Annotated[int, _says("实盖章数", "stamps made")]
    approvers: Annotated[list[Named], _says("审批人", "approvers")]
    operator: Annotated[Named | None, _says("经办人（授权用章人）", "operator named on the grant")]
    stamped_by: Annotated[Named | None, _says("核验到的用章人", "who the check says it was")]
    witness: Annotated[Named | None, _says("见证人", "witness")]
    person_check: Annotated[str, _says("身份核验结果", "verdict of the check")]
    reviewed_by: Annotated[Named | None, _says("监督人", "supervisor")]
    lat: Annotated[float | None, _says("纬度", "latitude")]
    lon: Annotated[float | None, _says("经度", "longitude")]
    place: Annotated[str | None, _says("外带地点", "place, when off site")]
    returned_at: Annotated[int | None, _says("归还时间", "when the seal was returned")]
    amount_fen: Fen | None
    counterparty: Annotated[str | None, _says("对方", "other party")]
    resolution: Annotated[str | None, _says("会议决议", "meeting resolution")]
    offline: Annotated[bool, _says("离线用印", "made off line")]
    finish_reason: Annotated[str | None, _says("结束方式", "how it ended")]
    remarks: Annotated[str | None, _says("备注", "remarks")]


@dataclass(frozen=True, slots=True)
class StepOfMatter:
    """One step of a matter's chain."""

    level: Annotated[str, _says("级别", "village, town or district")]
    name: Annotated[str, _says("环节名称", "name")]
    limit_ms: Annotated[int, _says("时限，工作时间毫秒", "working time allowed, ms")]


@dataclass(frozen=True, slots=True)
class MatterView:
    """A matter of the catalogue. ``spec`` is the whole of it, as it is edited."""

    id: Id
    version: Annotated[int, _says("版本", "version")]
    org_path: Annotated[str, _says("目录所属组织", "whose catalogue")]
    name: Annotated[str, _says("事项名称", "name")]
    category: Annotated[str, _says("类别", "category")]
    forbidden: Annotated[bool, _says("村社不能出具", "may not be issued by a village")]
    reason: Annotated[str | None, _says("不能出具的原因", "why not")]
    instead: Annotated[str | None, _says("该去哪里办", "where to go instead")]
    seals: Annotated[list[str], _says("可用印章", "kinds of seal")]
    chain: Annotated[list[StepOfMatter], _says("审批链", "chain of approval")]
    attachments: Annotated[list[str], _says("所需附件", "attachments needed")]
    note: Annotated[str, _says("说明", "note")]
    spec: Annotated[dict[str, Any], _says("全部设置", "everything that can be set")]
