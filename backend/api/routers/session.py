"""Signing in and out, one's own password and PIN."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backend.api.answers import answer, nothing
from backend.api.deps import public, require_session, service
from backend.api.settings import ApiSettings
from backend.domain.actor import ROLE_ZH
from backend.services.credentials import CredentialService
from backend.services.identity import Authenticated, IdentityService
from backend.services.people import PeopleService

router = APIRouter(prefix="/api/v1/session", tags=["登录 Session"])

Identity = Annotated[IdentityService, service(IdentityService)]
Credentials = Annotated[CredentialService, service(CredentialService)]
Asker = Annotated[Authenticated, require_session(with_temporary_password=True)]


class SignIn(BaseModel):
    """用户名和口令 · login and password."""

    model_config = ConfigDict(extra="forbid")
    login: str = Field(min_length=1, max_length=60, description="用户名 · login")
    password: SecretStr = Field(min_length=1, max_length=128, description="口令 · password")


class NewPassword(BaseModel):
    """原口令和新口令 · the present and the new password."""

    model_config = ConfigDict(extra="forbid")
    old: SecretStr = Field(max_length=128, description="原口令 · present password")
    new: SecretStr = Field(max_length=128, description="新口令，至少10个字符 · new, 10 or more")


class NewPin(BaseModel):
    """套筒上使用的 PIN · the PIN typed at the sleeve."""

    model_config = ConfigDict(extra="forbid")
    password: SecretStr = Field(max_length=128, description="登录口令 · password, asked again")
    pin: SecretStr = Field(max_length=8, description="6到8位数字 · 6 to 8 digits")


@dataclass(frozen=True, slots=True)
class MyRole:
    """One of the asker's roles in force."""

    role: Annotated[str, Field(description="角色代码 · code")]
    name: Annotated[str, Field(description="角色名称 · Chinese name")]
    org_id: Annotated[str, Field(description="组织编号 · organisation")]
    org_path: Annotated[str, Field(description="组织路径 · its path")]


@dataclass(frozen=True, slots=True)
class Me:
    """Who is signed in."""

    person_id: Annotated[str, Field(description="人员编号 · id")]
    name: Annotated[str, Field(description="姓名 · name")]
    login: Annotated[str | None, Field(description="用户名 · login")]
    locale: Annotated[str, Field(description="语言 · language")]
    org_path: Annotated[str, Field(description="所属组织路径 · where they belong")]
    roles: Annotated[tuple[MyRole, ...], Field(description="现任角色 · roles in force")]
    has_pin: Annotated[bool, Field(description="是否已设 PIN · whether a PIN is set")]
    must_change_password: Annotated[
        bool, Field(description="须先修改临时口令 · the password is temporary")
    ]
    expires_at: Annotated[int | None, Field(description="会话到期时间 · end of the session, ms")]


@router.post(
    "",
    summary="登录 · Sign in",
    response_model=Me,
    dependencies=[public("nobody is signed in before they sign in; attempts are throttled")],
)
def sign_in(
    request: Request,
    form: SignIn,
    identity: Identity,
    people: Annotated[PeopleService, service(PeopleService)],
) -> Response:
    """Gives a session cookie. Wrong tries all read the same and are slowed."""
    address = request.client.host if request.client is not None else "unknown"
    made = identity.sign_in(form.login, form.password.get_secret_value(), address)
    response = answer(_me(made.authenticated, people))
    settings: ApiSettings = request.app.state.settings
    response.set_cookie(
        settings.cookie,
        made.cookie,
        max_age=(made.session.expires_at - made.session.issued_at) // 1000,
        path="/",
        secure=settings.https,
        httponly=True,
        samesite="lax",
    )
    return response


@router.delete("", summary="退出登录 · Sign out", status_code=204, response_class=Response)
def sign_out(request: Request, asker: Asker, identity: Identity) -> Response:
    """Ends this session; a copy of its cookie is void too."""
    assert asker.session is not None
    identity.sign_out(asker.session)
    response = nothing()
    settings: ApiSettings = request.app.state.settings
    response.delete_cookie(
        settings.cookie, path="/", secure=settings.https, httponly=True, samesite="lax"
    )
    return response


@router.delete(
    "/all",
    summary="在所有设备上退出 · Sign out everywhere",
    status_code=204,
    response_class=Response,
)
def sign_out_everywhere(asker: Asker, identity: Identity) -> Response:
    """Ends every session of the asker."""
    identity.end_sessions(asker.actor.person_id)
    return nothing()


@router.get("", summary="当前登录人 · Who is signed in", response_model=Me)
def me(asker: Asker, people: Annotated[PeopleService, service(PeopleService)]) -> Response:
    """The asker, with the roles in force at this moment."""
    return answer(_me(asker, people))


@router.put(
    "/password", summary="修改口令 · Choose a password", status_code=204, response_class=Response
)
def change_password(form: NewPassword, asker: Asker, credentials: Credentials) -> Response:
    """Every session ends with it, this one too: sign in again."""
    credentials.change_password(
        asker.actor, form.old.get_secret_value(), form.new.get_secret_value()
    )
    return nothing()


@router.put("/pin", summary="设置 PIN · Choose a PIN", status_code=204, response_class=Response)
def set_pin(
    form: NewPin, asker: Annotated[Authenticated, require_session()], credentials: Credentials
) -> Response:
    """The PIN that, with a witness, stands in for the face at the sleeve."""
    credentials.set_pin(asker.actor, form.pin.get_secret_value(), form.password.get_secret_value())
    return nothing()


def _me(asker: Authenticated, people: PeopleService) -> Me:
    actor = asker.actor
    info = people.get(actor, actor.person_id)
    return Me(
        info.id,
        info.name,
        info.login,
        info.locale,
        info.org_path,
        tuple(
            MyRole(held.role.value, ROLE_ZH[held.role], held.org_id, held.org_path)
            for held in actor.roles
        ),
        info.has_pin,
        asker.must_change_password,
        asker.session.expires_at if asker.session is not None else None,
    )
