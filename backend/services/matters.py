"""The catalogue of matters: what holds where, edited by whoever administers it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import yaml
from sqlalchemy import Connection

from backend.domain import catalogue as reading
from backend.domain.actor import Actor, Role
from backend.domain.catalogue import read
from backend.domain.errors import DomainError, conflict, missing
from backend.domain.matter import Matter, from_plain, to_plain
from backend.domain.organisation import is_path, within
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.services.facts import load_surroundings
from backend.services.views import MatterView, StepOfMatter
from backend.store import matters


@dataclass(frozen=True, slots=True)
class MatterForm:
    """A matter as it is edited; ``spec`` as backend.domain.matter.Matter in plain values."""

    name: str
    category: str
    spec: Mapping[str, Any]


class MatterService:
    """Shows the catalogue to everybody in its branch; administrators change it."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def catalogue(
        self,
        actor: Actor,
        org_path: str,
        *,
        text: str | None = None,
        forbidden: bool | None = None,
        seal_kind: str | None = None,
    ) -> Sequence[MatterView]:
        """What holds at ``org_path``, forbidden certificates last: so that whoever asks for one is
        told why not and where to go. ``text`` is looked for in names, notes and betraying words.

        Raises:
            DomainError: ``not_found`` outside the actor's branch.
        """
        _must_be_within(actor, org_path)
        with self._context.db.read() as conn:
            found = matters.catalogue(conn, org_path, forbidden=forbidden)
        return [
            matter_view(one)
            for one in found
            if (not text or _mentions(one, text))
            and (seal_kind is None or one.forbidden is not None or seal_kind in one.seals)
        ]

    def get(self, actor: Actor, matter_id: str, version: int | None = None) -> MatterView:
        """One matter, its newest version when none is named.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            return matter_view(self._load(conn, actor, matter_id, version))

    def add(self, actor: Actor, org_path: str, code: str, form: MatterForm) -> MatterView:
        """A new matter in the catalogue of ``org_path``; ``code`` makes its id.

        Raises:
            DomainError: ``denied``, ``not_found``, ``bad_matter``, ``matter_exists``.
        """
        actor.must(Role.ADMIN, org_path)
        now = self._context.now()
        with self._context.db.write() as conn:
            owner = load_surroundings(conn, org_path)
            made = from_plain(
                form.spec,
                id=f"{owner.org_id}.{code}",
                version=1,
                org_path=org_path,
                name=form.name,
                category=form.category,
            )
            try:
                matters.load(conn, made.id)
            except LookupError:
                pass
            else:
                raise conflict("matter_exists", "已有同编号的事项", "there is one with this code")
            matters.insert_matters(conn, [made], now)
            self._record(conn, [made], actor, now)
            return matter_view(made)

    def change(self, actor: Actor, matter_id: str, version: int, form: MatterForm) -> MatterView:
        """A new version; applications already submitted keep the one that they came in under.

        Raises:
            DomainError: ``not_found``, ``denied``, ``bad_matter``, ``changed_meanwhile``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            old = self._load(conn, actor, matter_id, None, lock=True)
            actor.must(Role.ADMIN, old.org_path)
            if old.version != version:
                raise conflict("changed_meanwhile", "事项刚被他人修改，请刷新", "it has changed")
            made = from_plain(
                form.spec,
                id=old.id,
                version=version + 1,
                org_path=old.org_path,
                name=form.name,
                category=form.category,
            )
            matters.insert_matters(conn, [made], now)
            self._record(conn, [made], actor, now)
            return matter_view(made)

    def retire(self, actor: Actor, matter_id: str) -> None:
        """Take a matter out of the catalogue; raises as :meth:`change`."""
        now = self._context.now()
        with self._context.db.write() as conn:
            old = self._load(conn, actor, matter_id, None, lock=True)
            actor.must(Role.ADMIN, old.org_path)
            matters.retire(conn, matter_id, now)
            self._record(conn, [old], actor, now, retired=True)

    def install_defaults(self, actor: Actor | None, org_path: str) -> int:
        """Put the default catalogue into ``org_path``, leaving out what it has already; how many
        were new. Without an actor: the installation itself, when it is set up.

        Raises:
            DomainError: ``denied``, ``not_found``.
        """
        if actor is not None:
            actor.must(Role.ADMIN, org_path)
        now = self._context.now()
        with self._context.db.write() as conn:
            owner = load_surroundings(conn, org_path)
            known = {one.id for one in matters.catalogue(conn, org_path, retired=True)}
            wanted = read(default_catalogue(), org_id=owner.org_id, org_path=org_path)
            new = [one for one in wanted if one.id not in known]
            matters.insert_matters(conn, new, now)
            self._record(conn, new, actor, now)
            return len(new)

    def _load(
        self,
        conn: Connection,
        actor: Actor,
        matter_id: str,
        version: int | None,
        *,
        lock: bool = False,
    ) -> Matter:
        try:
            found, _ = matters.load(conn, matter_id, version, lock=lock)
        except LookupError as error:
            raise missing("该用印事项", "matter") from error
        # A catalogue is for the branch below it, and whoever is there may read it.
        if not any(within(held.org_path, found.org_path) for held in actor.roles) and not (
            actor.may_any(tuple(Role), found.org_path)
        ):
            raise missing("该用印事项", "matter")
        return found

    def _record(
        self,
        conn: Connection,
        changed: Sequence[Matter],
        actor: Actor | None,
        now: int,
        *,
        retired: bool = False,
    ) -> None:
        self._context.journal.append(
            conn,
            [
                Record(
                    kind="matter.changed",
                    org_path=one.org_path,
                    at=now,
                    happened_at=now,
                    person=None if actor is None else actor.person_id,
                    data={
                        "matter": one.id,
                        "version": one.version,
                        "name": one.name,
                        "forbidden": one.forbidden is not None,
                        "retired": retired,
                        "spec": to_plain(one),
                    },
                )
                for one in changed
            ],
        )


@cache
def default_catalogue() -> Mapping[str, Any]:
    """The catalogue that comes with the product, as it is written; read once.

    Raises:
        DomainError: ``bad_catalogue`` when the file was broken.
    """
    text = resources.files(reading.__package__).joinpath("data/matters.zh.yaml").read_text("utf-8")
    found = yaml.safe_load(text)
    if not isinstance(found, dict):
        raise DomainError("bad_catalogue", "默认事项目录已损坏", "the default catalogue is broken")
    return found


def matter_view(one: Matter) -> MatterView:
    """A matter as it is shown."""
    rule = one.forbidden
    return MatterView(
        id=one.id,
        version=one.version,
        org_path=one.org_path,
        name=one.name,
        category=one.category,
        forbidden=rule is not None,
        reason=None if rule is None else rule.reason,
        instead=None if rule is None else rule.instead,
        seals=[kind.value for kind in one.seals],
        chain=[StepOfMatter(step.level.value, step.name, step.limit_ms) for step in one.chain],
        attachments=[paper.name for paper in one.attachments if paper.required],
        note=one.note,
        spec=to_plain(one),
    )


def _mentions(one: Matter, text: str) -> bool:
    words = one.forbidden.words if one.forbidden else ()
    return any(text in part or part in text for part in (one.name, *words) if part) or (
        text in one.note
    )


def _must_be_within(actor: Actor, org_path: str) -> None:
    if not is_path(org_path) or not actor.may_any(tuple(Role), org_path):
        raise missing("该组织", "organisation")
