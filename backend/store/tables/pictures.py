"""Encrypted pictures: arriving in pieces, kept with one data key each, seen only on record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, String, Table

from backend.store.metadata import metadata
from backend.store.tables.columns import key, millis, path, ref, state, text

picture = Table(
    "picture",
    metadata,
    key(),  # hex commitment of a sleeve's picture, UUIDv7 of an uploaded one
    path(),
    state("kind"),  # face · page_before · page_after · document · enrolment · evidence
    ref("device_id"),
    ref("use_id", index=True),
    ref("person_id"),
    Column("counter", BigInteger),  # of the event that names it
    Column("press", Integer),
    Column("frame", Integer),
    Column("mime", String(40)),
    Column("size", Integer, nullable=False),
    Column("pieces", Integer, nullable=False, default=0),
    state("state"),  # announced · complete · broken · erased
    Column("tries", Integer, nullable=False, default=0),  # uploads that did not decrypt
    text("failure"),
    Column("salt", LargeBinary(32)),
    Column("wrapped_key", LargeBinary),
    Column("key_id", String(32)),
    millis("created_at", nullable=False),
    millis("completed_at"),
    millis("erased_at"),
)

picture_piece = Table(
    "picture_piece",
    metadata,
    ref("picture_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("data", LargeBinary, nullable=False),
    millis("at", nullable=False),
)

picture_blob = Table(
    "picture_blob",
    metadata,
    ref("picture_id", primary_key=True),
    Column("ciphertext", LargeBinary, nullable=False),
)

review = Table(
    "review",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    path(),
    text("reason", nullable=False),
    millis("opened_at", nullable=False),
    millis("closes_at", nullable=False),
)

Index("ix_picture_device_state", picture.c.device_id, picture.c.state)
Index("ix_picture_kind_created_at", picture.c.kind, picture.c.created_at)
