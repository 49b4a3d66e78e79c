"""Keeping the index of the usage log: it follows the journal beside the hot path, never within it.

Whoever records a use does nothing for the index. A chore reads what records name since it last
looked, and puts the uses' terms into the tail; when the tail is long enough it goes into the
blocks. Run twice, or by two processes at once, it does the same as once.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from sqlalchemy import Connection, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from backend.domain.search import CHANGING
from backend.store import search, search_blocks
from backend.store.db import Database
from backend.store.dialect import insert_or_ignore
from backend.store.search_blocks import CHAPTER
from backend.store.search_terms import terms_of
from backend.store.tables import (
    record,
    seal_use,
    search_block,
    search_doc,
    search_due,
    search_tail,
    worker_cursor,
)

RECORDS: Final = 1000
"""Records that are read in one step."""

TAIL: Final = 256
"""Uses in the tail before they go into the blocks."""

TAIL_CHARS: Final = 300_000
"""Characters of all their terms before they do: each search reads the tail whole."""

_SMALL: Final = 100
_REBUILD_BATCH: Final = 500


class SearchIndex:
    """The index of one database. ``now`` gives ms UTC."""

    def __init__(self, db: Database, now: Callable[[], int]) -> None:
        self._db = db
        self._now = now

    def run(self) -> int:
        """Catch up with the journal; how many uses were read (again)."""
        total = 0
        while (done := self.step()) is not None:
            total += done
        return total

    def step(self) -> int | None:
        """One batch: how many uses it took in; ``None`` when there was nothing to do."""
        with self._db.read() as conn:
            seq = search.stands(conn)
            head = conn.execute(select(func.max(record.c.seq))).scalar()
            until = min(seq + RECORDS, 0 if head is None else int(head) + 1)
            due = conn.execute(select(search_due.c.use_id).limit(_SMALL)).scalars().all()
            if seq == search.REBUILDING or (until <= seq and not due):
                return None
            named = search.named_since(conn, seq, until, RECORDS)
            if not named and not due and until - seq < _SMALL:
                return None  # nothing about a use: not worth a commit yet
            terms = terms_of(conn, named)
        with self._db.write() as conn:
            if not self._move(conn, seq, until):
                return None  # another process was quicker
            # Read in the transaction that strikes them off: a change after it is due again.
            conn.execute(delete(search_due).where(search_due.c.use_id.in_(due)))
            terms |= terms_of(conn, due)
            _put(conn, terms)
            if _is_long(conn):
                _empty_tail(conn)
        return len(terms)

    def rebuild(self, said: Callable[[int], None] = lambda _count: None) -> int:
        """Make the index anew from the uses themselves, in the order in which they became known;
        how many there are. Meanwhile the log shows only what is done already. ``said`` is called
        after each chapter with the uses so far."""
        with self._db.write() as conn:
            head = conn.execute(select(func.max(record.c.seq))).scalar()
            seq = 0 if head is None else int(head) + 1
            self._set(conn, search.REBUILDING)
            for table in (search_block, search_tail, search_doc, search_due):
                conn.execute(delete(table))
        total = 0
        with self._db.read() as reading:
            for ids in _chapters(reading):
                with self._db.write() as conn:
                    _write_chapter(conn, total // CHAPTER, ids)
                total += len(ids)
                said(total)
        with self._db.write() as conn:
            self._set(conn, seq)
        return total

    def _move(self, conn: Connection, old: int, new: int) -> bool:
        row = {"name": search.CURSOR, "seq": 0, "updated_at": self._now()}
        conn.execute(insert_or_ignore(conn, worker_cursor), row)
        moved = conn.execute(
            update(worker_cursor)
            .where(worker_cursor.c.name == search.CURSOR, worker_cursor.c.seq == old)
            .values(seq=new, updated_at=self._now())
        )
        return moved.rowcount == 1

    def _set(self, conn: Connection, seq: int) -> None:
        self._move(conn, search.stands(conn), seq)


def _put(conn: Connection, terms: dict[str, frozenset[str]]) -> None:
    if not terms:
        return
    docs = search.docs_of(conn, terms)
    newest = conn.execute(select(func.max(search_doc.c.doc))).scalar()
    following = 0 if newest is None else int(newest) + 1
    new = search.in_order(conn, [use_id for use_id in terms if use_id not in docs])
    docs |= {use_id: following + index for index, use_id in enumerate(new)}
    if new:
        conn.execute(search_doc.insert(), [{"doc": docs[one], "use_id": one} for one in new])
    dialect = sqlite if conn.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(search_tail)
    conn.execute(
        insert.on_conflict_do_update(
            index_elements=[search_tail.c.doc], set_={"terms": insert.excluded.terms}
        ),
        [{"doc": docs[one], "terms": "\n".join(sorted(terms[one]))} for one in terms],
    )


def _is_long(conn: Connection) -> bool:
    length = func.coalesce(func.sum(func.length(search_tail.c.terms)), 0)
    uses, chars = conn.execute(select(func.count(), length)).one()
    return bool(uses >= TAIL or chars >= TAIL_CHARS)


def _empty_tail(conn: Connection) -> None:
    chapters: dict[int, dict[str, list[int]]] = {}
    places: dict[int, list[int]] = {}
    for row in conn.execute(select(search_tail).order_by(search_tail.c.doc)):
        chapter, place = divmod(int(row.doc), CHAPTER)
        places.setdefault(chapter, []).append(place)
        added = chapters.setdefault(chapter, {})
        for name in row.terms.split("\n"):
            added.setdefault(name, []).append(place)
    for chapter, added in chapters.items():
        search_blocks.merge(conn, chapter, added, dict.fromkeys(CHANGING, places[chapter]))
    conn.execute(delete(search_tail))


def _chapters(conn: Connection) -> Iterator[Sequence[str]]:
    query = select(seal_use.c.id).order_by(*search.ORDER)
    streamed = conn.execution_options(yield_per=CHAPTER).execute(query).scalars()
    yield from streamed.partitions(CHAPTER)


def _write_chapter(conn: Connection, chapter: int, ids: Sequence[str]) -> None:
    added: dict[str, array[int]] = {}  # two bytes each: a chapter has millions
    for start in range(0, len(ids), _REBUILD_BATCH):
        some = ids[start : start + _REBUILD_BATCH]
        terms = terms_of(conn, some)
        for place, use_id in enumerate(some, start):
            for name in terms[use_id]:
                added.setdefault(name, array("H")).append(place)
    base = chapter * CHAPTER
    conn.execute(
        search_doc.insert(), [{"doc": base + n, "use_id": one} for n, one in enumerate(ids)]
    )
    search_blocks.write(
        conn,
        [
            {"term": name, "chapter": chapter, "docs": search_blocks.encode(places)}
            for name, places in sorted(added.items())
        ],
    )
