"""Entering organisations, people and seals by the hundred: all of it or nothing, each row by the
same services that enter one by hand, and again without harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from backend.domain.actor import Actor, Role
from backend.domain.calendar import DAY_MS, midnight
from backend.domain.errors import DomainError, conflict, missing
from backend.domain.matter import SealKind
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.services.import_book import KINDS, ROLES, Line, Problem
from backend.services.organisations import NewOrganisation, OrganisationService
from backend.services.people import NewPerson, PeopleService
from backend.services.roles import NewRole, RoleService
from backend.services.seals import DESTROYED, NewSeal, SealService
from backend.store.db import Database
from backend.store.journal import AppendOnly, Journal
from backend.store.pictures import PictureStore
from backend.store.tables import organisation, person, role, seal


@dataclass(slots=True)
class Outcome:
    """What an import did, or would do. ``made`` and ``kept`` count rows by sheet; with
    ``problems`` nothing was done at all."""

    made: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    done: bool = False


class ImportService:
    """Works through the rows of a workbook in one transaction."""

    def __init__(
        self, context: ServiceContext, pictures: PictureStore, wall: Callable[[], int]
    ) -> None:
        self._context = context
        self._pictures = pictures
        self._wall = wall

    def run(self, actor: Actor, lines: Sequence[Line], *, dry: bool) -> Outcome:
        """Enter ``lines``; when ``dry``, or when anything is wrong, leave everything as it was and
        say what is wrong with each row. Rows that are there already are passed over.

        Raises:
            DomainError: ``denied`` for somebody who administers nothing.
        """
        if not actor.branches(Role.ADMIN):
            raise DomainError(
                "denied", "导入须由管理员办理", "an import takes an administrator", "denied"
            )
        outcome = Outcome()
        try:
            with self._context.db.write() as conn:
                journal = _Gathered()
                inside = replace(self._context, db=_Joined(conn), journal=journal)
                desk = _Desk(inside, self._pictures, self._wall, conn, actor)
                for line in lines:
                    self._enter(conn, desk, line, outcome)
                if dry or outcome.problems:
                    raise _LeaveAsItWas
                made = {"made": dict(outcome.made), "kept": dict(outcome.kept)}
                now = self._context.now()
                journal.gathered.append(
                    Record(
                        kind="import.made",
                        org_path=actor.org_path or "/",
                        at=now,
                        happened_at=now,
                        person=actor.person_id,
                        data=made,
                    )
                )
                self._context.journal.append(conn, journal.gathered)
                outcome.done = True
        except _LeaveAsItWas:
            pass
        return outcome

    @staticmethod
    def _enter(conn: Connection, desk: _Desk, line: Line, outcome: Outcome) -> None:
        try:
            # A row that is refused half-way leaves nothing behind for the next.
            with conn.begin_nested():
                counted = outcome.made if desk.enter(line) else outcome.kept
        except DomainError as error:
            outcome.problems.append(Problem(line.sheet, line.number, error.zh, error.en))
        else:
            counted[line.sheet] = counted.get(line.sheet, 0) + 1


class _LeaveAsItWas(Exception):
    """Rolls the transaction back."""


class _Joined(Database):
    """A database whose every transaction is part of the one that is open."""

    def __init__(self, conn: Connection) -> None:
        self._conn = conn

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A savepoint of the open transaction."""
        with self._conn.begin_nested():
            yield self._conn

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """The open transaction."""
        yield self._conn

    snapshot = read


class _Nowhere(AppendOnly):
    def append(self, conn: Connection, entries: Sequence[bytes]) -> int:
        """Never called: what was gathered goes to the real journal at the end."""
        raise NotImplementedError


class _Gathered(Journal):
    """Keeps records until the end, for the log's head is the last lock that is taken."""

    def __init__(self) -> None:
        super().__init__(_Nowhere(), bytes)
        self.gathered: list[Record] = []

    def append(self, conn: Connection, records: Sequence[Record]) -> list[Record]:
        """Keep them."""
        self.gathered += records
        return list(records)


