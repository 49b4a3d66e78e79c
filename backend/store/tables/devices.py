"""Sleeves: identity, keys, the position of their chain, what waits to be said to them."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
)

from backend.store.metadata import metadata
from backend.store.tables.columns import Big, data, key, millis, path, ref, state

device = Table(
    "device",
    metadata,
    key(),
    ref("org_id", nullable=False),
    path(index=True),
    ref("seal_id", unique=True),
    state("status"),  # active · revoked
    # The chain: this row's lock is the sleeve's place in line (design: order lives in the store).
    Column("counter", BigInteger, nullable=False, default=0),
    Column("tip", LargeBinary, nullable=False),
    Column("boot", Integer, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),  # mechanical stamp counter last seen
    millis("last_event_time", nullable=False, default=0),  # sleeve's clock
    millis("last_event_at", nullable=False, default=0),  # ours
    millis("last_seen_at", nullable=False, default=0),
    millis("gap_since"),  # parked events wait for a missing one since then
    Column("duplicates", BigInteger, nullable=False, default=0),
    # The session, as far as the sleeve's events tell.
    ref("open_use"),
    # Telemetry: newest heartbeat and state, never records.
    Column("online", Boolean, nullable=False, default=False),
    Column("claimed", BigInteger, nullable=False, default=0),  # `through` of the newest heartbeat
    millis("last_heartbeat_time", nullable=False, default=0),  # its time by the sleeve's clock
    Column("battery", Integer),
    Column("temperature", Float),
    Column("firmware", String(200)),
    Column("clock_trusted", Boolean),
    Column("pending_events", Integer),
    Column("flash_free", BigInteger),
    Column("lat", Float),
    Column("lon", Float),
    # Commissioned home; None: the organisation's.
    Column("home_lat", Float),
    Column("home_lon", Float),
    Column("fence_m", Float),
    Column("locked", Boolean, nullable=False, default=False),  # remote lock wanted
    Column("lock_order", Integer, nullable=False, default=0),
    Column("config_revision", Integer, nullable=False, default=0),
    data("config"),
    millis("enrolled_at", nullable=False),
    millis("revoked_at"),
)

device_key = Table(
    "device_key",
    metadata,
    ref("device_id", primary_key=True),
    Column("kid", LargeBinary(8), primary_key=True),
    Column("alg", Integer, nullable=False),
    Column("public", LargeBinary, nullable=False),
    Column("from_counter", BigInteger, nullable=False, default=1),
    Column("until_counter", BigInteger),  # inclusive; None: current
    millis("created_at", nullable=False),
    millis("revoked_at"),
)

mqtt_account = Table(
    "mqtt_account",
    metadata,
    key("username"),
    ref("device_id", nullable=False),
    Column("password_hash", Text, nullable=False),  # mosquitto's PBKDF2 form
    millis("created_at", nullable=False),
    millis("revoked_at"),
)

# Answers are kept so that an event sent again gets the same answer again.
answer = Table(
    "answer",
    metadata,
    ref("device_id", primary_key=True),
    Column("counter", BigInteger, primary_key=True),
    Column("type", String(32), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    millis("at", nullable=False),
)

# What the server says unasked (off-line grants, revocations, lock, configuration, its own keys):
# said again until the sleeve's own event confirms it.
downlink = Table(
    "downlink",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    ref("device_id", nullable=False),
    Column("type", String(32), nullable=False),
    ref("subject"),  # grant id, lock order, config revision, serial of keys: what confirms it
    Column("payload", LargeBinary, nullable=False),
    millis("created_at", nullable=False),
    millis("sent_at"),
    millis("confirmed_at"),
    Column("sends", Integer, nullable=False, default=0),
)
Index("ix_downlink_open", downlink.c.device_id, downlink.c.confirmed_at)
# The gateway looks twice a second for what is open, among all that ever was said.
Index(
    "ix_downlink_unconfirmed",
    downlink.c.id,
    sqlite_where=downlink.c.confirmed_at.is_(None),
    postgresql_where=downlink.c.confirmed_at.is_(None),
)
Index("ix_device_gap_since", device.c.gap_since)
