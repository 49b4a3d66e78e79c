"""A sheet on a desk before the sleeve's page camera: about three megapixels, better or worse."""

from __future__ import annotations

import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture

FRAME = (1536, 2048)
LEVELS = ("mild", "medium", "hard")


@dataclass(frozen=True, slots=True)
class _Strength:
    """Corner shift (share of the width), turn (degrees), fall of light (share), blur and noise
    (sigma), curl (pixels), JPEG quality, deepest shadow (share)."""

    tilt: float
    turn: float
    light: float
    blur: tuple[float, float]
    noise: float
    curl: float
    quality: int
    shadow: float


_STRENGTHS = {
    "mild": _Strength(0.010, 2.0, 0.12, (0.5, 0.9), 2.0, 3.0, 88, 0.0),
    "medium": _Strength(0.028, 6.0, 0.25, (0.8, 1.3), 4.0, 7.0, 75, 0.25),
    "hard": _Strength(0.050, 14.0, 0.42, (1.6, 2.2), 7.0, 14.0, 55, 0.4),
}


def photograph(sheet: Picture, level: str, rng: random.Random, *, turned: bool = False) -> bytes:
    """A JPEG of the sheet at ``level``; ``turned`` lays it upside down.

    Raises:
        KeyError: for an unknown level.
    """
    strength = _STRENGTHS[level]
    noise = np.random.default_rng(rng.getrandbits(63))
    width, height = FRAME
    page = cv2.rotate(sheet, cv2.ROTATE_180) if turned else sheet
    desk = _desk(noise, rng)
    matrix = _view(page.shape[1], page.shape[0], strength, rng)
    across, along = _curled(strength, rng)
    grid_x, grid_y = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    back = np.linalg.inv(matrix).astype(np.float32)
    bent_x, bent_y = grid_x + across, grid_y + along
    below = back[2, 0] * bent_x + back[2, 1] * bent_y + back[2, 2]
    from_x = (back[0, 0] * bent_x + back[0, 1] * bent_y + back[0, 2]) / below
    from_y = (back[1, 0] * bent_x + back[1, 1] * bent_y + back[1, 2]) / below
    # The sheet has more dots than the frame: soften it first, as a lens would.
    soft = cv2.GaussianBlur(page, (0, 0), 0.55)
    seen = cv2.remap(soft, from_x, from_y, cv2.INTER_LINEAR, borderValue=(0, 0, 0))
    on_page = (from_x >= 0) & (from_y >= 0) & (from_x < page.shape[1]) & (from_y < page.shape[0])
    photo = np.where(on_page[..., None], seen, desk).astype(np.float32)
    photo *= _light(strength, rng)[..., None]
    photo *= np.array([rng.uniform(0.92, 1.0), 1.0, rng.uniform(0.94, 1.0)], np.float32)
    blurred = cv2.GaussianBlur(photo, (0, 0), rng.uniform(*strength.blur))
    grain = noise.standard_normal(photo.shape[:2], np.float32) * np.float32(strength.noise)
    grain = cv2.GaussianBlur(grain, (0, 0), 0.6)[..., None] * 1.6
    done = np.clip(blurred + grain, 0, 255).astype(np.uint8)
    _, jpeg = cv2.imencode(".jpg", done, [cv2.IMWRITE_JPEG_QUALITY, strength.quality])
    return jpeg.tobytes()


def _desk(noise: np.random.Generator, rng: random.Random) -> Picture:
    width, height = FRAME
    colour = np.array([rng.randint(45, 110), rng.randint(55, 120), rng.randint(70, 150)])
    rough = noise.normal(0, 9, (height // 8, width // 40)).astype(np.float32)
    grain = cv2.resize(rough, (width, height), interpolation=cv2.INTER_CUBIC)[..., None]
    return np.clip(colour + grain, 0, 255).astype(np.uint8)


def _view(width: int, height: int, strength: _Strength, rng: random.Random) -> NDArray[np.float64]:
    share = rng.uniform(0.80, 0.92) - np.sin(np.radians(strength.turn)) * 0.35
    scale = min(FRAME[0] * share / width, FRAME[1] * share / height)
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64)
    angle = np.radians(rng.uniform(-strength.turn, strength.turn))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    placed = (corners - np.array([width, height]) / 2) * scale @ turn.T
    placed += np.array(FRAME) / 2 + [rng.uniform(-20, 20), rng.uniform(-20, 20)]
    push = [[rng.uniform(-1, 1) * strength.tilt * FRAME[0] for _ in "xy"] for _ in corners]
    matrix = cv2.getPerspectiveTransform(
        corners.astype(np.float32), (placed + np.array(push)).astype(np.float32)
    )
    return np.asarray(matrix, np.float64)


def _curled(
    strength: _Strength, rng: random.Random
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Displacement of a sheet that does not lie flat: slow waves, in pixels."""
    width, height = FRAME
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :]
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]

    def wave() -> NDArray[np.float32]:
        fx, fy = rng.uniform(0.4, 1.2), rng.uniform(0.4, 1.2)
        phase, deep = rng.uniform(0, 6.28), rng.uniform(0.2, 1) * strength.curl
        return (deep * np.sin(6.28 * (fx * x + fy * y) + phase)).astype(np.float32)

    return wave(), wave()


def _light(strength: _Strength, rng: random.Random) -> NDArray[np.float32]:
    width, height = FRAME
    corners = [[rng.uniform(1 - strength.light, 1.0) for _ in range(3)] for _ in range(3)]
    light = cv2.resize(np.array(corners, np.float32), FRAME, interpolation=cv2.INTER_CUBIC)
    light = np.clip(light, 0.3, 1.0)
    if strength.shadow and rng.random() < 0.5:
        # A head or an arm between lamp and sheet: half dark, with a soft border.
        angle, away = rng.uniform(0, 6.28), rng.uniform(-0.25, 0.35) * width
        x = np.arange(width, dtype=np.float32)[None, :] - width / 2
        y = np.arange(height, dtype=np.float32)[:, None] - height / 2
        side = x * np.cos(angle) + y * np.sin(angle) - away
        soft = rng.uniform(20, 120)
        light = light * (1 - rng.uniform(0.4, 1) * strength.shadow / (1 + np.exp(-side / soft)))
    return np.asarray(light, np.float32)
