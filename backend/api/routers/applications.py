"""Applications: asking, deciding, filing."""

from __future__ import annotations

from dataclasses import fields
from typing import Annotated, Final, Literal

from fastapi import APIRouter, File, Form, Path, Query, Response, UploadFile
from pydantic import Base64UrlBytes, BaseModel, ConfigDict, Field, JsonValue

from backend.api.answers import answer
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor, Role
from backend.domain.application import DocumentKind, Kind, Status
from backend.domain.errors import DomainError
from backend.domain.matter import MAX_ALTERNATES, MAX_STAMPS
from backend.services.application_drafts import ApplicationForm, DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.paging import Page
from backend.services.views import ApplicationRow, ApplicationView
from backend.store.application_lists import ApplicationFilter

router = APIRouter(prefix="/api/v1/applications", tags=["用印申请 Applications"])

Applications = Annotated[ApplicationService, service(ApplicationService)]
Drafts = Annotated[DraftService, service(DraftService)]
Reader = Annotated[ApplicationReader, service(ApplicationReader)]
Anybody = Annotated[Actor, require(*ANY, scope=Scope.OBJECT)]
Asker = Annotated[Actor, require(Role.APPLICANT, Role.CUSTODIAN, scope=Scope.OBJECT)]
Decider = Annotated[Actor, require(Role.APPROVER, Role.SUPERVISOR, scope=Scope.OBJECT)]
ApplicationId = Annotated[str, Path(max_length=64, description="申请编号 · id")]
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


class SignatureInfo(_Body):
    """本人签名的说明 · how the approver signed."""

    alg: Literal["EdDSA", "ES256"] = Field(description="算法 · algorithm")
    public_key: str = Field(max_length=200, description="公钥，base64url · raw public key")
    form: Literal["raw", "webauthn"] = Field(default="raw", description="形式 · raw or a passkey's")
    authenticator_data: str | None = Field(default=None, max_length=4096)
    client_data: str | None = Field(default=None, max_length=4096)
    credential: str | None = Field(default=None, max_length=1024)


class ApproveBody(VersionBody):
    """同意，可附本人签名 · yes; with the approver's own signature if there is one."""

    reason: str = Field(default="", max_length=500, description="意见 · remark")
    signature: Base64UrlBytes | None = Field(
        default=None, max_length=1024, description="签名，base64url · signature"
    )
    signature_info: SignatureInfo | None = Field(default=None, description="签名说明 · how")


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


