"""API tokens: a person's authority, narrowed, for a program. Only a digest is stored."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import select, update

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.errors import DomainError, conflict, denied, missing
from backend.domain.organisation import within
from backend.services.context import ServiceContext
from backend.services.recording import write_down
from backend.store.tables import api_token, person

PREFIX: Final = "zyt_"
"""So that scanners for leaked secrets can know one."""

MAX_DAYS: Final = 366
_DAY_MS: Final = 86_400_000
_TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Scopes:
    """What a token may do of what its person may: ``roles`` (all when empty), below ``branch``
    (everywhere when empty), reading only unless ``write``."""

    roles: tuple[Role, ...] = ()
    branch: str = ""
    write: bool = False

    def plain(self) -> dict[str, Any]:
        """As stored."""
        return {
            "roles": [str(role) for role in self.roles],
            "branch": self.branch,
            "write": self.write,
        }


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """A token without its secret. Times are ms, wall time."""

    id: str
    person_id: str
    label: str
    scopes: Mapping[str, Any]
    created_at: int
    expires_at: int
    revoked_at: int | None
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """``token`` is shown this once."""

    info: TokenInfo
    token: str = field(repr=False)


def token_digest(token: str) -> bytes:
    """SHA-256: enough for 256 random bits, and it can be looked up."""
    return hashlib.sha256(token.encode()).digest()


def narrowed(actor: Actor, scopes: Mapping[str, Any]) -> Actor:
    """``actor`` with only what ``scopes`` (as stored) leaves of their roles."""
    roles, branch = frozenset(scopes["roles"]), scopes["branch"]
    held: list[RoleHeld] = []
    for one in actor.roles:
        if roles and one.role.value not in roles:
            continue
        if not branch or within(one.org_path, branch):
            held.append(one)
        elif within(branch, one.org_path):
            org_id = branch.rstrip("/").rsplit("/", 1)[-1]
            held.append(RoleHeld(one.role, org_id, branch))
    return Actor(actor.person_id, tuple(held), actor.locale, actor.org_path)


class TokenService:
    """Issues, lists and revokes tokens. ``wall`` is wall time in ms UTC."""

    def __init__(self, context: ServiceContext, wall: Callable[[], int]) -> None:
        self._context = context
        self._wall = wall

    def issue(
        self, actor: Actor, label: str, scopes: Scopes, days: int, person_id: str | None = None
    ) -> IssuedToken:
        """A token for oneself, or for an account of a program (one that cannot sign in) of one's
        branch. Nobody gets a token that acts as another human being.

        Raises:
            DomainError: ``bad_token`` (label, days, branch), ``not_found``, ``denied``.
        """
        label = label.strip()
        if not 1 <= len(label) <= 100 or not 1 <= days <= MAX_DAYS:
            raise DomainError(
                "bad_token",
                f"请填写令牌用途（不超过100字），有效期为1到{MAX_DAYS}天",
                f"name the token's use (up to 100 characters); it is good for 1 to {MAX_DAYS} days",
            )
        owner = person_id or actor.person_id
        token = PREFIX + base64.urlsafe_b64encode(self._context.random(_TOKEN_BYTES)).decode()
        now = self._wall()
        info = TokenInfo(
            self._context.new_id(),
            owner,
            label,
            scopes.plain(),
            now,
            now + days * _DAY_MS,
            None,
            None,
        )
        with self._context.db.write() as conn:
            row = conn.execute(select(person).where(person.c.id == owner)).one_or_none()
            if row is None or row.status != "active":
                raise missing("该人员", "person")
            if owner != actor.person_id:
                if not actor.may(Role.ADMIN, row.org_path):
                    raise missing("该人员", "person")
                if row.login is not None:
                    raise denied(
                        "只能为程序账号（没有登录名）代发令牌，本人的令牌须由本人申请",
                        "a token for somebody who signs in is issued by themselves only",
                    )
            conn.execute(
                api_token.insert(),
                {
                    "id": info.id,
                    "person_id": owner,
                    "label": label,
                    "digest": token_digest(token),
                    "scopes": dict(info.scopes),
                    "created_at": now,
                    "expires_at": info.expires_at,
                },
            )
            write_down(
                self._context,
                conn,
                actor,
                "person.token_issued",
                row.org_path,
                {
                    "subject": owner,
                    "token": info.id,
                    "scopes": dict(info.scopes),
                    "expires_at": info.expires_at,
                },
            )
        return IssuedToken(info, token)

    def find(self, actor: Actor, person_id: str | None = None) -> Sequence[TokenInfo]:
        """A person's tokens, newest first: one's own, or of somebody whom one administers.

        Raises:
            DomainError: ``not_found``.
        """
        owner = person_id or actor.person_id
        with self._context.db.read() as conn:
            self._administered(conn, actor, owner)
            rows = conn.execute(
                select(api_token)
                .where(api_token.c.person_id == owner)
                .order_by(api_token.c.id.desc())
            ).all()
        return [
            TokenInfo(
                row.id,
                row.person_id,
                row.label,
                row.scopes,
                row.created_at,
                row.expires_at,
                row.revoked_at,
                row.last_used_at,
            )
            for row in rows
        ]

    def revoke(self, actor: Actor, token_id: str) -> None:
        """Make a token void at once.

        Raises:
            DomainError: ``not_found``, ``token_revoked``.
        """
        with self._context.db.write() as conn:
            row = conn.execute(
                select(api_token).where(api_token.c.id == token_id).with_for_update()
            ).one_or_none()
            if row is None:
                raise missing("该令牌", "token")
            path = self._administered(conn, actor, row.person_id)
            if row.revoked_at is not None:
                raise conflict("token_revoked", "该令牌已作废", "the token is revoked already")
            conn.execute(
                update(api_token).where(api_token.c.id == token_id).values(revoked_at=self._wall())
            )
            write_down(
                self._context,
                conn,
                actor,
                "person.token_revoked",
                path,
                {"subject": row.person_id, "token": token_id},
            )

    @staticmethod
    def _administered(conn: Any, actor: Actor, owner: str) -> str:
        path: str | None = conn.execute(
            select(person.c.org_path).where(person.c.id == owner)
        ).scalar()
        if path is None or (owner != actor.person_id and not actor.may(Role.ADMIN, path)):
            raise missing("该人员", "person")
        return path
