"""The console's socket: who may watch, what they hear, and how a lost line is caught up."""

import json
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from backend.store.tables import role
from backend.web import live_console
from tests.integration.backend.web.conftest import Town
from tests.support.world import FAR_VILLAGE, VILLAGE

ORIGIN = {"origin": "http://testserver"}


def watch(client: TestClient, cursor: int, headers: dict[str, str] | None = None) -> Any:
    return client.websocket_connect(
        f"/live/console?cursor={cursor}", headers=ORIGIN if headers is None else headers
    )


def next_news(socket: Any) -> Any:
    while True:
        said = json.loads(socket.receive_text())
        if said["kind"] == "news":
            return said


def hear_to_the_end(socket: Any) -> None:
    while True:
        socket.receive_text()


def head(town: Town) -> int:
    return town.made.web.changes.head()


def test_news_of_ones_branch_come_with_the_place_to_go_on_from(town: Town) -> None:
    cursor = head(town)
    with town.client("town") as client, watch(client, cursor) as socket:
        assert json.loads(socket.receive_text())["kind"] == "hello"
        town.made.use(VILLAGE)
        said = next_news(socket)
        assert said["kinds"] == ["event.stamped"]
        assert cursor < said["cursor"] <= head(town)


def test_what_came_while_the_line_was_down_is_told_from_the_cursor_on(town: Town) -> None:
    cursor = head(town)
    town.made.use(VILLAGE)
    with town.client("town") as client, watch(client, cursor) as socket:
        assert next_news(socket)["cursor"] == head(town)


def test_a_place_beyond_the_end_is_another_journals_and_everything_is_news(town: Town) -> None:
    end = head(town)
    with town.client("town") as client, watch(client, end + 1000) as socket:
        said = json.loads(socket.receive_text())
        assert (said["kind"], said["cursor"], said.get("kinds")) == ("news", end, None)
        town.made.use(VILLAGE)
        assert next_news(socket)["cursor"] > end


def test_promise_6_nothing_is_heard_of_another_branch(town: Town) -> None:
    cursor = head(town)
    with town.client("stranger") as client, watch(client, cursor) as socket:
        town.made.use(VILLAGE)
        town.made.use(FAR_VILLAGE)
        mine = town.made.use("/330109/330109103/330109103202/")
        heard: list[dict[str, Any]] = []
        while not heard or heard[-1]["cursor"] < head(town):
            heard.append(next_news(socket))
        assert mine
        assert len(heard) <= 2  # the two records of its own use, and nothing before them
        assert heard[0]["kinds"] == ["event.stamped"]


@pytest.mark.parametrize(
    ("who", "headers"),
    [
        (None, ORIGIN),
        ("town", {"origin": "https://evil.example"}),
        ("town", {}),
    ],
)
def test_strangers_and_other_sites_are_refused(
    town: Town, who: str | None, headers: dict[str, str]
) -> None:
    with (
        town.client(who) as client,
        pytest.raises(WebSocketDisconnect),
        watch(client, 0, headers) as socket,
    ):
        socket.receive_text()


def test_a_watcher_has_nothing_to_say(town: Town) -> None:
    with town.client("town") as client, watch(client, head(town)) as socket:
        assert json.loads(socket.receive_text())["kind"] == "hello"
        socket.send_text("x" * 100)
        with pytest.raises(WebSocketDisconnect) as ended:
            hear_to_the_end(socket)
        assert ended.value.code == live_console.SILENT


def test_the_socket_ends_with_the_term_of_office(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_console, "RECHECK_S", 0.0)
    monkeypatch.setattr(live_console, "BEAT_S", 0.05)
    with town.client("town") as client, watch(client, head(town)) as socket:
        assert json.loads(socket.receive_text())["kind"] == "hello"
        with town.made.world.db.write() as conn:
            conn.execute(
                role.update()
                .where(role.c.person_id == town.made.people["town"].person_id)
                .values(revoked_at=town.made.world.clock() - 1)
            )
        with pytest.raises(WebSocketDisconnect) as ended:
            hear_to_the_end(socket)
        assert ended.value.code == live_console.GONE
