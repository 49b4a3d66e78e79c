"""Loads what a decision about an application has to know besides the application itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from backend.domain.actor import Role
from backend.domain.application import EDITABLE, Application
from backend.domain.application_checks import Facts, Rules, SealFacts
from backend.domain.errors import missing
from backend.domain.matter import Liveness, Matter, SealKind
from backend.domain.organisation import within
from backend.services.context import ServiceContext
from backend.store import applications, matters, standing
from backend.store.surroundings import Surroundings, surroundings
from backend.store.tables import device, seal

_SWITCHES: Final = ("custodian_alone", "approver_may_stamp")
_AMOUNTS: Final = ("emergency_window_ms", "emergency_confirm_ms", "emergency_stamps")


def load_seal(conn: Connection, seal_id: str, now: int) -> SealFacts:
    """The seal with who keeps it and the sleeve that holds it.

    Raises:
        DomainError: ``not_found``.
    """
    row = conn.execute(select(seal).where(seal.c.id == seal_id)).one_or_none()
    if row is None:
        raise missing("该印章", "seal")
    sleeve = conn.execute(
        select(device.c.id).where(device.c.seal_id == seal_id, device.c.status == "active")
    ).scalar()
    held = standing.holders(conn, Role.CUSTODIAN, [row.org_path], now)[row.org_path]
    return SealFacts(
        id=row.id,
        kind=SealKind(row.kind),
        org_id=row.org_id,
        org_path=row.org_path,
        active=row.status == "active",
        custodians=held | ({row.custodian_id} if row.custodian_id else set()),
        device_id=sleeve,
    )


def load_matter(
    conn: Connection, matter_id: str, version: int | None, path: str
) -> tuple[Matter, bool]:
    """A matter whose catalogue covers ``path``, and whether it is retired.

    Raises:
        DomainError: ``not_found``.
    """
    try:
        found, retired = matters.load(conn, matter_id, version)
    except LookupError as error:
        raise missing("该用印事项", "matter") from error
    if not within(path, found.org_path):
        raise missing("该用印事项", "matter")
    return found, retired


def rules_of(settings: Mapping[str, Any]) -> Rules:
    """What the organisation chose, from its (inherited) settings; anything odd is left at its
    default rather than trusted."""
    chosen: dict[str, Any] = {}
    for name in _SWITCHES:
        if isinstance(settings.get(name), bool):
            chosen[name] = settings[name]
    for name in _AMOUNTS:
        value = settings.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            chosen[name] = value
    if settings.get("liveness") in tuple(Liveness):
        chosen["liveness"] = Liveness(settings["liveness"])
    return Rules(**chosen)


def load_surroundings(conn: Connection, path: str) -> Surroundings:
    """Of the organisation at ``path``.

    Raises:
        DomainError: ``not_found``.
    """
    found = surroundings(conn, path)
    if found is None:
        raise missing("该组织", "organisation")
    return found


def load_facts(
    conn: Connection, context: ServiceContext, application: Application, now: int
) -> Facts:
    """Everything at ``now``. One that can still be edited is held against the newest version of
    its matter; a submitted one against the version that it was submitted under.

    Raises:
        DomainError: ``not_found``.
    """
    keeper = load_seal(conn, application.seal_id, now)
    around = load_surroundings(conn, keeper.org_path)
    editable = application.status in EDITABLE
    version = None if editable else application.matter_version
    found, retired = load_matter(conn, application.matter_id, version, keeper.org_path)
    extended = None
    if application.extends_id is not None:
        extended = applications.load(conn, application.extends_id)
    return Facts(
        matter=found,
        seal=keeper,
        places=around.places,
        approvers=standing.holders(conn, Role.APPROVER, list(around.places.values()), now),
        may_stamp=standing.may_stamp(
            conn,
            (application.operator_id, *application.alternates),
            keeper.org_path,
            keeper.custodians,
            now,
        ),
        calendar=around.calendar(context.holidays),
        rules=rules_of(around.settings),
        forbidden=(
            tuple(matters.catalogue(conn, keeper.org_path, forbidden=True)) if editable else ()
        ),
        extends=extended,
        retired=retired,
    )
