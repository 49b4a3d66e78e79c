"""The eyes: a seal's enrolled imprint, and what people say of verdicts."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, File, Path, Query, Response, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer
from backend.api.deps import ANY, Scope, require, require_session, service
from backend.api.settings import MAX_UPLOAD
from backend.domain.actor import Actor, Role
from backend.services.identity import Authenticated
from backend.services.imprints import MAX_PICTURES, ImprintInfo, ImprintService
from backend.services.second_opinions import (
    REVIEWERS,
    Opinion,
    Rate,
    SecondOpinionService,
)

router = APIRouter(prefix="/api/v1", tags=["核对 Eyes"])

Imprints = Annotated[ImprintService, service(ImprintService)]
Opinions = Annotated[SecondOpinionService, service(SecondOpinionService)]
SealId = Annotated[str, Path(max_length=64, description="印章编号 · seal")]
MAX_SEQ = 2**63 - 1


class OpinionForm(BaseModel):
    """是否同意核对结果 · whether the verdict is right."""

    model_config = ConfigDict(extra="forbid")
    agrees: bool = Field(description="核对结果正确 · the verdict is right")
    reason: str = Field(default="", max_length=200, description="不正确时的理由 · else, why not")


@router.get(
    "/seals/{seal_id}/imprints",
    summary="印章的登记印迹 · A seal's enrolled imprints",
    response_model=list[ImprintInfo],
)
def imprints(
    seal_id: SealId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], found: Imprints
) -> Response:
    """Newest first; the one without an end is in force. Never a picture of it."""
    return answer(found.find(actor, seal_id))


@router.post(
    "/seals/{seal_id}/imprints",
    summary="登记印迹 · Enrol an imprint",
    status_code=201,
    response_model=ImprintInfo,
    max_body_size=MAX_UPLOAD,
)
def enrol(
    seal_id: SealId,
    asker: Annotated[Authenticated, require_session(Role.ADMIN, scope=Scope.OBJECT)],
    made: Imprints,
    pictures: Annotated[
        list[UploadFile],
        File(
            max_length=MAX_PICTURES,
            description="白纸上一枚清晰印迹的照片 · pictures of one clean imprint each",
        ),
    ],
) -> Response:
    """Part of commissioning. The pictures are not kept, only a template of the ring."""
    data = [one.file.read() for one in pictures]
    return answer(made.enrol(asker.actor, seal_id, data), 201)


@router.put(
    "/verdicts/{seq}/opinion",
    summary="复核核对结果 · Confirm or override a verdict",
    response_model=Opinion,
)
def give(
    seq: Annotated[int, Path(ge=0, le=MAX_SEQ, description="核对记录的序号 · record")],
    form: OpinionForm,
    asker: Annotated[Authenticated, require_session(*REVIEWERS, scope=Scope.OBJECT)],
    opinions: Opinions,
) -> Response:
    """On record with its reason; it becomes labelled data."""
    return answer(opinions.give(asker.actor, seq, agrees=form.agrees, reason=form.reason))


@router.get(
    "/verdicts/report",
    summary="误报情况 · How often verdicts were wrong",
    response_model=list[Rate],
)
def report(
    actor: Annotated[Actor, require(*REVIEWERS, scope=Scope.BRANCH)],
    opinions: Opinions,
    since: Annotated[int, Query(ge=0, le=MAX_SEQ, description="从何时起 · since (ms)")] = 0,
) -> Response:
    """By kind and finding, as far as people gave their opinion."""
    return answer(opinions.report(actor, since))
