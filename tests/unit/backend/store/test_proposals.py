"""Places to sign on a draft's papers, from being asked for to being shown."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.store import looks, proposals
from backend.store.proposals import Place
from backend.store.tables import look, reference_page
from tests.support.world import VILLAGE, World

SIGN = {"kind": "signature", "label": "承包方", "box": [0.1, 0.8, 0.3, 0.04]}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A database with nothing in it."""
    made = World.create(f"sqlite+pysqlite:///{tmp_path / 'proposals.sqlite3'}", tmp_path)
    yield made
    made.close()


def read(world: World, result: dict[str, Any]) -> None:
    with world.db.write() as conn:
        conn.execute(look.update().values(state=looks.DONE, result=result))


def found(world: World, picture: str = "P1") -> list[Place] | None:
    with world.db.read() as conn:
        return proposals.found(conn, picture)


def test_a_paper_is_read_once_and_nothing_is_known_before(world: World) -> None:
    assert found(world) is None
    for _ in range(2):
        with world.db.write() as conn:
            proposals.ask(conn, "P1", "A1", VILLAGE, world.clock())
    with world.db.read() as conn:
        assert len(conn.execute(look.select()).all()) == 1
    assert found(world) is None
    read(world, {"sheets": [[], [{"kind": "signature", "at": [0.1, 0.8, 0.3, 0.04]}]]})
    assert found(world) == [Place(1, "signature", (0.1, 0.8, 0.3, 0.04))]


def test_a_paper_that_cannot_be_read_proposes_nothing(world: World) -> None:
    with world.db.write() as conn:
        proposals.ask(conn, "P1", "A1", VILLAGE, world.clock())
    read(world, {"marks": [], "reasons": ["paper_broken"]})
    assert found(world) == []


def test_what_counts_after_handing_in_lies_on_the_paper_as_uploaded(world: World) -> None:
    rows = [
        {"places": [SIGN | {"at": [0.2, 0.7, 0.25, 0.03]}, SIGN]},  # the second by an older version
        {"places": [SIGN | {"kind": "seal", "at": [0.6, 0.8, 0.2, 0.1]}]},
    ]
    with world.db.write() as conn:
        conn.execute(
            reference_page.insert(),
            [
                {
                    "application_id": "A1",
                    "position": at,
                    "org_path": VILLAGE,
                    "picture_id": "P1",
                    "sheet": at,
                    "features": b"",
                    "words": "",
                    "facts": facts,
                    "zones": [],
                    "made_at": 1,
                }
                for at, facts in enumerate(rows)
            ],
        )
    with world.db.read() as conn:
        assert proposals.counting(conn, "A1", "P1") == [
            Place(0, "signature", (0.2, 0.7, 0.25, 0.03)),
            Place(1, "seal", (0.6, 0.8, 0.2, 0.1)),
        ]
        assert proposals.counting(conn, "A1", "P2") == []
