"""The gateway's queries: few, batched, and in one lock order.

Whoever locks several rows takes them as sleeve, grant, application, picture, poison, log head, and
rows of one kind in the order of their keys: so no two writers ever wait for each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, select, update

from backend.store.bulk import CHUNK, among, update_rows
from backend.store.dialect import insert_or_ignore
from backend.store.tables import (
    answer,
    device,
    device_key,
    downlink,
    parked_event,
    poison,
    record,
)
from gateway.protocol.messages import Keys


def lock_sleeves(conn: Connection, ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The rows of these sleeves, locked in id order: each sleeve's place in line."""
    found: dict[str, Row[Any]] = {}
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), CHUNK):
        rows = conn.execute(_LOCK_SLEEVES, {"wanted": ordered[start : start + CHUNK]})
        found |= {row.id: row for row in rows}
    return found


_LOCK_SLEEVES = (
    select(
        device.c.id,
        device.c.org_path,
        device.c.status,
        device.c.seal_id,
        device.c.locked,
        device.c.total,
        device.c.open_use,
        device.c.counter,
        device.c.tip,
        device.c.boot,
        device.c.last_event_time,
        device.c.gap_since,
        device.c.duplicates,
        device.c.claimed,
        device.c.last_heartbeat_time,
    )
    .where(among(device.c.id))
    .order_by(device.c.id)
    .with_for_update()
)


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


@dataclass(frozen=True, slots=True)
class KeySpan:
    """Which counters a registered key may sign, inclusive; ``last`` None: it is the current one."""

    first: int
    last: int | None
    revoked: bool


def key_spans(conn: Connection, ids: Iterable[str]) -> dict[str, dict[bytes, KeySpan]]:
    """The keys of these sleeves by key id; asked for while their rows are locked."""
    wanted = sorted(set(ids))
    found: dict[str, dict[bytes, KeySpan]] = {}
    for start in range(0, len(wanted), CHUNK):
        rows = conn.execute(_KEY_SPANS, {"wanted": wanted[start : start + CHUNK]})
        for name, kid, first, last, revoked_at in rows:
            found.setdefault(name, {})[kid] = KeySpan(first, last, revoked_at is not None)
    return found


_KEY_SPANS = select(
    device_key.c.device_id,
    device_key.c.kid,
    device_key.c.from_counter,
    device_key.c.until_counter,
    device_key.c.revoked_at,
).where(among(device_key.c.device_id))


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
    """Newest heartbeat of sleeves; each row has ``id`` and the same columns. A heartbeat without a
    position leaves the last known one."""
    update_rows(conn, device, rows, keep_if_null=("lat", "lon"))


