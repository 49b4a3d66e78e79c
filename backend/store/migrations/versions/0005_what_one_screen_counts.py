"""What one screen counts: alerts that are open, what waits for approval, how long approval took.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | None = None
depends_on: str | None = None

_OPEN = sa.text("closed_at IS NULL")
_WAITING = sa.text("status = 'submitted'")
_DECIDED = sa.text("decided_at IS NOT NULL")


def upgrade() -> None:
    """Index what is looked at all day."""
    op.create_index(
        "ix_alert_open",
        "alert",
        ["raised_at", "id"],
        unique=False,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "ix_application_waiting",
        "application",
        ["due_at", "id"],
        unique=False,
        sqlite_where=_WAITING,
        postgresql_where=_WAITING,
    )
    op.create_index(
        "ix_application_decided",
        "application",
        ["org_path", "decided_at", "submitted_at", "status", "seal_id"],
        unique=False,
        sqlite_where=_DECIDED,
        postgresql_where=_DECIDED,
    )


def downgrade() -> None:
    """Without these indexes."""
    op.drop_index("ix_application_decided", table_name="application")
    op.drop_index("ix_application_waiting", table_name="application")
    op.drop_index("ix_alert_open", table_name="alert")
