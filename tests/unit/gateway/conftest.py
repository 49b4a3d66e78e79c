"""A gateway world on SQLite."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.store.keyring import KeyRing
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line, Stencil


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged. Printing tracebacks with their variables would take seconds a test."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """The installation's keys, the same for every test."""
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="session")
def stencil(tmp_path_factory: pytest.TempPathFactory, ring: KeyRing) -> Stencil:
    """An empty installation's database, again and again."""
    return Stencil(tmp_path_factory.mktemp("stencil"), ring)


@pytest.fixture
def world(stencil: Stencil) -> GatewayWorld:
    """A database, keys, and a clock by hand."""
    return stencil.world()


@pytest.fixture
def line(world: GatewayWorld) -> Line:
    """One gateway."""
    return world.line()


@pytest.fixture
def sleeve(world: GatewayWorld) -> FakeSleeve:
    """One registered sleeve."""
    return world.sleeve()
