"""What the eyes remember: approved pages, enrolled imprints, looks to take and looks taken."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
)

from backend.store.metadata import metadata
from backend.store.tables.columns import data, key, millis, path, ref, state, text

reference_page = Table(
    "reference_page",
    metadata,
    ref("application_id", primary_key=True),
    Column("position", Integer, primary_key=True),  # among all pages of the application's papers
    path(),
    ref("picture_id", nullable=False),  # the uploaded paper; its page number within it:
    Column("sheet", Integer, nullable=False),
    Column("features", LargeBinary, nullable=False),  # serialised ReferencePage
    text("words", nullable=False),  # what it says, for the search of those who may read it
    data("facts"),  # title, amounts, dates, parties, blanks, proposed signature zones
    data("zones"),  # where writing is expected after the approval
    millis("made_at", nullable=False),
)

imprint_template = Table(
    "imprint_template",
    metadata,
    key(),
    path(),
    ref("seal_id", nullable=False, index=True),
    Column("template", LargeBinary, nullable=False),
    Column("engine", String(64), nullable=False),
    ref("picture_id"),
    ref("enrolled_by"),
    millis("enrolled_at", nullable=False),
    millis("retired_at"),
)

look = Table(
    "look",
    metadata,
    key(),  # digest of what it is about, so that nothing is looked at twice
    state("kind"),  # reference · page · imprint
    path(),
    ref("device_id"),
    ref("use_id", index=True),
    ref("application_id", index=True),
    Column("press", Integer),
    Column("counter", BigInteger),  # of the event that named the last picture needed
    state("state"),  # waiting (for pictures) · ready · done
    data("input"),  # picture ids
    data("result"),
    Column("finding", String(24)),
    Column("seq", BigInteger),  # of the record that says it
    millis("created_at", nullable=False),
    millis("lease_until"),
    Column("attempts", Integer, nullable=False, default=0),
    millis("done_at"),
    millis("held_since"),  # a sleeve waits for it with its next press; None once it was told
)
Index("ix_look_state", look.c.state, look.c.created_at)
_held = look.c.held_since.is_not(None)
Index("ix_look_held", look.c.held_since, sqlite_where=_held, postgresql_where=_held)

sheet = Table(
    "sheet",
    metadata,
    key(),
    path(),
    ref("use_id", nullable=False),
    Column("press", Integer, nullable=False),
    Column("features", LargeBinary, nullable=False),  # of the page as it was before the press
    millis("seen_at", nullable=False),
)
Index("ix_sheet_org_seen", sheet.c.org_path, sheet.c.seen_at)

second_opinion = Table(
    "second_opinion",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # of the verdict's record
    path(),
    state("kind"),  # page · imprint · face
    Column("finding", String(24), nullable=False),
    Column("agrees", Boolean, nullable=False),
    text("reason", nullable=False),
    ref("person_id", nullable=False),
    millis("at", nullable=False),
)
Index("ix_second_opinion_at", second_opinion.c.at)
