"""The tree of organisations: made from the top down, never moved, for paths are authority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, select, update
from sqlalchemy.exc import IntegrityError

from backend.domain.actor import Actor, Role
from backend.domain.calendar import parse_hours
from backend.domain.errors import DomainError, conflict, missing
from backend.domain.matter import Liveness
from backend.domain.organisation import ROOT, Level, child_path
from backend.services.context import ServiceContext
from backend.services.paging import Page, decode_cursor, page
from backend.services.people_rules import checked_name
from backend.services.recording import write_down
from backend.store.scope import in_branches
from backend.store.tables import organisation

_BELOW: Final = {Level.DISTRICT: Level.TOWN, Level.TOWN: Level.VILLAGE}
_MAX_FENCE_M: Final = 100_000.0
_AMOUNTS: Final = ("emergency_window_ms", "emergency_confirm_ms", "emergency_stamps")
_SWITCHES: Final = ("custodian_alone", "approver_may_stamp", "public_page")


@dataclass(frozen=True, slots=True)
class OrganisationInfo:
    """An organisation. ``lat``, ``lon`` WGS-84 degrees, ``fence_m`` metres around them."""

    id: str
    parent_id: str | None
    path: str
    name: str
    level: str
    lat: float | None
    lon: float | None
    fence_m: float | None
    settings: Mapping[str, Any]
    created_at: int


@dataclass(frozen=True, slots=True)
class NewOrganisation:
    """What is to be entered below ``parent_id``; its level follows from the parent's."""

    parent_id: str
    id: str
    name: str
    lat: float | None = None
    lon: float | None = None
    fence_m: float | None = None


