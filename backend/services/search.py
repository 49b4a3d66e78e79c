"""Questions to the usage log: what is asked, within what the actor may see, a leaf at a time.

Order is that in which uses became known: what a sleeve kept back appears on the first leaf on the
day on which it arrives, not unseen among those of long ago.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain import search as asking
from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError
from backend.domain.organisation import ROOT, is_path
from backend.domain.search import Clause, Needle, clause, term, without
from backend.services.retention import FORGOTTEN
from backend.store import register, search
from backend.store.register import RegisterFilter
from backend.store.search import Layers
from backend.store.search_terms import terms_of, texts_of
from backend.store.tables import seal_use

ROUND: Final = 200
"""Candidates that are looked at at once, at most, when those of the rounds before were not
enough."""


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of the register, newest first, as backend.store.register reads them. ``older`` and
    ``newer`` say whether there are more; ``behind``: the newest uses are not indexed yet."""

    rows: Sequence[Row[Any]]
    older: bool
    newer: bool
    behind: bool


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. ``clauses`` go to the index; ``needles`` and ``period`` (ms UTC, from
    inclusive, until exclusive) are compared with what the index finds, as far as it may be wrong:
    see :func:`_doubted`. ``stage``: at which the use itself must stand; the index knows only
    whether it goes on."""

    clauses: tuple[Clause, ...]
    needles: tuple[Needle, ...] = ()
    period: tuple[int | None, int | None] = (None, None)
    stage: str | None = None


def question(actor: Actor, wanted: RegisterFilter, now: int) -> Question:
    """``wanted``, within what the actor may see.

    Raises:
        DomainError: ``search_too_short``.
    """
    clauses = [*_seen(actor), *_narrowed(wanted)]
    typed = asking.needles(wanted.text or "")
    for one in typed:
        if not one.grams:
            raise DomainError(
                "search_too_short",
                f"“{one.text}”太短，请至少输入两个字",
                f"“{one.text}” is too short: type two characters or more",
            )
        clauses += [clause(asking.gram_term(gram)) for gram in sorted(one.grams)]
    days = asking.period(wanted.from_at, wanted.until_at, now)
    period: tuple[int | None, int | None] = (None, None)
    if days:
        clauses += days
        if not asking.whole_days(wanted.from_at, wanted.until_at):
            period = (wanted.from_at, wanted.until_at)
    return Question(tuple(clauses), typed, period)


def _seen(actor: Actor) -> list[Clause]:
    branches = actor.branches(*READERS)
    if ROOT in branches:
        return []
    return [clause(term("u", actor.person_id), *(term("o", path) for path in branches))]


def _narrowed(wanted: RegisterFilter) -> list[Clause]:
    found = [
        clause(term(family, value))
        for family, value in (
            ("l", wanted.seal_id),
            ("v", wanted.device_id),
            ("m", wanted.matter_id),
            ("w", wanted.person_id),
            ("a", wanted.alert_code),
            ("i", wanted.state),
        )
        if value is not None
    ]
    if wanted.org_path is not None and wanted.org_path != ROOT:
        # Something that is no path names no branch: nothing lies within it.
        found.append(clause(term("o", wanted.org_path if is_path(wanted.org_path) else "")))
    if not wanted.unstamped:
        found.append(without(asking.UNSTAMPED))
    if wanted.unreviewed:
        found.append(without(asking.REVIEWED))
    if wanted.reviewed:
        found.append(clause(asking.REVIEWED))
    if wanted.alerted:
        found.append(clause(asking.ALERTED))
    return found


def sees(actor: Actor, row: Row[Any]) -> bool:
    """Whether a use is in the actor's view (promise 6): of their branches, or their own."""
    return actor.person_id in concerned(row) or actor.may_any(READERS, row.org_path)


