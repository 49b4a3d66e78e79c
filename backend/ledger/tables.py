"""Tables of the log. One database holds one log; all rows but the head's are written once.

Partial tiles are not stored: they follow from the entries (level 0) or from the roots of the full
tiles below (higher levels).
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Integer,
    LargeBinary,
    SmallInteger,
    Table,
    Text,
)

from backend.store.metadata import metadata

# An INTEGER primary key is SQLite's own row number, which saves it a second index.
_Index = BigInteger().with_variant(Integer, "sqlite")

ledger_head = Table(
    "ledger_head",
    metadata,
    Column("id", SmallInteger, CheckConstraint("id = 1", name="single"), primary_key=True),
    Column("origin", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("frontier", LargeBinary, nullable=False),
)
"""The one row whose lock puts writers in line. ``frontier``: see backend.ledger.tree.Frontier."""

ledger_entry = Table(
    "ledger_entry",
    metadata,
    Column("seq", _Index, primary_key=True, autoincrement=False),
    Column("entry", LargeBinary, nullable=False),
)
"""The leaves, byte for byte as they were hashed; ``seq`` counts from 0 without a gap."""

ledger_tile = Table(
    "ledger_tile",
    metadata,
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary(8192), nullable=False),
    Column("root", LargeBinary(32), nullable=False),
)
"""Full tiles (c2sp.org/tlog-tiles): 256 hashes, and the root over them."""

ledger_checkpoint = Table(
    "ledger_checkpoint",
    metadata,
    Column("size", _Index, primary_key=True, autoincrement=False),
    Column("note", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("cosignatures", Integer, nullable=False, default=0),
)
"""Signed checkpoints, the note as it is published, and how many cosignatures it has by now."""
