"""Signing in, and recognising who asks: signed session cookies and API tokens.

Sessions, tokens and throttling go by wall time; terms of office by the installation's clock, which
in a demo runs faster. Every refusal to sign in reads the same, whatever was wrong.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from itsdangerous import BadData, URLSafeSerializer
from sqlalchemy import Row, delete, select, update

from backend.domain.actor import Actor
from backend.domain.errors import DomainError
from backend.services.actors import load_actor
from backend.services.context import ServiceContext
from backend.services.passwords import Passwords
from backend.services.tokens import narrowed, token_digest
from backend.store import throttle
from backend.store.dialect import insert_or_ignore
from backend.store.tables import api_token, ended_session, person

SESSION_MS: Final = 12 * 3_600_000
_SALT: Final = b"zhiyin session v1"
_SESSION_ID_BYTES: Final = 16
_TOKEN_USE_MS: Final = 3_600_000
_MAX_INPUT: Final = 256


@dataclass(frozen=True, slots=True)
class Session:
    """What a cookie says. Times are ms, wall time."""

    id: str
    person_id: str
    issued_at: int
    expires_at: int


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who asks, and by what. Exactly one of ``session`` and ``token_id`` is set.

    ``must_change_password``: nothing else is open before that.
    """

    actor: Actor
    session: Session | None = None
    token_id: str | None = None
    may_write: bool = True
    must_change_password: bool = False


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A fresh session: ``cookie`` is its signed text."""

    authenticated: Authenticated
    session: Session
    cookie: str


class IdentityService:
    """Who are you?

    ``secrets`` sign the cookies, oldest first; the newest signs, all verify. ``wall`` is wall time
    in ms UTC.
    """

    def __init__(
        self,
        context: ServiceContext,
        passwords: Passwords,
        secrets: Sequence[bytes],
        wall: Callable[[], int],
        session_ms: int = SESSION_MS,
    ) -> None:
        self._context = context
        self._passwords = passwords
        self._wall = wall
        self._session_ms = session_ms
        self._serializer = URLSafeSerializer(
            list(secrets), salt=_SALT, signer_kwargs={"digest_method": hashlib.sha256}
        )

    def sign_in(self, login: str, password: str, address: str) -> SignedIn:
        """Begin a session. ``address`` is the network address of whoever tries.

        Raises:
            DomainError: ``sign_in_refused`` (whatever was wrong), ``too_many_attempts``.
        """
        login = normal_login(login)[:_MAX_INPUT]
        now = self._wall()
        with self._context.db.write() as conn:
            locked_until = throttle.count(conn, login, address, now)
        if locked_until:
            raise _too_many(locked_until - now)
        with self._context.db.read() as conn:
            found = conn.execute(
                select(person).where(person.c.login == login, person.c.status == "active")
            ).one_or_none()
        stored = found.password_hash if found is not None else None
        if not self._passwords.verify(stored, password[:_MAX_INPUT]) or found is None:
            raise _refused()
        with self._context.db.write() as conn:
            throttle.forgive(conn, login, address)
            throttle.sweep(conn, now)
            conn.execute(delete(ended_session).where(ended_session.c.expires_at < now))
            if self._passwords.is_outdated(found.password_hash):
                conn.execute(
                    update(person)
                    .where(person.c.id == found.id, person.c.password_hash == found.password_hash)
                    .values(password_hash=self._passwords.hash(password))
                )
            actor = load_actor(conn, found.id, self._context.now())
        if actor is None:
            raise _refused()
        session = Session(
            self._context.random(_SESSION_ID_BYTES).hex(), found.id, now, now + self._session_ms
        )
        cookie = self._serializer.dumps(
            {
                "i": session.id,
                "p": session.person_id,
                "t": session.issued_at,
                "e": now + self._session_ms,
            }
        )
        known = Authenticated(actor, session, must_change_password=bool(found.password_temporary))
        return SignedIn(known, session, str(cookie))

    def by_cookie(self, cookie: str) -> Authenticated | None:
        """Who a session cookie belongs to; ``None`` when it is forged, expired, ended or void."""
        session = self._session(cookie)
        now = self._wall()
        if session is None or not session.issued_at <= now < session.expires_at:
            return None
        with self._context.db.read() as conn:
            row = conn.execute(
                select(person.c.session_epoch, person.c.password_temporary, ended_session.c.id)
                .select_from(person)
                .join(ended_session, ended_session.c.id == session.id, isouter=True)
                .where(person.c.id == session.person_id)
            ).one_or_none()
            if row is None or row.id is not None or session.issued_at < row.session_epoch:
                return None
            actor = load_actor(conn, session.person_id, self._context.now())
        if actor is None:
            return None
        return Authenticated(actor, session, must_change_password=bool(row.password_temporary))

    def by_token(self, token: str) -> Authenticated | None:
        """Who an API token belongs to, narrowed to its scopes; ``None`` when it is not good."""
        now = self._wall()
        with self._context.db.read() as conn:
            row: Row[Any] | None = conn.execute(
                select(api_token).where(api_token.c.digest == token_digest(token))
            ).one_or_none()
            if row is None or row.revoked_at is not None or now >= row.expires_at:
                return None
            actor = load_actor(conn, row.person_id, self._context.now())
        if actor is None:
            return None
        if row.last_used_at is None or now - row.last_used_at >= _TOKEN_USE_MS:
            with self._context.db.write() as conn:
                conn.execute(
                    update(api_token).where(api_token.c.id == row.id).values(last_used_at=now)
                )
        return Authenticated(
            narrowed(actor, row.scopes), token_id=row.id, may_write=bool(row.scopes["write"])
        )

    def sign_out(self, session: Session) -> None:
        """End this one session: its cookie is void from now on, also a stolen copy of it."""
        with self._context.db.write() as conn:
            conn.execute(
                insert_or_ignore(conn, ended_session),
                {"id": session.id, "expires_at": session.expires_at},
            )

    def end_sessions(self, person_id: str) -> None:
        """End every session of a person, on all their devices."""
        with self._context.db.write() as conn:
            conn.execute(
                update(person)
                .where(person.c.id == person_id)
                .values(session_epoch=self._wall() + 1)
            )

    def _session(self, cookie: str) -> Session | None:
        try:
            plain = self._serializer.loads(cookie)
            return Session(plain["i"], plain["p"], plain["t"], plain["e"])
        except (BadData, KeyError, TypeError):
            return None


def normal_login(login: str) -> str:
    """A login as it is stored and compared: NFKC, trimmed, without case."""
    return unicodedata.normalize("NFKC", login).strip().casefold()


def _refused() -> DomainError:
    return DomainError(
        "sign_in_refused",
        "用户名或口令不正确",
        "login or password is not right",
        "unauthenticated",
    )


def _too_many(wait_ms: int) -> DomainError:
    minutes = -(-wait_ms // 60_000)
    return DomainError(
        "too_many_attempts",
        f"尝试次数过多，请{minutes}分钟后再试",
        f"too many attempts; try again in {minutes} min",
        "throttled",
    )
