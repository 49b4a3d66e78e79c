"""The test bench: real brokers and databases for whoever asks, and honest skips.

A test that needs a real part carries ``@pytest.mark.needs_mosquitto`` (``needs_postgres``,
``needs_chromium``, ``needs_dlib``), or simply uses one of the fixtures below.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from backend.store.db import Database
from tests.support.machine import NEEDS, find_chromium, in_ci, require
from tests.support.mosquitto import MosquittoServer
from tests.support.postgres import PostgresServer
from tests.support.prepared import make_tables

hypothesis_settings.register_profile("fast", max_examples=50, deadline=None)
hypothesis_settings.register_profile(
    "ci",
    max_examples=100,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
hypothesis_settings.register_profile("thorough", max_examples=2000, deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if in_ci() else "fast"))

_TABLES = "tables"

# A fixture that starts a real part brings the need with it.
_FIXTURE_NEEDS = {
    "mosquitto": "needs_mosquitto",
    "postgres_server": "needs_postgres",
    "postgres_url": "needs_postgres",
    "chromium": "needs_chromium",
}


# The quick ones speak first; spread over processes, the longest are begun first, so that no process
# waits for another at the end. The browser's come last, because Playwright leaves an event loop
# running on the thread, under which no test that starts a loop of its own could follow.
_FLOORS = ("unit", "integration", "faults", "e2e")
_FLOORS_SPREAD = ("faults", "e2e", "integration", "unit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Bring the tests into the order of the floors; within a floor they keep their own."""
    here = Path(__file__).parent
    floors = _FLOORS_SPREAD if hasattr(config, "workerinput") else _FLOORS

    def place(item: pytest.Item) -> tuple[bool, int]:
        floor, *rest = item.path.relative_to(here).parts
        return (floor, rest[0]) == ("e2e", "web"), floors.index(floor)

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip (or in CI fail) a test whose real part is missing, before its fixtures start."""
    needed = {marker for marker in NEEDS if item.get_closest_marker(marker)}
    fixtures: list[str] = getattr(item, "fixturenames", [])
    needed.update(_FIXTURE_NEEDS[name] for name in fixtures if name in _FIXTURE_NEEDS)
    for marker in sorted(needed):
        require(marker)


def _log_plainly() -> None:
    """structlog's own way, but with plain tracebacks: its pictures of all local variables take
    minutes on a loaded machine, and the browser waits for the answer."""
    structlog.reset_defaults()
    *first, _ = structlog.get_config()["processors"]
    last = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*first, last])


_log_plainly()


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command in a test sends this process's logs to a stream that ends with the test."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    _log_plainly()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """The run's private PostgreSQL. Tests that stop or kill it start one of their own instead."""
    require("needs_postgres")
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """SQLAlchemy's address of a fresh, empty PostgreSQL database. It goes with its server."""
    return postgres_server.create_database(f"t_{secrets.token_hex(8)}")


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: PostgresServer) -> str:
    """SQLAlchemy's address of the run's PostgreSQL database with every table."""
    url = postgres_server.create_database(_TABLES)
    db = Database(url)
    make_tables(db)
    db.dispose()
    return url


@pytest.fixture
def postgres_tables_url(postgres_server: PostgresServer, postgres_tables: str) -> Iterator[str]:
    """The same without a row in it: each test finds it as if it were new."""
    yield postgres_tables
    postgres_server.empty_database(_TABLES)


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """SQLAlchemy's address of a SQLite file that does not exist yet."""
    return f"sqlite+pysqlite:///{tmp_path / 'zhiyin.sqlite3'}"


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgres)],
)
def database_url(request: pytest.FixtureRequest) -> str:
    """Each kind of database in turn: the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture(
    params=["sqlite", pytest.param("postgres_tables", marks=pytest.mark.needs_postgres)],
    ids=["sqlite", "postgres"],
)
def tables_url(request: pytest.FixtureRequest) -> str:
    """As ``database_url``, for what makes its tables by ``tests.support.prepared`` anyway: on
    PostgreSQL they are there already."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[MosquittoServer]:
    """A private broker, running; see MosquittoServer for stop(), kill() and start() again."""
    with MosquittoServer(tmp_path / "mosquitto") as server:
        yield server


@pytest.fixture(scope="session")
def chromium() -> Path:
    """The browser's program, for Playwright's ``executable_path``."""
    require("needs_chromium")
    found = find_chromium()
    assert found is not None
    return found
