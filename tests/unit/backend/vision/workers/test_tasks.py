from __future__ import annotations

import numpy as np
import pytest

from backend.domain.eyes import PageFinding
from backend.vision.pages import unchanged


def test_pictures_that_are_decoded_already_are_not_decoded_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(unchanged, "decode", lambda *_: pytest.fail("decoded again"))
    dark = np.zeros((800, 600, 3), np.uint8)
    assert unchanged.unchanged(dark, dark).verdict.finding is PageFinding.RETAKE
