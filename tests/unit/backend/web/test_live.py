"""Changes: woken by what one may see, only; nothing lost in between; too far behind is said."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.record import Record
from backend.web import live
from backend.web.live import Changes, Head
from backend.web.today import sees
from tests.support.world import OTHER_VILLAGE, TOWN, VILLAGE, World, org_id


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = World.create(sqlite_url, tmp_path)
    yield made
    made.close()


def add(world: World, path: str, person: str | None = None) -> int:
    now = world.clock()
    with world.db.write() as conn:
        (made,) = world.context.journal.append(
            conn, [Record("event.stamped", path, now, now, person=person)]
        )
    return made.seq


def anything(_head: Head) -> bool:
    return True


async def test_wakes_for_a_new_record_and_says_where_to_go_on(world: World) -> None:
    changes = Changes(world.db, poll_seconds=0.01)
    cursor = changes.head()
    waiting = asyncio.create_task(changes.wait_changes(cursor, anything, 60))
    await asyncio.sleep(0)
    seq = await asyncio.to_thread(add, world, VILLAGE)
    news = await waiting
    assert [one.seq for one in news.heads] == [seq]
    assert news.cursor == seq + 1
    await changes.close()


async def test_what_came_between_two_waits_is_told(world: World) -> None:
    changes = Changes(world.db, poll_seconds=0.01)
    cursor = changes.head()
    await changes.wait_changes(cursor, anything, 0.05)
    first = await asyncio.to_thread(add, world, VILLAGE)
    second = await asyncio.to_thread(add, world, OTHER_VILLAGE)
    found: list[int] = []
    while len(found) < 2:
        news = await changes.wait_changes(cursor, anything, 60)
        found += [one.seq for one in news.heads]
        cursor = news.cursor
    assert found == [first, second]
    await changes.close()


async def test_promise_6_sleeps_through_what_others_do(world: World) -> None:
    changes = Changes(world.db, poll_seconds=0.01)
    me = Actor("p", (RoleHeld(Role.APPROVER, org_id(VILLAGE), VILLAGE),), org_path=VILLAGE)
    cursor = changes.head()
    await asyncio.to_thread(add, world, OTHER_VILLAGE)
    await asyncio.to_thread(add, world, TOWN)
    news = await changes.wait_changes(cursor, lambda head: sees(me, head), 0.2)
    assert news.heads == ()
    mine = await asyncio.to_thread(add, world, OTHER_VILLAGE, "p")
    news = await changes.wait_changes(news.cursor, lambda head: sees(me, head), 5)
    assert [one.seq for one in news.heads] == [mine]
    await changes.close()


async def test_who_is_too_far_behind_is_told_to_begin_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "KEPT", 3)
    for _ in range(6):
        add(world, VILLAGE)
    changes = Changes(world.db, poll_seconds=0.01)
    news = await changes.wait_changes(0, anything, 60)
    assert news.missed
    assert news.cursor == changes.head()
    await changes.close()


async def test_one_reader_serves_many_and_ends_on_close(world: World) -> None:
    changes = Changes(world.db, poll_seconds=0.01)
    cursor = changes.head()
    waiting = [asyncio.create_task(changes.wait_changes(cursor, anything, 30)) for _ in range(200)]
    await asyncio.sleep(0.05)
    seq = await asyncio.to_thread(add, world, VILLAGE)
    assert {news.cursor for news in await asyncio.gather(*waiting)} == {seq + 1}
    again = asyncio.create_task(changes.wait_changes(seq + 1, anything, 30))
    await asyncio.sleep(0.05)
    await changes.close()
    assert (await asyncio.wait_for(again, 60)).heads == ()
