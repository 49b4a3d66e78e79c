"""What requests about applications carry."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from backend.api.base64url import Base64Url
from backend.domain.application import Kind
from backend.domain.errors import DomainError
from backend.domain.matter import MAX_ALTERNATES, MAX_STAMPS
from backend.services.application_drafts import ApplicationForm

PersonId = Annotated[str, Field(min_length=1, max_length=64)]
Version = Annotated[int, Field(ge=0, description="您看到的版本 · the version that you looked at")]
Reason = Annotated[str, Field(min_length=1, max_length=500, description="原因 · reason")]
Time = Annotated[int, Field(ge=0, le=2**53)]

_FORM: Final = {one.name for one in fields(ApplicationForm)}

MAX_DETAILS: Final = 8_000
"""Characters of an application's further details, as JSON."""


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class ApplicationBody(_Body):
    """用印申请内容 · what is asked for."""

    matter_id: str = Field(max_length=64, description="用印事项 · matter")
    seal_id: str = Field(max_length=64, description="印章 · seal")
    operator_id: PersonId = Field(description="用章人 · who will stamp")
    alternates: list[PersonId] = Field(
        default=[], max_length=MAX_ALTERNATES, description="替补用章人 · who may stamp instead"
    )
    title: str = Field(max_length=200, description="文件名称 · the document's title")
    purpose: str = Field(max_length=500, description="用途 · what it is for")
    kind: Literal[Kind.ORDINARY, Kind.BATCH] = Field(
        default=Kind.ORDINARY, description="普通或批量 · ordinary or a batch of many copies"
    )
    copies: int = Field(default=1, ge=1, le=MAX_STAMPS, description="份数 · copies")
    stamps_per_copy: int = Field(
        default=1, ge=1, le=MAX_STAMPS, description="每份章数 · stamps on each copy"
    )
    beneficiary: str | None = Field(
        default=None, max_length=100, description="为谁办理 · for which villager or unit"
    )
    counterparty: str | None = Field(default=None, max_length=100, description="对方 · other party")
    amount_fen: int | None = Field(
        default=None, ge=0, lt=10**15, description="金额，分 · amount in fen"
    )
    resolution: str | None = Field(
        default=None, max_length=200, description="会议决议编号 · number of the resolution"
    )
    wanted_from: Time | None = Field(default=None, description="希望从何时起用印 · not before")
    wanted_until: Time | None = Field(default=None, description="希望最迟何时用印 · not after")
    extends_id: str | None = Field(
        default=None,
        max_length=64,
        description="为哪份已批准的申请加盖（details.more 写明原因） · gets more stamps for",
    )
    details: dict[str, JsonValue] = Field(
        default={}, description="补充内容，如批量名单 · further details, such as a batch's list"
    )

    def form(self) -> ApplicationForm:
        """What the service takes.

        Raises:
            DomainError: ``details_too_long``.
        """
        if len(str(self.details)) > MAX_DETAILS:
            raise DomainError(
                "details_too_long",
                "补充内容太长，请改为上传附件",
                "too much; attach a file instead",
            )
        values = self.model_dump(include=_FORM)
        return ApplicationForm(**values | {"alternates": tuple(self.alternates)})


class EmergencyBody(ApplicationBody):
    """应急用印 · break-glass use."""

    reason: Reason


class ChangeBody(ApplicationBody):
    """修改草稿 · a draft, changed."""

    version: Version


class VersionBody(_Body):
    """针对您看到的版本 · about the version that you looked at."""

    version: Version


class ReasonBody(VersionBody):
    """写明原因 · with a reason."""

    reason: Reason


class OwnSignature(_Body):
    """审批人本人的签名，签的是 approval_digest · the approver's own signature over it."""

    key: str = Field(max_length=64, description="本人登记的签名密钥 · id of one's signing key")
    value: Base64Url = Field(
        max_length=1024,
        description="签名，base64url；raw 的 ES256 为 r‖s，webauthn 为 DER · signature",
    )
    authenticator_data: Base64Url | None = Field(
        default=None, max_length=4096, description="通行密钥的 authenticatorData，base64url"
    )
    client_data: Base64Url | None = Field(
        default=None, max_length=4096, description="通行密钥的 clientDataJSON，base64url"
    )


class ApproveBody(VersionBody):
    """同意，可附本人签名 · yes; with the approver's own signature if there is one."""

    reason: str = Field(default="", max_length=500, description="意见 · remark")
    signature: OwnSignature | None = Field(default=None, description="本人签名 · own signature")


class DelegateBody(ReasonBody):
    """转交 · to whom, and why."""

    to: PersonId = Field(description="转交给谁 · person")


class ExplainBody(_Body):
    """写明原因 · why."""

    reason: Reason


class ReviewBody(_Body):
    """应急复核 · the look afterwards."""

    outcome: Literal["proper", "improper"] = Field(description="属实或不当 · proper or improper")
    note: Reason
