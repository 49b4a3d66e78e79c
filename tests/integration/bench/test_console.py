"""The prepared uses are what real ones would be: same columns, same index."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, select

from backend.domain.search import clause
from backend.store import search_blocks
from backend.store.search_blocks import decode
from backend.store.search_index import SearchIndex
from backend.store.tables import seal_use, search_block, search_doc
from zhiyin.bench import console, console_desk

ROWS = 8_000


@pytest.fixture
def desk(database_url: str, tmp_path: Path) -> Iterator[console_desk.Desk]:
    with console_desk.opened(tmp_path, None if "sqlite" in database_url else database_url) as made:
        console_desk.prepare(made, ROWS)
        yield made


def index_of(desk: console_desk.Desk) -> dict[str, list[int]]:
    with desk.house.db.read() as conn:
        return {
            row.term: decode(row.docs).nonzero()[0].tolist()
            for row in conn.execute(search_block.select())
        }


def test_the_prepared_index_is_the_one_that_a_rebuild_makes(desk: console_desk.Desk) -> None:
    db = desk.house.db
    with db.read() as conn:
        assert conn.execute(select(func.count()).select_from(seal_use)).scalar_one() == ROWS
        docs = sorted(tuple(row) for row in conn.execute(search_doc.select()))
    prepared = index_of(desk)
    SearchIndex(db, desk.house.now).rebuild()
    made = index_of(desk)
    assert prepared.keys() == made.keys()
    assert prepared == made
    with db.read() as conn:
        assert sorted(tuple(row) for row in conn.execute(search_doc.select())) == docs
        assert list(search_blocks.find(conn, [clause("g:鲸落")], 0, ROWS, newest_first=True))


def test_every_request_of_the_mix_is_answered_through_the_real_application(
    desk: console_desk.Desk,
) -> None:
    found = console.measure(desk, ROWS, rounds=1)
    assert found.requests == len(found.kinds)
    assert 0 < found.p50_ms <= found.p95_ms
    assert console.phone_home(desk) > 1000
    assert console.read_once(desk.folder) > 1_000_000 or not desk.house.db.is_sqlite
