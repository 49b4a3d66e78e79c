"""Marks on an uploaded photograph find their place on the page that is made of it."""

import numpy as np
import pytest

from backend.vision.pages import straighten


def test_a_mark_moves_along_when_the_sheet_is_laid_flat() -> None:
    photo = np.full((1400, 1000, 3), 60, np.uint8)
    photo[140:1260, 100:900] = 245
    (box,) = straighten.along(photo, [(0.5, 0.5, 0.2, 0.1)])
    assert box == pytest.approx((0.5, 0.5, 0.25, 0.125), abs=0.01)


def test_what_lies_beside_the_sheet_is_cut_off() -> None:
    photo = np.full((1400, 1000, 3), 60, np.uint8)
    photo[140:1260, 100:900] = 245
    inside, *rest = straighten.along(photo, [(0.85, 0.5, 0.15, 0.1), (0.95, 0.5, 0.05, 0.1)])
    assert inside[0] + inside[2] == pytest.approx(1.0)
    assert rest == []


def test_a_scan_keeps_its_marks() -> None:
    scan = np.full((1400, 1000, 3), 245, np.uint8)
    assert straighten.along(scan, [(0.5, 0.5, 0.2, 0.1)]) == [(0.5, 0.5, 0.2, 0.1)]


def test_what_was_found_on_the_page_is_found_again_on_the_photograph() -> None:
    photo = np.full((1400, 1000, 3), 60, np.uint8)
    photo[140:1260, 100:900] = 245
    boxes = [(0.5, 0.5, 0.25, 0.125), (0.1, 0.9, 0.3, 0.02)]
    there = straighten.back(photo, boxes)
    assert there[0] == pytest.approx((0.5, 0.5, 0.2, 0.1), abs=0.01)
    for box, again in zip(boxes, straighten.along(photo, there), strict=True):
        assert again == pytest.approx(box, abs=0.01)
    scan = np.full((1400, 1000, 3), 245, np.uint8)
    assert straighten.back(scan, boxes) == boxes
