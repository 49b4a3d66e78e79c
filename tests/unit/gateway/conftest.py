"""A gateway world on SQLite."""

from __future__ import annotations

import pytest

from backend.store.keyring import KeyRing
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line, Stencil


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
