"""An imprint cut open and laid straight: one row a direction, one column a distance."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.vision.imprints.ink import Map

DIRECTIONS = 720
"""Rows, half a degree each, from image right clockwise."""
DISTANCES = 96
"""Columns from the middle to the ring's outer edge."""

_LETTERS = slice(48, 88)
_WINDOW = 36
_STEP = 15
_SLACK = (6, 3)
_EMPTY = 0.25
_SHIFTS = 3
_THERE = 0.9
_OTHER_LETTER = 0.45
_STROKE = 3.0
_READ_PX_PER_ROW = 2


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two unrolled imprints are, at the turn that fits best.

    Attributes:
        score: mean likeness of the windows along the ring that carry ink in both, -1..1.
        windows: how many windows that is; few of them say little.
        expected: how many windows carry ink in the enrolled imprint.
        contrary: share of the windows in which both carry ink of another shape.
        turn: rows by which the probe is turned.
        unlike: share of the windows whose strokes are no more alike than those of other letters.
        by_window: likeness of each window, NaN where it says nothing.
    """

    score: float
    windows: int
    expected: int
    contrary: float
    turn: int
    unlike: float
    by_window: NDArray[np.float32]


def unroll(ink: Map, share: float) -> Map:
    """``ink`` around an imprint's middle, whose outer radius is 1/``share`` of the half side."""
    side = ink.shape[0]
    middle = (side / 2 - 0.5, side / 2 - 0.5)
    polar = cv2.warpPolar(
        ink,
        (DISTANCES, DIRECTIONS),
        middle,
        side / 2 / share,
        cv2.INTER_LINEAR | cv2.WARP_POLAR_LINEAR,
    )
    return np.asarray(cv2.GaussianBlur(polar, (0, 0), 0.8), np.float32)


def likeness(template: Map, probe: Map, paper: Map | None = None) -> Likeness:
    """Compare an unrolled imprint with an enrolled one, whichever way either was pressed.

    ``paper`` is 0 where the sheet has lost some of it (unrolled as well): that says nothing.
    """
    there = None if paper is None else paper[:, _LETTERS].min(axis=1) > _THERE
    best: Likeness | None = None
    for turn in _turns(template, probe):
        rows = None if there is None else np.roll(there, -turn)
        found = _compared(template, np.roll(probe, -turn, axis=0), turn, rows)
        if best is None or _worth(found) > _worth(best):
            best = found
    assert best is not None
    return best


def turned(template: Map, probe: Map) -> tuple[Map, Likeness]:
    """``probe`` turned onto ``template``, and how alike they then are."""
    found = likeness(template, probe)
    return np.roll(probe, -found.turn, axis=0), found


def strip(polar: Map) -> NDArray[np.uint8]:
    """The letters of the ring as one line of text, dark on white, for a reader.

    It begins at the largest gap, which is where a village seal's name begins, at the lower left.
    """
    letters = polar[:, 44:90]
    profile = cv2.blur(letters.mean(axis=1)[:, None], (1, 61), borderType=cv2.BORDER_DEFAULT)[:, 0]
    wrapped = np.concatenate([profile, profile, profile])
    smooth = np.convolve(wrapped, np.ones(91) / 91, "same")[DIRECTIONS : 2 * DIRECTIONS]
    line = np.roll(letters, -int(np.argmin(smooth)), axis=0)
    # Clockwise is rightwards, outwards is upwards.
    upright = line.T[::-1]
    strong = max(float(np.percentile(upright, 97)), 1e-3)
    grey = 255 - np.clip(upright / strong, 0, 1) * 255
    grown = cv2.resize(
        grey.astype(np.uint8),
        None,
        fx=_READ_PX_PER_ROW,
        fy=1.55 * _READ_PX_PER_ROW,
        interpolation=cv2.INTER_CUBIC,
    )
    return np.asarray(
        cv2.copyMakeBorder(grown, 6, 6, 12, 12, cv2.BORDER_CONSTANT, value=255), np.uint8
    )


def _worth(found: Likeness) -> float:
    return found.score * min(1.0, found.windows / max(1, found.expected))


def _turns(template: Map, probe: Map) -> list[int]:
    """The turns that a correlation over all directions likes best."""
    sharp = [_flattened(one)[:, _LETTERS] for one in (template, probe)]
    spectra = [np.fft.rfft(one, axis=0) for one in sharp]
    power = np.fft.irfft(np.conj(spectra[0]) * spectra[1], DIRECTIONS, axis=0).sum(axis=1)
    turns: list[int] = []
    for _ in range(_SHIFTS):
        at = int(np.argmax(power))
        turns.append(at)
        power[np.arange(at - 8, at + 9) % DIRECTIONS] = -np.inf
    return turns


def _flattened(polar: Map) -> Map:
    """Without the slow swell of ink around the ring."""
    mean = cv2.blur(polar, (DISTANCES // 3 * 2 + 1, 61), borderType=cv2.BORDER_REFLECT)
    return np.asarray(polar - mean, np.float32)


def _strokes(polar: Map) -> Map:
    """Without what is wider than a stroke."""
    rows = 4 * round(_STROKE)
    around = np.concatenate([polar[-rows:], polar, polar[:rows]])
    fine = around - cv2.GaussianBlur(around, (0, 0), _STROKE)
    return np.asarray(fine[rows:-rows], np.float32)


def _compared(
    template: Map, probe: Map, turn: int, there: NDArray[np.bool_] | None = None
) -> Likeness:
    rows, columns = _SLACK
    band = slice(_LETTERS.start - columns, _LETTERS.stop + columns)
    ink, ink_seen = _wrapped(template[:, _LETTERS], 0), _wrapped(probe[:, band], rows)
    # Strokes only: that there is a letter at all is alike in every seal.
    whole = _wrapped(_strokes(template)[:, _LETTERS], 0)
    seen = _wrapped(_strokes(probe)[:, band], rows)
    level, level_seen = _level(template), _level(probe)
    starts = _starts()
    values = np.full(len(starts), np.nan, np.float32)
    expected = 0
    for at, start in enumerate(starts):
        reach = slice(start, start + _WINDOW + 2 * rows)
        inked = float(ink[start : start + _WINDOW].mean()) > _EMPTY * level
        expected += inked
        if not inked or float(ink_seen[reach].mean()) <= _EMPTY * level_seen:
            continue
        if there is not None and not there.take(range(start, start + _WINDOW), mode="wrap").all():
            continue
        wanted, area = whole[start : start + _WINDOW], seen[reach]
        values[at] = float(cv2.matchTemplate(area, wanted, cv2.TM_CCOEFF_NORMED).max())
    said = values[~np.isnan(values)]
    if not len(said):
        return Likeness(0.0, 0, expected, 1.0, turn, 1.0, values)
    return Likeness(
        float(said.mean()),
        len(said),
        expected,
        float((said < 0.35).mean()),
        turn,
        float((said < _OTHER_LETTER).mean()),
        values,
    )


def _level(polar: Map) -> float:
    """Ink of an ordinary stretch of letters."""
    return max(float(np.percentile(cv2.blur(polar[:, _LETTERS], (1, 31)).mean(axis=1), 70)), 1e-4)


def _wrapped(polar: Map, rows: int) -> Map:
    """The rows with their neighbours beyond the cut, so that no window is torn."""
    head = polar[-rows:] if rows else polar[:0]
    return np.ascontiguousarray(np.concatenate([head, polar, polar[: _WINDOW + rows]]), np.float32)


@lru_cache(maxsize=1)
def _starts() -> tuple[int, ...]:
    return tuple(range(0, DIRECTIONS, _STEP))
