"""The town of the pages on each kind of database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from tests.support.web_world import PASSWORD, WebWorld


class Town:
    """A town and browsers without a screen."""

    def __init__(self, made: WebWorld) -> None:
        self.made = made

    def client(self, who: str | None = None) -> TestClient:
        """Somebody signed in through the page; without a name, nobody."""
        client = TestClient(
            self.made.app,
            follow_redirects=False,
            headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
        )
        if who is not None:
            form = {"login": self.made.logins[who], "password": PASSWORD}
            assert client.post("/sign-in", data=form).status_code == 303
        return client


@pytest.fixture
def town(tables_url: str, tmp_path: Path) -> Iterator[Town]:
    """The town at the end of its day."""
    made = WebWorld.create(tables_url, tmp_path)
    yield Town(made)
    made.close()
