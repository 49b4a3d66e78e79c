"""The API over a small world."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.api import Api
from tests.support.world import World


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    """What routes do is the same on each database; services are tested on both."""
    made = World.create(sqlite_url, tmp_path)
    yield made
    made.close()


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    """The application with nobody signed in."""
    with Api(world) as made:
        yield made
