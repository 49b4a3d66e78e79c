from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.imprints import ink as inks

RED = np.array((1.55, 1.95, 0.13), np.float32)
BLACK = np.array((2.0, 2.0, 2.0), np.float32)


def sheet(red: float, black: float = 0.0, softness: float = 0.6) -> NDArray[np.float32]:
    """A line of red ink of that density beside printed strokes, perhaps with black over the red."""
    layer = np.zeros((120, 240), np.float32)
    layer[50:55, 20:220] = 1
    print_ = np.zeros_like(layer)
    for left in range(20, 220, 12):
        print_[80:110, left : left + 3] = 1
    density = layer[..., None] * (red * RED + black * BLACK) + print_[..., None] * BLACK
    light = np.exp(-density).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(light, (0, 0), softness), np.float32)


def on_line(fresh: NDArray[np.float32]) -> float:
    return float(np.median(fresh[52, 30:210]))


def test_ink_in_the_very_place_of_older_ink_is_seen_by_its_density() -> None:
    # Of red ink twice as dense the colour is nearly the same.
    assert on_line(inks.new_ink(sheet(0.7), sheet(1.2), 2)) > 0.15
    assert on_line(inks.new_ink(sheet(0.7), sheet(0.7), 2)) == 0


def test_black_writing_on_an_imprint_is_no_red_ink() -> None:
    assert on_line(inks.new_ink(sheet(0.7), sheet(0.7, black=0.5), 2)) < 0.05


def test_a_picture_in_focus_after_one_that_is_not_shows_no_new_ink() -> None:
    assert on_line(inks.new_ink(sheet(0.7, softness=1.2), sheet(0.7, softness=0.5), 2)) < 0.012
