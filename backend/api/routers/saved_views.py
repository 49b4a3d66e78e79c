"""Views of the usage log that the asker keeps."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import Scope, require, service
from backend.domain.actor import Actor
from backend.services.saved_views import FIELDS, SavedView, SavedViewService

router = APIRouter(prefix="/api/v1/saved-views", tags=["用印 Uses"])

Views = Annotated[SavedViewService, service(SavedViewService)]
Own = Annotated[Actor, require(scope=Scope.OWN)]


class ViewBody(BaseModel):
    """视图 · a view."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=60, description="名称 · name")
    query: str = Field(
        default="",
        max_length=2000,
        description=f"用印记录地址中 ? 之后的部分 · what stands behind the ? : {', '.join(FIELDS)}",
    )


@router.get("", summary="我的视图 · My views", response_model=list[SavedView])
def mine(actor: Own, views: Views) -> Response:
    """Oldest first; nobody sees another person's."""
    return answer(views.of(actor))


@router.post("", summary="保存视图 · Keep a view", status_code=201, response_model=SavedView)
def save(body: ViewBody, actor: Own, views: Views) -> Response:
    """One of the same name is replaced; what the log cannot be asked for is left out."""
    return answer(views.save(actor, body.name, body.query), 201)


@router.delete(
    "/{view_id}", summary="删除视图 · Forget a view", status_code=204, response_class=Response
)
def delete(
    view_id: Annotated[str, Path(max_length=64, description="视图编号 · id")],
    actor: Own,
    views: Views,
) -> Response:
    """One of one's own; anybody else's does not exist."""
    views.delete(actor, view_id)
    return nothing()
