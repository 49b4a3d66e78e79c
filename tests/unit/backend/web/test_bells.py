"""Bells: rung for whom something came and nobody else; what is committed late is not missed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.ids import uuid7
from backend.store.tables import inbox_notice
from backend.web.bells import Bells
from tests.support.world import World


@pytest.fixture
def world(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    made = World.create(sqlite_url, tmp_path)
    yield made
    made.close()


def tell(world: World, person_id: str, earlier_ms: int = 0) -> str:
    """A notice whose id was made that much earlier than now."""
    now = world.clock()
    made = uuid7(now - earlier_ms, world.context.random(16))
    row = {
        "id": made,
        "person_id": person_id,
        "kind": "use_finished",
        "message": {},
        "created_at": now,
    }
    with world.db.write() as conn:
        conn.execute(inbox_notice.insert(), row)
    return made


async def test_rings_for_whom_it_is_only(world: World) -> None:
    tell(world, "somebody")
    bells = Bells(world.db, poll_seconds=0.01)
    with bells.watch("somebody") as mine, bells.watch("other") as theirs:
        await bells.listening()
        assert not mine.is_set(), "what was there before is no news"
        world.clock.advance(1000)
        await asyncio.to_thread(tell, world, "somebody")
        async with asyncio.timeout(60):
            await mine.wait()
        assert not theirs.is_set()


async def test_a_notice_committed_after_a_newer_one_is_not_missed(world: World) -> None:
    bells = Bells(world.db, poll_seconds=0.01)
    with bells.watch("slow") as slow, bells.watch("quick") as quick:
        await bells.listening()
        world.clock.advance(10_000)
        await asyncio.to_thread(tell, world, "quick")
        async with asyncio.timeout(60):
            await quick.wait()
        await asyncio.to_thread(tell, world, "slow", 4_000)
        async with asyncio.timeout(60):
            await slow.wait()


async def test_nobody_watching_nobody_reads(world: World) -> None:
    bells = Bells(world.db, poll_seconds=0.01)
    with bells.watch("somebody"):
        await bells.listening()
    assert bells._task is not None
    async with asyncio.timeout(60):
        await bells._task
