"""Grants: the one-time authorities to unlock."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor
from backend.services.grants import GrantFilter, GrantService
from backend.services.paging import Page
from backend.services.views import GrantView

router = APIRouter(prefix="/api/v1/grants", tags=["用印授权 Grants"])

Grants = Annotated[GrantService, service(GrantService)]
GrantId = Annotated[str, Path(max_length=64, description="授权编号 · id")]
State = Literal["issued", "unlocked", "burnt", "used", "expired", "revoked"]


class RevokeBody(BaseModel):
    """撤销原因 · why."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=500, description="原因 · reason")


@router.get("", summary="授权列表 · List grants", response_model=Page[GrantView])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    grants: Grants,
    state: Annotated[State | None, Query(description="状态 · state")] = None,
    live: Annotated[bool, Query(description="只看还能用的 · those that still unlock")] = False,
    mine: Annotated[bool, Query(description="只看由我用章的 · those that I stamp with")] = False,
    sleeve: Annotated[str | None, Query(max_length=64, description="套筒 · sleeve")] = None,
    application: Annotated[str | None, Query(max_length=64, description="申请")] = None,
    branch: Branch = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first. The job code is shown to those concerned only."""
    wanted = GrantFilter(
        state=state,
        device_id=sleeve,
        application_id=application,
        org_path=branch,
        live=live,
        mine=mine,
    )
    return answer(grants.list(actor, wanted, after=cursor, limit=limit))


@router.get("/{grant_id}", summary="查看授权 · One grant", response_model=GrantView)
def get(
    grant_id: GrantId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], grants: Grants
) -> Response:
    """What it allows, and what became of it."""
    return answer(grants.get(actor, grant_id))


@router.post("/{grant_id}/revoke", summary="撤销授权 · Revoke", response_model=GrantView)
def revoke(
    grant_id: GrantId,
    body: RevokeBody,
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    grants: Grants,
) -> Response:
    """By an approver or supervisor of the branch; by the applicant while it is unused. The
    application is voided with it."""
    return answer(grants.revoke(actor, grant_id, body.reason))
