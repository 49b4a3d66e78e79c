from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.vision.imprints import sheet as sheets
from tests.support.imprint_cases import drawn


def test_a_sheet_near_the_pictures_border_is_not_drawn_up_to_it() -> None:
    picture = np.full((1200, 900, 3), 60, np.uint8)
    corners = np.array([(26, 40), (826, 40), (826, 1171), (26, 1171)], np.int32)
    cv2.fillPoly(picture, [corners], (240, 240, 240))
    seen = sheets.outline(picture)
    assert seen is not None
    assert seen.whole
    at = cv2.perspectiveTransform(np.array([[(26.0, 40.0)]]), seen.matrix)[0, 0]
    assert float(np.abs(at).max()) < 1.5


def test_a_sheet_that_the_picture_cuts_is_not_whole() -> None:
    picture = np.full((1200, 860, 3), 60, np.uint8)
    cv2.fillPoly(
        picture, [np.array([(-20, 40), (800, 40), (800, 1171), (-20, 1171)])], (240, 240, 240)
    )
    seen = sheets.outline(picture)
    assert seen is None or not seen.whole


def test_pictures_that_do_not_fit_small_are_laid_on_each_other_at_a_finer_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    case = drawn("plain", 31, "mild")
    monkeypatch.setattr(sheets, "_MATCH_SIDES", (150, 1100))
    assert sheets.align(case.before, case.after, 40).matrix is not None
