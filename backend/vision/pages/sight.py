"""A photograph laid over an approved page, made comparable: as dark, as soft, seals taken away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.eyes import Box as Share
from backend.vision.decode import Picture
from backend.vision.pages.align import Laid, Shift, lay
from backend.vision.pages.ink import Gray, Ink, Mask, flatten, red_channel, without_seals
from backend.vision.pages.reader import Box

_SOFTNESS = (0.5, 0.8, 1.1, 1.4, 1.7, 2.0, 2.4, 2.8, 3.3)
SHARPEST = _SOFTNESS[0]
_EIGHTH = 8
_STEP, _STEEP = 0.09, 0.22
_EDGE_CELLS = 4
_RIM = 30
_PRINT = 0.3
_DARKEST = 235


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """Both sides of a comparison, in the approved page's pixels.

    Attributes:
        picture: the photograph, laid over the page.
        page: the page's ink, as soft as the photograph.
        seen: the photograph's ink, without seals, its print as dark as the page's.
        red: how red the photograph is where the page is not.
        sheet: where the photograph shows this sheet, and not the desk or a hand.
        inside: False where the photograph does not reach.
        softness: blur that makes the page most like the photograph (sigma, pixels).
        agreement: correlation of the two over print.
        light: brightness of bare paper within the print, 0…255.
    """

    picture: Picture
    page: Ink
    seen: Ink
    red: Ink
    sheet: Mask
    inside: Mask
    softness: float
    agreement: float
    light: float

    @property
    def legible(self) -> Gray:
        """What was seen, evenly lit, dark on white: for the recogniser."""
        return (255 - np.clip(self.seen, 0, 1) * _DARKEST).astype(np.uint8)


@dataclass(frozen=True, slots=True, eq=False)
class Base:
    """What a photograph is laid over: ink and redness per pixel of the page."""

    ink: Ink
    red: Ink


def base_of(page: Picture, dots_per_mm: float) -> Base:
    """An approved page as a base; red print of its own (红头) is no stamp."""
    return Base(flatten(red_channel(page), dots_per_mm).ink, _red_of(page))


def look(
    photo: Picture,
    plane: NDArray[np.float64],
    base: Base,
    dots_per_mm: float,
    free: Mask,
    shifts: Sequence[Shift] = (),
) -> Sight:
    """Lay ``photo`` over a page along ``plane`` and make them comparable."""
    ink = base.ink
    laid = lay(photo, plane, ink, dots_per_mm, free, shifts)
    seen, red = without_seals(laid.picture, laid.lit, dots_per_mm)
    softness, agreement, soft = softened(ink, seen)
    seen = seen / _gain(soft, seen)
    light = cv2.resize(
        (ink > _PRINT).astype(np.uint8),
        (laid.lit.light.shape[1], laid.lit.light.shape[0]),
        interpolation=cv2.INTER_AREA,
    )
    lit = laid.lit.light[light > 0]
    return Sight(
        picture=laid.picture,
        page=soft,
        seen=seen.astype(np.float32),
        red=np.maximum(red - cv2.dilate(base.red, np.ones((9, 9), np.uint8)), 0.0),
        sheet=_sheet(laid, ink),
        inside=laid.inside,
        softness=softness,
        agreement=agreement,
        light=float(np.median(lit)) if lit.size else 0.0,
    )


def _red_of(page: Picture) -> Ink:
    blue, green, red = cv2.split(page)
    return np.asarray(cv2.subtract(red, cv2.max(blue, green)), np.float32) / np.float32(255)


def softened(ink: Ink, seen: Ink) -> tuple[float, float, Ink]:
    """The blur (sigma, pixels) that makes ``ink`` most like ``seen``, how like (correlation over
    print), and ``ink`` as soft as that."""
    near = cv2.dilate(ink, np.ones((9, 9), np.uint8)) > _PRINT
    # Every seventh pixel is enough to correlate.
    theirs = seen[near][::7]
    best: tuple[float, float, Ink] | None = None
    for sigma in _SOFTNESS:
        soft = cv2.GaussianBlur(ink, (0, 0), sigma).astype(np.float32)
        alike = _correlation(soft[near][::7], theirs)
        if best is None or alike > best[1]:
            best = (sigma, alike, soft)
        elif alike < best[1] - 0.01:
            break
    assert best is not None
    return best


def _correlation(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    if ours.size < 2:
        return 0.0
    ours, theirs = ours - ours.mean(), theirs - theirs.mean()
    size = float(np.sqrt((ours * ours).sum() * (theirs * theirs).sum()))
    return float((ours * theirs).sum()) / size if size > 0 else 0.0


def _gain(soft: Ink, seen: Ink) -> Ink:
    """How dark print comes out at each place; where there is none, as on the whole page."""
    height, width = soft.shape
    size = (max(1, width // _EIGHTH), max(1, height // _EIGHTH))

    def smooth(plane: Ink) -> Ink:
        small = cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.GaussianBlur(small, (0, 0), 6), np.float32)

    cross, square = smooth(soft * seen), smooth(soft * soft)
    whole = float(cross.sum()) / max(1e-6, float(square.sum()))
    gain = (cross + 0.01 * whole) / (square + 0.01)
    full = cv2.resize(np.clip(gain, 0.3, 2.0), (width, height))
    return np.asarray(full, np.float32)


def _sheet(laid: Laid, ink: Ink) -> Mask:
    """Grown from where the page has print, over slow changes of light only: shadows, not edges."""
    # Green: in red light a hand is as bright as paper. Stamps are closed like letters.
    green = np.ascontiguousarray(laid.picture[:, :, 1])
    height, width = green.shape
    size = (max(1, width // _EIGHTH), max(1, height // _EIGHTH))
    small = cv2.resize(green, size, interpolation=cv2.INTER_AREA)
    # A strip of desk at the border must not be closed like a letter: it goes on beyond.
    wider = cv2.copyMakeBorder(small, 8, 8, 8, 8, cv2.BORDER_REPLICATE)
    closed = cv2.morphologyEx(wider, cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    # Steps of light matter as shares of it.
    light = np.log(np.maximum(cv2.medianBlur(closed, 5)[8:-8, 8:-8], 8)).astype(np.float32)
    outside = cv2.resize((~laid.inside).astype(np.uint8), size, interpolation=cv2.INTER_AREA)
    barred = np.zeros((size[1] + 2, size[0] + 2), np.uint8)
    # Along a slanting edge each cell hardly differs from the next: edges are barred as such.
    around = np.ones((3, 3), np.uint8)
    steep = cv2.dilate(light, around) - cv2.erode(light, around) > _STEEP
    barred[1:-1, 1:-1] = np.asarray(outside, bool) | steep
    printed = cv2.resize(ink, size, interpolation=cv2.INTER_AREA) > 0.1
    rows, columns = np.nonzero(printed & (outside == 0))
    if rows.size == 0:
        return np.zeros((height, width), bool)
    usual = float(np.median(light[rows, columns]))
    # Print that was laid badly may lie on the desk: the half that is lit as usual is the sheet's.
    order = np.argsort(np.abs(light[rows, columns] - usual))[: max(1, rows.size // 2)]
    flags = 4 | (2 << 8) | cv2.FLOODFILL_MASK_ONLY
    for at in order[:: max(1, len(order) // 40)][:30]:
        seed = (int(columns[at]), int(rows[at]))
        if barred[seed[1] + 1, seed[0] + 1] == 0:
            cv2.floodFill(light, barred, seed, 0, _STEP, _STEP, flags)
    grown = (barred[1:-1, 1:-1] == 2).astype(np.uint8)
    grown = cv2.morphologyEx(grown, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    framed = cv2.copyMakeBorder(grown, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=1)
    edge = 2 * _EDGE_CELLS + 1
    inner = cv2.erode(framed, np.ones((edge, edge), np.uint8))[1:-1, 1:-1]
    sheet = np.asarray(cv2.resize(inner, (width, height), interpolation=cv2.INTER_NEAREST), bool)
    # No printer reaches the outermost millimetres, and the desk often does.
    clear = np.zeros_like(sheet)
    clear[_RIM:-_RIM, _RIM:-_RIM] = True
    both: Mask = sheet & clear
    return both


def pixels(share: Share, size: tuple[int, int]) -> Box:
    """A box in shares of the page as pixels of it."""
    left, top, wide, high = share
    return (
        round(left * size[0]),
        round(top * size[1]),
        round(wide * size[0]),
        round(high * size[1]),
    )


def shares(box: Box, size: tuple[int, int]) -> Share:
    """A box in pixels of the page as shares of it, kept within it."""
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(size[0], box[0] + box[2]), min(size[1], box[1] + box[3])
    return (
        left / size[0],
        top / size[1],
        max(0, right - left) / size[0],
        max(0, bottom - top) / size[1],
    )


def area_of(boxes: Iterable[Box], size: tuple[int, int]) -> Mask:
    """True inside any of the boxes."""
    mask = np.zeros((size[1], size[0]), bool)
    for left, top, wide, high in boxes:
        mask[max(0, top) : max(0, top + high), max(0, left) : max(0, left + wide)] = True
    return mask
