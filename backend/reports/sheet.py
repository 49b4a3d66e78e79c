"""A table that is to be printed or saved: the one shape that every writer takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

XLSX_ROWS: Final = 20_000
"""Most rows of a workbook; some 60 MB of memory while it is written."""

PDF_ROWS: Final = 1_000
"""Most rows on paper; nobody reads more, and typesetting them takes seconds."""

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` in Chinese characters."""

    title: str
    width: float = 8
    number: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """``facts`` stand above the table (what was asked, by whom, when), ``warning`` in red below
    them when rows were left out. ``made_at`` is local time as people read it."""

    title: str
    facts: Sequence[tuple[str, str]]
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    made_at: str
    warning: str | None = None
    sign_offs: Sequence[str] = ()
    """Places for signatures below the table."""


def plain_text(value: Cell) -> str:
    """The cell as text of one line or more, without control characters (an XML file cannot hold
    them, and a terminal would obey them)."""
    if value is None:
        return ""
    return "".join(one for one in str(value) if one in "\n\t" or one.isprintable())
