"""Alerts and their cases."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from alerts.cases import Cases
from alerts.reader import AlertDetail, AlertFilter, AlertInfo, AlertReader
from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.services.paging import Page

router = APIRouter(prefix="/api/v1/alerts", tags=["预警 Alerts"])

Reader = Annotated[AlertReader, service(AlertReader)]
Desk = Annotated[Cases, service(Cases)]
Reading = Annotated[Actor, require(*ANY, scope=Scope.BRANCH)]
Seeing = Annotated[Actor, require(*ANY, scope=Scope.OBJECT)]
Supervising = Annotated[Actor, require(Role.SUPERVISOR, scope=Scope.OBJECT)]
Acknowledging = Annotated[Actor, require(Role.SUPERVISOR, Role.APPROVER, scope=Scope.OBJECT)]
AlertId = Annotated[str, Path(max_length=64, description="预警编号 · id")]
Millis = Annotated[int | None, Query(ge=0, le=2**53, description="毫秒时间 · ms since the epoch")]
Words = Annotated[str, Field(min_length=1, max_length=2000)]
Version = Annotated[
    int | None,
    Field(ge=0, description="看到的版本号；不一致则拒绝 · the version that was looked at"),
]


class Form(BaseModel):
    """办理预警的一步 · a step with a case."""

    model_config = ConfigDict(extra="forbid")
    version: Version = None


class AssignForm(Form):
    """交办 · give it to somebody."""

    assignee_id: str = Field(max_length=64, description="承办人 · who")
    due_at: int | None = Field(
        default=None, ge=0, le=2**53, description="办结期限，毫秒 · deadline, ms"
    )
    note: str = Field(default="", max_length=2000, description="要求 · what is wanted")


class RectifyForm(Form):
    """整改 · what is being done."""

    note: Words = Field(description="整改措施 · what is being done")


class CloseForm(Form):
    """销号 · strike it off the list."""

    outcome: Words = Field(description="处理结果 · outcome")


class FalseAlarmForm(Form):
    """误报 · it was none."""

    reason: Words = Field(description="误报原因 · why")
    suppress_until: int | None = Field(
        default=None,
        ge=0,
        le=2**53,
        description="在此之前不再提醒同类预警，毫秒 · silence the like of it until, ms",
    )


class CommentForm(BaseModel):
    """说明 · a note."""

    model_config = ConfigDict(extra="forbid")
    text: Words = Field(description="说明 · note")


class EvidenceForm(BaseModel):
    """整改材料 · proof of what was done."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=200, description="材料名称 · name")
    picture_id: str | None = Field(
        default=None, max_length=64, description="已上传的图片 · an uploaded picture"
    )


class Stepped(BaseModel):
    """新的版本号 · the new version."""

    version: int = Field(description="版本号 · version")


class Added(BaseModel):
    """新编号 · the new id."""

    id: str = Field(description="编号 · id")


@router.get("", summary="预警列表 · List alerts", response_model=Page[AlertInfo])
def find(
    actor: Reading,
    reader: Reader,
    branch: Branch = None,
    code: Annotated[str | None, Query(max_length=8, description="规则代码 · rule")] = None,
    severity: Annotated[
        Literal["critical", "major", "minor"] | None, Query(description="级别 · severity")
    ] = None,
    stage: Annotated[str | None, Query(max_length=32, description="办理阶段 · stage")] = None,
    is_open: Annotated[
        bool | None, Query(alias="open", description="尚未了结 · not closed")
    ] = None,
    active: Annotated[bool | None, Query(description="情况仍在持续 · still going on")] = None,
    device: Annotated[str | None, Query(max_length=64, description="套筒 · sleeve")] = None,
    mine: Annotated[bool, Query(description="交给我办的 · assigned to me")] = False,
    from_at: Millis = None,
    until_at: Millis = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first; those of one's branches and those assigned to one."""
    wanted = AlertFilter(
        branch=branch,
        code=code,
        severity=severity,
        stage=stage,
        open=is_open,
        active=active,
        device=device,
        mine=mine,
        from_at=from_at,
        until_at=until_at,
    )
    return answer(reader.find(actor, wanted, cursor=cursor, limit=limit))


@router.get("/counts", summary="未了结预警数 · Open alerts", response_model=dict[str, int])
def counts(actor: Reading, reader: Reader) -> Response:
    """By severity."""
    return answer(reader.counts(actor))


@router.get("/{alert_id}", summary="查看一件预警 · One alert", response_model=AlertDetail)
def get(alert_id: AlertId, actor: Seeing, reader: Reader) -> Response:
    """What it says, its story, its proof, who was told."""
    return answer(reader.get(actor, alert_id))


@router.post("/{alert_id}/acknowledge", summary="受理 · Acknowledge", response_model=Stepped)
def acknowledge(alert_id: AlertId, form: Form, actor: Acknowledging, desk: Desk) -> Response:
    """Somebody looks after it: it is not taken further up."""
    return answer({"version": desk.acknowledge(actor, alert_id, form.version)})


@router.post("/{alert_id}/assign", summary="交办 · Assign", response_model=Stepped)
def assign(alert_id: AlertId, form: AssignForm, actor: Supervising, desk: Desk) -> Response:
    """To somebody with a role here or above, who is told."""
    version = desk.assign(
        actor, alert_id, form.assignee_id, form.version, due_at=form.due_at, note=form.note
    )
    return answer({"version": version})


@router.post("/{alert_id}/rectify", summary="整改 · Rectify", response_model=Stepped)
def rectify(alert_id: AlertId, form: RectifyForm, actor: Seeing, desk: Desk) -> Response:
    """By the assignee or a supervisor."""
    return answer({"version": desk.rectify(actor, alert_id, form.note, form.version)})


@router.post("/{alert_id}/close", summary="销号 · Close", response_model=Stepped)
def close(alert_id: AlertId, form: CloseForm, actor: Supervising, desk: Desk) -> Response:
    """By a supervisor whom it is not about."""
    return answer({"version": desk.close(actor, alert_id, form.outcome, form.version)})


@router.post("/{alert_id}/false-alarm", summary="误报 · False alarm", response_model=Stepped)
def false_alarm(
    alert_id: AlertId, form: FalseAlarmForm, actor: Supervising, desk: Desk
) -> Response:
    """Nothing is deleted; the like of it may be silenced for a while."""
    version = desk.false_alarm(
        actor, alert_id, form.reason, form.version, suppress_until=form.suppress_until
    )
    return answer({"version": version})


@router.post("/{alert_id}/comments", summary="加说明 · Comment", status_code=204)
def comment(alert_id: AlertId, form: CommentForm, actor: Seeing, desk: Desk) -> Response:
    """By whoever sees it."""
    desk.comment(actor, alert_id, form.text)
    return nothing()


@router.post(
    "/{alert_id}/evidence",
    summary="上传整改材料 · Add proof",
    status_code=201,
    response_model=Added,
)
def add_evidence(alert_id: AlertId, form: EvidenceForm, actor: Seeing, desk: Desk) -> Response:
    """By the assignee or a supervisor, while it is open."""
    return answer({"id": desk.add_evidence(actor, alert_id, form.name, form.picture_id)}, 201)
