"""Places say who is told of an alert, how, and when it goes up.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0006"
down_revision: str | None = "0005"
branch_labels: str | None = None
depends_on: str | None = None

_GOES_UP = sa.text("escalate_at IS NOT NULL")
_PAST = 1000
"""In ``alert.escalation`` until now: suppressed, never taken further up."""


def upgrade() -> None:
    """Rules as rows, and when each alert goes up; what waits is looked at once."""
    op.create_table(
        "notice_rule",
        sa.Column("org_id", sa.String(length=64), nullable=False),
        sa.Column("code", sa.String(length=8), nullable=False),
        sa.Column("org_path", sa.String(length=200), nullable=False),
        sa.Column("rule", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_by", sa.String(length=64), nullable=True),
        sa.PrimaryKeyConstraint("org_id", "code", name=op.f("pk_notice_rule")),
    )
    op.create_index(op.f("ix_notice_rule_org_path"), "notice_rule", ["org_path"], unique=False)
    with op.batch_alter_table("alert") as batch:
        batch.add_column(sa.Column("escalate_at", sa.BigInteger(), nullable=True))
    alert = sa.table(
        "alert",
        sa.column("escalate_at", sa.BigInteger),
        sa.column("raised_at", sa.BigInteger),
        sa.column("escalation", sa.Integer),
        sa.column("acknowledged", sa.Boolean),
        sa.column("stage", sa.String),
    )
    op.execute(
        alert.update()
        .where(
            alert.c.acknowledged.is_(False),
            alert.c.stage == "new",
            alert.c.escalation < _PAST,
        )
        .values(escalate_at=alert.c.raised_at)
    )
    op.create_index(
        "ix_alert_escalate_at",
        "alert",
        ["escalate_at"],
        unique=False,
        sqlite_where=_GOES_UP,
        postgresql_where=_GOES_UP,
    )


def downgrade() -> None:
    """Without them."""
    op.drop_index("ix_alert_escalate_at", table_name="alert")
    with op.batch_alter_table("alert") as batch:
        batch.drop_column("escalate_at")
    op.drop_index(op.f("ix_notice_rule_org_path"), table_name="notice_rule")
    op.drop_table("notice_rule")
