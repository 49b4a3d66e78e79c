"""Drawing and enrolling take most of these tests' time: each seal and each pair is done once."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import pytest

from backend.vision.imprints import Difference, ImprintTemplate, difference, enrol
from tests.support import imprint_cases as cases

Templates = Callable[[cases.Case], dict[str, ImprintTemplate]]


@lru_cache(maxsize=16)
def _template(design: cases.Design) -> ImprintTemplate:
    return enrol(cases.enrolment(design, 1, 1), name=design.name).template


@lru_cache(maxsize=32)
def _difference(kind: str, seed: int, level: str | None) -> Difference:
    case = cases.drawn(kind, seed, level)
    return difference(case.before, case.after)


@pytest.fixture(scope="session")
def templates() -> Templates:
    """The enrolled imprints of a case's village, by seal id."""
    return lambda case: {str(at): _template(one) for at, one in enumerate(case.village)}


@pytest.fixture(scope="session")
def seen() -> Callable[..., Difference]:
    """``difference`` of the pair that ``drawn`` draws from the same arguments."""
    return lambda kind, seed, level=None: _difference(kind, seed, level)
