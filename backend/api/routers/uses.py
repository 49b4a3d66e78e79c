"""Uses, and the proof of each."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from backend.api.answers import answer, archive
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor
from backend.domain.search import STATES
from backend.services.paging import Page
from backend.services.use_proofs import PROVERS, UseProofService
from backend.services.uses import UseDetail, UseFilter, UseInfo, UseService

router = APIRouter(prefix="/api/v1/uses", tags=["用印 Uses"])

Uses = Annotated[UseService, service(UseService)]
Proofs = Annotated[UseProofService, service(UseProofService)]
UseId = Annotated[str, Path(max_length=128, description="用印编号 · id")]
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
    matter_id: Id = None,
    person_id: Annotated[
        str | None, Query(max_length=64, description="参与或审批的人 · took part, or approved")
    ] = None,
    text: Annotated[
        str | None,
        Query(max_length=100, description="文件内容、事由、姓名、编号等，至少两个字 · search"),
    ] = None,
    state: Annotated[
        str | None,
        Query(
            max_length=32,
            description=f"进行到哪一步，或 · stage of the use, or one of {'、'.join(STATES)}",
        ),
    ] = None,
    person_check: Annotated[
        str | None, Query(max_length=32, description="人员核验结果 · check of the person")
    ] = None,
    alerted: Annotated[
        bool | None, Query(description="有无未办结预警 · with an alert not closed")
    ] = None,
    alert: Annotated[
        str | None, Query(max_length=8, description="预警代码，如 C10 · with an alert of this code")
    ] = None,
    reviewed: Annotated[
        bool | None, Query(description="是否已复核 · reviewed by a supervisor")
    ] = None,
    from_at: Millis = None,
    until_at: Millis = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest known first, by the index that the usage log's page goes by: those of one's branches
    and those one took part in."""
    wanted = UseFilter(
        branch=branch,
        seal_id=seal_id,
        device_id=device_id,
        application_id=application_id,
        matter_id=matter_id,
        person_id=person_id,
        text=text,
        state=state,
        person_check=person_check,
        alerted=alerted,
        alert_code=alert,
        reviewed=reviewed,
        from_at=from_at,
        until_at=until_at,
    )
    return answer(uses.find(actor, wanted, cursor=cursor, limit=limit))


@router.get("/{use_id}", summary="查看一次用印 · One use", response_model=UseDetail)
def get(
    use_id: UseId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], uses: Uses
) -> Response:
    """With its records in log order, that there are pictures, and its alerts."""
    return answer(uses.get(actor, use_id))


@router.get(
    "/{use_id}/proof.zip",
    summary="下载存证证明 · The proof of a use",
    response_class=Response,
    responses={
        200: {
            "description": "证明文件，离线核对用 zhiyin verify · for zhiyin verify",
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    },
)
def proof(
    use_id: UseId, actor: Annotated[Actor, require(*PROVERS, scope=Scope.OBJECT)], proofs: Proofs
) -> Response:
    """Its records, their paths in the log and the signed checkpoint. That it was taken away is on
    record before it is handed over."""
    return archive(proofs.file(actor, use_id), use_id)
