"""Uses."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from backend.api.answers import answer
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor
from backend.services.paging import Page
from backend.services.uses import UseDetail, UseFilter, UseInfo, UseService

router = APIRouter(prefix="/api/v1/uses", tags=["用印 Uses"])

Uses = Annotated[UseService, service(UseService)]
Id = Annotated[str | None, Query(max_length=64)]
Millis = Annotated[int | None, Query(ge=0, le=2**53, description="毫秒时间 · ms since the epoch")]


@router.get("", summary="用印列表 · List uses", response_model=Page[UseInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    uses: Uses,
    branch: Branch = None,
    seal_id: Id = None,
    device_id: Id = None,
    application_id: Id = None,
    state: Annotated[str | None, Query(max_length=32, description="状态 · state")] = None,
    person_check: Annotated[
        str | None, Query(max_length=32, description="人员核验结果 · check of the person")
    ] = None,
    alerted: Annotated[
        bool | None, Query(description="有无未办结预警 · with an alert not closed")
    ] = None,
    from_at: Millis = None,
    until_at: Millis = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first; those of one's branches and those one took part in."""
    wanted = UseFilter(
        branch=branch,
        seal_id=seal_id,
        device_id=device_id,
        application_id=application_id,
        state=state,
        person_check=person_check,
        alerted=alerted,
        from_at=from_at,
        until_at=until_at,
    )
    return answer(uses.find(actor, wanted, cursor=cursor, limit=limit))


@router.get("/{use_id}", summary="查看一次用印 · One use", response_model=UseDetail)
def get(
    use_id: Annotated[str, Path(max_length=64, description="用印编号 · id")],
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    uses: Uses,
) -> Response:
    """With its records in log order, that there are pictures, and its alerts."""
    return answer(uses.get(actor, use_id))
