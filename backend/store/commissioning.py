"""Rows of sleeves as commissioning writes them; the gateway's own queries are in sleeves."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, exists, select, update

from backend.domain.grant import LIVE
from backend.domain.use import Grant
from backend.store.tables import device, device_key, downlink, mqtt_account, use_grant
from backend.store.uses import to_grant
from gateway.protocol.cose import PublicKey
from gateway.protocol.envelope import GENESIS

ACTIVE: Final = "active"
REVOKED: Final = "revoked"


def insert_device(conn: Connection, values: dict[str, Any], now: int) -> None:
    """A sleeve at the beginning of its chain."""
    conn.execute(
        device.insert(),
        {"status": ACTIVE, "tip": GENESIS, "config": {}, "enrolled_at": now} | values,
    )


def lock_device(conn: Connection, device_id: str) -> Row[Any] | None:
    """The sleeve's row, locked: its place in line."""
    return conn.execute(
        select(device).where(device.c.id == device_id).with_for_update()
    ).one_or_none()


def update_device(conn: Connection, device_id: str, values: dict[str, Any]) -> None:
    """Change columns of a sleeve."""
    conn.execute(update(device).where(device.c.id == device_id).values(values))


def is_key_known(conn: Connection, key: PublicKey) -> bool:
    """Whether any sleeve has, or ever had, this key (C24: a cloned key)."""
    known = exists().where(device_key.c.kid == key.kid, device_key.c.public == key.raw)
    return bool(conn.execute(select(known)).scalar())


def insert_key(
    conn: Connection, device_id: str, key: PublicKey, from_counter: int, now: int
) -> None:
    """Register a key for the events from ``from_counter`` on."""
    conn.execute(
        device_key.insert(),
        {
            "device_id": device_id,
            "kid": key.kid,
            "alg": key.alg,
            "public": key.raw,
            "from_counter": from_counter,
            "created_at": now,
        },
    )


def close_keys(conn: Connection, device_id: str, until_counter: int) -> None:
    """Current keys sign no event after ``until_counter``."""
    conn.execute(
        update(device_key)
        .where(device_key.c.device_id == device_id, device_key.c.until_counter.is_(None))
        .values(until_counter=until_counter)
    )


def revoke_keys(conn: Connection, device_id: str, now: int) -> None:
    """No key of the sleeve verifies anything new."""
    conn.execute(
        update(device_key)
        .where(device_key.c.device_id == device_id, device_key.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def keys_of(conn: Connection, device_id: str) -> list[Row[Any]]:
    """Every key that the sleeve ever had, oldest first."""
    return list(
        conn.execute(
            select(device_key)
            .where(device_key.c.device_id == device_id)
            .order_by(device_key.c.from_counter, device_key.c.created_at)
        )
    )


def set_account(conn: Connection, device_id: str, password_hash: str, now: int) -> None:
    """The sleeve's one broker account; its user name is the sleeve's id, which the ACL relies on.
    An earlier password is void."""
    values = {"password_hash": password_hash, "created_at": now, "revoked_at": None}
    done = conn.execute(
        update(mqtt_account).where(mqtt_account.c.username == device_id).values(values)
    )
    if done.rowcount == 0:
        conn.execute(
            mqtt_account.insert(), values | {"username": device_id, "device_id": device_id}
        )


def revoke_account(conn: Connection, device_id: str, now: int) -> None:
    """The broker lets the sleeve in no more."""
    conn.execute(
        update(mqtt_account)
        .where(mqtt_account.c.device_id == device_id, mqtt_account.c.revoked_at.is_(None))
        .values(revoked_at=now)
    )


def lock_live_grants(conn: Connection, device_id: str) -> list[Grant]:
    """Grants of the sleeve that may still open it, locked in id order."""
    query = (
        select(use_grant)
        .where(use_grant.c.device_id == device_id, use_grant.c.state.in_([*sorted(LIVE), "burnt"]))
        .order_by(use_grant.c.id)
        .with_for_update()
    )
    return [to_grant(row) for row in conn.execute(query)]


def overtake(conn: Connection, device_id: str, kind: str, now: int) -> None:
    """No longer say earlier orders of ``kind`` to this sleeve: a newer one follows."""
    conn.execute(
        update(downlink)
        .where(
            downlink.c.device_id == device_id,
            downlink.c.type == kind,
            downlink.c.confirmed_at.is_(None),
        )
        .values(confirmed_at=now)
    )
