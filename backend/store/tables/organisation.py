"""Who and what there is: the tree, people and their roles, seals, working calendar."""

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
from backend.store.tables.columns import data, key, millis, path, ref, state, text

organisation = Table(
    "organisation",
    metadata,
    key(),
    ref("parent_id", index=True),
    path("path", unique=True),
    Column("name", String(100), nullable=False),
    state("level"),  # district · town · village
    Column("lat", Float),
    Column("lon", Float),
    Column("fence_m", Float),
    data("settings"),  # working hours, retention, policy overrides
    millis("created_at", nullable=False),
)

person = Table(
    "person",
    metadata,
    key(),
    path(),
    Column("name", String(60), nullable=False),
    Column("phone", String(40)),
    Column("login", String(60), unique=True),
    Column("password_hash", Text),
    # Set by somebody else: good for nothing but choosing one's own.
    Column("password_temporary", Boolean, nullable=False, default=False),
    Column("pin_salt", LargeBinary),
    Column("pin_rounds", Integer),
    Column("pin_digest", LargeBinary),
    Column("locale", String(10), nullable=False, default="zh_CN"),
    state("status"),  # active · left
    millis("created_at", nullable=False),
    millis("session_epoch", nullable=False, default=0),  # sessions issued before it are void
)

role = Table(
    "role",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    ref("org_id", nullable=False),
    path(index=True),
    state("role"),  # admin · custodian · approver · applicant · operator · supervisor
    Column("title", String(60)),
    millis("starts_at", nullable=False),
    millis("ends_at"),  # term of office; authority ends with it (C33)
    millis("revoked_at"),
)

seal = Table(
    "seal",
    metadata,
    key(),
    ref("org_id", nullable=False),
    path(index=True),
    state("kind"),  # party · committee · cooperative
    Column("name", String(100), nullable=False),
    ref("custodian_id"),
    state("status"),  # active · suspended · destroyed
    millis("created_at", nullable=False),
)

consent = Table(
    "consent",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    state("purpose"),  # face
    text("wording", nullable=False),
    millis("given_at", nullable=False),
    millis("withdrawn_at"),
    ref("recorded_by"),
)

face_template = Table(
    "face_template",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    Column("engine", String(40), nullable=False),
    Column("model", String(64), nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # encrypted template bytes
    Column("pictures", Integer, nullable=False),
    ref("consent_id", nullable=False),
    millis("created_at", nullable=False),
    millis("retired_at"),
)

calendar_day = Table(
    "calendar_day",
    metadata,
    ref("org_id", primary_key=True),
    Column("day", String(10), primary_key=True),  # local date, ISO 8601
    Column("working", Boolean, nullable=False),
    Column("name", String(60)),
)

api_token = Table(
    "api_token",
    metadata,
    key(),
    ref("person_id", nullable=False),
    Column("label", String(100), nullable=False),
    Column("digest", LargeBinary, nullable=False, unique=True),  # SHA-256 of the token
    data("scopes"),
    millis("created_at", nullable=False),
    millis("expires_at", nullable=False),
    millis("revoked_at"),
    millis("last_used_at"),
)

# What people sign approvals with: a passkey's key or another of their own. Never deleted, so that
# a revoked key is not registered again.
signing_key = Table(
    "signing_key",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    Column("label", String(100), nullable=False),
    Column("alg", String(8), nullable=False),  # ES256 · EdDSA
    Column("public", LargeBinary, nullable=False, unique=True),
    Column("form", String(16), nullable=False),  # raw · webauthn
    Column("credential", String(1024)),  # a passkey's id, base64url
    Column("counter", BigInteger, nullable=False),  # a passkey's, as last seen
    Column("record_seq", BigInteger, nullable=False),  # the record of its registration
    millis("created_at", nullable=False),
    millis("last_used_at"),
    millis("revoked_at"),
    ref("revoked_by"),
)

setting = Table(
    "setting",
    metadata,
    key("name"),
    data("value"),
    millis("updated_at", nullable=False),
    ref("updated_by"),
)

Index("ix_person_org_path", person.c.org_path)
