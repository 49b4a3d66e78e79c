"""What honestly happens to a sheet: printed, signed, stamped by the other party, folded."""

from __future__ import annotations

import random
from collections.abc import Sequence

import cv2
import numpy as np
from PIL import Image

from backend.vision.decode import Picture
from seal_firmware_sim.hardware.imprint import stamp

Area = tuple[float, float, float, float]
"""Left, top, width, height in pixels of the sheet."""


def printed(sheet: Picture, rng: random.Random) -> Picture:
    """As a printer lays it down: toner spreads, the page is scaled and shifted a little."""
    height, width = sheet.shape[:2]
    scale = rng.choice((1.0, 1.0, 0.985, 0.97))
    dx, dy = rng.uniform(-12, 12), rng.uniform(-12, 12)
    move = np.array(
        [
            [scale, 0, (1 - scale) * width / 2 + dx],
            [0, scale, (1 - scale) * height / 2 + dy],
        ],
        np.float32,
    )
    moved = cv2.warpAffine(
        sheet, move, (width, height), flags=cv2.INTER_AREA, borderValue=(255, 255, 255)
    )
    spread = cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.4, 0.8)).astype(np.float32)
    gain = rng.uniform(0.9, 1.25)
    ink = np.clip((255 - spread) * gain, 0, rng.uniform(205, 240))
    tint = np.array([rng.uniform(236, 250), rng.uniform(242, 252), rng.uniform(246, 254)])
    return np.asarray(np.clip(tint * (1 - ink / 255), 0, 255), np.uint8)


def signed(sheet: Picture, area: Area, rng: random.Random) -> Picture:
    """A signature within ``area``: a few bent strokes of a pen."""
    out = sheet.copy()
    left, top, width, height = area
    ink = rng.choice(((40, 35, 35), (95, 50, 40), (150, 70, 40)))
    signs = rng.randint(2, 3)
    step = min(width / (signs + 0.5), height * 1.1)
    for sign in range(signs):
        x0 = left + 4 + sign * step
        for _ in range(rng.randint(3, 5)):
            points = [
                (x0 + rng.uniform(0, step * 0.85), top + rng.uniform(0.12, 0.88) * height)
                for _ in range(3)
            ]
            _bent(out, points, ink, rng.choice((2, 3)))
    return out


def _bent(
    out: Picture, points: Sequence[tuple[float, float]], ink: tuple[int, int, int], width: int
) -> None:
    a, b, c = (np.array(point) for point in points)
    at = np.linspace(0, 1, 14)[:, None]
    path = (1 - at) ** 2 * a + 2 * at * (1 - at) * b + at**2 * c
    cv2.polylines(out, [np.round(path).astype(np.int32)], False, ink, width, cv2.LINE_AA)


def stamped(sheet: Picture, name: str, middle: tuple[int, int], rng: random.Random) -> Picture:
    """The other party's red seal, there before ours."""
    image = stamp(Image.fromarray(sheet[:, :, ::-1]), name, middle[0], middle[1], rng)
    return np.ascontiguousarray(np.asarray(image)[:, :, ::-1])


def folded(sheet: Picture, rng: random.Random) -> Picture:
    """A fold across the sheet: a thin line a little darker on one side, lighter on the other."""
    height, width = sheet.shape[:2]
    y = rng.uniform(0.3, 0.7) * height
    rows = np.arange(height, dtype=np.float32)[:, None]
    depth = rng.uniform(0.03, 0.10)
    slope = (np.arange(width, dtype=np.float32)[None, :] - width / 2) * rng.uniform(-0.01, 0.01)
    away = rows - y - slope
    shade = 1 - depth * np.exp(-np.abs(away) / 5) * np.sign(away + 0.01)
    return np.asarray(np.clip(sheet * shade[..., None], 0, 255), np.uint8)


def empty(rng: random.Random, size: tuple[int, int]) -> Picture:
    """A blank sheet, now and then with its other side shining through."""
    width, height = size
    sheet = np.full((height, width, 3), 250, np.uint8)
    if rng.random() < 0.3:
        for _ in range(rng.randint(8, 20)):
            y = rng.randrange(200, height - 200)
            cv2.line(sheet, (200, y), (width - rng.randrange(200, 700), y), (243, 243, 243), 18)
    return sheet
