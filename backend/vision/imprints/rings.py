"""Rings of known radius in a map of ink."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.imprints.ink import Map
from backend.vision.imprints.settings import ImprintSettings

_VOTE_PX_PER_MM = 2.0
_ANGLES = 180
_BAND_MM = 0.9
_FLANK_MM = (1.9, 2.9)
_LINE_MM = 0.6
"""Half of a ring's line: its middle lies so far inside the outer radius."""
_APART_MM = 2.5
_OUTSIDE_MM = 0.4
_LEAST_OUTSIDE = 0.2
_OUTSIDE_COVERAGE = 0.5
_MOST = 8
_BEND_MM = 1.6
_LEAST_SHAPE = 0.3
_PLATEAU = 0.95
_STIFF = 0.02
"""How far a ring's line may lie off its circle, of how much of it that is read, what share of the
most ink across it still is the line's middle, and how strongly little of it keeps to the circle."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A ring on a sheet.

    Attributes:
        x, y: middle, mm from the sheet's upper left corner.
        radius: outer, mm.
        coverage: share of the whole circle that carries ink.
        on_sheet: share of the circle that lies on the sheet.
        angles: which of 180 directions carry ink, from image right clockwise.
        stretch: 2×2; what makes an upright circle the ring as it lies there: a sheet that is laid
            flat by its edges is not quite flat everywhere.
    """

    x: float
    y: float
    radius: float
    coverage: float
    on_sheet: float
    angles: NDArray[np.bool_]
    stretch: NDArray[np.float64] = field(default_factory=lambda: np.eye(2))

    @property
    def cut(self) -> bool:
        """Whether the sheet's edge cuts it."""
        return self.on_sheet < 0.97


def find_rings(
    ink: Map, sheet: NDArray[np.uint8], px_per_mm: float, floor: float, settings: ImprintSettings
) -> list[Ring]:
    """Rings in ``ink`` (a map of a whole sheet at ``px_per_mm``), the clearest first.

    ``sheet`` is nonzero where there is paper. ``floor``: ink below it is none. One ring's ink is
    taken away before the next is looked for, so that none counts twice.
    """
    left = np.where(sheet > 0, ink, 0.0).astype(np.float32)
    found: list[Ring] = []
    radii = (settings.radius_mm, *settings.other_radii_mm)
    while len(found) < _MOST:
        ring = _best(left, ink, sheet, px_per_mm, floor, radii, settings, found)
        if ring is None:
            break
        ring = _shaped(left, ring, px_per_mm, floor)
        found.append(ring)
        _erase(left, ring, px_per_mm)
    return found


def _best(
    left: Map,
    ink: Map,
    sheet: NDArray[np.uint8],
    px_per_mm: float,
    floor: float,
    radii: Sequence[float],
    settings: ImprintSettings,
    known: list[Ring],
) -> Ring | None:
    candidates = _vote(left, px_per_mm, floor, radii)
    best: Ring | None = None
    for x, y, radius in candidates:
        ring = _fitted(left, ink, sheet, px_per_mm, floor, (x, y, radius))
        if not _is_ring(ring, settings) or any(_same(ring, other) for other in known):
            continue
        if not _stands_alone(ring, known):
            continue
        if best is None or ring.coverage > best.coverage:
            best = ring
    return best


def _is_ring(ring: Ring, settings: ImprintSettings) -> bool:
    if not ring.cut:
        return ring.coverage >= settings.min_coverage
    if ring.on_sheet < settings.min_seam_visible:
        return False
    return ring.coverage >= max(
        settings.min_edge_coverage * min(1.0, ring.on_sheet / 0.4),
        settings.min_coverage * ring.on_sheet,
    )


def _stands_alone(ring: Ring, known: list[Ring]) -> bool:
    """Whether it carries ink where no other imprint's letters could pass for it."""
    cosine, sine = _directions()
    x, y = ring.x + cosine * (ring.radius - _LINE_MM), ring.y + sine * (ring.radius - _LINE_MM)
    outside = np.ones(_ANGLES, np.bool_)
    for other in known:
        outside &= np.hypot(x - other.x, y - other.y) > other.radius + _OUTSIDE_MM
    if float(outside.mean()) < _LEAST_OUTSIDE:
        return False
    # Of a ring that the sheet cuts, what lies beyond the sheet says nothing either way.
    share = float(ring.angles[outside].mean()) / max(ring.on_sheet, 0.2)
    return not known or share >= _OUTSIDE_COVERAGE


