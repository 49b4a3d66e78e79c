"""A sheet that is not the approved page, whole and beside it. The reader is a stand-in; the real
one looks at such sheets under tests/integration."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import pytest

from backend.vision.decode import Picture
from backend.vision.pages import beside, features
from backend.vision.pages.ink import Gray
from backend.vision.pages.reader import Box, Reader, Reading
from backend.vision.pages.reference import Line, ReferencePage

TITLE: Box = (500, 170, 240, 34)
FIRST: Box = (150, 300, 900, 26)
SECOND: Box = (150, 340, 900, 26)
FOOT: Box = (150, 1200, 300, 26)


class Says(Reader):
    """Reads what it was told, line after line; upside down it is unsure."""

    def __init__(self, *lines: str, sure: Sequence[float] = (0.99,)) -> None:
        super().__init__()
        self._said = lines
        self._sure = list(sure)

    def read(self, crops: Sequence[Gray]) -> list[Reading]:
        sure = self._sure.pop(0) if len(self._sure) > 1 else self._sure[0]
        return [Reading(text, (), (sure,) * len(text)) for text in self._said][: len(crops)]


def page_of(*lines: tuple[str, Box]) -> ReferencePage:
    picture = np.full((1754, 1240, 3), 255, np.uint8)
    return ReferencePage(
        0,
        "pdf",
        picture,
        tuple(Line(text, text, (), box) for text, box in lines),
        features.extract(np.zeros((1754, 1240), np.float32)),
        True,
        "ab" * 32,
    )


def written(*boxes: Box) -> Picture:
    """A sheet with bars where words would be."""
    sheet = np.full((1754, 1240, 3), 250, np.uint8)
    for left, top, wide, high in boxes:
        for at in range(left, left + wide, 30):
            cv2.rectangle(sheet, (at, top), (at + 20, top + high), (20, 20, 20), -1)
    return sheet


def red(data: bytes) -> int:
    """How many pixels of a frame there are."""
    found = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert found is not None
    part = found.astype(int)
    return int((part[..., 2] - part[..., :2].max(axis=2) > 90).sum())


APPROVED = page_of(
    ("居住情况证明", TITLE),
    ("兹有本村村民王某某", FIRST),
    ("特此证明", SECOND),
    ("—1—", (600, 1690, 40, 20)),
)


def test_the_first_lines_that_differ_are_framed_on_both_and_told() -> None:
    sheet = written(TITLE, FIRST)
    both = beside.another(sheet, APPROVED, 2, Says("借款担保书", "致临岸村镇银行"))
    assert [(one.kind, one.approved, one.found, one.page) for one in both.marks] == [
        ("changed", "居住情况证明", "借款担保书", 2),
        ("changed", "兹有本村村民王某某", "致临岸村镇银行", 2),
        ("missing", "特此证明", "", 2),
    ]
    assert both.marks[0].box == pytest.approx((500 / 1240, 170 / 1754, 240 / 1240, 34 / 1754))
    assert red(both.approved) > 500
    assert red(both.found) > 500


def test_a_line_that_both_have_is_not_framed() -> None:
    both = beside.another(written(TITLE, FIRST), APPROVED, 0, Says("居住情况证明", "别的事"))
    assert "居住情况证明" not in [one.approved for one in both.marks]
    assert [one.found for one in both.marks] == ["别的事", ""]


def test_a_sheet_that_lies_upside_down_is_shown_upright() -> None:
    sheet = written(TITLE)
    turned = np.ascontiguousarray(sheet[::-1, ::-1])
    both = beside.another(turned, APPROVED, 0, Says("借款担保书", sure=(0.5, 0.97)))
    assert both.marks[0].found == "借款担保书"
    found = cv2.imdecode(np.frombuffer(both.found, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert found is not None
    assert found[: found.shape[0] // 2].min() < 100 < found[found.shape[0] // 2 :].min()


def test_a_sheet_that_nobody_can_read_is_shown_without_frames() -> None:
    both = beside.another(written(TITLE), APPROVED, 0, Says("口口", sure=(0.2,)))
    assert both.marks == ()
    assert both.approved
    assert red(both.found) == 0


def test_on_a_blank_sheet_the_places_of_all_words_are_framed_and_the_first_are_told() -> None:
    approved = page_of(
        ("居住情况证明", TITLE),
        ("兹有本村村民王某某", FIRST),
        ("特此证明", SECOND),
        ("经办人：", FOOT),
        ("村民委员会", (700, 1400, 300, 26)),
    )
    both = beside.blank(written(), approved, 0)
    assert [one.kind for one in both.marks] == ["missing"] * 4
    # Lines that follow each other are one place.
    assert [one.approved for one in both.marks] == [
        "居住情况证明",
        "兹有本村村民王某某特此证明",
        "经办人：",
        "",
    ]
    assert red(both.found) == pytest.approx(red(both.approved), rel=0.1)


def test_without_an_approved_page_a_blank_sheet_stands_alone() -> None:
    both = beside.blank(written(), None, 0)
    assert (both.marks, both.approved) == ((), b"")
    assert both.found


def test_a_sheet_on_a_desk_is_laid_flat() -> None:
    photo = np.full((1200, 1600, 3), 40, np.uint8)
    cv2.fillConvexPoly(
        photo, np.array([(200, 150), (1400, 170), (1380, 1080), (220, 1060)]), (245,) * 3
    )
    flat = beside.flat(photo)
    assert flat.shape[:2] == (1240, 1754)  # it lies on its side, and stays so
    assert flat[50:-50, 50:-50].min() > 200
