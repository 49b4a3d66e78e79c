"""A gateway world on a real database of either kind."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from structlog.testing import capture_logs

from backend.store.keyring import KeyRing
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What was logged. Printing tracebacks with their variables would take seconds a test."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """The installation's keys, the same for every test."""
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture
def world(tables_url: str, ring: KeyRing) -> Iterator[GatewayWorld]:
    """An empty installation on each kind of database in turn."""
    made = GatewayWorld.create(tables_url, ring)
    yield made
    made.close()


@pytest.fixture
def postgres_world(postgres_tables_url: str, ring: KeyRing) -> Iterator[GatewayWorld]:
    """An empty installation on PostgreSQL."""
    made = GatewayWorld.create(postgres_tables_url, ring)
    yield made
    made.close()


@pytest.fixture
def line(world: GatewayWorld) -> Line:
    """One gateway."""
    return world.line()


@pytest.fixture
def sleeve(world: GatewayWorld) -> FakeSleeve:
    """One registered sleeve."""
    return world.sleeve()
