"""Two photographs of one sheet are differently sharp; that is no other sheet (C4)."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.domain.eyes import PageFinding
from backend.vision.decode import Picture
from backend.vision.pages import features
from backend.vision.pages.reference import Line, ReferencePage
from backend.vision.pages.unchanged import unchanged

WIDE, HIGH = 620, 877
WORDS = "the village leases {0} mu of land to household {1} for {2} years"


def sheet(pen: bool = False) -> Picture:
    """A page of print with a bold title."""
    plane = np.full((HIGH, WIDE), 245, np.uint8)
    cv2.putText(plane, "CONTRACT", (250, 70), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (25,), 4, 16)
    for row in range(18):
        says = WORDS.format(17 + row * 13, 31 * row % 97, row * 7 % 40)
        at = (40, 130 + 38 * row)
        cv2.putText(plane, says, at, cv2.FONT_HERSHEY_SIMPLEX, 0.5, (30,), 1, 16)
    if pen:
        cv2.line(plane, (198, 272), (196, 286), (35,), 2, 16)
    return np.repeat(plane[..., None], 3, axis=2)


def photograph(page: Picture, blur: float, grain: int) -> Picture:
    soft = cv2.GaussianBlur(page, (0, 0), blur).astype(np.float32)
    noise = np.random.default_rng(grain).normal(0, 2.5, (HIGH, WIDE, 1))
    return np.clip(soft + noise, 0, 255).astype(np.uint8)


def reference() -> ReferencePage:
    title = Line("CONTRACT", "CONTRACT", (), (250, 42, 190, 34))
    body = tuple(Line("", "", (), (38, 116 + 38 * row, 530, 20)) for row in range(18))
    nothing = features.extract(np.zeros((HIGH, WIDE), np.float32))
    return ReferencePage(0, "pdf", sheet(), (title, *body), nothing, True, "ab" * 32)


def judged(before: Picture, after: Picture) -> PageFinding:
    seen = unchanged(
        before,
        after,
        imprints=[(0.5, 0.4, 0.36, 0.21)],
        reference=reference(),
        plane=np.eye(3),
    )
    return seen.verdict.finding


BLURS = [(0.7, 0.7), (0.6, 1.5), (1.5, 0.6)]


@pytest.mark.parametrize("blurs", BLURS)
def test_a_sheet_photographed_sharper_or_softer_is_the_same(blurs: tuple[float, float]) -> None:
    before, after = (photograph(sheet(), blur, at) for at, blur in enumerate(blurs))
    assert judged(before, after) is PageFinding.SAME


@pytest.mark.parametrize("blurs", BLURS)
def test_a_pen_s_stroke_is_found_however_sharp(blurs: tuple[float, float]) -> None:
    before, after = (
        photograph(sheet(pen), blur, at)
        for at, (pen, blur) in enumerate(zip((False, True), blurs, strict=True))
    )
    assert judged(before, after) is PageFinding.ALTERED
