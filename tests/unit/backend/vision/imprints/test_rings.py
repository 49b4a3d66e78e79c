from __future__ import annotations

import cv2
import numpy as np

from backend.vision.imprints.rings import find_rings
from backend.vision.imprints.settings import DEFAULT_SETTINGS

PX_PER_MM = 4.0


def test_a_ring_that_lies_as_an_ellipse_counts_once_and_is_told_as_one() -> None:
    ink = np.zeros((600, 600), np.float32)
    axes = (round(21.4 * PX_PER_MM), round(19.4 * PX_PER_MM))
    cv2.ellipse(ink, (300, 290), axes, 30, 0, 360, 0.6, 5)
    for degrees in range(-130, 131, 20):
        angle = np.radians(degrees - 90)
        middle = (round(300 + 64 * np.cos(angle)), round(290 + 64 * np.sin(angle)))
        cv2.circle(ink, middle, 7, 0.6, 2)
    sheet = np.full(ink.shape, 255, np.uint8)
    (ring,) = find_rings(ink, sheet, PX_PER_MM, 0.05, DEFAULT_SETTINGS)
    assert abs(ring.x - 75) < 0.4
    assert abs(ring.y - 72.5) < 0.4
    # The long axis lies 30 degrees clockwise; the line's middle is what was drawn.
    long = np.array((np.cos(np.radians(30)), np.sin(np.radians(30))))
    across = np.array((-long[1], long[0]))
    line = ring.radius - 0.6
    assert abs(np.linalg.norm(ring.stretch @ long) * line - 21.4) < 0.4
    assert abs(np.linalg.norm(ring.stretch @ across) * line - 19.4) < 0.4


def test_a_wide_line_of_wet_ink_is_erased_whole() -> None:
    ink = np.zeros((600, 600), np.float32)
    cv2.circle(ink, (300, 290), round(20.7 * PX_PER_MM), 0.6, 10)
    for degrees in range(-130, 131, 20):
        angle = np.radians(degrees - 90)
        middle = (round(300 + 62 * np.cos(angle)), round(290 + 62 * np.sin(angle)))
        cv2.circle(ink, middle, 8, 0.6, -1)
    sheet = np.full(ink.shape, 255, np.uint8)
    (ring,) = find_rings(ink, sheet, PX_PER_MM, 0.05, DEFAULT_SETTINGS)
    assert abs(ring.radius - 0.6 - 20.7) < 0.3, "the line's middle, not its inner edge"
