"""The catalogue of matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.domain.matter import SealKind
from backend.services.matters import MatterForm, MatterService
from backend.services.views import MatterView

router = APIRouter(prefix="/api/v1/matters", tags=["用印事项 Matters"])

Matters = Annotated[MatterService, service(MatterService)]
Anybody = Annotated[Actor, require(*ANY, scope=Scope.OBJECT)]
Admin = Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)]
MatterId = Annotated[str, Path(max_length=64, description="事项编号 · id")]
OrgPath = Annotated[str, Query(max_length=200, description="组织路径 · organisation path")]


class MatterBody(BaseModel):
    """事项内容 · a matter. ``spec`` as any matter shows it."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(min_length=1, max_length=100, description="事项名称 · name")
    category: str = Field(min_length=1, max_length=60, description="类别 · category")
    spec: dict[str, Any] = Field(
        description="印章、审批链、限额、附件、时限等全部设置 · everything that can be set"
    )

    def form(self) -> MatterForm:
        """What the service takes."""
        return MatterForm(self.name, self.category, self.spec)


class NewMatterBody(MatterBody):
    """新事项 · a new one."""

    org_path: str = Field(max_length=200, description="目录所属组织 · whose catalogue")
    code: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,30}$", description="代码 · code")


class ChangedMatterBody(MatterBody):
    """修改事项 · a new version."""

    version: int = Field(ge=1, description="您看到的版本 · the version that you looked at")


@dataclass(frozen=True, slots=True)
class Installed:
    """How many matters were new."""

    installed: Annotated[int, Field(description="新装入的事项数 · how many were new")]


@router.get("", summary="事项目录 · The catalogue", response_model=list[MatterView])
def catalogue(
    actor: Anybody,
    matters: Matters,
    org: OrgPath,
    text: Annotated[str | None, Query(max_length=60, description="名称或说明 · search")] = None,
    forbidden: Annotated[
        bool | None, Query(description="只看（不看）不能出具的证明 · only (no) forbidden ones")
    ] = None,
    seal_kind: Annotated[SealKind | None, Query(description="印章种类 · kind of seal")] = None,
) -> Response:
    """What holds at an organisation. Forbidden certificates say why, and where to go instead."""
    kind = None if seal_kind is None else seal_kind.value
    return answer(matters.catalogue(actor, org, text=text, forbidden=forbidden, seal_kind=kind))


@router.post("", summary="新增事项 · Add a matter", status_code=201, response_model=MatterView)
def add(body: NewMatterBody, actor: Admin, matters: Matters) -> Response:
    """To the catalogue of one's own branch."""
    return answer(matters.add(actor, body.org_path, body.code, body.form()), 201)


@router.post("/defaults", summary="装入默认目录 · Install the defaults", response_model=Installed)
def install_defaults(actor: Admin, matters: Matters, org: OrgPath) -> Response:
    """What is there already stays as it is."""
    return answer(Installed(matters.install_defaults(actor, org)))


@router.get("/{matter_id}", summary="查看事项 · One matter", response_model=MatterView)
def get(
    matter_id: MatterId,
    actor: Anybody,
    matters: Matters,
    version: Annotated[int | None, Query(ge=1, description="版本 · version")] = None,
) -> Response:
    """The newest version, when none is named."""
    return answer(matters.get(actor, matter_id, version))


@router.put("/{matter_id}", summary="修改事项 · Change a matter", response_model=MatterView)
def change(
    matter_id: MatterId, body: ChangedMatterBody, actor: Admin, matters: Matters
) -> Response:
    """A new version; applications already handed in keep theirs."""
    return answer(matters.change(actor, matter_id, body.version, body.form()))


@router.delete(
    "/{matter_id}", summary="停用事项 · Retire", status_code=204, response_class=Response
)
def retire(matter_id: MatterId, actor: Admin, matters: Matters) -> Response:
    """No new applications for it."""
    matters.retire(actor, matter_id)
    return nothing()
