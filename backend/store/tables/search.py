"""The index of the usage log (backend.store.search), and what people keep of it."""

from __future__ import annotations

from sqlalchemy import Column, Integer, LargeBinary, String, Table, Text

from backend.store.metadata import metadata
from backend.store.tables.columns import Big, key, millis, ref

# The place of a use in the log: counted from 0 in the order in which uses became known.
search_doc = Table(
    "search_doc",
    metadata,
    Column("doc", Big, primary_key=True, autoincrement=False),
    ref("use_id", nullable=False, unique=True),
)

# Which of 65,536 uses of a chapter have a term: see backend.store.search_blocks.
search_block = Table(
    "search_block",
    metadata,
    Column("term", String(240), primary_key=True),
    Column("chapter", Integer, primary_key=True, autoincrement=False),
    Column("docs", LargeBinary, nullable=False),
    sqlite_with_rowid=False,
)

# Terms that are not in the blocks yet: for these uses, the row stands instead of the blocks.
search_tail = Table(
    "search_tail",
    metadata,
    Column("doc", Big, primary_key=True, autoincrement=False),
    Column("terms", Text, nullable=False),
)

# Uses to be read again although no record says so: who changes what is searched puts them here.
search_due = Table(
    "search_due",
    metadata,
    ref("use_id", primary_key=True),
)

saved_view = Table(
    "saved_view",
    metadata,
    key(),
    ref("person_id", nullable=False, index=True),
    Column("name", String(60), nullable=False),
    Column("query", Text, nullable=False),  # what stands behind the ? of the log's address
    millis("created_at", nullable=False),
)
