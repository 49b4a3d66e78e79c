"""Applications: asking, deciding, filing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Form, Path, Query, Request, Response, UploadFile

from backend.api.answers import answer
from backend.api.application_bodies import (
    ApplicationBody,
    ApproveBody,
    ChangeBody,
    DelegateBody,
    EmergencyBody,
    ExplainBody,
    ReasonBody,
    ReviewBody,
    Time,
    VersionBody,
)
from backend.api.deps import (
    ANY,
    Branch,
    Cursor,
    Limit,
    Scope,
    require,
    service,
    signing_origins,
)
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor, Role
from backend.domain.application import DocumentKind, Kind, Status
from backend.services.application_drafts import DraftService
from backend.services.application_reader import ApplicationReader
from backend.services.applications import ApplicationService
from backend.services.paging import Page
from backend.services.signing_keys import Signing
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
    request: Request,
    application_id: ApplicationId,
    body: ApproveBody,
    actor: Decider,
    applications: Applications,
) -> Response:
    """The last step's approval yields the grant. Not one's own application, and not by who keeps
    the seal. A signature is checked against the approver's registered keys and kept."""
    given, signing = body.signature, None
    if given is not None:
        signing = Signing(
            given.key,
            given.value,
            given.authenticator_data or b"",
            given.client_data or b"",
            signing_origins(request, request.app.state.settings),
        )
    done = applications.approve(
        actor, application_id, body.version, reason=body.reason, signing=signing
    )
    return answer(done)


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
