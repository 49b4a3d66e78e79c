"""Passwords and PINs of people: who sets them, what ends with the old ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, update

from backend.domain.actor import Actor
from backend.domain.errors import DomainError, conflict, denied
from backend.services.context import ServiceContext
from backend.services.passwords import (
    PIN_SALT_BYTES,
    Passwords,
    check_password_rules,
    generate_password,
    make_pin,
)
from backend.services.people_rows import person_row, record_of_person, seen_person
from backend.services.people_rules import must_administer
from backend.store.tables import person


@dataclass(frozen=True, slots=True)
class TemporaryPassword:
    """Shown once; good for nothing but choosing one's own."""

    login: str
    password: str = field(repr=False)


class CredentialService:
    """Sets what people prove themselves with. ``wall`` is wall time in ms UTC."""

    def __init__(
        self, context: ServiceContext, passwords: Passwords, wall: Callable[[], int]
    ) -> None:
        self._context = context
        self._passwords = passwords
        self._wall = wall

    def reset_password(self, actor: Actor, person_id: str) -> TemporaryPassword:
        """Give a temporary password and end all sessions; the person must choose their own.

        Raises:
            DomainError: ``not_found``, ``denied``, ``no_login``.
        """
        password = generate_password(self._context.random)
        hashed = self._passwords.hash(password)
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            must_administer(conn, actor, row.id, row.org_path, self._context.now())
            if row.login is None:
                raise conflict("no_login", "请先设置登录名", "set a login first")
            self._set_password(conn, actor, row, hashed, temporary=True)
        return TemporaryPassword(row.login, password)

    def change_password(self, actor: Actor, old: str, new: str) -> None:
        """Choose one's own password; every session ends, this one too.

        Raises:
            DomainError: ``wrong_password``, ``weak_password``.
        """
        with self._context.db.read() as conn:
            row = person_row(conn, actor.person_id)
        self._must_know(row, old)
        check_password_rules(new, row.login or "")
        hashed = self._passwords.hash(new)
        with self._context.db.write() as conn:
            self._set_password(conn, actor, row, hashed, temporary=False)

    def set_pin(self, actor: Actor, pin: str, password: str) -> None:
        """Choose one's own PIN for the sleeve; the password is asked again.

        Raises:
            DomainError: ``wrong_password``, ``weak_pin``.
        """
        with self._context.db.read() as conn:
            row = person_row(conn, actor.person_id)
        self._must_know(row, password)
        self._set_pin(actor, row, pin)

    def set_pin_for(self, actor: Actor, person_id: str, pin: str) -> None:
        """Enter the PIN that somebody without a login types at the counter.

        Raises:
            DomainError: ``not_found``, ``denied`` (also for whoever can do it themselves),
                ``weak_pin``.
        """
        with self._context.db.read() as conn:
            row = seen_person(conn, actor, person_id)
            must_administer(conn, actor, row.id, row.org_path, self._context.now())
        if row.login is not None:
            raise denied("该人员可以登录，PIN 须由本人设置", "who can sign in sets their own PIN")
        self._set_pin(actor, row, pin)

    def _must_know(self, row: Row[Any], password: str) -> None:
        if not self._passwords.verify(row.password_hash, password):
            raise DomainError(
                "wrong_password", "原口令不正确", "the present password is not right", "denied"
            )

    def _set_password(
        self, conn: Connection, actor: Actor, row: Row[Any], hashed: str, *, temporary: bool
    ) -> None:
        conn.execute(
            update(person)
            .where(person.c.id == row.id)
            .values(
                password_hash=hashed,
                password_temporary=temporary,
                session_epoch=self._wall() + 1,
            )
        )
        data = {"temporary": temporary}
        record_of_person(
            self._context, conn, actor, "person.password_set", row.org_path, row.id, data
        )

    def _set_pin(self, actor: Actor, row: Row[Any], pin: str) -> None:
        check = make_pin(pin, self._context.random(PIN_SALT_BYTES))
        with self._context.db.write() as conn:
            conn.execute(
                update(person)
                .where(person.c.id == row.id)
                .values(pin_salt=check.salt, pin_rounds=check.rounds, pin_digest=check.digest)
            )
            record_of_person(self._context, conn, actor, "person.pin_set", row.org_path, row.id, {})