class OrganisationService:
    """Enters, changes and lists organisations."""

    def __init__(self, context: ServiceContext) -> None:
        self._context = context

    def create_district(self, org_id: str, name: str) -> OrganisationInfo:
        """The top of a tree, by the installation itself.

        Raises:
            DomainError: ``bad_org_id``, ``bad_name``, ``organisation_exists``.
        """
        new = NewOrganisation("", org_id, name)
        with self._context.db.write() as conn:
            return self._insert(conn, None, new, ROOT, None, Level.DISTRICT)

    def create(self, actor: Actor, new: NewOrganisation) -> OrganisationInfo:
        """Enter a town below a district, or a village below a town.

        Raises:
            DomainError: ``not_found`` (parent), ``denied``, ``bad_org_id``, ``bad_name``,
                ``bad_position``, ``organisation_exists``, ``no_level_below``.
        """
        with self._context.db.write() as conn:
            parent = seen_organisation(conn, actor, new.parent_id)
            actor.must(Role.ADMIN, parent.path)
            level = _BELOW.get(Level(parent.level))
            if level is None:
                raise conflict(
                    "no_level_below", "村社之下不再设组织", "nothing stands below a village"
                )
            return self._insert(conn, actor, new, parent.path, parent.id, level)

    def change(self, actor: Actor, org_id: str, changes: Mapping[str, Any]) -> OrganisationInfo:
        """Change ``name``, ``lat``, ``lon``, ``fence_m`` or ``settings`` (merged; ``None`` takes a
        setting away, so that the one from above holds again).

        Raises:
            DomainError: ``not_found``, ``denied``, ``bad_name``, ``bad_position``,
                ``bad_setting``.
        """
        with self._context.db.write() as conn:
            row = seen_organisation(conn, actor, org_id)
            actor.must(Role.ADMIN, row.path)
            values = {key: value for key, value in changes.items() if key != "settings"}
            if "name" in values:
                values["name"] = checked_name(values["name"], 100)
            place = {key: values.get(key, getattr(row, key)) for key in ("lat", "lon", "fence_m")}
            check_place(**place)
            if changes.get("settings"):
                merged = dict(row.settings) | dict(changes["settings"])
                values["settings"] = {
                    key: _checked_setting(key, value)
                    for key, value in merged.items()
                    if value is not None
                }
            if values:
                conn.execute(update(organisation).where(organisation.c.id == org_id).values(values))
                data = {"org": org_id, "fields": sorted(values)}
                if "settings" in values:
                    data["settings"] = values["settings"]
                write_down(self._context, conn, actor, "organisation.changed", row.path, data)
            return _info(self._row(conn, org_id))

    def get(self, actor: Actor, org_id: str) -> OrganisationInfo:
        """One organisation of the actor's branches.

        Raises:
            DomainError: ``not_found``.
        """
        with self._context.db.read() as conn:
            return _info(seen_organisation(conn, actor, org_id))

    def name_of(self, path: str) -> str:
        """What the organisation at ``path`` is called; the path itself when there is none."""
        with self._context.db.read() as conn:
            found = conn.execute(
                select(organisation.c.name).where(organisation.c.path == path)
            ).scalar()
        return path if found is None else found

    def find(
        self,
        actor: Actor,
        *,
        parent_id: str | None = None,
        level: Level | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[OrganisationInfo]:
        """Organisations of the actor's branches, in the order of the tree.

        Raises:
            DomainError: ``bad_cursor``.
        """
        with self._context.db.read() as conn:
            query = select(organisation).where(
                in_branches(conn, organisation.c.path, actor.branches())
            )
            if parent_id is not None:
                query = query.where(organisation.c.parent_id == parent_id)
            if level is not None:
                query = query.where(organisation.c.level == level.value)
            if cursor is not None:
                (last,) = decode_cursor(cursor, (str,))
                query = query.where(organisation.c.path > last)
            rows = conn.execute(query.order_by(organisation.c.path).limit(limit + 1)).all()
        return page([_info(row) for row in rows], limit, lambda one: (one.path,))

    def _insert(
        self,
        conn: Connection,
        actor: Actor | None,
        new: NewOrganisation,
        parent_path: str,
        parent_id: str | None,
        level: Level,
    ) -> OrganisationInfo:
        path = child_path(parent_path, new.id)
        if len(new.id) > 64 or len(path) > 200:
            raise DomainError("bad_org_id", "组织编号太长", "the organisation id is too long")
        check_place(new.lat, new.lon, new.fence_m)
        values: dict[str, Any] = {
            "id": new.id,
            "parent_id": parent_id,
            "path": path,
            "name": checked_name(new.name, 100),
            "level": level.value,
            "lat": new.lat,
            "lon": new.lon,
            "fence_m": new.fence_m,
            "settings": {},
            "created_at": self._context.now(),
        }
        try:
            conn.execute(organisation.insert(), values)
        except IntegrityError as error:
            raise conflict(
                "organisation_exists",
                f"编号为 {new.id} 的组织已存在",
                f"an organisation with id {new.id} exists already",
            ) from error
        data = {"org": new.id, "level": level.value}
        write_down(self._context, conn, actor, "organisation.created", path, data)
        return _info(self._row(conn, new.id))

    @staticmethod
    def _row(conn: Connection, org_id: str) -> Row[Any]:
        return conn.execute(select(organisation).where(organisation.c.id == org_id)).one()


def seen_organisation(conn: Connection, actor: Actor, org_id: str) -> Row[Any]:
    """The row, locked, of an organisation where the actor holds any role.

    Raises:
        DomainError: ``not_found``.
    """
    row = conn.execute(
        select(organisation).where(organisation.c.id == org_id).with_for_update()
    ).one_or_none()
    if row is None or not actor.may_any(tuple(Role), row.path):
        raise missing("该组织", "organisation")
    return row


def check_place(lat: float | None, lon: float | None, fence_m: float | None) -> None:
    """Refuse half a position, or one off the earth.

    Raises:
        DomainError: ``bad_position``.
    """
    good = (
        (lat is None) == (lon is None)
        and (lat is None or -90 <= lat <= 90)
        and (lon is None or -180 <= lon <= 180)
        and (fence_m is None or 0 < fence_m <= _MAX_FENCE_M)
    )
    if not good:
        raise DomainError(
            "bad_position",
            "位置须同时填写纬度和经度（WGS-84），围栏半径为1到100000米",
            "a position has latitude and longitude (WGS-84); a fence has 1 to 100000 metres",
        )


def _checked_setting(name: str, value: Any) -> Any:
    good = False
    if name in _SWITCHES:
        good = isinstance(value, bool)
    elif name in _AMOUNTS:
        good = isinstance(value, int) and not isinstance(value, bool) and value > 0
    elif name == "liveness":
        good = value in tuple(Liveness)
    elif name == "working_hours":
        parse_hours(value)
        good = True
    if not good:
        raise DomainError(
            "bad_setting",
            f"没有“{name}”这项设置，或它的值不对",
            f"there is no setting {name!r}, or its value does not fit",
        )
    return value


def _info(row: Row[Any]) -> OrganisationInfo:
    return OrganisationInfo(
        row.id,
        row.parent_id,
        row.path,
        row.name,
        row.level,
        row.lat,
        row.lon,
        row.fence_m,
        row.settings,
        row.created_at,
    )
