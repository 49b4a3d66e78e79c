"""People: who there is, how they prove it, when they leave. Every change is a record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain.actor import Actor, Role
from backend.domain.errors import conflict, denied, missing
from backend.services import people_rules as rules
from backend.services.context import ServiceContext
from backend.services.face_erasure import erase_faces
from backend.services.identity import normal_login
from backend.services.paging import Page, decode_cursor, page
from backend.services.people_rows import SEES_PEOPLE, person_row, record_of_person, seen_person
from backend.store.pictures import PictureStore
from backend.store.scope import in_branches
from backend.store.tables import api_token, organisation, person, role


@dataclass(frozen=True, slots=True)
class PersonInfo:
    """A person as lists and pages show one."""

    id: str
    org_path: str
    name: str
    phone: str | None
    login: str | None
    locale: str
    status: str
    has_pin: bool
    created_at: int


@dataclass(frozen=True, slots=True)
class NewPerson:
    """Who is to be entered. Without ``login``: somebody who only stamps, or a program."""

    org_id: str
    name: str
    phone: str | None = None
    login: str | None = None
    locale: str = "zh_CN"


class PeopleService:
    """Enters and changes people. ``wall`` is wall time in ms UTC, by which sessions go."""

    def __init__(
        self,
        context: ServiceContext,
        pictures: PictureStore,
        wall: Callable[[], int],
    ) -> None:
        self._context = context
        self._pictures = pictures
        self._wall = wall

    def create(self, actor: Actor, new: NewPerson) -> PersonInfo:
        """Enter a person of an organisation that the actor administers.

        Raises:
            DomainError: ``not_found`` (organisation), ``denied``, ``bad_name``, ``bad_login``,
                ``bad_phone``, ``bad_locale``, ``login_taken``.
        """
        info_id = self._context.new_id()
        login = rules.checked_login(normal_login(new.login)) if new.login is not None else None
        values = {
            "id": info_id,
            "name": rules.checked_name(new.name),
            "phone": rules.checked_phone(new.phone),
            "login": login,
            "locale": rules.checked_locale(new.locale),
            "status": "active",
            "created_at": self._context.now(),
        }
        with _login_taken(), self._context.db.write() as conn:
            path = conn.execute(
                select(organisation.c.path).where(organisation.c.id == new.org_id)
            ).scalar()
            if path is None or not actor.may_any(tuple(Role), path):
                raise missing("该组织", "organisation")
            actor.must(Role.ADMIN, path)
            conn.execute(person.insert(), values | {"org_path": path})
            record_of_person(
                self._context,
                conn,
                actor,
                "person.created",
                path,
                info_id,
                {"may_sign_in": login is not None},
            )
            return _info(person_row(conn, info_id))

    def change(self, actor: Actor, person_id: str, changes: Mapping[str, Any]) -> PersonInfo:
        """Change ``name``, ``phone``, ``login`` or ``locale``; one's own phone and locale too.

        Raises:
            DomainError: as :meth:`create`; ``not_found``.
        """
        own = actor.person_id == person_id and set(changes) <= {"phone", "locale"}
        checks: dict[str, Callable[[Any], Any]] = {
            "name": rules.checked_name,
            "phone": rules.checked_phone,
            "login": lambda login: rules.checked_login(normal_login(login)),
            "locale": rules.checked_locale,
        }
        values = {name: checks[name](value) for name, value in changes.items()}
        with _login_taken(), self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            if not own:
                rules.must_administer(conn, actor, row.id, row.org_path, self._context.now())
            if "login" in values and row.login is None:
                # Tokens issued for a program must not come to act as a human being.
                self._revoke_tokens(conn, person_id)
            if values:
                conn.execute(update(person).where(person.c.id == person_id).values(values))
                record_of_person(
                    self._context,
                    conn,
                    actor,
                    "person.changed",
                    row.org_path,
                    person_id,
                    {"fields": sorted(values)},
                )
            return _info(person_row(conn, person_id))

    def leave(self, actor: Actor, person_id: str) -> None:
        """The person leaves: roles, sessions, tokens, PIN and face end at once (C33).

        Raises:
            DomainError: ``not_found``, ``denied``, ``own_account``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            row = seen_person(conn, actor, person_id)
            rules.must_administer(conn, actor, row.id, row.org_path, self._context.now())
            if person_id == actor.person_id:
                raise denied("不能注销自己的账号", "nobody ends their own account")
            ended = list(
                conn.execute(
                    select(role.c.id).where(
                        role.c.person_id == person_id, role.c.revoked_at.is_(None)
                    )
                ).scalars()
            )
            conn.execute(update(role).where(role.c.id.in_(ended)).values(revoked_at=now))
            self._revoke_tokens(conn, person_id)
            conn.execute(
                update(person)
                .where(person.c.id == person_id)
                .values(
                    status="left",
                    password_hash=None,
                    pin_salt=None,
                    pin_rounds=None,
                    pin_digest=None,
                    session_epoch=self._wall() + 1,
                )
            )
            faces = erase_faces(conn, self._pictures, person_id, now)
            record_of_person(
                self._context,
                conn,
                actor,
                "person.left",
                row.org_path,
                person_id,
                {"roles": ended, "templates": faces.templates, "pictures": faces.pictures},
            )

    def get(self, actor: Actor, person_id: str) -> PersonInfo:
        """One person of the actor's branch, or the actor.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            return _info(seen_person(conn, actor, person_id))

    def find(
        self,
        actor: Actor,
        *,
        branch: str | None = None,
        name: str | None = None,
        status: str | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[PersonInfo]:
        """People of the actor's branches, by name; narrowed to ``branch``, names that contain
        ``name``, and ``status``.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = select(person).where(
                in_branches(conn, person.c.org_path, actor.branches(*SEES_PEOPLE))
            )
            if branch is not None:
                query = query.where(in_branches(conn, person.c.org_path, [branch]))
            if name:
                query = query.where(person.c.name.contains(name, autoescape=True))
            if status is not None:
                query = query.where(person.c.status == status)
            if cursor is not None:
                last_name, last_id = decode_cursor(cursor, (str, str))
                query = query.where(
                    or_(
                        person.c.name > last_name,
                        and_(person.c.name == last_name, person.c.id > last_id),
                    )
                )
            rows = conn.execute(query.order_by(person.c.name, person.c.id).limit(limit + 1)).all()
        return page([_info(row) for row in rows], limit, lambda one: (one.name, one.id))

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _revoke_tokens(self, conn: Connection, person_id: str) -> None:
        conn.execute(
            update(api_token)
            .where(api_token.c.person_id == person_id, api_token.c.revoked_at.is_(None))
            .values(revoked_at=self._wall())
        )


def _info(row: Row[Any]) -> PersonInfo:
    return PersonInfo(
        row.id,
        row.org_path,
        row.name,
        row.phone,
        row.login,
        row.locale,
        row.status,
        row.pin_digest is not None,
        row.created_at,
    )


@contextmanager
def _login_taken() -> Iterator[None]:
    """Two people of one login meet at the database's constraint, whoever came first."""
    try:
        yield
    except IntegrityError as error:
        raise conflict(
            "login_taken", "该登录名已被使用，请换一个", "somebody has that login; choose another"
        ) from error