@router.get("", summary="申请列表 · List applications", response_model=Page[ApplicationRow])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    reader: Reader,
    status: Annotated[list[Status] | None, Query(description="状态，可多个 · statuses")] = None,
    kind: Annotated[Kind | None, Query(description="类别 · kind")] = None,
    branch: Branch = None,
    seal: Annotated[str | None, Query(max_length=64, description="印章 · seal")] = None,
    matter: Annotated[str | None, Query(max_length=64, description="事项 · matter")] = None,
    text: Annotated[
        str | None, Query(max_length=100, description="申请号、文件、办理人或对方 · search")
    ] = None,
    from_at: Annotated[Time | None, Query(description="创建起 · created from")] = None,
    until_at: Annotated[Time | None, Query(description="创建止（不含） · created before")] = None,
    mine: Annotated[bool, Query(description="只看与我有关的 · those I take part in")] = False,
    todo: Annotated[bool, Query(description="只看待我审批的 · those that wait for me")] = False,
    unreviewed: Annotated[
        bool, Query(description="只看未复核的应急用印 · emergencies not yet reviewed")
    ] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first. Drafts are seen by their applicant only."""
    wanted = ApplicationFilter(
        statuses=[one.value for one in status or ()],
        kind=None if kind is None else kind.value,
        org_path=branch,
        seal_id=seal,
        matter_id=matter,
        text=text,
        from_at=from_at,
        until_at=until_at,
        mine=mine,
        todo=todo,
        unreviewed=unreviewed,
    )
    return answer(reader.list(actor, wanted, after=cursor, limit=limit))


@router.post(
    "", summary="新建申请草稿 · Begin a draft", status_code=201, response_model=ApplicationView
)
def create(body: ApplicationBody, actor: Asker, drafts: Drafts) -> Response:
    """A certificate that a village may not issue is refused here, with where to go instead."""
    return answer(drafts.create(actor, body.form()), 201)


@router.post(
    "/emergencies",
    summary="应急用印 · Break glass",
    status_code=201,
    response_model=ApplicationView,
)
def emergency(body: EmergencyBody, actor: Asker, drafts: Drafts) -> Response:
    """Handed in at once; a second person confirms it, whoever watches is alerted, and a supervisor
    reviews it afterwards."""
    return answer(drafts.open_emergency(actor, body.form(), body.reason), 201)


@router.get(
    "/{application_id}", summary="查看申请 · One application", response_model=ApplicationView
)
def get(application_id: ApplicationId, actor: Anybody, reader: Reader) -> Response:
    """With steps, papers, grants, what is missing, and what you may do."""
    return answer(reader.get(actor, application_id))


@router.put(
    "/{application_id}", summary="修改草稿 · Change a draft", response_model=ApplicationView
)
def change(
    application_id: ApplicationId, body: ChangeBody, actor: Asker, drafts: Drafts
) -> Response:
    """Drafts, and those returned for more."""
    return answer(drafts.update(actor, application_id, body.version, body.form()))


@router.post(
    "/{application_id}/documents",
    summary="上传文件 · Add a paper",
    status_code=201,
    response_model=ApplicationView,
    max_body_size=MAX_UPLOAD,
)
def attach(
    application_id: ApplicationId,
    actor: Asker,
    drafts: Drafts,
    file: Annotated[UploadFile, File(description="图片或PDF · a picture or a PDF")],
    kind: Annotated[DocumentKind, Form(description="正文页、决议、附件 · kind")],
    name: Annotated[
        str, Form(max_length=200, description="名称；附件以事项要求的名称开头 · its name")
    ] = "",
) -> Response:
    """Kept encrypted; its SHA-256 is what approvers sign."""
    called = name or file.filename or ""
    return answer(drafts.attach(actor, application_id, kind, called, file.file.read()), 201)


@router.delete(
    "/{application_id}/documents/{document_id}",
    summary="移除文件 · Take a paper out",
    response_model=ApplicationView,
)
def detach(
    application_id: ApplicationId,
    document_id: Annotated[str, Path(max_length=64, description="文件编号 · paper")],
    actor: Asker,
    drafts: Drafts,
) -> Response:
    """Of a draft, or of one returned for more."""
    return answer(drafts.detach(actor, application_id, document_id))


@router.post("/{application_id}/submit", summary="提交 · Hand in", response_model=ApplicationView)
def submit(
    application_id: ApplicationId, body: VersionBody, actor: Asker, applications: Applications
) -> Response:
    """It gets its number. What is missing is named field by field."""
    return answer(applications.submit(actor, application_id, body.version))


@router.post(
    "/{application_id}/open-pages",
    summary="审批人已看文件 · The papers were opened",
    response_model=ApplicationView,
)
def open_pages(
    application_id: ApplicationId, actor: Decider, applications: Applications
) -> Response:
    """Said by the page that shows them: an approval without it is told apart."""
    return answer(applications.open_pages(actor, application_id))


@router.post("/{application_id}/approve", summary="同意 · Approve", response_model=ApplicationView)
def approve(
    application_id: ApplicationId, body: ApproveBody, actor: Decider, applications: Applications
) -> Response:
    """The last step's approval yields the grant. Not one's own application, and not by who keeps
    the seal."""
    info = body.signature_info
    return answer(
        applications.approve(
            actor,
            application_id,
            body.version,
            reason=body.reason,
            signature=body.signature,
            signature_info=None if info is None else info.model_dump(exclude_none=True),
        )
    )


@router.post("/{application_id}/reject", summary="不同意 · Reject", response_model=ApplicationView)
def reject(
    application_id: ApplicationId, body: ReasonBody, actor: Decider, applications: Applications
) -> Response:
    """For a reason; this ends it."""
    return answer(applications.reject(actor, application_id, body.version, body.reason))


@router.post(
    "/{application_id}/return", summary="退回补充 · Return for more", response_model=ApplicationView
)
def return_for_more(
    application_id: ApplicationId, body: ReasonBody, actor: Decider, applications: Applications
) -> Response:
    """The applicant adds to it and hands it in again."""
    return answer(applications.return_for_more(actor, application_id, body.version, body.reason))


@router.post(
    "/{application_id}/delegate", summary="转交审批 · Delegate", response_model=ApplicationView
)
def delegate(
    application_id: ApplicationId, body: DelegateBody, actor: Decider, applications: Applications
) -> Response:
    """To another approver of the same organisation or of one above it."""
    return answer(applications.delegate(actor, application_id, body.version, body.to, body.reason))


@router.post(
    "/{application_id}/withdraw", summary="撤回 · Withdraw", response_model=ApplicationView
)
def withdraw(
    application_id: ApplicationId, body: ReasonBody, actor: Asker, applications: Applications
) -> Response:
    """Before it is decided; afterwards it is voided."""
    return answer(applications.withdraw(actor, application_id, body.version, body.reason))


@router.post("/{application_id}/void", summary="作废 · Void", response_model=ApplicationView)
def void(
    application_id: ApplicationId, body: ReasonBody, actor: Anybody, applications: Applications
) -> Response:
    """A live grant is revoked, and its sleeve told."""
    return answer(applications.void(actor, application_id, body.version, body.reason))


@router.post(
    "/{application_id}/explain",
    summary="说明提前结束的原因 · Explain an early end",
    response_model=ApplicationView,
)
def explain(
    application_id: ApplicationId, body: ExplainBody, actor: Anybody, applications: Applications
) -> Response:
    """Why fewer stamps were made than granted."""
    return answer(applications.explain(actor, application_id, body.reason))


@router.post(
    "/{application_id}/review",
    summary="复核应急用印 · Review an emergency",
    response_model=ApplicationView,
)
def review(
    application_id: ApplicationId,
    body: ReviewBody,
    actor: Annotated[Actor, require(Role.SUPERVISOR, scope=Scope.OBJECT)],
    applications: Applications,
) -> Response:
    """By a supervisor who took no part in it."""
    return answer(applications.review(actor, application_id, body.outcome, body.note))


@router.post("/{application_id}/close", summary="归档 · File", response_model=ApplicationView)
def close(
    application_id: ApplicationId, body: VersionBody, actor: Anybody, applications: Applications
) -> Response:
    """The stamped papers were handed over and filed."""
    return answer(applications.close(actor, application_id, body.version))
