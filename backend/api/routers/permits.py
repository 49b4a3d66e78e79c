"""Off-site permits."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.domain.permit import WIDEST_M, PermitState
from backend.services.paging import Page
from backend.services.permits import PermitFilter, PermitForm, PermitService
from backend.services.views import PermitView

router = APIRouter(prefix="/api/v1/permits", tags=["外带用印 Off-site permits"])

Permits = Annotated[PermitService, service(PermitService)]
PermitId = Annotated[str, Path(max_length=64, description="外带申请编号 · id")]
Decider = Annotated[Actor, require(Role.APPROVER, Role.SUPERVISOR, scope=Scope.OBJECT)]
Carrier = Annotated[
    Actor, require(Role.CUSTODIAN, Role.OPERATOR, Role.APPLICANT, scope=Scope.OBJECT)
]


class PermitBody(BaseModel):
    """外带申请 · taking a sleeve outside its fence."""

    model_config = ConfigDict(extra="forbid")
    device_id: str = Field(max_length=64, description="套筒 · sleeve")
    purpose: str = Field(min_length=1, max_length=500, description="事由 · purpose")
    place: str = Field(min_length=1, max_length=200, description="地点 · place in words")
    from_at: int = Field(ge=0, le=2**53, description="外带时间 · leaves at, ms UTC")
    until_at: int = Field(ge=0, le=2**53, description="归还时间 · back by, ms UTC")
    carrier_id: str | None = Field(
        default=None, max_length=64, description="携带人，默认本人 · carrier, oneself by default"
    )
    application_id: str | None = Field(default=None, max_length=64, description="有关申请")
    lat: float | None = Field(default=None, ge=-90, le=90, description="纬度 · latitude")
    lon: float | None = Field(default=None, ge=-180, le=180, description="经度 · longitude")
    radius_m: float | None = Field(
        default=None, gt=0, le=WIDEST_M, description="范围，米 · radius, metres"
    )


class RejectBody(BaseModel):
    """不同意的理由 · why not."""

    model_config = ConfigDict(extra="forbid")
    reason: str = Field(min_length=1, max_length=500, description="原因 · reason")


@router.get("", summary="外带列表 · List permits", response_model=Page[PermitView])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    permits: Permits,
    state: Annotated[PermitState | None, Query(description="状态 · state")] = None,
    sleeve: Annotated[str | None, Query(max_length=64, description="套筒 · sleeve")] = None,
    branch: Branch = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    wanted = PermitFilter(None if state is None else state.value, sleeve, branch)
    return answer(permits.list(actor, wanted, after=cursor, limit=limit))


@router.post("", summary="申请外带 · Ask for one", status_code=201, response_model=PermitView)
def want(body: PermitBody, actor: Carrier, permits: Permits) -> Response:
    """The carrier is an operator or custodian of the organisation."""
    return answer(permits.want(actor, PermitForm(**body.model_dump())), 201)


@router.get("/{permit_id}", summary="查看外带申请 · One permit", response_model=PermitView)
def get(
    permit_id: PermitId,
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    permits: Permits,
) -> Response:
    """Who, where, when, and whether it is back."""
    return answer(permits.get(actor, permit_id))


@router.post("/{permit_id}/approve", summary="同意外带 · Approve", response_model=PermitView)
def approve(permit_id: PermitId, actor: Decider, permits: Permits) -> Response:
    """Not by who carries or keeps the sleeve. Live grants of its application follow to the place
    where the matter allows it."""
    return answer(permits.approve(actor, permit_id))


@router.post("/{permit_id}/reject", summary="不同意外带 · Reject", response_model=PermitView)
def reject(permit_id: PermitId, body: RejectBody, actor: Decider, permits: Permits) -> Response:
    """For a reason."""
    return answer(permits.reject(actor, permit_id, body.reason))


@router.post("/{permit_id}/take-out", summary="登记外带 · Leave with it", response_model=PermitView)
def take_out(permit_id: PermitId, actor: Carrier, permits: Permits) -> Response:
    """Said by the carrier."""
    return answer(permits.take_out(actor, permit_id))


@router.post("/{permit_id}/give-back", summary="登记归还 · It is back", response_model=PermitView)
def give_back(permit_id: PermitId, actor: Carrier, permits: Permits) -> Response:
    """Said by the carrier or by who keeps the seal."""
    return answer(permits.give_back(actor, permit_id))
