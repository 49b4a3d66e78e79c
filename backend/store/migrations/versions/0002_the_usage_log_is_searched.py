"""The usage log is searched through an index of its own, and people keep views of it.

Revises: 0001
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

_big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "search_doc",
        sa.Column("doc", _big, autoincrement=False, nullable=False),
        sa.Column("use_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("doc", name=op.f("pk_search_doc")),
        sa.UniqueConstraint("use_id", name=op.f("uq_search_doc_use_id")),
    )
    op.create_table(
        "search_block",
        sa.Column("term", sa.String(length=240), nullable=False),
        sa.Column("chapter", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("docs", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("term", "chapter", name=op.f("pk_search_block")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "search_tail",
        sa.Column("doc", _big, autoincrement=False, nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("doc", name=op.f("pk_search_tail")),
    )
    op.create_table(
        "search_due",
        sa.Column("use_id", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("use_id", name=op.f("pk_search_due")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
    )
    op.create_index(op.f("ix_saved_view_person_id"), "saved_view", ["person_id"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_saved_view_person_id"), table_name="saved_view")
    op.drop_table("saved_view")
    op.drop_table("search_due")
    op.drop_table("search_tail")
    op.drop_table("search_block")
    op.drop_table("search_doc")