class _Desk:
    """Enters one row after the other, with the services that the pages use."""

    def __init__(
        self,
        context: ServiceContext,
        pictures: PictureStore,
        wall: Callable[[], int],
        conn: Connection,
        actor: Actor,
    ) -> None:
        self._organisations = OrganisationService(context)
        self._people = PeopleService(context, pictures, wall)
        self._roles = RoleService(context)
        self._seals = SealService(context)
        self._context, self._conn, self._actor = context, conn, actor

    def enter(self, line: Line) -> bool:
        """Whether anything was new.

        Raises:
            DomainError: what is wrong with the row.
        """
        return {"单位": self._organisation, "人员": self._person, "印章": self._seal}[line.sheet](
            line.cells
        )

    def _organisation(self, cells: Any) -> bool:
        found = self._conn.execute(
            select(organisation).where(organisation.c.id == cells["code"])
        ).one_or_none()
        if found is not None and self._actor.may_any(tuple(Role), found.path):
            if (found.name, found.parent_id) != (cells["name"], cells["parent"]):
                raise conflict(
                    "organisation_exists",
                    f"编号{cells['code']}已登记为“{found.name}”，名称或上级不同",
                    f"{cells['code']} is entered as {found.name!r}, with another name or parent",
                )
            return False
        self._organisations.create(
            self._actor,
            NewOrganisation(
                cells["parent"],
                cells["code"],
                cells["name"],
                _number(cells, "lat", "纬度"),
                _number(cells, "lon", "经度"),
                _number(cells, "fence", "围栏半径（米）"),
            ),
        )
        return True

    def _person(self, cells: Any) -> bool:
        path = self._path(cells["org"])
        login = cells.get("login") or None
        found = self._find_person(path, cells["name"], login)
        new = found is None
        if found is None:
            phone = cells.get("phone") or None
            made = self._people.create(
                self._actor, NewPerson(cells["org"], cells["name"], phone, login)
            )
            person_id = made.id
        else:
            person_id = found.id
        if cells.get("role"):
            kind = Role(ROLES[cells["role"]])
            if not self._holds(person_id, kind, path):
                ends = _day(cells.get("ends", ""))
                self._roles.grant(
                    self._actor,
                    NewRole(person_id, cells["org"], kind, cells.get("title") or None, None, ends),
                )
                new = True
        return new

    def _seal(self, cells: Any) -> bool:
        path = self._path(cells["org"])
        kind = KINDS[cells["kind"]]
        found = self._conn.execute(
            select(seal).where(
                seal.c.org_id == cells["org"], seal.c.kind == kind, seal.c.status != DESTROYED
            )
        ).one_or_none()
        if found is not None and found.name == cells["name"]:
            return False
        keeper = None
        if cells.get("custodian"):
            keeper = self._find_person(path, cells["custodian"], None) or self._find_person(
                path, "", cells["custodian"]
            )
            if keeper is None:
                raise missing(f"保管人“{cells['custodian']}”", "custodian")
        self._seals.register(
            self._actor,
            NewSeal(
                cells["org"], SealKind(kind), cells["name"], None if keeper is None else keeper.id
            ),
        )
        return True

    def _path(self, org_id: str) -> str:
        path: str | None = self._conn.execute(
            select(organisation.c.path).where(organisation.c.id == org_id)
        ).scalar()
        if path is None or not self._actor.may_any(tuple(Role), path):
            raise missing(f"编号为{org_id}的单位", "organisation")
        return path

    def _find_person(self, path: str, name: str, login: str | None) -> Row[Any] | None:
        query = select(person).where(person.c.org_path == path, person.c.status == "active")
        if login is not None:
            query = query.where(person.c.login == login)
            if name:
                query = query.where(person.c.name == name)
        else:
            query = query.where(person.c.name == name)
        rows = self._conn.execute(query.limit(2)).all()
        if len(rows) > 1:
            raise conflict(
                "ambiguous_person",
                f"本单位有两个“{name}”，请填登录名区分",
                "two people of that name; tell them apart by their logins",
            )
        return rows[0] if rows else None

    def _holds(self, person_id: str, kind: Role, path: str) -> bool:
        now = self._context.now()
        query = select(role.c.id).where(
            role.c.person_id == person_id,
            role.c.org_path == path,
            role.c.role == kind.value,
            role.c.revoked_at.is_(None),
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
        )
        return self._conn.execute(query).first() is not None


def _number(cells: Any, key: str, title: str) -> float | None:
    text = cells.get(key, "")
    if not text:
        return None
    try:
        return float(text)
    except ValueError as error:
        raise DomainError(
            "bad_number", f"“{title}”不是数字", f"{title!r} is not a number"
        ) from error


def _day(text: str) -> int | None:
    """The end of that day (ms UTC): the last day of a term is part of it."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text.replace("/", "-").replace(".", "-"))
    except ValueError as error:
        raise DomainError(
            "bad_day", "“任期到”请写成 2027-12-31", "a day is written 2027-12-31"
        ) from error
    return midnight(day) + DAY_MS
