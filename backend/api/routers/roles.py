"""Roles with their terms of office."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.services.paging import Page
from backend.services.roles import NewRole, RoleInfo, RoleService

router = APIRouter(prefix="/api/v1/roles", tags=["任职 Roles"])

Roles = Annotated[RoleService, service(RoleService)]
MAX_MS = 2**53


class RoleForm(BaseModel):
    """要任命的角色 · a role to give."""

    model_config = ConfigDict(extra="forbid")
    person_id: str = Field(max_length=64, description="人员编号 · person")
    org_id: str = Field(max_length=64, description="组织编号 · organisation")
    role: Role = Field(description="角色 · role")
    title: str | None = Field(default=None, max_length=60, description="职务 · title")
    starts_at: int | None = Field(
        default=None, ge=0, le=MAX_MS, description="任期开始，空为现在 · now when empty, ms"
    )
    ends_at: int | None = Field(
        default=None, ge=0, le=MAX_MS, description="任期结束，届时权限即止 · authority ends, ms"
    )


@router.get("", summary="任职列表 · List roles", response_model=Page[RoleInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    roles: Roles,
    person_id: Annotated[str | None, Query(max_length=64, description="人员 · person")] = None,
    branch: Branch = None,
    role: Annotated[Role | None, Query(description="角色 · role")] = None,
    in_force: Annotated[bool, Query(description="只看现任 · in force only")] = True,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first; one's own always."""
    return answer(
        roles.find(
            actor,
            person_id=person_id,
            branch=branch,
            kind=role,
            in_force=in_force,
            cursor=cursor,
            limit=limit,
        )
    )


@router.post("", summary="任命 · Give a role", status_code=201, response_model=RoleInfo)
def grant(
    form: RoleForm, actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)], roles: Roles
) -> Response:
    """Nobody gives themselves one; supervisors are named from above; approver ≠ custodian."""
    new = NewRole(form.person_id, form.org_id, form.role, form.title, form.starts_at, form.ends_at)
    return answer(roles.grant(actor, new), 201)


@router.delete("/{role_id}", summary="免去 · End a role", status_code=204, response_class=Response)
def end(
    role_id: Annotated[str, Path(max_length=64, description="任职编号 · id")],
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    roles: Roles,
) -> Response:
    """At once."""
    roles.end(actor, role_id)
    return nothing()
