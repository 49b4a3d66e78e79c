"""Asking the index of the usage log, up to the newest record.

Three layers, the upper ones standing before the lower: uses that records (or ``search_due``) name
since the index was last brought up to date, read on the spot; the tail, a row a use; the blocks.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from typing import Any, Final

from sqlalchemy import Connection, Select, func, select

from backend.domain.search import Clause, holds
from backend.store import search_blocks
from backend.store.bulk import CHUNK
from backend.store.dialect import insert_or_ignore
from backend.store.search_terms import terms_of
from backend.store.tables import (
    record,
    seal_use,
    search_doc,
    search_due,
    search_tail,
    worker_cursor,
)

CURSOR: Final = "search"
REBUILDING: Final = -1
"""The cursor while the index is made anew."""

FRESH_RECORDS: Final = 4000
FRESH_USES: Final = 300
"""How far the index may lag without anybody noticing; beyond, the newest are not found yet."""

SILENT: Final = ("picture.viewed", "picture.erased", "review.opened")
"""Records that change nothing of what is searched."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What stands above the blocks. ``fresh``: terms by place; ``new``: ids of the uses without a
    place yet, whose places follow ``places`` in this order; ``behind``: too much is not indexed."""

    places: int
    fresh: Mapping[int, frozenset[str]]
    new: Sequence[str]
    behind: bool

    def places_of(self, asked: Sequence[Clause]) -> list[int]:
        """Places of those above the blocks that meet every clause, ascending."""
        return sorted(place for place, terms in self.fresh.items() if holds(asked, terms))


def layers(conn: Connection) -> Layers:
    """The upper layers as they stand."""
    newest = conn.execute(select(func.max(search_doc.c.doc))).scalar()
    places = 0 if newest is None else int(newest) + 1
    fresh = {
        int(row.doc): frozenset(row.terms.split("\n")) for row in conn.execute(select(search_tail))
    }
    ids, behind = _changed(conn)
    terms = terms_of(conn, ids)  # without those that records name, but that never came about
    known = docs_of(conn, terms)
    new = in_order(conn, [use_id for use_id in terms if use_id not in known])
    known |= {use_id: places + index for index, use_id in enumerate(new)}
    fresh |= {known[use_id]: found for use_id, found in terms.items()}
    return Layers(places, fresh, new, behind)


def _changed(conn: Connection) -> tuple[list[str], bool]:
    due = list(conn.execute(select(search_due.c.use_id).limit(FRESH_USES + 1)).scalars())
    seq = stands(conn)
    if seq == REBUILDING:
        return [], True
    head = conn.execute(select(func.max(record.c.seq))).scalar()
    if len(due) > FRESH_USES or (head is not None and head - seq > FRESH_RECORDS):
        return [], True
    named = named_since(conn, seq, None, FRESH_USES + 1)
    if len(named) > FRESH_USES:
        return [], True
    return list(dict.fromkeys([*named, *due])), False


def stands(conn: Connection) -> int:
    """The first record that the index has not read."""
    found = conn.execute(select(worker_cursor.c.seq).where(worker_cursor.c.name == CURSOR)).scalar()
    return int(found or 0)


def named_since(conn: Connection, seq: int, until: int | None, limit: int) -> list[str]:
    """Uses that records from ``seq`` to before ``until`` name, in the order of the first."""
    query: Select[Any] = (
        select(record.c.use_id)
        .where(record.c.seq >= seq, record.c.use_id.is_not(None), record.c.kind.not_in(SILENT))
        .group_by(record.c.use_id)
        .order_by(func.min(record.c.seq))
        .limit(limit)
    )
    if until is not None:
        query = query.where(record.c.seq < until)
    return list(conn.execute(query).scalars())


def read_again(conn: Connection, use_ids: Iterable[str]) -> None:
    """Have the texts of uses read again, of whose change no record tells."""
    named = [{"use_id": one} for one in use_ids]
    if named:
        conn.execute(insert_or_ignore(conn, search_due), named)


ORDER: Final = (seal_use.c.first_seq, seal_use.c.recorded_at, seal_use.c.id)
"""In which uses are given their places."""


def in_order(conn: Connection, use_ids: Sequence[str]) -> list[str]:
    """``use_ids`` in the order in which they became known."""
    found: list[tuple[Any, ...]] = []
    for start in range(0, len(use_ids), CHUNK):
        query = select(*ORDER).where(seal_use.c.id.in_(use_ids[start : start + CHUNK]))
        found += [tuple(row) for row in conn.execute(query)]
    return [row[-1] for row in sorted(found)]


def docs_of(conn: Connection, use_ids: Collection[str]) -> dict[str, int]:
    """Places of those uses that have one."""
    found: dict[str, int] = {}
    ids = list(use_ids)
    for start in range(0, len(ids), CHUNK):
        query = select(search_doc).where(search_doc.c.use_id.in_(ids[start : start + CHUNK]))
        found |= {row.use_id: int(row.doc) for row in conn.execute(query)}
    return found


def ids_of(conn: Connection, above: Layers, places: Sequence[int]) -> list[str]:
    """The uses at ``places``, in this order."""
    query = select(search_doc).where(search_doc.c.doc.in_(list(places)))
    named: dict[int, str] = {int(row.doc): row.use_id for row in conn.execute(query)}
    named |= {above.places + index: use_id for index, use_id in enumerate(above.new)}
    return [named[place] for place in places]


def place_of(conn: Connection, above: Layers, use_id: str) -> int | None:
    """Where a use stands in the log; ``None``: nowhere."""
    if use_id in above.new:
        return above.places + above.new.index(use_id)
    return docs_of(conn, [use_id]).get(use_id)


def find(
    conn: Connection,
    above: Layers,
    asked: Sequence[Clause],
    *,
    before: int | None = None,
    after: int | None = None,
) -> Iterator[int]:
    """Places of the uses that meet every clause: newest first below ``before``, or, with
    ``after``, oldest first beyond it. Read as far as the caller goes on."""
    newest_first = after is None
    first = 0 if after is None else after + 1
    last = above.places + len(above.new) - 1 if before is None else before - 1
    upper = [place for place in above.places_of(asked) if first <= place <= last]
    lower = (
        place
        for place in search_blocks.find(
            conn, asked, first, min(last, above.places - 1), newest_first=newest_first
        )
        if place not in above.fresh
    )
    return merge(reversed(upper) if newest_first else upper, lower, reverse=newest_first)
