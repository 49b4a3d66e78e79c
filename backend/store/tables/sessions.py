"""Signing in: attempts that are counted, sessions ended before their time."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, Table

from backend.store.metadata import metadata
from backend.store.tables.columns import key, millis

# Wall time, as all of web sessions; never the demo's clock.
sign_in_throttle = Table(
    "sign_in_throttle",
    metadata,
    key("subject"),  # digest of login and address, of the login, or of the address
    Column("attempts", Integer, nullable=False),  # since the last success or quiet hour
    millis("last_at", nullable=False),
    millis("locked_until", nullable=False, default=0),
)
Index("ix_sign_in_throttle_last_at", sign_in_throttle.c.last_at)

ended_session = Table(
    "ended_session",
    metadata,
    key(),
    millis("expires_at", nullable=False),  # afterwards the cookie is void anyway
)
Index("ix_ended_session_expires_at", ended_session.c.expires_at)
