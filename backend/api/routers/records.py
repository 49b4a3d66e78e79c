"""Records of the journal, and proofs that they stand in the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from fastapi.responses import PlainTextResponse

from backend.api.answers import answer
from backend.api.deps import Branch, Cursor, Limit, Scope, public, require, service
from backend.domain.actor import Actor
from backend.services.paging import Page
from backend.services.records import (
    READERS,
    RecordFilter,
    RecordInfo,
    RecordProof,
    RecordService,
)

router = APIRouter(prefix="/api/v1", tags=["存证 Records"])

Records = Annotated[RecordService, service(RecordService)]
Id = Annotated[str | None, Query(max_length=64)]
Millis = Annotated[int | None, Query(ge=0, le=2**53, description="毫秒时间 · ms since the epoch")]
Seq = Annotated[int, Path(ge=0, le=2**53, description="记录序号，即日志叶序号 · leaf index")]
Size = Annotated[int, Query(ge=0, le=2**53, description="日志大小 · size of the log")]
_PUBLIC = "checkpoints are made to be compared by everybody; they tell nothing of any record"


@dataclass(frozen=True, slots=True)
class Consistency:
    """Hashes, base64 (RFC 6962 §2.1.2)."""

    hashes: list[str]


@router.get("/records", summary="记录列表 · List records", response_model=Page[RecordInfo])
def find(
    actor: Annotated[Actor, require(*READERS, scope=Scope.BRANCH)],
    records: Records,
    branch: Branch = None,
    kind: Annotated[
        str | None,
        Query(max_length=48, description="种类，或以点结尾的前缀如 person. · kind, or `person.`"),
    ] = None,
    device: Id = None,
    seal: Id = None,
    application: Id = None,
    use_id: Id = None,
    person: Id = None,
    from_at: Millis = None,
    until_at: Millis = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    wanted = RecordFilter(
        branch=branch,
        kind=kind,
        device=device,
        seal=seal,
        application=application,
        use_id=use_id,
        person=person,
        from_at=from_at,
        until_at=until_at,
    )
    return answer(records.find(actor, wanted, cursor=cursor, limit=limit))


@router.get("/records/{seq}", summary="查看记录 · One record", response_model=RecordInfo)
def get(
    seq: Seq, actor: Annotated[Actor, require(*READERS, scope=Scope.OBJECT)], records: Records
) -> Response:
    """Its content, or that it was erased."""
    return answer(records.get(actor, seq))


@router.get("/records/{seq}/proof", summary="存证证明 · Proof", response_model=RecordProof)
def proof(
    seq: Seq, actor: Annotated[Actor, require(*READERS, scope=Scope.OBJECT)], records: Records
) -> Response:
    """Everything that is needed to check the record without us."""
    return answer(records.proof(actor, seq))


@router.get(
    "/log/checkpoint",
    summary="最新存证点 · Newest checkpoint",
    response_class=PlainTextResponse,
    dependencies=[public(_PUBLIC)],
)
def checkpoint(records: Records) -> PlainTextResponse:
    """Signed (c2sp.org/tlog-checkpoint), with the cosignatures it has by now."""
    return PlainTextResponse(records.checkpoint())


@router.get(
    "/log/consistency",
    summary="一致性证明 · Consistency proof",
    response_model=Consistency,
    dependencies=[public(_PUBLIC)],
)
def consistency(old: Size, new: Size, records: Records) -> Response:
    """That the log of `new` entries begins with that of `old`."""
    return answer(Consistency(records.consistency(old, new)))
