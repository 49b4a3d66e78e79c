"""The official register of uses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.domain.search import STATES
from backend.services.paging import Page
from backend.services.register import RegisterService
from backend.services.views import RegisterRow
from backend.store.register import RegisterFilter

router = APIRouter(prefix="/api/v1/register", tags=["用印登记簿 Register"])

Register = Annotated[RegisterService, service(RegisterService)]
UseId = Annotated[str, Path(max_length=128, description="用印编号 · use")]
Anybody = Annotated[Actor, require(*ANY, scope=Scope.OBJECT)]
_Id = Query(max_length=64)


class RemarksBody(BaseModel):
    """监督意见 · a supervisor's remarks."""

    model_config = ConfigDict(extra="forbid")
    remarks: str = Field(min_length=1, max_length=500, description="备注 · remarks")


class QuestionBody(BaseModel):
    """疑问 · what is wrong with it."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=500, description="说明 · what is wrong")


@router.get("", summary="用印登记簿 · The register", response_model=Page[RegisterRow])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    register: Register,
    branch: Branch = None,
    seal: Annotated[str | None, _Id] = None,
    sleeve: Annotated[str | None, _Id] = None,
    matter: Annotated[str | None, _Id] = None,
    person: Annotated[str | None, _Id] = None,
    application: Annotated[str | None, _Id] = None,
    text: Annotated[
        str | None,
        Query(
            max_length=100, description="登记号、申请号、文件、事由、姓名等，至少两个字 · search"
        ),
    ] = None,
    from_at: Annotated[int | None, Query(ge=0, description="用印时间起 · used from")] = None,
    until_at: Annotated[int | None, Query(ge=0, description="止（不含） · used before")] = None,
    unstamped: Annotated[
        bool, Query(description="包括未盖章的开锁 · also uses without a stamp")
    ] = False,
    unreviewed: Annotated[bool, Query(description="只看未复核的 · not yet reviewed")] = False,
    reviewed: Annotated[bool, Query(description="只看已复核的 · reviewed")] = False,
    alerted: Annotated[bool, Query(description="只看有预警的 · with an alert")] = False,
    alert: Annotated[
        str | None, Query(max_length=8, description="预警代码，如 C10 · with an alert of this code")
    ] = None,
    state: Annotated[
        str | None, Query(max_length=16, description=f"状态 · {'、'.join(STATES)}")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest known first: every use with what it was for, who approved, who stamped, where, when.
    What a sleeve kept back stands where it arrived."""
    wanted = RegisterFilter(
        org_path=branch,
        seal_id=seal,
        device_id=sleeve,
        matter_id=matter,
        person_id=person,
        application_id=application,
        text=text,
        from_at=from_at,
        until_at=until_at,
        unstamped=unstamped,
        unreviewed=unreviewed,
        reviewed=reviewed,
        alerted=alerted,
        alert_code=alert,
        state=state,
    )
    return answer(register.list(actor, wanted, after=cursor, limit=limit))


@router.get("/{use_id}", summary="查看一次用印 · One use", response_model=RegisterRow)
def get(use_id: UseId, actor: Anybody, register: Register) -> Response:
    """Its line in the register."""
    return answer(register.get(actor, use_id))


@router.post("/{use_id}/review", summary="监督复核 · Review", response_model=RegisterRow)
def review(
    use_id: UseId,
    body: RemarksBody,
    actor: Annotated[Actor, require(Role.SUPERVISOR, scope=Scope.OBJECT)],
    register: Register,
) -> Response:
    """By a supervisor who took no part in it; once."""
    return answer(register.review(actor, use_id, body.remarks))


@router.post(
    "/{use_id}/question",
    summary="提出疑问 · Question a use",
    status_code=204,
    response_class=Response,
)
def question(use_id: UseId, body: QuestionBody, actor: Anybody, register: Register) -> Response:
    """“This was not so”: goes on record and to those who watch."""
    register.question(actor, use_id, body.reason)
    return nothing()
