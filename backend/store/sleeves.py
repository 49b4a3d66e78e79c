"""The gateway's queries: few, batched, and in one lock order (sleeves, then the log's head)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, bindparam, func, or_, select, tuple_, update

from backend.domain.use import Grant, Use
from backend.store.dialect import insert_or_ignore
from backend.store.tables import (
    answer,
    application,
    device,
    device_key,
    downlink,
    parked_event,
    poison,
    record,
    seal_use,
    use_grant,
)

CHUNK = 500
"""Values in one IN list: below SQLite's limit on bound parameters."""


def lock_sleeves(conn: Connection, ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The rows of these sleeves, locked in id order: each sleeve's place in line."""
    found: dict[str, Row[Any]] = {}
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        query = (
            select(device)
            .where(device.c.id.in_(ordered[start : start + CHUNK]))
            .order_by(device.c.id)
            .with_for_update()
        )
        found |= {row.id: row for row in conn.execute(query)}
    return found


def load_keys(conn: Connection, ids: Iterable[str]) -> list[Row[Any]]:
    """Every key of these sleeves with the sleeve's status."""
    wanted = list(set(ids))
    rows: list[Row[Any]] = []
    for start in range(0, len(wanted), CHUNK):
        query = (
            select(device_key, device.c.status, device.c.org_path)
            .join(device, device.c.id == device_key.c.device_id)
            .where(device_key.c.device_id.in_(wanted[start : start + CHUNK]))
        )
        rows += conn.execute(query)
    return rows


def org_paths(conn: Connection, ids: Iterable[str]) -> dict[str, str]:
    """Where these sleeves belong; those not registered are left out."""
    query = select(device.c.id, device.c.org_path).where(device.c.id.in_(list(ids)))
    return {row.id: row.org_path for row in conn.execute(query)}


def add_keys(conn: Connection, rows: Sequence[Mapping[str, Any]], now: int) -> None:
    """New keys of sleeves: each ``device_id, alg, public, kid, counter`` ends the key before it."""
    for row in rows:
        conn.execute(
            update(device_key)
            .where(
                device_key.c.device_id == row["device_id"],
                device_key.c.until_counter.is_(None),
                device_key.c.kid != row["kid"],
            )
            .values(until_counter=row["counter"])
        )
        conn.execute(
            insert_or_ignore(conn, device_key),
            {
                "device_id": row["device_id"],
                "kid": row["kid"],
                "alg": row["alg"],
                "public": row["public"],
                "from_counter": row["counter"] + 1,
                "created_at": now,
            },
        )


def save_telemetry(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Newest heartbeat of sleeves; each row has ``id`` and the same columns."""
    _update(conn, device, rows)


def save_online(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Retained states and last wills."""
    _update(conn, device, rows)


def save_sleeves(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the chain position and session of sleeves; each row has ``id`` and the same columns."""
    _update(conn, device, rows)


def load_uses(conn: Connection, ids: Iterable[str]) -> dict[str, Use]:
    """Uses by id."""
    wanted = list(set(ids))
    found: dict[str, Use] = {}
    for start in range(0, len(wanted), CHUNK):
        query = select(seal_use).where(seal_use.c.id.in_(wanted[start : start + CHUNK]))
        found |= {row.id: to_use(row) for row in conn.execute(query)}
    return found


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
        conn.execute(seal_use.insert(), [_use_row(use) | {"first_seq": seq} for use, seq in uses])


def update_uses(conn: Connection, uses: Sequence[Use]) -> None:
    """Uses that moved on."""
    _update(conn, seal_use, [_use_row(use) for use in uses])


def load_grants(
    conn: Connection, ids: Iterable[str], jobs: Iterable[tuple[str, str]]
) -> tuple[dict[str, Grant], dict[tuple[str, str], str]]:
    """Grants by id, or by (sleeve, job code); and which grant each (sleeve, job code) names."""
    wanted_ids, wanted_jobs = list(set(ids)), list(set(jobs))
    found: dict[str, Grant] = {}
    named: dict[tuple[str, str], str] = {}
    size = max(len(wanted_ids), len(wanted_jobs))
    for start in range(0, size, CHUNK // 2):
        conditions: list[Any] = []
        if part := wanted_ids[start : start + CHUNK // 2]:
            conditions.append(use_grant.c.id.in_(part))
        if pairs := wanted_jobs[start : start + CHUNK // 2]:
            conditions.append(tuple_(use_grant.c.device_id, use_grant.c.job).in_(pairs))
        # Locked, so that a revocation cannot slip in between the look and the unlock.
        query = select(use_grant).where(or_(*conditions)).order_by(use_grant.c.id)
        for row in conn.execute(query.with_for_update()):
            found[row.id] = to_grant(row)
            named[row.device_id, row.job] = row.id
    return found, named


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
    )


def update_grants(conn: Connection, grants: Sequence[Grant], now: int) -> None:
    """Grants that were unlocked, burnt or used up."""
    _update(
        conn,
        use_grant,
        [
            {
                "id": item.id,
                "state": item.state,
                "use_id": item.use_id,
                "burnt_at": now if item.state == "burnt" else None,
                "ended_at": item.ended_at,
            }
            for item in grants
        ],
        keep_if_null=("burnt_at",),
    )


def update_applications(conn: Connection, statuses: Mapping[str, str], now: int) -> None:
    """Applications whose use began or ended at the sleeve."""
    rows = [
        {"id": key, "status": status, "closed_at": now if status == "used" else None}
        for key, status in statuses.items()
    ]
    _update(conn, application, rows, keep_if_null=("closed_at",))


def load_parked(conn: Connection, ids: Sequence[str]) -> list[Row[Any]]:
    """Events that came before their turn, in order."""
    if not ids:
        return []
    query = (
        select(parked_event)
        .where(parked_event.c.device_id.in_(list(ids)))
        .order_by(parked_event.c.device_id, parked_event.c.counter)
    )
    return list(conn.execute(query))


def park(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep early events durably until their turn comes."""
    if rows:
        conn.execute(insert_or_ignore(conn, parked_event), [dict(row) for row in rows])


def unpark(conn: Connection, keys: Sequence[tuple[str, int]]) -> None:
    """Remove parked events whose turn came."""
    if keys:
        conn.execute(
            parked_event.delete().where(
                parked_event.c.device_id == bindparam("d"), parked_event.c.counter == bindparam("c")
            ),
            [{"d": name, "c": counter} for name, counter in keys],
        )


def load_bodies(conn: Connection, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], bytes]:
    """Journal bodies of events by (sleeve, counter), to tell a duplicate from a fork."""
    found: dict[tuple[str, int], bytes] = {}
    for start in range(0, len(keys), CHUNK // 2):
        query = select(record.c.device, record.c.counter, record.c.body).where(
            tuple_(record.c.device, record.c.counter).in_(keys[start : start + CHUNK // 2])
        )
        found |= {(row.device, row.counter): row.body for row in conn.execute(query)}
    return found


def load_answers(
    conn: Connection, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[str, bytes]]:
    """Answers already given, by (sleeve, counter): (type, signed bytes)."""
    found: dict[tuple[str, int], tuple[str, bytes]] = {}
    for start in range(0, len(keys), CHUNK // 2):
        query = select(answer).where(
            tuple_(answer.c.device_id, answer.c.counter).in_(keys[start : start + CHUNK // 2])
        )
        found |= {
            (row.device_id, row.counter): (row.type, row.payload) for row in conn.execute(query)
        }
    return found


def save_answers(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep answers, so that the same event gets the same answer again."""
    if rows:
        conn.execute(insert_or_ignore(conn, answer), [dict(row) for row in rows])


def keep_poison(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Keep refused payloads aside; the same one again only counts up. Tells which are new."""
    new: list[bool] = []
    for row in rows:
        known = conn.execute(
            update(poison)
            .where(poison.c.digest == row["digest"], poison.c.topic == row["topic"])
            .values(seen=poison.c.seen + 1, at=row["at"])
        )
        new.append(known.rowcount == 0)
        if new[-1]:
            conn.execute(insert_or_ignore(conn, poison), [dict(row)])
    return new


def open_downlinks(conn: Connection, ids: Iterable[str] | None = None) -> list[Row[Any]]:
    """What must still be said to sleeves (all, or these), oldest first."""
    query = select(downlink).where(downlink.c.confirmed_at.is_(None)).order_by(downlink.c.id)
    if ids is not None:
        query = query.where(downlink.c.device_id.in_(list(ids)))
    return list(conn.execute(query.limit(1000)))


def mark_sent(conn: Connection, ids: Sequence[int], now: int) -> None:
    """These downlinks were handed to the broker."""
    if ids:
        conn.execute(
            update(downlink)
            .where(downlink.c.id == bindparam("key"))
            .values(sent_at=now, sends=downlink.c.sends + 1),
            [{"key": key} for key in ids],
        )


def confirm_downlinks(conn: Connection, keys: Sequence[tuple[str, str, str]], now: int) -> None:
    """The sleeve confirmed (sleeve, type, subject)."""
    if keys:
        conn.execute(
            update(downlink)
            .where(
                downlink.c.device_id == bindparam("d"),
                downlink.c.type == bindparam("t"),
                downlink.c.subject == bindparam("s"),
                downlink.c.confirmed_at.is_(None),
            )
            .values(confirmed_at=now),
            [{"d": name, "t": kind, "s": subject} for name, kind, subject in keys],
        )


def _update(
    conn: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    keep_if_null: tuple[str, ...] = (),
) -> None:
    if not rows:
        return
    columns = [name for name in rows[0] if name != "id"]
    values: dict[str, Any] = {}
    for name in columns:
        new: Any = bindparam(f"v_{name}", type_=table.c[name].type)
        if name in keep_if_null:
            new = func.coalesce(new, table.c[name])
        values[name] = new
    statement = update(table).where(table.c.id == bindparam("key")).values(**values)
    conn.execute(
        statement,
        [{"key": row["id"], **{f"v_{name}": row[name] for name in columns}} for row in rows],
    )