def reads_papers(actor: Actor, row: Row[Any]) -> bool:
    """Whether the actor may read what a use was approved for: as
    :func:`backend.domain.application_actions.may_see` has it (promise 6)."""
    asked = {row.applicant_id, row.application_operator_id, *(row.alternates or ())}
    path = row.application_org_path
    return path is not None and (actor.person_id in asked or actor.may_any(READERS, path))


def concerned(row: Row[Any]) -> set[str | None]:
    """Whose use it is, as far as is known."""
    return {row.operator_id, row.stamped_by, row.witness_id, row.applicant_id}


def find(
    conn: Connection,
    actor: Actor,
    asked: Question,
    *,
    before: str | None = None,
    after: str | None = None,
    limit: int,
) -> Found:
    """At most ``limit`` rows: the newest, those older than the use ``before``, or those next newer
    than the use ``after``.

    Raises:
        DomainError: ``bad_cursor`` for a use that is not in the log.
    """
    above = search.layers(conn)
    places = search.find(
        conn,
        above,
        asked.clauses,
        before=_place(conn, above, before),
        after=_place(conn, above, after),
    )
    size = limit + 1
    rows: list[Row[Any]] = []
    while len(rows) <= limit and (some := list(islice(places, size))):
        rows += _meeting(conn, actor, asked, search.ids_of(conn, above, some))
        size = min(2 * size, ROUND)
    more = len(rows) > limit
    rows = rows[:limit]
    if after is not None:
        return Found(rows[::-1], older=True, newer=more, behind=above.behind)
    return Found(rows, older=more, newer=before is not None, behind=above.behind)


def of_application(conn: Connection, actor: Actor, asked: Question, application_id: str) -> Found:
    """As :func:`find`, among the uses of one application: too few for the index to know them."""
    ids = conn.execute(
        seal_use.select()
        .with_only_columns(seal_use.c.id)
        .where(seal_use.c.application_id == application_id)
        .order_by(seal_use.c.first_seq.desc(), seal_use.c.id.desc())
        .limit(ROUND)
    ).scalars()
    terms = terms_of(conn, ids)
    chosen = [one for one, found in terms.items() if asking.holds(asked.clauses, found)]
    rows = _meeting(conn, actor, asked, chosen)
    return Found(rows, older=False, newer=False, behind=False)


def _place(conn: Connection, above: Layers, use_id: str | None) -> int | None:
    if use_id is None:
        return None
    place = search.place_of(conn, above, use_id)
    if place is None:
        raise DomainError(
            "bad_cursor",
            "翻页标记无效，请从第一页重新查看",
            "this is no cursor; begin again at the first page",
        )
    return place


def _meeting(conn: Connection, actor: Actor, asked: Question, ids: Sequence[str]) -> list[Row[Any]]:
    rows = {row.id: row for row in register.by_id(conn, ids)}
    kept = [rows[use_id] for use_id in ids if use_id in rows and _meets(actor, asked, rows[use_id])]
    readable = {row.id for row in kept if reads_papers(actor, row)}
    doubted = _doubted(asked, kept, readable)
    texts = texts_of(conn, doubted, readable) if doubted else {}
    return [
        row
        for row in kept
        if row.id not in texts or all(one.stands_in(texts[row.id]) for one in asked.needles)
    ]


def _meets(actor: Actor, asked: Question, row: Row[Any]) -> bool:
    from_at, until_at = asked.period
    return (
        sees(actor, row)
        and (from_at is None or row.started_at >= from_at)
        and (until_at is None or row.started_at < until_at)
        and (asked.stage is None or row.state == asked.stage)
    )


def _doubted(
    asked: Question, rows: Sequence[Row[Any]], readable: Collection[str]
) -> list[Row[Any]]:
    """Uses whose texts are compared with what was typed: all, if its pairs of characters may come
    from different places; else those that the index may know by words that this person may not
    read, or that were forgotten since."""
    if not asked.needles:
        return []
    if not all(one.exact for one in asked.needles):
        return list(rows)
    return [row for row in rows if row.id not in readable or row.title == FORGOTTEN]
