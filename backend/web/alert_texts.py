"""Alerts as sentences: rows together with the words that were handed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from backend.web.ports import AlertWords


@dataclass(frozen=True, slots=True)
class AlertText:
    """An alert as a page shows it."""

    row: Row[Any]
    title: str
    lines: list[str]


def alert_texts(
    conn: Connection, rows: Sequence[Row[Any]], words: AlertWords, locale: str
) -> list[AlertText]:
    """The sentences of ``rows`` (of backend.store.alert_lists), in their order."""
    said = words.alerts(conn, [dict(row._mapping) for row in rows], locale)
    return [AlertText(row, title, lines) for row, (title, lines) in zip(rows, said, strict=True)]
