"""A page photographed by the sleeve's camera: tilted, unevenly lit, a little soft and noisy."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Level = Literal["mild", "medium", "hard"]


@dataclass(frozen=True, slots=True)
class _Strength:
    """Corner shift as a share of the width, turn in degrees, light's fall, blur and noise sigma."""

    tilt: float
    turn: float
    light: float
    blur: float
    noise: float


_LEVELS: dict[str, _Strength] = {
    "mild": _Strength(tilt=0.012, turn=2.0, light=0.10, blur=0.5, noise=2.0),
    "medium": _Strength(tilt=0.030, turn=6.0, light=0.22, blur=1.0, noise=4.0),
    "hard": _Strength(tilt=0.050, turn=14.0, light=0.38, blur=1.9, noise=7.0),
}
_DESK_SHARE = 0.06
_GRAIN_MARGIN = 64


def photograph(image: Image.Image, rng: random.Random, level: Level = "mild") -> Image.Image:
    """A photo of the page on a desk, about an eighth larger each way; no two are alike.

    Raises:
        ValueError: for a level other than ``mild``, ``medium`` and ``hard``.
    """
    strength = _LEVELS.get(level)
    if strength is None:
        raise ValueError(f"a photo is mild, medium or hard, not {level!r}")
    page = np.asarray(image.convert("RGB"))
    height, width = page.shape[:2]
    desk = round(width * (_DESK_SHARE + np.sin(np.radians(strength.turn)) * 0.5))
    size = (width + 2 * desk, height + 2 * desk)
    wood = [rng.randint(70, 120), rng.randint(60, 100), rng.randint(50, 80)]
    photo = cv2.warpPerspective(
        page,
        _view(width, height, size, strength, rng),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=wood,
    )
    light = _light(size, strength, rng)
    lit = cv2.multiply(photo, cv2.merge([light, light, light]), scale=1 / 255)
    soft = cv2.GaussianBlur(lit, (0, 0), strength.blur * rng.uniform(0.85, 1.1))
    top, left = rng.randrange(_GRAIN_MARGIN), rng.randrange(_GRAIN_MARGIN)
    grain = _grain(size, strength.noise)[top : top + size[1], left : left + size[0]]
    return Image.fromarray(cv2.add(soft, grain, dtype=cv2.CV_8U).astype(np.uint8))


@lru_cache(maxsize=2)
def _grain(size: tuple[int, int], sigma: float) -> NDArray[np.int16]:
    """A fixed tile of noise; photos cut it at places of their own, which costs little."""
    shape = (size[1] + _GRAIN_MARGIN, size[0] + _GRAIN_MARGIN, 1)
    tile = np.random.default_rng(297).normal(0, sigma, shape).astype(np.int16)
    return np.repeat(tile, 3, axis=2)


def _view(
    width: int, height: int, size: tuple[int, int], strength: _Strength, rng: random.Random
) -> cv2.typing.MatLike:
    """From page to photo: turned about the middle, each corner pushed a little."""
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    middle = np.array([width / 2, height / 2], np.float32)
    angle = np.radians(rng.uniform(-strength.turn, strength.turn))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    push = [[rng.uniform(-1, 1) * strength.tilt * width for _ in range(2)] for _ in range(4)]
    placed = (corners - middle) @ turn.T + np.array(size, np.float32) / 2
    seen = (placed + np.array(push, np.float32)).astype(np.float32)
    return cv2.getPerspectiveTransform(corners, seen)


def _light(size: tuple[int, int], strength: _Strength, rng: random.Random) -> cv2.typing.MatLike:
    """A smooth fall of light over the photo: 255 leaves the page as it is."""
    places = [[rng.uniform(1 - strength.light, 1.0) * 255 for _ in range(3)] for _ in range(3)]
    smooth = cv2.resize(np.array(places, np.float32), size, interpolation=cv2.INTER_CUBIC)
    return np.clip(smooth, 0, 255).astype(np.uint8)
