"""A small installation on SQLite, fresh for each test."""

from collections.abc import Iterator

import pytest

from tests.support.ledger_world import LedgerWorld, ledger_world


@pytest.fixture
def world(sqlite_url: str) -> Iterator[LedgerWorld]:
    """Journal, log, sleeves and witnesses on SQLite."""
    with ledger_world(sqlite_url) as made:
        yield made
