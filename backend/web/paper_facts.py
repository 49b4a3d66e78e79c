"""What was read on the papers of an application: for the approver, before anybody approves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from backend.store.tables import reference_page

_MOST = 6


@dataclass(frozen=True, slots=True)
class Read:
    """Facts of all pages together, each once, as far as they were recognised; ``blanks`` are what
    is still to be filled in, ``discords`` an amount in capitals beside another in figures."""

    parties: list[tuple[str, str]]
    amounts: list[str]
    dates: list[str]
    blanks: list[tuple[str, int]]
    discords: list[tuple[str, str]]

    def __bool__(self) -> bool:
        return bool(self.parties or self.amounts or self.dates or self.blanks or self.discords)


def read(conn: Connection, application_id: str) -> Read:
    """The facts of an application's papers; nothing while they are still being read."""
    rows = conn.execute(
        select(reference_page.c.facts)
        .where(reference_page.c.application_id == application_id)
        .order_by(reference_page.c.position)
    ).scalars()
    found = Read([], [], [], [], [])
    for number, facts in enumerate(rows, 1):
        _add(found.parties, [(role, name) for role, name in facts.get("parties", ())])
        _add(found.amounts, [one["text"] for one in facts.get("amounts", ())])
        _add(found.dates, list(facts.get("dates", ())))
        _add(found.blanks, [(one["label"], number) for one in facts.get("blanks", ())])
        _add(
            found.discords,
            [(one["capital"]["text"], one["figures"]["text"]) for one in facts.get("discords", ())],
        )
    return found


def _add(to: list[Any], new: list[Any]) -> None:
    for one in new:
        if one not in to and len(to) < _MOST:
            to.append(one)
