"""A small world on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.world import World


@pytest.fixture
def world(tables_url: str, tmp_path: Path) -> Iterator[World]:
    """The tree of tests.support.world, with nobody in it yet."""
    made = World.create(tables_url, tmp_path)
    yield made
    made.close()
