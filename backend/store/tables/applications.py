"""Matters, applications with their steps, documents, grants, off-site permits."""

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
    UniqueConstraint,
    literal_column,
)

from backend.store.metadata import metadata
from backend.store.tables.columns import data, key, millis, path, ref, state, text

matter = Table(
    "matter",
    metadata,
    ref("id", primary_key=True),
    Column("version", Integer, primary_key=True),
    path("org_path"),  # whose catalogue: applies to the branch below
    Column("name", String(100), nullable=False),
    Column("category", String(60), nullable=False),
    Column("forbidden", Boolean, nullable=False, default=False),
    data("spec"),  # backend.domain.matter.Matter as plain values
    millis("created_at", nullable=False),
    millis("retired_at"),
)

application = Table(
    "application",
    metadata,
    key(),
    Column("number", String(40), unique=True),  # given on submission
    path(),
    ref("matter_id", nullable=False),
    Column("matter_version", Integer, nullable=False),
    ref("seal_id", nullable=False),
    ref("applicant_id", nullable=False),
    ref("operator_id", nullable=False),
    data("alternates"),  # person ids that may stamp instead
    state("status"),
    Column("kind", String(16), nullable=False, default="ordinary"),  # ordinary·batch·emergency
    ref("extends_id"),  # more stamps for that application, by a second approval
    Column("title", String(200), nullable=False),
    text("purpose", nullable=False),
    Column("beneficiary", String(100)),  # the villager or unit it is for
    Column("counterparty", String(100)),
    Column("amount_fen", BigInteger),
    Column("copies", Integer, nullable=False),
    Column("stamps", Integer, nullable=False),
    Column("resolution", String(200)),  # meeting resolution number
    data("details"),
    Column("step", Integer, nullable=False, default=0),
    text("reason"),  # of rejection, withdrawal, voiding, early finish
    millis("wanted_from"),
    millis("wanted_until"),
    millis("created_at", nullable=False),
    millis("submitted_at"),
    millis("expires_at"),  # until when it may wait for approval
    millis("due_at"),  # of the open step
    millis("decided_at"),
    millis("closed_at"),
    # The look afterwards at an emergency: proper · improper.
    ref("reviewed_by"),
    millis("reviewed_at"),
    Column("review_outcome", String(16)),
    text("review_note"),
    Column("version", Integer, nullable=False, default=0),  # optimistic concurrency
)
Index("ix_application_org_path_id", application.c.org_path, application.c.id)
Index("ix_application_status_id", application.c.status, application.c.id)
Index("ix_application_status_due", application.c.status, application.c.due_at)
Index("ix_application_status_expires", application.c.status, application.c.expires_at)
Index("ix_application_applicant", application.c.applicant_id, application.c.id)
# Few wait at any moment, among all that ever were.
_waiting = application.c.status == literal_column("'submitted'")
Index(
    "ix_application_waiting",
    application.c.due_at,
    application.c.id,
    sqlite_where=_waiting,
    postgresql_where=_waiting,
)
# How long approval took is read from the index alone.
Index(
    "ix_application_decided",
    application.c.org_path,
    application.c.decided_at,
    application.c.submitted_at,
    application.c.status,
    application.c.seal_id,
    sqlite_where=application.c.decided_at.is_not(None),
    postgresql_where=application.c.decided_at.is_not(None),
)

application_step = Table(
    "application_step",
    metadata,
    ref("application_id", primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("role", String(32), nullable=False),
    path("org_path"),  # at which organisation the approver must sit
    Column("name", String(60), nullable=False),
    Column("limit_ms", BigInteger),
    millis("opened_at"),
    millis("due_at"),
    millis("overdue_at"),  # when the deadline was found missed (C28)
    millis("document_opened_at"),  # the approver opened the pages (C27)
    ref("assignee_id"),  # delegated to
    ref("delegated_by"),
    ref("decided_by"),
    Column("decision", String(16)),  # approved · rejected · returned
    text("reason"),
    millis("decided_at"),
    Column("signature", LargeBinary),  # the approver's own (passkey), when there is one
    data("signature_info"),
)
Index(
    "ix_application_step_todo",
    application_step.c.org_path,
    application_step.c.decided_at,
    application_step.c.opened_at,
)

# Running numbers: of applications and of the register, each by its own name.
number_counter = Table(
    "number_counter",
    metadata,
    key("name"),
    Column("value", BigInteger, nullable=False),
)

document = Table(
    "document",
    metadata,
    key(),
    ref("application_id", nullable=False, index=True),
    Column("position", Integer, nullable=False),
    state("kind"),  # page · resolution · attachment
    Column("name", String(200), nullable=False),
    Column("mime", String(100), nullable=False),
    Column("size", Integer, nullable=False),
    Column("sha256", LargeBinary(32), nullable=False),
    ref("picture_id"),  # encrypted bytes in the picture store
    millis("created_at", nullable=False),
)

use_grant = Table(
    "use_grant",
    metadata,
    key(),
    ref("application_id", nullable=False, index=True),
    path(),
    ref("device_id", nullable=False),
    ref("seal_id", nullable=False),
    ref("operator_id", nullable=False),
    data("alternates"),
    Column("job", String(10), nullable=False),  # typed at the sleeve
    Column("stamps", Integer, nullable=False),
    Column("title", Text, nullable=False),
    millis("not_before", nullable=False),
    millis("not_after", nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    Column("radius_m", Float),
    data("policy"),  # check, challenge, frames, pin_allowed, offline, max_clock_age, wait_for_page
    state("state"),  # issued · unlocked · burnt · used · expired · revoked
    ref("use_id"),
    millis("issued_at", nullable=False),
    millis("burnt_at"),
    millis("ended_at"),
    text("ended_reason"),  # of a revocation
    UniqueConstraint("device_id", "job"),
)
Index("ix_use_grant_state_not_after", use_grant.c.state, use_grant.c.not_after)

offsite_permit = Table(
    "offsite_permit",
    metadata,
    key(),
    path(),
    ref("device_id", nullable=False, index=True),
    ref("application_id"),
    ref("carrier_id", nullable=False),
    ref("approved_by"),
    text("reason"),  # of a rejection
    state("state"),  # wanted · approved · rejected · out · returned · overdue
    text("purpose", nullable=False),
    Column("place", String(200), nullable=False),
    Column("lat", Float),
    Column("lon", Float),
    Column("radius_m", Float),
    millis("from_at", nullable=False),
    millis("until_at", nullable=False),
    millis("returned_at"),
    millis("created_at", nullable=False),
)
Index("ix_offsite_permit_org_path", offsite_permit.c.org_path, offsite_permit.c.id)
Index("ix_offsite_permit_state_until", offsite_permit.c.state, offsite_permit.c.until_at)
