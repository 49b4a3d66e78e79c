"""Alerts, their handling, and the outbox that tells people."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text

from backend.store.metadata import metadata
from backend.store.tables.columns import Big, data, key, millis, path, ref, state, text

alert = Table(
    "alert",
    metadata,
    key(),
    Column("code", String(8), nullable=False),  # C1 … C34
    Column("dedupe", String(200), nullable=False),
    path(),
    state("severity"),  # critical · major · minor
    # ThingsBoard's lesson: two booleans and five times, with an assignee.
    Column("active", Boolean, nullable=False),
    Column("acknowledged", Boolean, nullable=False, default=False),
    state("stage"),  # new · acknowledged · assigned · rectifying · closed · false_alarm
    ref("device"),
    ref("seal"),
    ref("application"),
    ref("grant_id"),
    ref("use_id", index=True),
    ref("person"),
    Column("seq", BigInteger, nullable=False),  # record that made it
    Column("last_seq", BigInteger, nullable=False),
    Column("count", Integer, nullable=False, default=1),
    Column("late", Boolean, nullable=False, default=False),
    data(),
    millis("happened_at", nullable=False),
    millis("raised_at", nullable=False),
    millis("updated_at", nullable=False),
    millis("acknowledged_at"),
    ref("acknowledged_by"),
    ref("assignee_id"),
    millis("assigned_at"),
    millis("due_at"),
    millis("cleared_at"),
    millis("closed_at"),
    ref("closed_by"),
    text("outcome"),
    Column("escalation", Integer, nullable=False, default=0),
    millis("escalate_at"),  # when the next step of escalation is to be looked at
    Column("version", Integer, nullable=False, default=0),
)
Index("ix_alert_org_path_raised", alert.c.org_path, alert.c.raised_at, alert.c.id)
Index("ix_alert_raised", alert.c.raised_at, alert.c.id)
# What is not closed is counted and listed all day, among all that ever was.
Index(
    "ix_alert_open",
    alert.c.raised_at,
    alert.c.id,
    sqlite_where=alert.c.closed_at.is_(None),
    postgresql_where=alert.c.closed_at.is_(None),
)
Index(
    "ix_alert_escalate_at",
    alert.c.escalate_at,
    sqlite_where=alert.c.escalate_at.is_not(None),
    postgresql_where=alert.c.escalate_at.is_not(None),
)
Index(
    "uq_alert_active",
    alert.c.dedupe,
    unique=True,
    sqlite_where=alert.c.active.is_(True),
    postgresql_where=alert.c.active.is_(True),
)

alert_note = Table(
    "alert_note",
    metadata,
    key(),
    ref("alert_id", nullable=False, index=True),
    ref("person_id"),
    state("kind"),  # comment · transition
    text("text", nullable=False),
    data(),
    millis("at", nullable=False),
)

case_evidence = Table(
    "case_evidence",
    metadata,
    key(),
    ref("alert_id", nullable=False, index=True),
    ref("picture_id"),
    Column("name", String(200), nullable=False),
    ref("added_by", nullable=False),
    millis("at", nullable=False),
)

suppression = Table(
    "suppression",
    metadata,
    key(),
    Column("code", String(8), nullable=False),
    path(),
    ref("device"),
    text("reason", nullable=False),
    ref("created_by", nullable=False),
    millis("created_at", nullable=False),
    millis("expires_at", nullable=False),
)

# Who is told of an alert, how, and when it goes up, where a place says so.
notice_rule = Table(
    "notice_rule",
    metadata,
    ref("org_id", primary_key=True),
    Column("code", String(8), primary_key=True),  # C1 … C35, or * for all of them
    path(index=True),
    data("rule"),
    millis("updated_at", nullable=False),
    ref("updated_by"),
)

rule_state = Table(
    "rule_state",
    metadata,
    ref("name", primary_key=True),
    ref("subject", primary_key=True),
    data("value"),
    millis("updated_at", nullable=False),
)

worker_cursor = Table(
    "worker_cursor",
    metadata,
    key("name"),
    Column("seq", BigInteger, nullable=False),  # next record to read
    millis("updated_at", nullable=False),
)

preference = Table(
    "preference",
    metadata,
    ref("person_id", primary_key=True),
    data("channels"),  # ordered [{channel, address}]
    data("kinds"),  # kind → false to mute an ordinary one
    Column("quiet_from", String(5)),  # local HH:MM
    Column("quiet_until", String(5)),
    millis("updated_at", nullable=False),
)

delivery = Table(
    "delivery",
    metadata,
    key(),
    Column("dedupe", String(200), nullable=False, unique=True),
    state("kind"),  # alert code or notice kind
    Column("breakthrough", Boolean, nullable=False, default=False),
    path(),
    ref("person_id", index=True),
    ref("alert_id", index=True),
    ref("application_id"),
    ref("use_id"),
    Column("channel", String(32), nullable=False),
    Column("address", Text, nullable=False),
    Column("locale", String(10), nullable=False),
    data("message"),  # what messages.render needs, rendered late so that bundles can form
    state("state"),  # waiting · sending · delivered · dead · bundled · cancelled
    millis("created_at", nullable=False),
    millis("due_at", nullable=False),
    millis("lease_until"),
    Column("attempts", Integer, nullable=False, default=0),
    text("last_error"),
    millis("delivered_at"),
    ref("bundle_id"),
)
Index("ix_delivery_state_due", delivery.c.state, delivery.c.due_at)

delivery_attempt = Table(
    "delivery_attempt",
    metadata,
    Column("id", Big, primary_key=True, autoincrement=True),
    ref("delivery_id", nullable=False, index=True),
    millis("at", nullable=False),
    state("outcome"),  # delivered · retry · dead
    Column("detail", Text, nullable=False, default=""),
    Column("took_ms", Integer, nullable=False, default=0),
)

# What a person sees in the app itself: the always-there channel.
inbox_notice = Table(
    "inbox_notice",
    metadata,
    key(),
    ref("person_id", nullable=False),
    state("kind"),
    ref("alert_id"),
    ref("application_id"),
    ref("use_id"),
    data("message"),
    millis("created_at", nullable=False),
    millis("read_at"),
)
Index("ix_inbox_notice_person", inbox_notice.c.person_id, inbox_notice.c.id)
