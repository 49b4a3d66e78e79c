"""From uses to the terms that they are found by (backend.domain.search)."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from backend.domain import search
from backend.domain.search import gram_term, term
from backend.store import register, standing
from backend.store.bulk import CHUNK
from backend.store.tables import alert, reference_page

Texts = dict[str, list[str]]
"""Texts by the id of the use that they belong to."""

PAPER_GRAMS: Final = 1500
"""Pairs of an application's papers that count, some three pages; what follows is not found."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Uses with what their texts are made of, read once for a batch."""

    rows: Sequence[Row[Any]]
    names: dict[str, str]
    approvers: dict[str, list[tuple[str, str]]]
    papers: dict[str, str]


@dataclass(frozen=True, slots=True)
class Source:
    """Where texts of uses come from. ``everybody``: whoever sees a use may read them; else only
    those who may see its application. At most about ``most`` grams of each use count."""

    read: Callable[[_Read], Texts]
    everybody: bool = True
    most: int | None = None


def terms_of(conn: Connection, use_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Every term of each use that there is."""
    found: dict[str, frozenset[str]] = {}
    wanted = list(dict.fromkeys(use_ids))
    for start in range(0, len(wanted), CHUNK):
        ids = wanted[start : start + CHUNK]
        read, alerts = _read(conn, register.by_id(conn, ids)), _alerts(conn, ids)
        terms = {row.id: _facets(row, read, alerts.get(row.id, ())) for row in read.rows}
        for source in SOURCES:
            known: dict[str, set[str]] = {}  # uses of one application have the same papers
            for use_id, texts in source.read(read).items():
                for text in texts:
                    if text not in known:
                        grams = search.grams(text, source.most)
                        known[text] = {gram_term(one) for one in grams}
                    terms[use_id] |= known[text]
        found |= {use_id: frozenset(those) for use_id, those in terms.items()}
    return found


def texts_of(conn: Connection, rows: Sequence[Row[Any]], readable: Collection[str]) -> Texts:
    """The texts of uses (rows of the register), as they are compared
    (:func:`backend.domain.search.plain`). Those of ``readable`` with what only those may read who
    may see their application."""
    found: Texts = {row.id: [] for row in rows}
    for start in range(0, len(rows), CHUNK):
        read = _read(conn, rows[start : start + CHUNK])
        for source in SOURCES:
            for use_id, texts in source.read(read).items():
                if source.everybody or use_id in readable:
                    found[use_id] += [search.plain(text) for text in texts]
    return found


# ── what is searched ─────────────────────────────────────────────────────────────────────────────


def _line(row: Row[Any], read: _Read) -> list[str | None]:
    """What the register says of the use: everybody who sees the use sees this."""
    people = (row.applicant_id, row.operator_id, row.stamped_by, row.witness_id)
    return [
        row.number,
        row.application_number,
        row.matter_name,
        row.title,
        row.beneficiary,
        row.counterparty,
        row.resolution,
        row.remarks,
        row.org_name,
        row.seal_name,
        row.purpose,
        *(read.names.get(one) for one in people if one is not None),
        *(name for _id, name in read.approvers.get(row.application_id, ())),
    ]


def _register_texts(read: _Read) -> Texts:
    return {row.id: [text for text in _line(row, read) if text] for row in read.rows}


def _paper_texts(read: _Read) -> Texts:
    """What the eyes read on the approved pages."""
    papers = read.papers
    return {
        row.id: [papers[row.application_id]] for row in read.rows if row.application_id in papers
    }


SOURCES: Final = (
    Source(_register_texts),
    Source(_paper_texts, everybody=False, most=PAPER_GRAMS),
)
"""Whoever changes such a text without a record has the use read again
(:func:`backend.store.search.read_again`)."""


# ── what is filtered by ──────────────────────────────────────────────────────────────────────────


def _facets(row: Row[Any], read: _Read, raised: Sequence[Row[Any]]) -> set[str]:
    concerned = {row.operator_id, row.stamped_by, row.witness_id, row.applicant_id} - {None}
    part = concerned | {one for one, _name in read.approvers.get(row.application_id, ())}
    alerts = [one for one in raised if one.stage != "false_alarm"]
    found = {search.EVERY, *search.branch_terms(row.org_path), *search.day_terms(row.started_at)}
    found.update(term("u", one) for one in concerned)
    found.update(term("w", one) for one in part)
    found.update(term("i", state) for state in _states(row))
    found.update(term("a", one.code) for one in alerts)
    found |= {term("l", row.seal_id), term("v", row.device_id)}
    if row.matter_id is not None:
        found.add(term("m", row.matter_id))
    if alerts:
        found.add(search.ALERTED)
    if any(one.closed_at is None for one in alerts):
        found.add(search.ALERT_OPEN)
    return found


def _states(row: Row[Any]) -> set[str]:
    found = {row.person_check}
    found.add(row.finish_reason or ("refused" if row.state == "refused" else "open"))
    for state, is_so in (
        ("offline", row.offline),
        ("late", row.late),
        ("unstamped", row.pressed == 0),
        ("reviewed", row.reviewed_at is not None),
    ):
        if is_so:
            found.add(state)
    return found & _KNOWN_STATES


_KNOWN_STATES: Final = frozenset(search.STATES)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────


def _read(conn: Connection, rows: Sequence[Row[Any]]) -> _Read:
    applications = list({row.application_id for row in rows} - {None})
    people = {
        one
        for row in rows
        for one in (row.applicant_id, row.operator_id, row.stamped_by, row.witness_id)
    }
    return _Read(
        rows,
        standing.names(conn, people),
        register.approvers(conn, applications) if applications else {},
        _papers(conn, applications) if applications else {},
    )


def _alerts(conn: Connection, use_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    alerts: dict[str, list[Row[Any]]] = {}
    query: Select[Any] = select(alert.c.use_id, alert.c.code, alert.c.stage, alert.c.closed_at)
    for row in conn.execute(query.where(alert.c.use_id.in_(use_ids))):
        alerts.setdefault(row.use_id, []).append(row)
    return alerts


def _papers(conn: Connection, applications: Sequence[str]) -> dict[str, str]:
    page = reference_page.c
    pages: dict[str, list[str]] = {}
    query = (
        select(page.application_id, page.words)
        .where(page.application_id.in_(applications), page.words != "")
        .order_by(page.application_id, page.position)
    )
    for row in conn.execute(query):
        pages.setdefault(row.application_id, []).append(search.unwrapped(row.words))
    return {one: "\n".join(texts) for one, texts in pages.items()}
