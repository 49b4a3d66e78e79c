"""The journal: one row and one log leaf for everything that must be provable."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from backend.store.metadata import metadata
from backend.store.tables.columns import Big, millis, path, ref, text

record = Table(
    "record",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # == index of its log leaf
    Column("kind", String(48), nullable=False),
    path(),
    millis("at", nullable=False),
    millis("happened_at", nullable=False),
    ref("device"),
    Column("counter", BigInteger),
    ref("seal"),
    ref("application"),
    ref("grant_id"),
    ref("use_id"),
    ref("person"),
    Column("body", LargeBinary),  # NULL: erased; the commitment keeps the proof valid
    Column("salt", LargeBinary),
    Column("commitment", LargeBinary(32), nullable=False),
)
# The last line of defence of "no event counted twice".
Index("uq_record_device_counter", record.c.device, record.c.counter, unique=True)
Index("ix_record_use", record.c.use_id)
Index("ix_record_application", record.c.application)

parked_event = Table(
    "parked_event",
    metadata,
    ref("device_id", primary_key=True),
    Column("counter", BigInteger, primary_key=True),
    Column("raw", LargeBinary, nullable=False),
    millis("received_at", nullable=False),
)

poison = Table(
    "poison",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    millis("at", nullable=False),
    Column("topic", String(200), nullable=False),
    ref("device"),
    Column("reason", String(32), nullable=False),
    text("detail", nullable=False),
    Column("size", Integer, nullable=False),
    Column("payload", LargeBinary, nullable=False),  # at most the first 8 KiB
    Column("digest", LargeBinary(32), nullable=False),
    Column("seen", Integer, nullable=False, default=1),
)
Index("uq_poison_digest_topic", poison.c.digest, poison.c.topic, unique=True)
