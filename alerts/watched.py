"""Loads what the watches look at: only the sleeves and uses of which one may have something to
say, or already has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, and_, func, or_, select

from alerts.rules.settings import DAY_MS, RuleSettings
from alerts.rules.watches import PICTURE_WATCHES, SLEEVE_WATCHES, SleeveFacts, UseFacts
from backend.store.tables import (
    device,
    organisation,
    parked_event,
    picture,
    rule_state,
    seal_use,
    use_grant,
)

OPEN_USE: Final = ("unlocked", "open", "counted", "checking", "cleared", "stamping")
_NEAR_DEGREES: Final = 0.0005
"""Some 50 m: nearer to its home than this no sleeve is looked at more closely."""

_PICTURES_MS: Final = 30 * DAY_MS
"""Pictures announced longer ago than this are no longer looked for."""


def suspects(conn: Connection, rules: RuleSettings, now: int) -> list[SleeveFacts]:
    """Sleeves that a watch must see."""
    home_lat = func.coalesce(device.c.home_lat, organisation.c.lat)
    home_lon = func.coalesce(device.c.home_lon, organisation.c.lon)
    query = (
        select(device)
        .outerjoin(organisation, organisation.c.id == device.c.org_id)
        .where(
            device.c.status == "active",
            or_(
                device.c.last_seen_at < now - rules.silent_ms,
                device.c.gap_since.is_not(None),
                device.c.claimed > device.c.counter,
                device.c.duplicates > rules.replays,
                func.abs(device.c.lat - home_lat) > _NEAR_DEGREES,
                func.abs(device.c.lon - home_lon) > _NEAR_DEGREES,
                device.c.id.in_(_remembered(one.name for one in SLEEVE_WATCHES)),
            ),
        )
        .order_by(device.c.id)
    )
    rows = conn.execute(query).all()
    gaps = _gaps(conn, [row for row in rows if row.gap_since is not None])
    return [_sleeve_facts(row, gaps.get(row.id)) for row in rows]


def open_uses(conn: Connection) -> list[UseFacts]:
    """Uses that their sleeves have not ended."""
    query = _USES.where(seal_use.c.state.in_(OPEN_USE)).order_by(seal_use.c.id)
    return [_use_facts(row) for row in conn.execute(query)]


def without_pictures(conn: Connection, rules: RuleSettings, now: int) -> list[UseFacts]:
    """Uses of which pictures did not arrive in time, and those that were told and are whole now."""
    missing = {
        row.use_id: row.missing
        for row in conn.execute(
            select(picture.c.use_id, func.count().label("missing"))
            .where(
                picture.c.use_id.is_not(None),
                picture.c.created_at > now - _PICTURES_MS,
                or_(
                    picture.c.state == "broken",
                    and_(
                        picture.c.state == "announced",
                        picture.c.created_at < now - rules.upload_ms,
                    ),
                ),
            )
            .group_by(picture.c.use_id)
        )
    }
    told = conn.execute(_remembered(one.name for one in PICTURE_WATCHES)).scalars()
    wanted = sorted({*missing, *told})
    if not wanted:
        return []
    query = _USES.where(seal_use.c.id.in_(wanted)).order_by(seal_use.c.id)
    return [_use_facts(row, missing.get(row.id, 0)) for row in conn.execute(query)]


_USES: Final = select(seal_use, use_grant.c.not_after).outerjoin(
    use_grant, use_grant.c.id == seal_use.c.grant_id
)


def _remembered(names: Any) -> Any:
    return select(rule_state.c.subject).where(rule_state.c.name.in_(list(names)))


def _sleeve_facts(row: Row[Any], gap: tuple[int, int] | None) -> SleeveFacts:
    known = row.lat is not None and row.lon is not None
    # Both by the sleeve's own clock.
    newest = row.last_heartbeat_time > row.last_event_time
    return SleeveFacts(
        id=row.id,
        org_path=row.org_path,
        seal=row.seal_id,
        enrolled_at=row.enrolled_at,
        last_seen_at=row.last_seen_at,
        counter=row.counter,
        claimed=row.claimed,
        gap_since=row.gap_since,
        gap=gap,
        duplicates=row.duplicates,
        position=(row.lat, row.lon) if known and newest else None,
    )


def _use_facts(row: Row[Any], missing: int = 0) -> UseFacts:
    return UseFacts(
        id=row.id,
        org_path=row.org_path,
        device=row.device_id,
        seal=row.seal_id,
        state=row.state,
        last_event_at=row.last_event_at,
        application=row.application_id,
        grant=row.grant_id,
        operator=row.operator_id,
        granted=row.granted,
        pressed=row.pressed,
        not_after=row.not_after,
        missing=missing,
    )


def _gaps(conn: Connection, rows: Sequence[Row[Any]]) -> dict[str, tuple[int, int]]:
    """First and last counter that each of these sleeves still owes before what it sent early."""
    query = (
        select(parked_event.c.device_id, func.min(parked_event.c.counter).label("earliest"))
        .where(parked_event.c.device_id.in_([row.id for row in rows]))
        .group_by(parked_event.c.device_id)
    )
    earliest = {row.device_id: row.earliest for row in conn.execute(query)}
    return {row.id: (row.counter + 1, earliest[row.id] - 1) for row in rows if row.id in earliest}