def _same(one: Ring, other: Ring) -> bool:
    return math.hypot(one.x - other.x, one.y - other.y) < _APART_MM


def _vote(
    left: Map, px_per_mm: float, floor: float, radii: Sequence[float]
) -> list[tuple[float, float, float]]:
    """Where a ring's middle may be: each edge of ink votes along its gradient, at the radius."""
    scale = _VOTE_PX_PER_MM / px_per_mm
    small = cv2.resize(left, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    # Capped, so that one fat stroke has no more to say than a pale line.
    small = np.minimum(cv2.GaussianBlur(small, (0, 0), 0.8), 3 * floor).astype(np.float32)
    across = cv2.Sobel(small, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(small, cv2.CV_32F, 0, 1)
    strength = cv2.magnitude(across, down)
    rows, columns = np.nonzero(strength > 1.5 * floor)
    if len(rows) < 40:
        return []
    power = strength[rows, columns]
    cosine, sine = across[rows, columns] / power, down[rows, columns] / power
    weight = np.minimum(power, 6 * floor)
    margin = math.ceil(max(radii) * _VOTE_PX_PER_MM) + 2
    height, width = small.shape[0] + 2 * margin, small.shape[1] + 2 * margin
    found: list[tuple[float, float, float, float]] = []
    for radius in radii:
        # The outer edge of the line rises inwards: the middle lies along the gradient.
        reach = radius * _VOTE_PX_PER_MM
        x = np.rint(columns + reach * cosine).astype(np.int64) + margin
        y = np.rint(rows + reach * sine).astype(np.int64) + margin
        inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        votes = np.bincount(
            y[inside] * width + x[inside], weights=weight[inside], minlength=width * height
        )
        board = cv2.GaussianBlur(votes.reshape(height, width).astype(np.float32), (0, 0), 1.6)
        for _ in range(4):
            _, best, _, (column, row) = cv2.minMaxLoc(board)
            if best <= 0:
                break
            found.append(
                (
                    best,
                    (column - margin) / _VOTE_PX_PER_MM,
                    (row - margin) / _VOTE_PX_PER_MM,
                    radius,
                )
            )
            cv2.circle(board, (column, row), round(_APART_MM * _VOTE_PX_PER_MM), 0, -1)
    found.sort(reverse=True)
    return [(x, y, radius) for _, x, y, radius in found[:8]]


@lru_cache(maxsize=1)
def _directions() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    angles = np.arange(_ANGLES, dtype=np.float32) * np.float32(math.tau / _ANGLES)
    return np.cos(angles), np.sin(angles)


def _around(ink: Map, px_per_mm: float, x: float, y: float, radii: NDArray[np.float32]) -> Map:
    """Ink along circles: a row a direction, a column a radius."""
    cosine, sine = _directions()
    across = (x + cosine[:, None] * radii[None, :]) * px_per_mm
    down = (y + sine[:, None] * radii[None, :]) * px_per_mm
    return cv2.remap(
        ink,
        across.astype(np.float32),
        down.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=0,
    ).astype(np.float32)


def _contrast(
    ink: Map, px_per_mm: float, x: float, y: float, radius: float, band: float
) -> NDArray[np.float32]:
    """How much more ink each direction has on the ring than beside it."""
    line = radius - _LINE_MM
    ring = _around(
        ink, px_per_mm, x, y, np.arange(line - band, line + band + 0.01, 0.3, dtype=np.float32)
    )
    near, far = _FLANK_MM
    outside = _around(
        ink, px_per_mm, x, y, np.arange(line + near, line + far, 0.35, dtype=np.float32)
    )
    inside = _around(
        ink,
        px_per_mm,
        x,
        y,
        np.arange(line - far + 0.4, line - near + 0.41, 0.35, dtype=np.float32),
    )
    # Two neighbours of the line's best place: one bright pixel is no line.
    top = np.sort(ring, axis=1)[:, -2:].mean(axis=1)
    beside = np.maximum(np.median(outside, axis=1), np.median(inside, axis=1))
    return np.asarray(top - beside, np.float32)


def _fitted(
    left: Map,
    ink: Map,
    sheet: NDArray[np.uint8],
    px_per_mm: float,
    floor: float,
    start: tuple[float, float, float],
) -> Ring:
    """The ring near ``start`` that carries most ink, and how much of it does."""
    x, y, radius = start
    capped = np.minimum(left, 3 * floor).astype(np.float32)

    def worth(place: tuple[float, float, float]) -> float:
        return float(_contrast(capped, px_per_mm, *place, 0.35).clip(0, 3 * floor).mean())

    best = worth((x, y, radius))
    for step in (0.8, 0.4, 0.2):
        for _ in range(4):
            moves = [
                (x + dx * step, y + dy * step, radius + dr * step * 0.6)
                for dx, dy, dr in (
                    (1, 0, 0),
                    (-1, 0, 0),
                    (0, 1, 0),
                    (0, -1, 0),
                    (0, 0, 1),
                    (0, 0, -1),
                )
            ]
            values = [worth(move) for move in moves]
            at = int(np.argmax(values))
            if values[at] <= best + 1e-6:
                break
            best, (x, y, radius) = values[at], moves[at]
    seen = _contrast(left, px_per_mm, x, y, radius, _BAND_MM) > floor
    on_sheet = (
        _around(
            (sheet > 0).astype(np.float32),
            px_per_mm,
            x,
            y,
            np.array([radius - _LINE_MM], np.float32),
        )[:, 0]
        > 0.5
    )
    return Ring(
        x, y, radius, float((seen & on_sheet).mean()), float(on_sheet.mean()), seen & on_sheet
    )


def _shaped(left: Map, ring: Ring, px_per_mm: float, floor: float) -> Ring:
    """``ring`` as an ellipse: by where its line lies in each direction that shows it."""
    reach = np.arange(-_BEND_MM, _BEND_MM + 0.01, 0.2, dtype=np.float32)
    line = ring.radius - _LINE_MM
    capped = np.minimum(left, 3 * floor).astype(np.float32)
    profile = _around(capped, px_per_mm, ring.x, ring.y, line + reach)
    # As wide as a line: letters beside it pull less than its own middle.
    profile = cv2.blur(profile, (5, 1), borderType=cv2.BORDER_REPLICATE).astype(np.float32)
    there = ring.angles & (profile.max(axis=1) > floor)
    if there.mean() < _LEAST_SHAPE:
        return ring
    # Wet ink makes the line so wide that all of it is as dark: its middle, not its first edge.
    flat = profile >= _PLATEAU * profile.max(axis=1, keepdims=True)
    offset = ((flat * reach).sum(axis=1) / flat.sum(axis=1))[there]
    angle = np.arange(_ANGLES)[there] * (math.tau / _ANGLES)
    columns = np.stack(
        [np.ones_like(angle), np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)], 1
    )
    stiff = np.diag([0.0, 0.0, 0.0, _STIFF, _STIFF]) * len(angle)
    weight = np.ones(len(angle))
    for _ in range(4):
        weighed = columns * weight[:, None]
        wanted = np.linalg.solve(weighed.T @ columns + stiff, weighed.T @ offset)
        weight = 1 / (1 + ((offset - columns @ wanted) / 0.3) ** 2)
    more, dx, dy, along, across = (float(one) for one in wanted)
    if max(abs(more), math.hypot(dx, dy), math.hypot(along, across)) > _BEND_MM:
        return ring
    bend = np.array([[along, across], [across, -along]]) / line
    return replace(
        ring, x=ring.x + dx, y=ring.y + dy, radius=ring.radius + more, stretch=np.eye(2) + bend
    )


def _erase(left: Map, ring: Ring, px_per_mm: float) -> None:
    around = np.stack(_directions(), 1) @ ring.stretch.T * (ring.radius - _LINE_MM)
    points = np.rint((around + np.array([ring.x, ring.y])) * px_per_mm).astype(np.int32)
    cv2.polylines(left, [points], True, 0.0, max(1, round(3.2 * px_per_mm)))