def save_online(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Retained states and last wills."""
    update_rows(conn, device, rows)


def save_sleeves(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the chain position and session of sleeves; each row has ``id`` and the same columns."""
    update_rows(conn, device, rows)


def parked_counters(conn: Connection, ids: Sequence[str]) -> dict[str, list[int]]:
    """Counters of the events that came before their turn, in order."""
    if not ids:
        return {}
    query = (
        select(parked_event.c.device_id, parked_event.c.counter)
        .where(parked_event.c.device_id.in_(list(ids)))
        .order_by(parked_event.c.device_id, parked_event.c.counter)
    )
    found: dict[str, list[int]] = {}
    for name, counter in conn.execute(query):
        found.setdefault(name, []).append(counter)
    return found


def load_parked(
    conn: Connection, name: str, counters: Sequence[int] | None = None
) -> dict[int, bytes]:
    """Signed bytes of a sleeve's parked events (all, or these), by counter in order."""
    query = (
        select(parked_event.c.counter, parked_event.c.raw)
        .where(parked_event.c.device_id == name)
        .order_by(parked_event.c.counter)
    )
    if counters is None:
        return {row.counter: row.raw for row in conn.execute(query)}
    found: dict[int, bytes] = {}
    for start in range(0, len(counters), CHUNK):
        part = query.where(parked_event.c.counter.in_(counters[start : start + CHUNK]))
        found |= {row.counter: row.raw for row in conn.execute(part)}
    return found


def parked_rotations(conn: Connection, ids: Iterable[str]) -> list[bytes]:
    """Signed bytes of the parked events of these sleeves that may announce a new key."""
    query = select(parked_event.c.raw).where(parked_event.c.device_id.in_(list(ids)))
    return [raw for raw in conn.execute(query).scalars() if b"key_rotated" in raw]


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


def load_bodies(
    conn: Connection, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], bytes | None]:
    """Journal bodies of events by (sleeve, counter), to tell a duplicate from a fork; None for one
    that was erased. What has no record at all is left out."""
    found: dict[tuple[str, int], bytes | None] = {}
    for start in range(0, len(keys), CHUNK // 2):
        rows = conn.execute(_BODIES, {"wanted": keys[start : start + CHUNK // 2]})
        found |= {(row.device, row.counter): row.body for row in rows}
    return found


_BODIES = select(record.c.device, record.c.counter, record.c.body).where(
    among(record.c.device, record.c.counter)
)


def load_answers(
    conn: Connection, keys: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], tuple[str, bytes]]:
    """Answers already given, by (sleeve, counter): (type, signed bytes)."""
    found: dict[tuple[str, int], tuple[str, bytes]] = {}
    for start in range(0, len(keys), CHUNK // 2):
        rows = conn.execute(_ANSWERS, {"wanted": keys[start : start + CHUNK // 2]})
        found |= {(row.device_id, row.counter): (row.type, row.payload) for row in rows}
    return found


_ANSWERS = select(answer).where(among(answer.c.device_id, answer.c.counter))


def save_answers(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Keep answers, so that the same event gets the same answer again."""
    if rows:
        conn.execute(insert_or_ignore(conn, answer), [dict(row) for row in rows])


def keep_poison(conn: Connection, rows: Sequence[Mapping[str, Any]]) -> list[bool]:
    """Keep refused payloads aside; the same one again only counts up. Tells which are new."""
    new = [False] * len(rows)
    # In one order, for two gateways may be refusing the same things.
    for index in sorted(range(len(rows)), key=lambda at: (rows[at]["digest"], rows[at]["topic"])):
        row = rows[index]
        # Without this option psycopg's count of an INSERT is lost (-1), and nothing would be new.
        statement = insert_or_ignore(conn, poison).execution_options(preserve_rowcount=True)
        kept = conn.execute(statement, dict(row))
        new[index] = kept.rowcount > 0
        if not new[index]:
            conn.execute(
                update(poison)
                .where(poison.c.digest == row["digest"], poison.c.topic == row["topic"])
                .values(seen=poison.c.seen + 1, at=row["at"])
            )
    return new


def mark_sent(conn: Connection, ids: Sequence[int], now: int) -> None:
    """These downlinks were handed to the broker. One that is just being confirmed is left alone:
    nobody waits for it here."""
    free = conn.execute(
        select(downlink.c.id).where(downlink.c.id.in_(ids)).with_for_update(skip_locked=True)
    ).scalars()
    conn.execute(
        update(downlink)
        .where(downlink.c.id.in_(list(free)))
        .values(sent_at=now, sends=downlink.c.sends + 1)
    )


def with_newest_keys(conn: Connection, devices: Collection[str]) -> set[str]:
    """Which of these sleeves confirmed every list of the server's keys that they were told."""
    query = (
        select(downlink.c.device_id)
        .where(downlink.c.device_id.in_(devices), downlink.c.type == Keys.type)
        .group_by(downlink.c.device_id)
        .having(func.count() == func.count(downlink.c.confirmed_at))
    )
    return set(conn.execute(query).scalars())


def replace_payloads(conn: Connection, payloads: Mapping[int, bytes]) -> None:
    """Say these downlinks in these words, unless they were confirmed meanwhile."""
    conn.execute(
        update(downlink)
        .where(downlink.c.id == bindparam("b_id"), downlink.c.confirmed_at.is_(None))
        .values(payload=bindparam("b_payload")),
        [{"b_id": one, "b_payload": payload} for one, payload in payloads.items()],
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
