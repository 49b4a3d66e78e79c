"""Alembic's entry: runs in the transaction of whoever calls, on the connection handed in."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

import backend.ledger.tables  # noqa: F401  # declares the log's tables on the same metadata
from backend.store.tables import metadata


def run(connection: Connection) -> None:
    """Upgrade or compare on ``connection``."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        compare_type=True,
        # Later steps are written so that SQLite rebuilds a table where it cannot alter it.
        render_as_batch=context.config.attributes.get("batch", True),
    )
    context.run_migrations()


run(context.config.attributes["connection"])
