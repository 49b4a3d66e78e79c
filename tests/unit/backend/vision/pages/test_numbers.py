"""A page's number is brought to its place and compared there, whatever lies around it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.vision.pages import differences, features, numbers, windows
from backend.vision.pages.ink import Ink
from backend.vision.pages.reference import Line, ReferencePage
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS as SETTINGS
from backend.vision.pages.sight import Sight

WIDE, HIGH = 620, 877
NUMBER = (290, 820, 46, 22)
BODY = (60, 720, 500, 28)


def page_with(number: str = "- 1 -") -> ReferencePage:
    lines = (Line("正文", "正文", (), BODY), Line(number, number, (), NUMBER))
    nothing = features.extract(np.zeros((HIGH, WIDE), np.float32))
    picture = np.full((HIGH, WIDE, 3), 255, np.uint8)
    return ReferencePage(0, "pdf", picture, lines, nothing, True, "ab" * 32)


def ink(aside: tuple[int, int] = (0, 0), number: str = "- 1 -", pen: bool = False) -> Ink:
    plane = np.zeros((HIGH, WIDE), np.uint8)
    cv2.putText(plane, "approved words", (60, 744), cv2.FONT_HERSHEY_SIMPLEX, 1, (255,), 2)
    at = (NUMBER[0] + 1 + aside[0], NUMBER[1] + 17 + aside[1])
    cv2.putText(plane, number, at, cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255,), 1)
    if pen:
        cv2.ellipse(plane, (at[0] + 31, at[1] - 6), (4, 7), 0, 0, 360, (255,), 2)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0), np.float32) / np.float32(255)


def sight_of(seen: Ink) -> Sight:
    everywhere = np.ones(seen.shape, bool)
    picture = np.repeat((255 - 200 * seen).astype(np.uint8)[..., None], 3, axis=2)
    none = np.zeros_like(seen)
    return Sight(picture, ink(), seen, none, everywhere, everywhere, 1.0, 0.99, 200.0)


def worst(seen: Ink) -> tuple[float, int]:
    """The highest grade on the number, and on how many pixels of its box nothing is said."""
    settled, unknown = numbers.settled(sight_of(seen), page_with())
    looked = windows.compare(settled.page, settled.seen, [NUMBER], unknown)
    assert looked
    left, top, wide, high = NUMBER
    blind = int(unknown[top : top + high, left : left + wide].sum())
    return max(differences.grade(one, 1.0, SETTINGS) for one in looked), blind


@pytest.mark.parametrize("aside", [(0, 0), (3, -2), (-25, 30), (70, -15)])
def test_an_untouched_number_is_untouched_wherever_it_was_laid(aside: tuple[int, int]) -> None:
    grade, blind = worst(ink(aside))
    assert (grade < 0.5, blind) == (True, 0)


@pytest.mark.parametrize("aside", [(0, 0), (-25, 30)])
def test_a_nought_written_beside_a_one_is_seen_wherever_it_was_laid(
    aside: tuple[int, int],
) -> None:
    grade, blind = worst(ink(aside, pen=True))
    assert (grade > 1.5, blind) == (True, 0)


def test_where_a_lost_number_was_found_nothing_counts_as_added() -> None:
    settled, unknown = numbers.settled(sight_of(ink((70, -15))), page_with())
    spots = differences.added_ink(settled, unknown, 1.0, SETTINGS)
    assert spots == []


def test_of_a_number_that_is_nowhere_to_be_seen_nothing_is_said() -> None:
    left, top, wide, high = NUMBER
    _, blind = numbers.settled(sight_of(ink(number="")), page_with())
    assert bool(blind[top : top + high, left : left + wide].all())


def test_the_words_above_are_not_taken_for_the_number() -> None:
    seen = ink(number="")
    # The line above, as it lies when the plane is not exact.
    lower = np.roll(seen, 6, axis=0)
    _, unknown = numbers.settled(sight_of(lower), page_with())
    assert bool(unknown[NUMBER[1] + 4, NUMBER[0] + 4])
