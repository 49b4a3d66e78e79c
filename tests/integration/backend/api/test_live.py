"""Events as they happen: only of one's branch, only ids, and the stream ends with the session."""

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from backend.api.live import QUEUE, JournalTail, LiveEvent, LiveHub
from backend.api.routers import live
from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.record import Record
from tests.support.api import Api
from tests.support.world import FAR_VILLAGE, OTHER_VILLAGE, START, TOWN, VILLAGE, World


def actor(path: str = VILLAGE) -> Actor:
    return Actor("p1", (RoleHeld(Role.SUPERVISOR, "x", path),))


def event(seq: int, path: str = VILLAGE) -> LiveEvent:
    return LiveEvent(seq, "event.stamped", path, START, device="d1", use_id="d1:1")


def request(app: Any = None) -> Request:
    return Request({"type": "http", "method": "GET", "headers": [], "app": app})


async def first(lines: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(lines) for _ in range(count)]


async def test_promise_6_a_listener_hears_of_their_own_branch_only() -> None:
    hub = LiveHub()
    town = live.stream(request(), actor(TOWN), hub)
    village = live.stream(request(), actor(), hub)
    await first(town, 1)
    await first(village, 1)

    for seq, path in enumerate((FAR_VILLAGE, OTHER_VILLAGE, VILLAGE)):
        hub.publish(event(seq, path))

    assert [line.split(b"\n")[0] for line in await first(town, 2)] == [b"id: 1", b"id: 2"]
    ((line),) = await first(village, 1)
    assert line == (
        b'id: 2\nevent: record\ndata: {"seq":2,"kind":"event.stamped",'
        b'"org_path":"/330109/330109103/330109103201/","at":1790000000000,"device":"d1",'
        b'"seal":null,"use_id":"d1:1","application":null}\n\n'
    )


async def test_a_quiet_stream_gives_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.0)

    assert await first(live.stream(request(), actor(), LiveHub()), 2) == [
        b": connected\n\n",
        b": beat\n\n",
    ]


async def test_the_stream_ends_when_the_asker_is_no_longer_recognised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "BEAT_S", 0.0)
    monkeypatch.setattr(live, "RECHECK_S", 0.0)
    monkeypatch.setattr(live, "authenticate", lambda _request: None)
    stream = live.stream(request(), actor(), LiveHub())

    assert (await first(stream, 2))[1] == b"event: end\ndata: {}\n\n"
    with pytest.raises(StopAsyncIteration):
        await anext(stream)


async def test_the_stream_follows_a_change_of_roles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RECHECK_S", 0.0)
    moved = SimpleNamespace(actor=actor(FAR_VILLAGE))
    monkeypatch.setattr(live, "authenticate", lambda _request: moved)
    hub = LiveHub()
    stream = live.stream(request(), actor(), hub)
    await first(stream, 1)

    hub.publish(event(1))
    hub.publish(event(2))
    hub.publish(event(3, FAR_VILLAGE))
    assert [line.split(b"\n")[0] for line in await first(stream, 2)] == [b"id: 1", b"id: 3"]


async def test_a_slow_listener_is_told_to_load_anew_and_holds_up_nobody() -> None:
    hub = LiveHub()
    async with hub.subscribe() as slow:
        for seq in range(QUEUE + 10):
            hub.publish(event(seq))
        assert await slow.next() is None
        hub.publish(event(999))
        assert await slow.next() == event(999)
    assert hub.listeners == 0


async def test_the_tail_publishes_what_any_process_writes_from_now_on(world: World) -> None:
    hub = LiveHub()
    tail = JournalTail(world.db, hub)

    def write(kind: str) -> None:
        with world.db.write() as conn:
            world.context.journal.append(
                conn, [Record(kind=kind, org_path=VILLAGE, at=START, happened_at=START)]
            )

    write("before")
    assert await tail.step() == 0
    async with hub.subscribe() as listener:
        assert await tail.step() == 0
        write("event.boot")
        write("event.stamped")
        assert await tail.step() == 2
        assert [(await listener.next()) for _ in range(2)] == [
            LiveEvent(1, "event.boot", VILLAGE, START),
            LiveEvent(2, "event.stamped", VILLAGE, START),
        ]
    write("nobody listens")
    assert await tail.step() == 0
    async with hub.subscribe():
        assert await tail.step() == 0


async def test_the_tail_waits_for_a_database_that_is_away(world: World) -> None:
    looked = asyncio.Event()

    class Flaky(JournalTail):
        calls = 0

        async def step(self) -> int:
            self.calls += 1
            if self.calls < 3:
                raise OperationalError("SELECT", {}, Exception("away"))
            looked.set()
            return 0

    task = asyncio.create_task(Flaky(world.db, LiveHub(), interval_s=0).run())
    await asyncio.wait_for(looked.wait(), 60)
    assert not task.done()
    task.cancel()


def test_the_stream_needs_a_role(api: Api) -> None:
    assert api.client().get("/api/v1/live").status_code == 401
    assert api.signed_in().get("/api/v1/live").status_code == 403
