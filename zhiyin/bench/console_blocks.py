"""The index of the prepared uses, by whole columns: a hundred times faster than use by use.

A test compares it, term by term, with what `zhiyin search rebuild` makes of the same rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import psycopg
from sqlalchemy import insert

from backend.domain import search
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.search import gram_term, grams, term
from backend.store import search_blocks
from backend.store.db import Database
from backend.store.search_blocks import CHAPTER
from backend.store.tables import search_block
from zhiyin.bench import console_rows as rows
from zhiyin.bench.console_rows import mix

Numbers = npt.NDArray[np.int64]
_EAST: Final = 8 * HOUR_MS
_FEW: Final = len(rows.GIVEN)


class Chapter:
    """The blocks of one chapter, gathered column by column."""

    def __init__(self, first: int, last: int) -> None:
        self.uses: Numbers = np.arange(first, last, dtype=np.int64)
        self._found: dict[str, list[Any]] = {}

    def column(self, values: Numbers, terms: Callable[[int], Iterable[str]]) -> None:
        """A column: each of its different values brings ``terms``; below 0 none."""
        order = np.argsort(values, kind="stable")
        ordered = values[order]
        edges = np.flatnonzero(np.diff(ordered)) + 1
        for places in np.split(order, edges):
            value = int(values[places[0]])
            if value >= 0:
                for name in terms(value):
                    self._found.setdefault(name, []).append(places)

    def blocks(self, number: int) -> list[dict[str, Any]]:
        """The rows of ``search_block``, by term."""
        return [
            {
                "term": name,
                "chapter": number,
                "docs": search_blocks.encode(_together(parts)),
            }
            for name, parts in sorted(self._found.items())
        ]


def _together(parts: Sequence[Numbers]) -> Numbers:
    """Places of all parts, ascending, each once; each part is ascending."""
    if len(parts) == 1:
        return parts[0]
    flags = np.zeros(CHAPTER, np.bool_)
    for one in parts:
        flags[one] = True
    return np.flatnonzero(flags)


def fill(db: Database, count: int, first_at: int, matter_names: Sequence[tuple[str, str]]) -> None:
    """The index of ``count`` prepared uses. ``matter_names``: id and name of each matter."""
    words = _Words(first_at, rows.SPAN_MS // count, count, matter_names)
    for number in range(-(-count // CHAPTER)):
        chapter = Chapter(number * CHAPTER, min(count, (number + 1) * CHAPTER))
        words.into(chapter)
        _store(db, chapter.blocks(number))


def _store(db: Database, blocks: Sequence[dict[str, Any]]) -> None:
    if db.is_sqlite:
        with db.write() as conn:
            conn.execute(insert(search_block), blocks)
        return
    # A connection of our own: the house's gives a server up that takes nothing for 20 s, and one
    # that writes gigabytes at once may well.
    address = db.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with (
        psycopg.connect(address) as raw,
        raw.cursor() as cursor,
        cursor.copy("COPY search_block (term, chapter, docs) FROM STDIN") as copy,
    ):
        for one in blocks:
            copy.write_row((one["term"], one["chapter"], one["docs"]))


class _Words:
    """Terms of the prepared uses, remembered by value."""

    def __init__(
        self, first_at: int, step: int, count: int, matter_names: Sequence[tuple[str, str]]
    ) -> None:
        self._first_at = first_at
        self._step = step
        self._count = count
        self._matters = matter_names
        self._titles = rows.titles()

    def into(self, chapter: Chapter) -> None:
        """Every term of every use of the chapter."""
        n = chapter.uses
        a = n // rows.EACH
        village = mix(a, 1) % rows.VILLAGES
        seal = mix(a, 2) % 3
        at = self._first_at + n * self._step
        titles = len(self._titles) - 1
        title = np.where(a % rows.RARE_EVERY == 17, titles, mix(a, 9) % titles)
        alerts = n % rows.ALERT_EVERY == 0
        chapter.column(n * 0, self._every)
        chapter.column(village, self._village)
        chapter.column(village * 3 + seal, self._seal)
        chapter.column(mix(a, 3) % len(self._matters), self._matter)
        chapter.column(title, self._title)
        chapter.column(mix(a, 12) % len(rows.PURPOSES), lambda at: _grams(rows.PURPOSES[at]))
        chapter.column(mix(a, 13) % len(rows.COMPANIES), lambda at: _grams(rows.COMPANIES[at]))
        chapter.column(village * rows.PEOPLE + 4 + mix(a, 10) % 4, self._person)
        chapter.column(village * rows.PEOPLE + 1 + mix(a, 11) % 3, self._person)
        surname = mix(a, 4) % len(rows.SURNAMES)
        second = mix(a, 5) % _FEW * (mix(a, 6) % _FEW) // _FEW
        third = mix(a, 7) % _FEW * (mix(a, 8) % _FEW) // _FEW
        chapter.column(surname * 1000 + second, self._first_pair)
        chapter.column(second * 1000 + third, self._second_pair)
        chapter.column(a // 1000, lambda at: [gram_term(str(20_230_000 + at))])
        chapter.column(a % 1000, lambda at: [gram_term(str(1000 + at))])
        running = a // rows.VILLAGES * rows.EACH + n % rows.EACH
        chapter.column(running, lambda at: [gram_term(str(10_000 + at))])
        chapter.column((at + _EAST) // DAY_MS, lambda day: search.day_terms(day * DAY_MS))
        chapter.column(
            np.where(n % 211 == 0, 1, 0), lambda so: _state("mismatch" if so else "match")
        )
        chapter.column(np.where(n % 97 == 0, 1, 0), lambda so: _state("early" if so else "done"))
        chapter.column(np.where(n % 89 == 0, 1, -1), lambda _so: _state("offline", "late"))
        chapter.column(np.where(mix(n, 14) % 10 < 6, 1, -1), lambda _so: [search.REVIEWED])
        chapter.column(np.where(alerts, n // rows.ALERT_EVERY % 4, -1), _alert)
        is_open = alerts & (n > self._count - 100_000)
        chapter.column(np.where(is_open, 1, -1), lambda _so: [search.ALERT_OPEN])

    def _every(self, _value: int) -> Iterable[str]:
        return [search.EVERY, gram_term("zy"), gram_term("2025")]

    def _village(self, village: int) -> Iterable[str]:
        name = rows.name_of(int(rows.village_id(village)))[1:] + "村"
        approver = village * rows.PEOPLE
        return [
            *search.branch_terms(rows.path_of(village)),
            *_grams(name),
            gram_term(str(rows.village_id(village))),
            term("w", f"p{rows.village_id(village)}-0"),
            *_grams(rows.name_of(approver)),
        ]

    def _seal(self, value: int) -> Iterable[str]:
        village, place = divmod(value, 3)
        key = rows.village_id(village)
        return [
            term("l", f"s{key}-{place}"),
            term("v", f"ZY{key}{place}"),
            *_grams(rows.SEALS[place][1]),
        ]

    def _matter(self, place: int) -> Iterable[str]:
        key, name = self._matters[place]
        return [term("m", key), *_grams(name)]

    def _title(self, place: int) -> Iterable[str]:
        return _grams(self._titles[place])

    def _person(self, number: int) -> Iterable[str]:
        village, place = divmod(number, rows.PEOPLE)
        key = f"p{rows.village_id(village)}-{place}"
        return [term("u", key), term("w", key), *_grams(rows.name_of(number))]

    def _first_pair(self, value: int) -> Iterable[str]:
        return [gram_term(rows.SURNAMES[value // 1000] + rows.GIVEN[value % 1000])]

    def _second_pair(self, value: int) -> Iterable[str]:
        return [gram_term(rows.GIVEN[value // 1000] + rows.GIVEN[value % 1000])]


def _grams(words: str) -> list[str]:
    return [gram_term(one) for one in grams(words)]


def _state(*states: str) -> list[str]:
    return [term("i", one) for one in states]


def _alert(place: int) -> list[str]:
    return [search.ALERTED, term("a", rows.ALERT_CODES[place])]
