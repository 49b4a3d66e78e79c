"""API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from backend.api.answers import answer, nothing
from backend.api.deps import require_session, service
from backend.domain.actor import Role
from backend.services.identity import Authenticated
from backend.services.tokens import MAX_DAYS, Scopes, TokenInfo, TokenService

router = APIRouter(prefix="/api/v1/tokens", tags=["接口令牌 Tokens"])

Tokens = Annotated[TokenService, service(TokenService)]
# A token must not beget tokens: whoever stole one could keep what they stole.
Asker = Annotated[Authenticated, require_session()]


class NewToken(BaseModel):
    """要签发的令牌 · a token to issue."""

    model_config = ConfigDict(extra="forbid")
    label: str = Field(min_length=1, max_length=100, description="用途 · what it is for")
    days: int = Field(ge=1, le=MAX_DAYS, description="有效天数 · days until it expires")
    roles: list[Role] = Field(
        default=[], max_length=6, description="限于这些角色，空为全部 · only these roles"
    )
    branch: str = Field(
        default="", max_length=200, description="限于此组织路径之下 · only below this path"
    )
    write: bool = Field(default=False, description="是否可以修改 · may it change anything")
    person_id: str | None = Field(
        default=None, max_length=64, description="程序账号，空为本人 · a program's account"
    )


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; ``token`` is shown this once."""

    info: TokenInfo
    token: str = field(repr=False)


@router.post("", summary="签发令牌 · Issue a token", status_code=201, response_model=Issued)
def issue(form: NewToken, asker: Asker, tokens: Tokens) -> Response:
    """For oneself, or for the account of a program in one's branch."""
    made = tokens.issue(
        asker.actor,
        form.label,
        Scopes(tuple(form.roles), form.branch, form.write),
        form.days,
        form.person_id,
    )
    return answer(Issued(made.info, made.token), 201)


@router.get("", summary="令牌列表 · List tokens", response_model=Sequence[TokenInfo])
def find(
    asker: Asker,
    tokens: Tokens,
    person_id: Annotated[
        str | None, Query(max_length=64, description="空为本人 · oneself when empty")
    ] = None,
) -> Response:
    """Without their secrets, which nobody has."""
    return answer(tokens.find(asker.actor, person_id))


@router.delete(
    "/{token_id}", summary="作废令牌 · Revoke a token", status_code=204, response_class=Response
)
def revoke(token_id: str, asker: Asker, tokens: Tokens) -> Response:
    """Void at once."""
    tokens.revoke(asker.actor, token_id)
    return nothing()
