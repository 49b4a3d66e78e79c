"""People."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, require_session, service
from backend.domain.actor import Actor, Role
from backend.services.credentials import CredentialService
from backend.services.identity import Authenticated
from backend.services.paging import Page
from backend.services.people import NewPerson, PeopleService, PersonInfo
from backend.services.people_rows import SEES_PEOPLE

router = APIRouter(prefix="/api/v1/people", tags=["人员 People"])

People = Annotated[PeopleService, service(PeopleService)]
Credentials = Annotated[CredentialService, service(CredentialService)]
PersonId = Annotated[str, Path(max_length=64, description="人员编号 · id")]
Locale = Literal["zh_CN", "en"]


class PersonForm(BaseModel):
    """要登记的人员 · somebody to enter."""

    model_config = ConfigDict(extra="forbid")
    org_id: str = Field(max_length=64, description="所属组织编号 · organisation")
    name: str = Field(min_length=1, max_length=60, description="姓名 · name")
    phone: str | None = Field(default=None, max_length=40, description="电话 · phone")
    login: str | None = Field(
        default=None, max_length=60, description="用户名，不登录的留空 · none: never signs in"
    )
    locale: Locale = Field(default="zh_CN", description="语言 · language")


class PersonChange(BaseModel):
    """要修改的内容，未列出的不变 · what is to change; the rest stays."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(default_factory=str, min_length=1, max_length=60, description="姓名 · name")
    phone: str | None = Field(default=None, max_length=40, description="电话 · phone")
    login: str = Field(
        default_factory=str, min_length=2, max_length=60, description="用户名 · login"
    )
    locale: Locale = Field(default="zh_CN", description="语言 · language")


class PinForm(BaseModel):
    """在柜台录入的 PIN · the PIN typed at the counter."""

    model_config = ConfigDict(extra="forbid")
    pin: SecretStr = Field(max_length=8, description="6到8位数字 · 6 to 8 digits")


@dataclass(frozen=True, slots=True)
class Temporary:
    """A temporary password, shown this once."""

    login: Annotated[str, Field(description="用户名 · login")]
    password: Annotated[str, Field(description="临时口令，仅显示一次 · shown this once")] = field(
        repr=False
    )


@router.get("", summary="人员列表 · List people", response_model=Page[PersonInfo])
def find(
    actor: Annotated[Actor, require(*SEES_PEOPLE, scope=Scope.BRANCH)],
    people: People,
    branch: Branch = None,
    name: Annotated[
        str | None, Query(max_length=60, description="姓名包含 · name contains")
    ] = None,
    status: Annotated[
        Literal["active", "left"] | None, Query(description="在任或已离任 · active or left")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """By name."""
    return answer(
        people.find(actor, branch=branch, name=name, status=status, cursor=cursor, limit=limit)
    )


@router.post("", summary="登记人员 · Enter a person", status_code=201, response_model=PersonInfo)
def create(
    form: PersonForm,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    people: People,
) -> Response:
    """With a login they still need a password: see `POST …/password`."""
    new = NewPerson(form.org_id, form.name, form.phone, form.login, form.locale)
    return answer(people.create(actor, new), 201)


@router.get("/{person_id}", summary="查看人员 · One person", response_model=PersonInfo)
def get(
    person_id: PersonId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], people: People
) -> Response:
    """Somebody of one's branch, or oneself."""
    return answer(people.get(actor, person_id))


@router.patch("/{person_id}", summary="修改人员 · Change one", response_model=PersonInfo)
def change(
    person_id: PersonId,
    form: PersonChange,
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    people: People,
) -> Response:
    """Administrators change everything, everybody their own phone and language."""
    return answer(people.change(actor, person_id, form.model_dump(exclude_unset=True)))


@router.delete(
    "/{person_id}", summary="人员离任 · The person leaves", status_code=204, response_class=Response
)
def leave(
    person_id: PersonId,
    actor: Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)],
    people: People,
) -> Response:
    """Roles, sessions, tokens, PIN and face end at once. What they did stays on record."""
    people.leave(actor, person_id)
    return nothing()


@router.post(
    "/{person_id}/password",
    summary="重置口令 · Give a temporary password",
    status_code=201,
    response_model=Temporary,
)
def reset_password(
    person_id: PersonId,
    asker: Annotated[Authenticated, require_session(Role.ADMIN, scope=Scope.OBJECT)],
    credentials: Credentials,
) -> Response:
    """Shown this once; it opens nothing but choosing one's own."""
    made = credentials.reset_password(asker.actor, person_id)
    return answer(Temporary(made.login, made.password), 201)


@router.put(
    "/{person_id}/pin",
    summary="为不登录的人员录入 PIN · Enter a PIN",
    status_code=204,
    response_class=Response,
)
def set_pin(
    person_id: PersonId,
    form: PinForm,
    asker: Annotated[Authenticated, require_session(Role.ADMIN, scope=Scope.OBJECT)],
    credentials: Credentials,
) -> Response:
    """Only for somebody without a login; others choose their own."""
    credentials.set_pin_for(asker.actor, person_id, form.pin.get_secret_value())
    return nothing()
