"""From uses to the terms that they are found by (backend.domain.search)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from backend.domain import search
from backend.domain.search import gram_term, term
from backend.store import register, standing
from backend.store.bulk import CHUNK
from backend.store.tables import alert, application

Texts = dict[str, list[str]]
"""Texts by the id of the use that they belong to."""


@dataclass(frozen=True, slots=True)
class _Read:
    """Uses with all that is read about them, once for a batch."""

    rows: Sequence[Row[Any]]
    names: dict[str, str]
    approvers: dict[str, list[tuple[str, str]]]
    purposes: dict[str, str]
    alerts: dict[str, list[Row[Any]]]


def terms_of(conn: Connection, use_ids: Iterable[str]) -> dict[str, frozenset[str]]:
    """Every term of each use that there is."""
    found: dict[str, frozenset[str]] = {}
    for read in _batches(conn, use_ids):
        texts = _texts(conn, read)
        for row in read.rows:
            terms = {gram_term(one) for text in texts[row.id] for one in search.grams(text)}
            found[row.id] = frozenset(terms | _facets(row, read))
    return found


def texts_of(conn: Connection, use_ids: Iterable[str]) -> Texts:
    """The texts of each use, as they are compared (:func:`backend.domain.search.plain`)."""
    found: Texts = {}
    for read in _batches(conn, use_ids):
        for use_id, texts in _texts(conn, read).items():
            found[use_id] = [search.plain(text) for text in texts]
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
        read.purposes.get(row.application_id),
        *(read.names.get(one) for one in people if one is not None),
        *(name for _id, name in read.approvers.get(row.application_id, ())),
    ]


def _register_texts(_conn: Connection, read: _Read) -> Texts:
    return {row.id: [text for text in _line(row, read) if text] for row in read.rows}


SOURCES: Final[tuple[Callable[[Connection, _Read], Texts], ...]] = (_register_texts,)
"""Where texts come from. One more source is one more function here, for texts that everybody who
sees the use may read; whoever changes such a text puts the use into ``search_due``."""


def _texts(conn: Connection, read: _Read) -> Texts:
    found: Texts = {row.id: [] for row in read.rows}
    for source in SOURCES:
        for use_id, texts in source(conn, read).items():
            found[use_id] += texts
    return found


# ── what is filtered by ──────────────────────────────────────────────────────────────────────────


def _facets(row: Row[Any], read: _Read) -> set[str]:
    concerned = {row.operator_id, row.stamped_by, row.witness_id, row.applicant_id} - {None}
    part = concerned | {one for one, _name in read.approvers.get(row.application_id, ())}
    alerts = [one for one in read.alerts.get(row.id, ()) if one.stage != "false_alarm"]
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


def _batches(conn: Connection, use_ids: Iterable[str]) -> Iterable[_Read]:
    wanted = list(dict.fromkeys(use_ids))
    for start in range(0, len(wanted), CHUNK):
        yield _read(conn, wanted[start : start + CHUNK])


def _read(conn: Connection, ids: Sequence[str]) -> _Read:
    rows = register.by_id(conn, ids)
    applications = list({row.application_id for row in rows} - {None})
    people = {
        one
        for row in rows
        for one in (row.applicant_id, row.operator_id, row.stamped_by, row.witness_id)
    }
    purposes: dict[str, str] = {}
    approvers: dict[str, list[tuple[str, str]]] = {}
    if applications:
        a = application.c
        purposes = {
            row.id: row.purpose
            for row in conn.execute(select(a.id, a.purpose).where(a.id.in_(applications)))
        }
        approvers = register.approvers(conn, applications)
    alerts: dict[str, list[Row[Any]]] = {}
    query: Select[Any] = select(alert.c.use_id, alert.c.code, alert.c.stage, alert.c.closed_at)
    for row in conn.execute(query.where(alert.c.use_id.in_(ids))):
        alerts.setdefault(row.use_id, []).append(row)
    return _Read(rows, standing.names(conn, people), approvers, purposes, alerts)
