"""Who is told: roles in force, along the branch in which it happened (promise 6)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from sqlalchemy import Connection, or_, select

from alerts.rules.finding import Severity
from backend.domain.actor import Role
from backend.domain.notice_rule import NoticePolicy
from backend.domain.organisation import ROOT, ancestors
from backend.store import standing
from backend.store.tables import application_step, organisation, role, seal

KEEPERS_TOO: Final = frozenset({"C18", "C20", "C22", "C32"})
"""What whoever keeps the sleeve can put right at once; of the rest they are not warned."""


def of_alert(
    conn: Connection,
    code: str,
    severity: Severity,
    org_path: str,
    *,
    seal_id: str | None,
    at_org: str | None,
    assignee: str | None,
    policy: NoticePolicy,
    now: int,
) -> list[str]:
    """The village's approvers and the supervisors of village and town, unless notification rules
    name others; what is critical, the supervisors of every level in any case. Where a level has
    nobody, the next one above is told instead.

    ``at_org`` and ``assignee``: where, and with whom, a step of an application stands (C28).
    """
    path = at_org or org_path
    critical = severity is Severity.CRITICAL
    approvers: list[str] = []
    if assignee is not None:
        approvers = [assignee]
    elif code != "C26":  # they are what it is about
        approvers = sorted(_at(conn, Role.APPROVER, path, now))
    keepers = [] if seal_id is None else sorted(custodians(conn, seal_id, now))

    def named(targets: Iterable[str]) -> Iterator[str]:
        for target in targets:
            if target == "approver":
                yield from approvers
            elif target == "custodian":
                yield from keepers
            else:
                yield from level(conn, path, target, now)

    if policy.told:
        told = list(named(policy.told))
        if critical or not told:
            told += supervisors(conn, path, now, all_levels=critical)
    else:
        told = approvers + (keepers if code in KEEPERS_TOO else [])
        told += supervisors(conn, path, now, all_levels=critical)
    told += named(policy.also)
    return unique(told or admins(conn, path, now))


def supervisors(conn: Connection, path: str, now: int, *, all_levels: bool) -> list[str]:
    """Of the village itself and the nearest level above that has any; or of every level."""
    branches = list(reversed(ancestors(path))) or [ROOT]
    held = standing.holders(conn, Role.SUPERVISOR, [*branches, ROOT], now)
    told: list[str] = []
    for place, branch in enumerate([*branches, ROOT] if ROOT not in branches else branches):
        here = sorted(held[branch])
        told += here
        if here and place >= 1 and not all_levels:
            break
    return unique(told)


def level(conn: Connection, path: str, name: str, now: int) -> list[str]:
    """The supervisors of ``path`` at level ``village``, ``town`` or ``district``; or ``admins``."""
    if name == "admins":
        return admins(conn, path, now)
    found = conn.execute(
        select(organisation.c.path).where(
            organisation.c.path.in_(ancestors(path)), organisation.c.level == name
        )
    ).scalars()
    held = standing.holders(conn, Role.SUPERVISOR, list(found), now)
    return unique(one for people in held.values() for one in sorted(people))


def admins(conn: Connection, path: str, now: int) -> list[str]:
    """Who looks after the installation, or this branch of it."""
    held = standing.holders(conn, Role.ADMIN, [*ancestors(path), ROOT], now)
    told = unique(one for people in held.values() for one in sorted(people))
    if told:
        return told
    # Somebody has to know (promise 7): the administrators there are, wherever they sit.
    rows = conn.execute(
        select(role.c.person_id)
        .where(
            role.c.role == Role.ADMIN.value,
            role.c.starts_at <= now,
            or_(role.c.ends_at.is_(None), role.c.ends_at > now),
            role.c.revoked_at.is_(None),
        )
        .order_by(role.c.id)
    ).scalars()
    return unique(rows)


def custodians(conn: Connection, seal_id: str, now: int) -> frozenset[str]:
    """Who keeps the seal: named for it, or by role where it belongs."""
    row = conn.execute(
        select(seal.c.org_path, seal.c.custodian_id).where(seal.c.id == seal_id)
    ).one_or_none()
    if row is None:
        return frozenset()
    held = _at(conn, Role.CUSTODIAN, row.org_path, now)
    return held | ({row.custodian_id} if row.custodian_id else frozenset())


def approvers_of(conn: Connection, application_id: str) -> list[str]:
    """Who approved an application."""
    query = select(application_step.c.decided_by).where(
        application_step.c.application_id == application_id,
        application_step.c.decision == "approved",
    )
    return unique(one for one in conn.execute(query).scalars() if one is not None)


def seated(
    conn: Connection, step_role: str, path: str, assignee: str | None, now: int
) -> list[str]:
    """Who may decide a step that stands at ``path``."""
    if assignee is not None:
        return [assignee]
    told = sorted(_at(conn, Role.APPROVER, path, now))
    if step_role == "emergency":
        told += supervisors(conn, path, now, all_levels=True)
    return unique(told)


def unique(people: Iterable[str]) -> list[str]:
    """Each once, in order."""
    return list(dict.fromkeys(people))


def without(people: Iterable[str], left_out: Collection[str | None]) -> list[str]:
    """Those not in ``left_out``."""
    return [one for one in unique(people) if one not in left_out]


def _at(conn: Connection, held: Role, path: str, now: int) -> frozenset[str]:
    return standing.holders(conn, held, [path], now)[path]
