"""What seems to differ between two photographs is laid once more by the print around it."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.vision.pages import closer, differences, windows
from backend.vision.pages.ink import Ink, Mask
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS as SETTINGS
from backend.vision.pages.sight import Sight

WIDE, HIGH = 360, 200
LINE = (20, 84, 300, 30)
NOWHERE = np.zeros((HIGH, WIDE), bool)


def print_of(pen: bool = False, rule: bool = False) -> Ink:
    plane = np.zeros((HIGH, WIDE), np.uint8)
    for row in range(4):
        at = (20, 30 + 38 * row + (38 if row > 1 else 0))
        cv2.putText(plane, "mu 13 of 27 land", at, cv2.FONT_HERSHEY_SIMPLEX, 1, (230,), 2, 16)
    cv2.putText(plane, "paid 5 000 yuan", (20, 108), cv2.FONT_HERSHEY_SIMPLEX, 1, (230,), 2, 16)
    if rule:
        cv2.line(plane, (340, 10), (340, 190), (230,), 3, 16)
    if pen and rule:
        cv2.line(plane, (346, 90), (344, 108), (230,), 4, 16)
    elif pen:
        cv2.line(plane, (104, 86), (102, 110), (230,), 3, 16)
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), 1.0), np.float32) / np.float32(255)


def bent(ink: Ink) -> Ink:
    """As a rising edge shows it: from 3 pixels up at the left to 11 at the right."""
    move = np.array([[1, 0.012, -2], [-0.024, 1, -3]], np.float32)
    return np.asarray(cv2.warpAffine(ink, move, (WIDE, HIGH)), np.float32)


def risen(ink: Ink) -> Ink:
    """The last words stand 7 pixels higher."""
    x, y = np.meshgrid(np.arange(WIDE, dtype=np.float32), np.arange(HIGH, dtype=np.float32))
    up = 7 * np.clip((x - 190) / 50, 0, 1, dtype=np.float32)
    return np.asarray(cv2.remap(ink, x, y + up, cv2.INTER_LINEAR), np.float32)


def sight_of(seen: Ink, rule: bool = False) -> Sight:
    everywhere = np.ones(seen.shape, bool)
    picture = np.repeat((255 - 200 * seen).astype(np.uint8)[..., None], 3, axis=2)
    none = np.zeros_like(seen)
    page = print_of(rule=rule)
    return Sight(picture, page, seen, none, everywhere, everywhere, 1.0, 0.99, 200.0)


def worst(seen: Ink) -> tuple[float, float]:
    """The highest grade on the line at first sight, and after the second."""
    sight = sight_of(seen)
    first = windows.compare(sight.page, sight.seen, [LINE], NOWHERE)
    again = [closer.window(one, sight, NOWHERE) for one in first]
    before, after = (
        max(differences.grade(one, 1.0, SETTINGS) for one in some) for some in (first, again)
    )
    return before, after


def test_print_that_bent_with_the_sheet_is_untouched() -> None:
    before, after = worst(bent(print_of()))
    assert before >= 1
    assert after < 0.7


@pytest.mark.parametrize("flat", [True, False])
def test_a_stroke_that_was_added_is_seen_however_the_sheet_bent(flat: bool) -> None:
    written = print_of(pen=True)
    _, after = worst(written if flat else bent(written))
    assert after > 1.5


def test_in_a_window_with_hardly_any_print_grain_is_not_held_against_grain() -> None:
    tip = windows.Window(0, (263, 84, 40, 30), 0.3, 0.1, 0.1)
    sight = sight_of(print_of())
    assert int((sight.page[84:114, 263:303] > 0.25).sum()) < 40
    assert closer.window(tip, sight, NOWHERE).likeness == 1.0


def spots(sight: Sight, free: Mask) -> list[differences.Spot]:
    return differences.added_ink(sight, free, 1.0, SETTINGS)


def test_ink_beside_bent_print_goes_and_a_stroke_along_a_rule_stays() -> None:
    honest = sight_of(risen(print_of()))
    first = spots(honest, NOWHERE)
    assert first
    assert not [spot for spot in first if closer.stays(spot, honest, NOWHERE, spots)]
    written = sight_of(print_of(pen=True, rule=True), rule=True)
    (stroke,) = spots(written, NOWHERE)
    assert closer.stays(stroke, written, NOWHERE, spots)
