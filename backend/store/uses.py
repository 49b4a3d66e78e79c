"""Uses, and the grants and applications that they move, as the gateway reads and writes them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, or_, select, tuple_, update

from backend.domain.use import Grant, Use
from backend.store.bulk import CHUNK, among, run_many, update_rows
from backend.store.tables import application, seal_use, use_grant


def load_uses(conn: Connection, ids: Iterable[str]) -> dict[str, Use]:
    """Uses by id."""
    wanted = list(set(ids))
    found: dict[str, Use] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = conn.execute(_USES, {"wanted": wanted[start : start + CHUNK]})
        found |= {row.id: to_use(row) for row in rows}
    return found


_INSERT_USE = seal_use.insert()
_USES = select(seal_use).where(among(seal_use.c.id))


def to_use(row: Row[Any]) -> Use:
    """A use from its row."""
    return Use(
        id=row.id,
        org_path=row.org_path,
        device=row.device_id,
        seal=row.seal_id,
        state=row.state,
        started_at=row.started_at,
        recorded_at=row.recorded_at,
        last_event_at=row.last_event_at,
        application=row.application_id,
        grant=row.grant_id,
        operator=row.operator_id,
        stamped_by=row.stamped_by,
        witness=row.witness_id,
        person_check=row.person_check,
        score=row.score,
        granted=row.granted,
        entered=row.entered,
        pressed=row.pressed,
        offline=row.offline,
        late=row.late,
        first_stamp_at=row.first_stamp_at,
        finished_at=row.finished_at,
        finish_reason=row.finish_reason,
        lat=row.lat,
        lon=row.lon,
    )


def _use_row(use: Use) -> dict[str, Any]:
    return {
        "id": use.id,
        "org_path": use.org_path,
        "device_id": use.device,
        "seal_id": use.seal,
        "application_id": use.application,
        "grant_id": use.grant,
        "operator_id": use.operator,
        "stamped_by": use.stamped_by,
        "witness_id": use.witness,
        "state": use.state,
        "person_check": use.person_check,
        "score": use.score,
        "granted": use.granted,
        "entered": use.entered,
        "pressed": use.pressed,
        "offline": use.offline,
        "late": use.late,
        "started_at": use.started_at,
        "recorded_at": use.recorded_at,
        "first_stamp_at": use.first_stamp_at,
        "last_event_at": use.last_event_at,
        "finished_at": use.finished_at,
        "finish_reason": use.finish_reason,
        "lat": use.lat,
        "lon": use.lon,
    }


def insert_uses(conn: Connection, uses: Sequence[tuple[Use, int]]) -> None:
    """New uses, each with the ``seq`` of its first record."""
    if uses:
        rows = [_use_row(use) | {"first_seq": seq} for use, seq in uses]
        run_many(conn, _INSERT_USE, rows)


def update_uses(conn: Connection, uses: Sequence[Use]) -> None:
    """Uses that moved on."""
    update_rows(conn, seal_use, [_use_row(use) for use in uses])


def load_grants(
    conn: Connection,
    ids: Iterable[str],
    jobs: Iterable[tuple[str, str]] = (),
    *,
    lock: bool = True,
) -> tuple[dict[str, Grant], dict[tuple[str, str], str]]:
    """Grants by id, or by (sleeve, job code); and which grant each (sleeve, job code) names."""
    wanted_ids, wanted_jobs = set(ids), sorted(set(jobs))
    named: dict[tuple[str, str], str] = {}
    if len(wanted_ids) + len(wanted_jobs) > CHUNK // 2:
        # More than one query's worth: rows must still be locked in the order of their ids.
        named = _grants_of_jobs(conn, wanted_jobs)
        wanted_ids |= set(named.values())
        wanted_jobs = []
    found: dict[str, Grant] = {}
    ordered = sorted(wanted_ids)
    for start in range(0, max(len(ordered), 1), CHUNK):
        wanted: dict[str, Any] = {"wanted": ordered[start : start + CHUNK]}
        if wanted_jobs:
            wanted["jobs"] = wanted_jobs
        for row in conn.execute(_GRANTS[bool(wanted_jobs), lock], wanted):
            found[row.id] = to_grant(row)
            named[row.device_id, row.job] = row.id
    return found, named


def _grants(*, with_jobs: bool, lock: bool) -> Select[Any]:
    condition = among(use_grant.c.id)
    if with_jobs:
        pairs = tuple_(use_grant.c.device_id, use_grant.c.job)
        condition = or_(condition, pairs.in_(bindparam("jobs", expanding=True)))
    query = select(use_grant).where(condition).order_by(use_grant.c.id)
    # Locked, so that a revocation cannot slip in between the look and the unlock.
    return query.with_for_update() if lock else query


_GRANTS = {
    (with_jobs, lock): _grants(with_jobs=with_jobs, lock=lock)
    for with_jobs in (False, True)
    for lock in (False, True)
}


def _grants_of_jobs(
    conn: Connection, jobs: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], str]:
    named: dict[tuple[str, str], str] = {}
    for start in range(0, len(jobs), CHUNK // 2):
        query = select(use_grant.c.device_id, use_grant.c.job, use_grant.c.id).where(
            tuple_(use_grant.c.device_id, use_grant.c.job).in_(jobs[start : start + CHUNK // 2])
        )
        named |= {(row.device_id, row.job): row.id for row in conn.execute(query)}
    return named


def to_grant(row: Row[Any]) -> Grant:
    """A grant from its row."""
    place = None
    if row.lat is not None and row.lon is not None and row.radius_m is not None:
        place = (row.lat, row.lon, row.radius_m)
    return Grant(
        id=row.id,
        application=row.application_id,
        org_path=row.org_path,
        device=row.device_id,
        seal=row.seal_id,
        operator=row.operator_id,
        alternates=tuple(row.alternates or ()),
        stamps=row.stamps,
        not_before=row.not_before,
        not_after=row.not_after,
        title=row.title,
        state=row.state,
        use_id=row.use_id,
        place=place,
        policy=row.policy or {},
        ended_at=row.ended_at,
        burnt_at=row.burnt_at,
    )


def update_grants(conn: Connection, grants: Sequence[Grant]) -> None:
    """Grants that were unlocked, burnt or used up."""
    update_rows(
        conn,
        use_grant,
        [
            {
                "id": item.id,
                "state": item.state,
                "use_id": item.use_id,
                "burnt_at": item.burnt_at,
                "ended_at": item.ended_at,
            }
            for item in grants
        ],
    )


_APPLICATION_STEPS = {
    "in_use": ("approved", "expired"),
    "used": ("approved", "expired", "in_use"),
    "finished_early": ("approved", "expired", "in_use"),
}
"""What the sleeve's word may move an application from. Never what a person ended since."""


def update_applications(conn: Connection, statuses: Mapping[str, str]) -> None:
    """Applications whose use began or ended at the sleeve; only ever forward."""
    for status in sorted(set(statuses.values())):
        keys = sorted(key for key in statuses if statuses[key] == status)
        for start in range(0, len(keys), CHUNK):
            conn.execute(
                update(application)
                .where(
                    application.c.id.in_(keys[start : start + CHUNK]),
                    application.c.status.in_(_APPLICATION_STEPS[status]),
                )
                .values(status=status)
            )
