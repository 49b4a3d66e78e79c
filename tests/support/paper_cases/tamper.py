"""Ways to alter a paper after its approval: set anew in other words, patched, or with a pen."""

from __future__ import annotations

import random
from collections.abc import Sequence

from backend.vision.decode import Picture
from tests.support.paper_cases.tamper_pen import WRITTEN
from tests.support.paper_cases.tamper_print import PATCHED, SET_ANEW
from tests.support.paper_cases.tamper_spots import DoesNotApply
from tests.support.paper_cases.typeset import Glyph
from tests.support.paper_cases.words import Paper

__all__ = ["MARKED", "RETYPED", "DoesNotApply", "marked", "retyped"]

_MARKED = {**PATCHED, **WRITTEN}
RETYPED: tuple[str, ...] = tuple(SET_ANEW)
MARKED: tuple[str, ...] = tuple(_MARKED)


def retyped(paper: Paper, op: str, rng: random.Random) -> Paper:
    """The paper in other words, to be set anew.

    Raises:
        DoesNotApply: when the paper has no such words.
    """
    return SET_ANEW[op](paper, rng)


def marked(sheet: Picture, glyphs: Sequence[Glyph], op: str, rng: random.Random) -> Picture:
    """A copy of a printed sheet with something patched over or written in.

    Raises:
        DoesNotApply: when the sheet has no place for it.
    """
    return _MARKED[op](sheet.copy(), glyphs, rng)
