"""Uses, and the checks of the person that run beside the ordered pipeline."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    and_,
)

from backend.store.metadata import metadata
from backend.store.tables.columns import data, key, millis, path, ref, state, text

seal_use = Table(
    "seal_use",
    metadata,
    key(),  # "{device}:{use counter}"
    path(),
    ref("device_id", nullable=False),
    ref("seal_id", nullable=False),
    ref("application_id"),
    ref("grant_id", index=True),
    ref("operator_id"),
    ref("stamped_by"),  # who the check says it was
    ref("witness_id"),
    state("state"),  # unlocked · counted · checking · cleared · stamping · finished · refused
    state("person_check"),  # none · pending · match · doubtful · mismatch · pin …
    Column("score", Float),
    Column("granted", Integer, nullable=False, default=0),
    Column("entered", Integer, nullable=False, default=0),
    Column("pressed", Integer, nullable=False, default=0),
    Column("offline", Boolean, nullable=False, default=False),
    Column("late", Boolean, nullable=False, default=False),  # came in buffered
    millis("started_at", nullable=False),  # sleeve's clock
    millis("recorded_at", nullable=False),  # ours
    millis("first_stamp_at"),
    millis("last_event_at", nullable=False),
    millis("finished_at"),
    Column("finish_reason", String(16)),
    Column("lat", Float),
    Column("lon", Float),
    Column("first_seq", BigInteger, nullable=False),
    Column("number", String(40)),  # number in the register
    text("remarks"),
    ref("reviewed_by"),
    millis("reviewed_at"),
)
Index("ix_seal_use_org_path_started", seal_use.c.org_path, seal_use.c.started_at, seal_use.c.id)
Index("ix_seal_use_started", seal_use.c.started_at, seal_use.c.id)
Index("ix_seal_use_device_started", seal_use.c.device_id, seal_use.c.started_at)
Index("ix_seal_use_application", seal_use.c.application_id)
_unnumbered = and_(seal_use.c.number.is_(None), seal_use.c.pressed > 0)
Index(
    "ix_seal_use_unnumbered",
    seal_use.c.finished_at,
    sqlite_where=_unnumbered,
    postgresql_where=_unnumbered,
)

check_job = Table(
    "check_job",
    metadata,
    key(),
    state("kind"),  # face · pin
    ref("device_id", nullable=False),
    ref("use_id", nullable=False, index=True),
    Column("counter", BigInteger, nullable=False),  # of the event it answers
    state("state"),  # waiting (for pieces) · ready · done
    data("input"),
    data("result"),
    millis("created_at", nullable=False),
    millis("lease_until"),
    Column("attempts", Integer, nullable=False, default=0),
    millis("done_at"),
)
Index("ix_check_job_state", check_job.c.state, check_job.c.created_at)
