"""Organisations and their own exceptions from the working calendar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.domain.organisation import Level
from backend.services.calendar_days import CalendarDay, CalendarDayService
from backend.services.organisations import (
    NewOrganisation,
    OrganisationInfo,
    OrganisationService,
)
from backend.services.paging import Page

router = APIRouter(prefix="/api/v1/organisations", tags=["组织 Organisations"])

Organisations = Annotated[OrganisationService, service(OrganisationService)]
Days = Annotated[CalendarDayService, service(CalendarDayService)]
OrgId = Annotated[str, Path(max_length=64, description="组织编号 · id")]
Day = Annotated[str, Path(max_length=10, description="日期，如 2026-10-01 · local date")]


class OrganisationForm(BaseModel):
    """要登记的组织 · an organisation to enter below its parent."""

    model_config = ConfigDict(extra="forbid")
    parent_id: str = Field(max_length=64, description="上级组织编号 · id of the one above")
    id: str = Field(min_length=1, max_length=64, description="编号，如统计用区划代码 · id")
    name: str = Field(min_length=1, max_length=100, description="名称 · name")
    lat: float | None = Field(default=None, ge=-90, le=90, description="纬度 · latitude, WGS-84")
    lon: float | None = Field(default=None, ge=-180, le=180, description="经度 · longitude")
    fence_m: float | None = Field(
        default=None, gt=0, le=100_000, description="围栏半径，米 · metres"
    )


class OrganisationChange(BaseModel):
    """要修改的内容，未列出的不变 · what is to change; the rest stays."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(default_factory=str, min_length=1, max_length=100, description="名称 · name")
    lat: float | None = Field(default=None, ge=-90, le=90, description="纬度 · latitude, WGS-84")
    lon: float | None = Field(default=None, ge=-180, le=180, description="经度 · longitude")
    fence_m: float | None = Field(
        default=None, gt=0, le=100_000, description="围栏半径，米 · metres"
    )
    settings: dict[str, Any] = Field(
        default_factory=dict,
        max_length=20,
        description="设置项，null 表示沿用上级 · settings; null takes one away",
    )


class DayForm(BaseModel):
    """这一天是否上班 · whether people work on that day."""

    model_config = ConfigDict(extra="forbid")
    working: bool | None = Field(
        description="true 上班，false 休息，null 取消例外 · null takes the exception back"
    )
    name: str | None = Field(default=None, max_length=60, description="名称 · what day it is")


@router.get("", summary="组织列表 · List organisations", response_model=Page[OrganisationInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    organisations: Organisations,
    parent_id: Annotated[
        str | None, Query(max_length=64, description="只看下级 · directly below")
    ] = None,
    level: Annotated[Level | None, Query(description="层级 · level")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """In the order of the tree."""
    return answer(
        organisations.find(actor, parent_id=parent_id, level=level, cursor=cursor, limit=limit)
    )


@router.post(
    "", summary="登记组织 · Enter an organisation", status_code=201, response_model=OrganisationInfo
)
def create(
    form: OrganisationForm,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    organisations: Organisations,
) -> Response:
    """A town below a district, a village below a town. It cannot be moved later."""
    new = NewOrganisation(form.parent_id, form.id, form.name, form.lat, form.lon, form.fence_m)
    return answer(organisations.create(actor, new), 201)


@router.get("/{org_id}", summary="查看组织 · One organisation", response_model=OrganisationInfo)
def get(
    org_id: OrgId,
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    organisations: Organisations,
) -> Response:
    """With its own settings; inherited ones stand with the organisations above."""
    return answer(organisations.get(actor, org_id))


@router.patch("/{org_id}", summary="修改组织 · Change one", response_model=OrganisationInfo)
def change(
    org_id: OrgId,
    form: OrganisationChange,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    organisations: Organisations,
) -> Response:
    """Name, position, fence, settings."""
    return answer(organisations.change(actor, org_id, form.model_dump(exclude_unset=True)))


@router.get(
    "/{org_id}/days", summary="工作日例外 · Own days off", response_model=Sequence[CalendarDay]
)
def days(
    org_id: OrgId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], days: Days
) -> Response:
    """Exceptions of this organisation from the published calendar."""
    return answer(days.days(actor, org_id))


@router.put(
    "/{org_id}/days/{day}",
    summary="设置工作日例外 · Set a day",
    status_code=204,
    response_class=Response,
)
def set_day(
    org_id: OrgId,
    day: Day,
    form: DayForm,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    days: Days,
) -> Response:
    """It holds here and below."""
    days.set_day(actor, org_id, day, form.working, form.name)
    return nothing()
