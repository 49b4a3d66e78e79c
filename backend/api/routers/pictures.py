"""Looking at pictures: a reason first, a record for each look."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Scope, require, require_session, service
from backend.domain.actor import Actor, Role
from backend.services.identity import Authenticated
from backend.services.pictures import ERASERS, PictureService, Review

router = APIRouter(prefix="/api/v1", tags=["图片 Pictures"])

Pictures = Annotated[PictureService, service(PictureService)]
PictureId = Annotated[str, Path(max_length=64, description="图片编号 · id")]
REVIEWERS = (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN)


class ReviewForm(BaseModel):
    """查阅的事由和范围 · why, and of which branch."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=2, max_length=200, description="事由 · why")
    org_path: str = Field(max_length=200, description="组织路径 · branch")


class ErasureForm(BaseModel):
    """删除的原因 · why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=2, max_length=200, description="原因 · why")


@router.post("/reviews", summary="开始查阅 · Open a review", status_code=201, response_model=Review)
def open_review(
    form: ReviewForm,
    asker: Annotated[Authenticated, require_session(*REVIEWERS, scope=Scope.OBJECT)],
    pictures: Pictures,
) -> Response:
    """For twelve hours; each picture shown in it is a record."""
    return answer(pictures.open_review(asker.actor, form.reason, form.org_path), 201)


@router.get(
    "/pictures/{picture_id}",
    summary="查看图片 · Look at a picture",
    response_class=Response,
    responses={
        200: {
            "description": "图片 · the picture",
            "content": {
                kind: {"schema": {"type": "string", "format": "binary"}}
                for kind in ("image/jpeg", "image/png", "image/webp", "application/pdf")
            },
        }
    },
)
def view(
    picture_id: PictureId,
    asker: Annotated[Authenticated, require_session(*ANY, scope=Scope.OBJECT)],
    pictures: Pictures,
    review: Annotated[
        str | None, Query(max_length=64, description="查阅编号 · an open review")
    ] = None,
    reason: Annotated[
        str | None, Query(max_length=200, description="没有查阅编号时的事由 · else, why")
    ] = None,
) -> Response:
    """The look is recorded before the picture is decrypted; a program cannot look."""
    shown = pictures.view(asker.actor, picture_id, review_id=review, reason=reason)
    return Response(shown.data, media_type=shown.mime, headers={"Content-Disposition": "inline"})


@router.post(
    "/pictures/{picture_id}/erasure",
    summary="删除图片 · Erase a picture",
    status_code=204,
    response_class=Response,
)
def erase(
    picture_id: PictureId,
    form: ErasureForm,
    actor: Annotated[Actor, require(*ERASERS, scope=Scope.OBJECT)],
    pictures: Pictures,
) -> Response:
    """Key and ciphertext are destroyed; the proofs that name it stay valid."""
    pictures.erase(actor, picture_id, form.reason)
    return nothing()
