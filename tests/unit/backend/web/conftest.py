"""One town for all page tests that change nothing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.support.web_world import PASSWORD, WebWorld


class Town:
    """A world and browsers without a screen."""

    def __init__(self, made: WebWorld) -> None:
        self.made = made
        self._clients: dict[str, TestClient] = {}

    def guest(self) -> TestClient:
        """Nobody signed in."""
        return TestClient(
            self.made.app,
            follow_redirects=False,
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
        )

    def client(self, who: str) -> TestClient:
        """Somebody signed in, through the page; once, for hashing a password takes its time."""
        if who in self._clients:
            return self._clients[who]
        client = self._clients[who] = self.guest()
        answer = client.post(
            "/sign-in", data={"login": self.made.logins[who], "password": PASSWORD}
        )
        assert answer.status_code == 303, answer.text
        return client


@pytest.fixture(scope="session")
def shared_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """Built once; do not change what others read."""
    folder = tmp_path_factory.mktemp("town")
    made = WebWorld.create(f"sqlite+pysqlite:///{folder / 'town.sqlite3'}", folder)
    yield Town(made)
    made.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """One of one's own."""
    made = WebWorld.create(f"sqlite+pysqlite:///{tmp_path / 'town.sqlite3'}", tmp_path)
    yield Town(made)
    made.close()
