"""Who may sign in to the broker that we run: the gateway, and each sleeve by its live account."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from backend.services.mqtt_passwords import SALT_BYTES, mosquitto_hash
from backend.store.db import Database
from backend.store.tables import mqtt_account
from gateway.broker.mosquitto import GATEWAY_USER, Account


def gateway_account(password: str, random: Callable[[int], bytes]) -> Account:
    """The gateway's own account."""
    return Account(GATEWAY_USER, mosquitto_hash(password, random(SALT_BYTES)))


def sleeve_accounts(db: Database) -> tuple[Account, ...]:
    """Every account that was not revoked, by name."""
    query = (
        select(mqtt_account.c.username, mqtt_account.c.password_hash)
        .where(mqtt_account.c.revoked_at.is_(None))
        .order_by(mqtt_account.c.username)
    )
    with db.read() as conn:
        return tuple(Account(row.username, row.password_hash) for row in conn.execute(query))
