"""Seals."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.domain.matter import SealKind
from backend.services.paging import Page
from backend.services.seals import NewSeal, SealInfo, SealService

router = APIRouter(prefix="/api/v1/seals", tags=["印章 Seals"])

Seals = Annotated[SealService, service(SealService)]
SealId = Annotated[str, Path(max_length=64, description="印章编号 · id")]
Status = Literal["active", "suspended", "destroyed"]


class SealForm(BaseModel):
    """要登记的印章 · a seal to register."""

    model_config = ConfigDict(extra="forbid")
    org_id: str = Field(max_length=64, description="所属组织编号 · whose it is")
    kind: SealKind = Field(description="种类：党组织、村委会、经联社 · kind")
    name: str = Field(min_length=1, max_length=100, description="印文名称 · name")
    custodian_id: str | None = Field(default=None, max_length=64, description="保管人 · custodian")


class Custodian(BaseModel):
    """由谁保管 · who keeps it."""

    model_config = ConfigDict(extra="forbid")
    person_id: str | None = Field(max_length=64, description="人员编号 · person")


class StatusForm(BaseModel):
    """启用、停用或登记销毁 · active, suspended or destroyed."""

    model_config = ConfigDict(extra="forbid")
    status: Status = Field(description="状态 · status")
    reason: str = Field(min_length=1, max_length=200, description="原因 · why")


@router.get("", summary="印章列表 · List seals", response_model=Page[SealInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    seals: Seals,
    branch: Branch = None,
    status: Annotated[Status | None, Query(description="状态 · status")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first."""
    return answer(seals.find(actor, branch=branch, status=status, cursor=cursor, limit=limit))


@router.post("", summary="登记印章 · Register a seal", status_code=201, response_model=SealInfo)
def register(
    form: SealForm, actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)], seals: Seals
) -> Response:
    """One of each kind for an organisation."""
    new = NewSeal(form.org_id, form.kind, form.name, form.custodian_id)
    return answer(seals.register(actor, new), 201)


@router.get("/{seal_id}", summary="查看印章 · One seal", response_model=SealInfo)
def get(
    seal_id: SealId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], seals: Seals
) -> Response:
    """With the sleeve that holds it."""
    return answer(seals.get(actor, seal_id))


@router.put("/{seal_id}/custodian", summary="指定保管人 · Entrust it", response_model=SealInfo)
def entrust(
    seal_id: SealId,
    form: Custodian,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    seals: Seals,
) -> Response:
    """Not to one who approves there."""
    return answer(seals.entrust(actor, seal_id, form.person_id))


@router.put(
    "/{seal_id}/status", summary="启用、停用、销毁 · Set its status", response_model=SealInfo
)
def set_status(
    seal_id: SealId,
    form: StatusForm,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    seals: Seals,
) -> Response:
    """Destroyed is for good."""
    return answer(seals.set_status(actor, seal_id, form.status, form.reason))
