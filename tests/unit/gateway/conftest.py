"""A gateway world on SQLite, from a database file whose tables are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.store.keyring import KeyRing
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line, copy_template


@pytest.fixture(scope="session")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """The installation's keys, the same for every test."""
    return KeyRing.create(tmp_path_factory.mktemp("keys") / "keys")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, ring: KeyRing) -> Path:
    """An empty installation's database."""
    file = tmp_path_factory.mktemp("template") / "zhiyin.sqlite3"
    world = GatewayWorld(f"sqlite+pysqlite:///{file}", ring)
    with world.db.engine.connect() as conn:
        conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    world.close()
    return file


@pytest.fixture
def world(tmp_path: Path, template: Path, ring: KeyRing) -> Iterator[GatewayWorld]:
    """A database, keys, and a clock by hand."""
    made = GatewayWorld(copy_template(template, tmp_path), ring, create=False)
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
