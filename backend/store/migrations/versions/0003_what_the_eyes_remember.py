"""What the eyes remember: approved pages, enrolled imprints, looks, sheets, second opinions.

Revises: 0002
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Make the change."""
    op.create_table(
        "reference_page",
        sa.Column("application_id", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("picture_id", sa.String(length=64), nullable=False),
        sa.Column("sheet", sa.Integer(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("zones", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("application_id", "position", name=op.f("pk_reference_page")),
    )
    op.create_table(
        "imprint_template",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("seal_id", sa.String(length=64), nullable=False),
        sa.Column("template", sa.LargeBinary(), nullable=False),
        sa.Column("engine", sa.String(length=64), nullable=False),
        sa.Column("picture_id", sa.String(length=64), nullable=True),
        sa.Column("enrolled_by", sa.String(length=64), nullable=True),
        sa.Column("enrolled_at", sa.BigInteger(), nullable=False),
        sa.Column("retired_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_imprint_template")),
    )
    op.create_index(
        op.f("ix_imprint_template_seal_id"), "imprint_template", ["seal_id"], unique=False
    )
    op.create_table(
        "look",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("device_id", sa.String(length=64), nullable=True),
        sa.Column("use_id", sa.String(length=64), nullable=True),
        sa.Column("application_id", sa.String(length=64), nullable=True),
        sa.Column("press", sa.Integer(), nullable=True),
        sa.Column("counter", sa.BigInteger(), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("input", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("finding", sa.String(length=24), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.BigInteger(), nullable=True),
        sa.Column("held_since", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_look")),
    )
    op.create_index(op.f("ix_look_application_id"), "look", ["application_id"], unique=False)
    op.create_index(
        "ix_look_held",
        "look",
        ["held_since"],
        unique=False,
        sqlite_where=sa.text("held_since IS NOT NULL"),
        postgresql_where=sa.text("held_since IS NOT NULL"),
    )
    op.create_index("ix_look_state", "look", ["state", "created_at"], unique=False)
    op.create_index(op.f("ix_look_use_id"), "look", ["use_id"], unique=False)
    op.create_table(
        "sheet",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("use_id", sa.String(length=64), nullable=False),
        sa.Column("press", sa.Integer(), nullable=False),
        sa.Column("features", sa.LargeBinary(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet")),
    )
    op.create_index("ix_sheet_org_seen", "sheet", ["org_path", "seen_at"], unique=False)
    op.create_table(
        "second_opinion",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("finding", sa.String(length=24), nullable=False),
        sa.Column("agrees", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("person_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_second_opinion")),
    )
    op.create_index("ix_second_opinion_at", "second_opinion", ["at"], unique=False)


def downgrade() -> None:
    """Take it back."""
    op.drop_index(op.f("ix_second_opinion_at"), table_name="second_opinion")
    op.drop_table("second_opinion")
    op.drop_index(op.f("ix_sheet_org_seen"), table_name="sheet")
    op.drop_table("sheet")
    op.drop_index(op.f("ix_look_application_id"), table_name="look")
    op.drop_index(op.f("ix_look_state"), table_name="look")
    op.drop_index(op.f("ix_look_held"), table_name="look")
    op.drop_index(op.f("ix_look_use_id"), table_name="look")
    op.drop_table("look")
    op.drop_index(op.f("ix_imprint_template_seal_id"), table_name="imprint_template")
    op.drop_table("imprint_template")
    op.drop_table("reference_page")
