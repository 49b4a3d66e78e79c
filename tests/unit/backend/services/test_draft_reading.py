"""The papers of drafts: read for proposals after all that somebody waits for, never recorded."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.eyes import PageFinding, PageVerdict
from backend.store import proposals
from backend.store.pictures import PictureStore
from backend.store.proposals import Place
from backend.vision.workers import wire
from tests.support.world import VILLAGE, World
from tests.unit.backend.services.test_eyes import Bench

SIGN = {"kind": "signature", "label": "承包方", "box": [0, 0, 1, 1], "at": [0.1, 0.8, 0.3, 0.04]}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Eyes over a draft's paper P1, of which somebody asked for proposals."""
    world = World.create(f"sqlite+pysqlite:///{tmp_path / 'drafts.sqlite3'}", tmp_path)
    made = Bench(world)
    with world.db.write() as conn:
        PictureStore(world.ring).put(
            conn,
            "P1",
            b"paper",
            org_path=VILLAGE,
            kind="document",
            mime="image/jpeg",
            now=world.clock(),
        )
        proposals.ask(conn, "P1", "A1", VILLAGE, world.clock())
    yield made
    world.close()


def found(bench: Bench) -> list[Place] | None:
    with bench.world.db.read() as conn:
        return proposals.found(conn, "P1")


def test_a_drafts_paper_is_read_and_nothing_is_recorded(bench: Bench) -> None:
    before = len(bench.world.records())
    bench.says(wire.ReferenceMade([wire.MadePage(b"", "", {"places": [SIGN]}, [])]))
    assert bench.eyes.look(bench.ask)
    assert bench.asked == [wire.MakeReference(b"paper")]
    assert found(bench) == [Place(0, "signature", (0.1, 0.8, 0.3, 0.04))]
    assert len(bench.world.records()) == before
    assert not bench.eyes.look(bench.ask)


def test_a_press_is_looked_at_before_a_draft_that_was_there_first(bench: Bench) -> None:
    bench.world.clock.advance(1_000)
    bench.page_captured("aa" * 32, "before", 9)
    bench.eyes.read()
    bench.eyes.release()
    bench.says(wire.PageSeen(PageVerdict(PageFinding.SAME), []))
    assert bench.eyes.look(bench.ask)
    assert isinstance(bench.asked[0], wire.LookAtPage)
    assert found(bench) is None


def test_the_demos_clock_does_not_wait_for_drafts(bench: Bench) -> None:
    assert bench.eyes.presses == set()


def test_a_paper_that_cannot_be_read_leaves_nothing_to_wait_for(bench: Bench) -> None:
    bench.says(wire.Unable("paper_broken", "打不开", "broken"))
    bench.eyes.look(bench.ask)
    assert found(bench) == []
