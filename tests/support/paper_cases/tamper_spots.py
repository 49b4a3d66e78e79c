"""Where a paper can be altered."""

from __future__ import annotations

import random
from collections.abc import Sequence

from tests.support.paper_cases.typeset import Glyph

CAPITALS = "壹贰叁肆伍陆柒捌玖"
FIGURES = "0123456789"
CLAUSES = (
    "另加收管理费每年贰仟元。",
    "如有争议以甲方解释为准。",
    "期满后自动续租五年。",
    "乙方放弃一切索赔权利。",
)
"""What somebody adds."""


class DoesNotApply(Exception):
    """This paper has nothing that could be altered this way."""


def pick(glyphs: Sequence[Glyph], signs: str, rng: random.Random) -> int:
    """Which of the glyphs: one of ``signs``.

    Raises:
        DoesNotApply: when none of them is.
    """
    spots = [i for i, glyph in enumerate(glyphs) if glyph.sign in signs]
    if not spots:
        raise DoesNotApply
    return rng.choice(spots)
