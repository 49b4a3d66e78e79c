"""The first steps of an installation: its district, its catalogue, its first administrator."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, func, select, text

from backend.domain.actor import Role
from backend.domain.errors import DomainError, conflict
from backend.services.context import ServiceContext
from backend.services.identity import normal_login
from backend.services.matters import MatterService
from backend.services.organisations import OrganisationService
from backend.services.passwords import Passwords, check_password_rules, generate_password
from backend.services.people_rules import checked_login, checked_name
from backend.services.recording import write_down
from backend.store.tables import organisation, person, role

_LOCK: Final = 0x7A_68_69_79_69_6F
"""PostgreSQL advisory lock: two installers at once make one administrator."""


@dataclass(frozen=True, slots=True)
class FoundingForm:
    """What is founded. Without ``password`` one is made, good only for choosing one's own."""

    district_id: str
    district_name: str
    admin_name: str
    admin_login: str
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Founded:
    """``temporary_password`` is shown once; ``None`` when one was given."""

    district_path: str
    matters: int
    person_id: str
    login: str
    temporary_password: str | None = field(repr=False)


class FoundingService:
    """Sets up an empty installation. Cut short, it may be begun again: the administrator comes
    last, and with them it is closed for good."""

    def __init__(self, context: ServiceContext, passwords: Passwords) -> None:
        self._context = context
        self._passwords = passwords

    def is_founded(self) -> bool:
        """Whether somebody was ever entered."""
        with self._context.db.read() as conn:
            return _has_people(conn)

    def found(self, form: FoundingForm) -> Founded:
        """Make district, default catalogue and first administrator.

        Raises:
            DomainError: ``already_founded``, ``other_district``, ``bad_org_id``, ``bad_name``,
                ``bad_login``, ``weak_password``.
        """
        login, name = check_form(form)
        if self.is_founded():
            raise _already()
        path = self._district(form)
        matters = MatterService(self._context).install_defaults(None, path)
        temporary = None
        if form.password is None:
            temporary = generate_password(self._context.random)
        hashed = self._passwords.hash(form.password or temporary or "")
        person_id = self._administrator(
            path, form.district_id, name, login, hashed, is_temporary=temporary is not None
        )
        return Founded(path, matters, person_id, login, temporary)

    def _district(self, form: FoundingForm) -> str:
        with self._context.db.read() as conn:
            found = conn.execute(select(organisation.c.id, organisation.c.path)).all()
        if not found:
            made = OrganisationService(self._context).create_district(
                form.district_id, form.district_name
            )
            return made.path
        if [row.id for row in found] != [form.district_id]:
            raise DomainError(
                "other_district",
                f"数据库中已有别的组织（{found[0].id}），请换一个空的数据库",
                f"the database holds another organisation ({found[0].id}); use an empty one",
            )
        return str(found[0].path)

    def _administrator(
        self, path: str, org_id: str, name: str, login: str, hashed: str, *, is_temporary: bool
    ) -> str:
        now = self._context.now()
        person_id, role_id = self._context.new_id(), self._context.new_id()
        with self._context.db.write() as conn:
            if conn.dialect.name == "postgresql":
                conn.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            if _has_people(conn):
                raise _already()
            conn.execute(
                person.insert(),
                {
                    "id": person_id,
                    "org_path": path,
                    "name": name,
                    "login": login,
                    "password_hash": hashed,
                    "password_temporary": is_temporary,
                    "status": "active",
                    "created_at": now,
                },
            )
            conn.execute(
                role.insert(),
                {
                    "id": role_id,
                    "person_id": person_id,
                    "org_id": org_id,
                    "org_path": path,
                    "role": Role.ADMIN.value,
                    "starts_at": now,
                },
            )
            for kind, data in (
                ("person.created", {"may_sign_in": True}),
                (
                    "role.granted",
                    {"role": "admin", "role_id": role_id, "starts_at": now, "ends_at": None},
                ),
            ):
                write_down(self._context, conn, None, kind, path, {"subject": person_id, **data})
        return person_id


def check_form(form: FoundingForm) -> tuple[str, str]:
    """Login and name as they will be stored.

    Raises:
        DomainError: ``bad_name``, ``bad_login``, ``weak_password``.
    """
    login = checked_login(normal_login(form.admin_login))
    name = checked_name(form.admin_name)
    checked_name(form.district_name, 100)
    if form.password is not None:
        check_password_rules(form.password, login)
    return login, name


def _has_people(conn: Connection) -> bool:
    return bool(conn.execute(select(func.count()).select_from(person)).scalar_one())


def _already() -> DomainError:
    return conflict(
        "already_founded",
        "本系统已完成初始化；新的管理员请由现有管理员任命",
        "the installation is founded already; an administrator names further ones",
    )
