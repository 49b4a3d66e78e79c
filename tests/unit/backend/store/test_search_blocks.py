"""Blocks of the index answer as a plain look at every use would."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.search import EVERY, Clause, clause, holds, without
from backend.store import search_blocks
from backend.store.db import Database
from backend.store.search_blocks import CHAPTER, decode, encode
from backend.store.tables import metadata, search_block


@given(st.sets(st.integers(0, CHAPTER - 1), max_size=300))
def test_a_block_keeps_its_places(places: set[int]) -> None:
    block = encode(sorted(places))
    assert set(np.flatnonzero(decode(block)).tolist()) == places


@pytest.mark.parametrize("size", [4095, 4096, 4097, CHAPTER])
def test_a_block_is_never_larger_than_a_bitmap(size: int) -> None:
    places = sorted(Random(size).sample(range(CHAPTER), size))
    block = encode(places)
    assert len(block) <= CHAPTER // 8
    assert np.flatnonzero(decode(block)).tolist() == places


USES = 5 * CHAPTER
TERMS = {"o:/1/": 0.9, "o:/1/2/": 0.3, "g:贷款": 0.2, "g:罕见": 0.00005, "i:reviewed": 0.5}
"""How many of the uses have each."""


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, list[set[str]]]]:
    """Five chapters of uses, and the terms of each."""
    folder: Path = tmp_path_factory.mktemp("blocks")
    db = Database(f"sqlite+pysqlite:///{folder / 'blocks.sqlite3'}")
    metadata.create_all(db.engine, tables=[search_block])
    random = np.random.default_rng(1)
    having: list[set[str]] = [{EVERY} for _ in range(USES)]
    for name, share in TERMS.items():
        for place in np.flatnonzero(random.random(USES) < share).tolist():
            having[place].add(name)
    with db.write() as conn:
        for chapter in range(USES // CHAPTER):
            added: dict[str, list[int]] = {}
            for place, terms in enumerate(having[chapter * CHAPTER : (chapter + 1) * CHAPTER]):
                for name in terms:
                    added.setdefault(name, []).append(place)
            search_blocks.merge(conn, chapter, added, {})
    yield db, having
    db.dispose()


ASKED = [
    [clause("o:/1/2/"), clause("g:贷款")],
    [clause("o:/1/2/", "u:nobody"), clause("g:罕见")],
    [clause("g:罕见"), without("i:reviewed")],
    [without("i:reviewed")],
    [clause("g:贷款"), clause("g:nowhere")],
    [],
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize(
    ("first", "last"), [(0, USES - 1), (70_000, 200_000), (131_072, 131_072), (5, 4)]
)
def test_blocks_find_what_a_plain_look_finds_in_both_directions(
    log: tuple[Database, list[set[str]]], asked: list[Clause], first: int, last: int
) -> None:
    db, having = log
    wanted = [at for at in range(first, last + 1) if holds(asked, having[at])]
    with db.read() as conn:
        down = list(search_blocks.find(conn, asked, first, last, newest_first=True))
        up = list(search_blocks.find(conn, asked, first, last, newest_first=False))
    assert down == wanted[::-1]
    assert up == wanted


def test_what_is_cleared_is_found_no_more_and_merging_again_changes_nothing(
    tmp_path: Path,
) -> None:
    db = Database(f"sqlite+pysqlite:///{tmp_path / 'blocks.sqlite3'}")
    metadata.create_all(db.engine, tables=[search_block])
    with db.write() as conn:
        search_blocks.merge(conn, 0, {"a:open": [3, 9], "*": range(5000)}, {})
        search_blocks.merge(conn, 0, {"*": [9]}, {"a:open": [9], "a:C1": [9], "*": [9, 10]})
    with db.read() as conn:
        assert list(search_blocks.find(conn, [clause("a:open")], 0, 99, newest_first=True)) == [3]
        every = list(search_blocks.find(conn, [], 0, CHAPTER, newest_first=False))
    db.dispose()
    assert every == [at for at in range(5000) if at != 10]
