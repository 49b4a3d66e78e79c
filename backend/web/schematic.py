"""Where a sleeve is, drawn without a map: its home in the middle, the fence around it, the last
known position. No tile server, no address of anybody goes elsewhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

EARTH_M: Final = 6_371_000.0
"""Mean radius (IUGG)."""

HALF: Final = 100.0
"""Half the drawing's side; its units are those of the SVG's viewBox."""

_FILL: Final = 0.82
_LEAST_M: Final = 50.0
_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Schematic:
    """Coordinates in the drawing. ``x``, ``y`` of the last known position (y downwards), ``None``
    without one; ``outside``: it lies beyond the fence. ``bar`` is as long as ``bar_m`` metres."""

    fence: float | None
    x: float | None
    y: float | None
    distance_m: int | None
    outside: bool
    bar: float
    bar_m: int


def draw(
    home: tuple[float, float], fence_m: float | None, last: tuple[float, float] | None
) -> Schematic:
    """The drawing around ``home`` (latitude, longitude; WGS-84). Distances are short, so the earth
    is taken as flat there."""
    east = north = 0.0
    if last is not None:
        north = math.radians(last[0] - home[0]) * EARTH_M
        # Across the date line the short way is the right one.
        turn = (last[1] - home[1] + 180) % 360 - 180
        east = math.radians(turn) * EARTH_M * math.cos(math.radians(home[0]))
    distance = math.hypot(east, north)
    reach = max(fence_m or 0.0, distance, _LEAST_M)
    scale = HALF * _FILL / reach
    bar_m = _round_length(reach / 2)
    return Schematic(
        fence=None if fence_m is None else fence_m * scale,
        x=None if last is None else east * scale,
        y=None if last is None else -north * scale,
        distance_m=None if last is None else round(distance),
        outside=fence_m is not None and distance > fence_m,
        bar=bar_m * scale,
        bar_m=bar_m,
    )


def _round_length(metres: float) -> int:
    power = 10 ** math.floor(math.log10(metres))
    return int(max(step * power for step in _STEPS if step * power <= metres))
