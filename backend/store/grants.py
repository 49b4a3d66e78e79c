"""Rows of grants as the services make and end them; the gateway's own queries are in sleeves."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from backend.domain.grant import LIVE
from backend.domain.use import Grant
from backend.store.tables import downlink, use_grant
from backend.store.uses import to_grant


def insert(conn: Connection, grant: Grant, job: str, now: int) -> None:
    """A grant, issued; ``job`` is what is typed at the sleeve."""
    lat, lon, radius = grant.place or (None, None, None)
    conn.execute(
        use_grant.insert(),
        {
            "id": grant.id,
            "application_id": grant.application,
            "org_path": grant.org_path,
            "device_id": grant.device,
            "seal_id": grant.seal,
            "operator_id": grant.operator,
            "alternates": list(grant.alternates),
            "job": job,
            "stamps": grant.stamps,
            "title": grant.title,
            "not_before": grant.not_before,
            "not_after": grant.not_after,
            "lat": lat,
            "lon": lon,
            "radius_m": radius,
            "policy": dict(grant.policy),
            "state": grant.state,
            "issued_at": now,
        },
    )


def taken_jobs(conn: Connection, device: str, jobs: Sequence[str]) -> set[str]:
    """Which of ``jobs`` this sleeve ever had."""
    query = select(use_grant.c.job).where(
        use_grant.c.device_id == device, use_grant.c.job.in_(jobs)
    )
    return set(conn.execute(query).scalars())


def lock_of_application(conn: Connection, application_id: str) -> list[Grant]:
    """Its grants, locked; taken before the application's own lock, as the gateway does."""
    query = (
        select(use_grant)
        .where(use_grant.c.application_id == application_id)
        .order_by(use_grant.c.id)
        .with_for_update()
    )
    return [to_grant(row) for row in conn.execute(query)]


def lock_overdue(conn: Connection, now: int, limit: int) -> list[Grant]:
    """Unused grants whose time is over, locked, oldest first."""
    query = (
        select(use_grant)
        .where(use_grant.c.state.in_(sorted(LIVE)), use_grant.c.not_after < now)
        .order_by(use_grant.c.id)
        .limit(limit)
        .with_for_update()
    )
    return [to_grant(row) for row in conn.execute(query)]


def end(conn: Connection, ids: Sequence[str], state: str, now: int, reason: str | None) -> None:
    """These grants are over: ``expired`` or ``revoked``."""
    if ids:
        conn.execute(
            update(use_grant)
            .where(use_grant.c.id.in_(ids))
            .values(state=state, ended_at=now, ended_reason=reason)
        )


def move(conn: Connection, ids: Sequence[str], place: tuple[float, float, float]) -> None:
    """These grants are now good at another place."""
    if ids:
        lat, lon, radius = place
        conn.execute(
            update(use_grant)
            .where(use_grant.c.id.in_(ids))
            .values(lat=lat, lon=lon, radius_m=radius)
        )


def say(conn: Connection, device: str, kind: str, subject: str, payload: bytes, now: int) -> None:
    """Signed bytes that wait to be said to a sleeve."""
    conn.execute(
        downlink.insert(),
        {
            "device_id": device,
            "type": kind,
            "subject": subject,
            "payload": payload,
            "created_at": now,
        },
    )


def stop_saying(conn: Connection, kind: str, subjects: Sequence[str], now: int) -> None:
    """No longer say what is overtaken: a pushed grant that was ended meanwhile."""
    if subjects:
        conn.execute(
            update(downlink)
            .where(
                downlink.c.type == kind,
                downlink.c.subject.in_(subjects),
                downlink.c.confirmed_at.is_(None),
            )
            .values(confirmed_at=now)
        )


def stop_saying_overtaken(conn: Connection, now: int) -> int:
    """Copies and revocations of grants whose time is over anyway: a sleeve that never held one
    would never confirm it. Returns how many."""
    over = select(use_grant.c.id).where(use_grant.c.not_after < now)
    done = conn.execute(
        update(downlink)
        .where(
            downlink.c.type.in_(["grant", "revoke"]),
            downlink.c.confirmed_at.is_(None),
            downlink.c.subject.in_(over),
        )
        .values(confirmed_at=now)
    )
    return done.rowcount
