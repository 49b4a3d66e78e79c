"""THE ordered list of rules. To add one: write it in its family's file, add its family here, its
words in `alerts.templates`, and its line in docs/alerts.md."""

from __future__ import annotations

from typing import Final

from alerts.rules import (
    approval,
    hours,
    journal,
    papers,
    person,
    pictures,
    place,
    questions,
    silence,
    sleeve,
    stamps,
)
from alerts.rules.finding import Rule
from alerts.rules.watches import PICTURE_WATCHES, SLEEVE_WATCHES, USE_WATCHES

RULES: Final[tuple[Rule, ...]] = (
    *stamps.RULES,
    *person.RULES,
    *pictures.RULES,
    *papers.RULES,
    *sleeve.RULES,
    *place.RULES,
    *hours.RULES,
    *silence.RULES,
    *journal.RULES,
    *approval.RULES,
    *questions.RULES,
)
"""Rules over records, evaluated in this order."""

KINDS: Final = frozenset(kind for rule in RULES for kind in rule.kinds)
"""The records that some rule reads."""

CODES: Final = tuple(
    sorted(
        {
            *(rule.code for rule in RULES),
            *(watch.code for watch in (*SLEEVE_WATCHES, *USE_WATCHES, *PICTURE_WATCHES)),
        },
        key=lambda code: int(code[1:]),
    )
)
"""What can be found."""

BREAKTHROUGH: Final = frozenset({"C1", "C2", "C13", "C15", "C16", "C17", "C24"})
"""These do not wait for the end of quiet hours."""
