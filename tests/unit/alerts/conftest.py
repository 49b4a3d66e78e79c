"""A village with alerts in it, on SQLite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.alerts_world import AlertsWorld


@pytest.fixture
def village(sqlite_url: str, tmp_path: Path) -> Iterator[AlertsWorld]:
    """One village, one sleeve, one of each kind of person, a channel by hand."""
    made = AlertsWorld.create(sqlite_url, tmp_path)
    yield made
    made.world.close()
