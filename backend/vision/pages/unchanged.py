"""Is what lies there after the press the sheet that lay there before it? (C4)

The picture from before is the page; the one from after is laid over it. Pixels only: no words are
read, for both pictures show the same print by the same camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.eyes import Box as Share
from backend.domain.eyes import Mark, PageFinding, PageVerdict
from backend.vision.decode import DEFAULT_LIMITS, Picture, PictureLimits, decode
from backend.vision.pages import closer, differences, features, numbers, quality, windows
from backend.vision.pages.compare import MOST_MARKS
from backend.vision.pages.ink import Ink, Mask, flatten, red_channel, without_seals
from backend.vision.pages.reader import Box
from backend.vision.pages.reference import DOTS_PER_MM, ReferencePage
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS, PageSettings
from backend.vision.pages.sight import Base, Sight, area_of, look, pixels, shares
from backend.vision.pages.straighten import A4, sheet_corners

_IN_MASK = 0.2
_LINE_MM, _LINE_LEAST = 4.5, 12


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A verdict about two pictures of one sheet, and both in the same pixels.

    Attributes:
        verdict: ``same``, ``altered``, ``another`` or ``retake``; boxes are shares of ``before``.
        before, after: blue-green-red, in the approved page's pixels where one is known; None where
            they could not be brought together.
        plane: from the before-picture's pixels to theirs.
        sight: for ``backend.vision.pages.reuse``.
    """

    verdict: PageVerdict
    before: Picture | None = field(default=None, repr=False)
    after: Picture | None = field(default=None, repr=False)
    plane: NDArray[np.float64] | None = field(default=None, repr=False)
    sight: Sight | None = field(default=None, repr=False)


def unchanged(
    before: bytes | Picture,
    after: bytes | Picture,
    *,
    imprints: Sequence[Share] = (),
    zones: Sequence[Share] = (),
    reference: ReferencePage | None = None,
    plane: NDArray[np.float64] | None = None,
    settings: PageSettings = DEFAULT_PAGE_SETTINGS,
    limits: PictureLimits = DEFAULT_LIMITS,
) -> Pair:
    """Compare two pictures of a sheet. About half a second of processor time.

    Args:
        before, after: JPEG, PNG or WebP, or decoded already.
        imprints: new imprints, as shares of the *before-picture*; nothing is compared there.
        zones: places for signatures, as shares of the approved page; used with ``reference``.
        reference: the approved page that ``before`` was found to be, if any.
        plane: from the before-picture to it, as ``compare.page`` found.

    Raises:
        PictureError: see ``backend.vision.decode``.
    """
    first, second = (
        decode(one, limits) if isinstance(one, bytes) else one for one in (before, after)
    )
    bad = quality.whole(second, settings)
    if bad == "dark":
        return Pair(_retake(bad))
    to_page, size = _frame(first, reference, plane)
    flat = np.asarray(
        cv2.warpPerspective(first, to_page, size, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )
    ink, red = without_seals(flat, flatten(red_channel(flat), DOTS_PER_MM), DOTS_PER_MM)
    seen = flatten(red_channel(second), min(second.shape[:2]) / (A4[0] / DOTS_PER_MM / 0.8))
    placed = features.place(features.extract(seen.ink), features.extract(ink))
    if placed.plane is None or placed.inliers < settings.min_inliers:
        verdict = _unplaced(first, second, bad, placed.inliers, bool(imprints), settings)
        return Pair(verdict, flat, plane=to_page)
    settings = replace(settings, likeness=settings.likeness_of_pair)
    masks = [_through(share, first, to_page) for share in imprints]
    signed = area_of([pixels(zone, size) for zone in zones if reference], size)
    if reference is not None:
        signed |= numbers.area(numbers.boxes(reference), size)
    # Print under a new imprint tells how the sheet lies there: in red light its ink hardly shows.
    sight = look(second, placed.plane, Base(ink, red), DOTS_PER_MM, signed)
    free = signed | area_of(masks, size)
    verdict = _judged(sight, ink, free, size, reference, placed.inliers, settings)
    return Pair(verdict, flat, sight.picture, to_page, sight)


def _frame(
    photo: Picture, reference: ReferencePage | None, plane: NDArray[np.float64] | None
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """The page's pixels if it is known, else A4 around the sheet, else around the picture."""
    if reference is not None and plane is not None:
        return plane, reference.size
    corners = sheet_corners(photo)
    height, width = photo.shape[:2]
    if corners is None:
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    target = np.array([(0, 0), (A4[0], 0), A4, (0, A4[1])], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(corners, target), np.float64), A4


def _through(share: Share, photo: Picture, plane: NDArray[np.float64]) -> Box:
    left, top, wide, high = pixels(share, (photo.shape[1], photo.shape[0]))
    corners = np.array(
        [[(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]],
        np.float64,
    )
    there = cv2.perspectiveTransform(corners, plane)[0]
    low, most = there.min(axis=0), there.max(axis=0)
    return (
        round(float(low[0])),
        round(float(low[1])),
        round(float(most[0] - low[0])),
        round(float(most[1] - low[1])),
    )


def _unplaced(
    first: Picture,
    second: Picture,
    bad: str | None,
    inliers: int,
    stamped: bool,
    settings: PageSettings,
) -> PageVerdict:
    scores = {"inliers": float(inliers)}
    if bad:
        return _retake(bad, scores)
    before, after = quality.letters(first), quality.letters(second)
    blank = settings.blank_marks
    if before < blank and (after < blank or stamped):
        # Two blank sheets have nothing by which to tell them apart; an imprint has letters itself.
        return _retake("unreadable", scores)
    if after >= blank and quality.blurred(second):
        return _retake("blurred", scores)
    return PageVerdict(PageFinding.ANOTHER, scores=scores)


def _judged(
    sight: Sight,
    ink: Ink,
    free: Mask,
    size: tuple[int, int],
    reference: ReferencePage | None,
    inliers: int,
    settings: PageSettings,
) -> PageVerdict:
    lines = [line.box for line in reference.lines] if reference else print_lines(ink)
    sight = closer.evenly_sharp(sight, ink, free)
    blunt = differences.bluntness(sight.softness, settings)
    seen = [
        window
        for window in windows.compare(sight.page, sight.seen, lines, free)
        if differences.covered_by(window.box, free) < _IN_MASK
        and differences.covered_by(window.box, ~sight.sheet) < _IN_MASK
    ]
    grades = [differences.grade(window, blunt, settings) for window in seen]
    share = sum(grade >= 1 for grade in grades) / max(1, len(grades))
    added = differences.added_ink(sight, free, blunt, settings)
    if share < settings.another:
        seen = [
            closer.window(window, sight, free) if grade >= 1 else window
            for window, grade in zip(seen, grades, strict=True)
        ]

        def added_in(part: Sight, apart: Mask) -> list[differences.Spot]:
            return differences.added_ink(part, apart, blunt, settings)

        added = [spot for spot in added if closer.stays(spot, sight, free, added_in)]
    spots = differences.pixels_only(seen, blunt, settings) + added
    scores = {
        "inliers": float(inliers),
        "softness": sight.softness,
        "agreement": sight.agreement,
        "differing": share,
        "clearest": max((spot.grade for spot in spots), default=0.0),
    }
    too_soft = sight.softness >= settings.too_soft
    if too_soft and (share < settings.another or sight.agreement >= settings.unlike):
        return _retake("blurred", scores)
    if share >= settings.another:
        return PageVerdict(PageFinding.ANOTHER, scores=scores)
    if not spots:
        return PageVerdict(PageFinding.SAME, scores=scores)
    if sight.softness >= settings.soft and scores["clearest"] < settings.clear:
        return _retake("blurred", scores)
    marks = tuple(
        Mark(spot.kind, shares(spot.box, size))
        for spot in sorted(spots, key=lambda spot: -spot.grade)[:MOST_MARKS]
    )
    return PageVerdict(PageFinding.ALTERED, None, marks, (), scores)


def print_lines(ink: Ink) -> list[Box]:
    """Rows of print on a page that nobody has read: letters joined to their neighbours."""
    reach = round(_LINE_MM * DOTS_PER_MM)
    marks = (cv2.GaussianBlur(ink, (0, 0), 0.8) > 0.25).astype(np.uint8)
    joined = cv2.morphologyEx(marks, cv2.MORPH_CLOSE, np.ones((3, reach), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    found: list[Box] = []
    for at in range(1, count):
        left, top, wide, high = (int(value) for value in stats[at][:4])
        if high < _LINE_LEAST or wide < _LINE_LEAST:
            continue
        # Frames of tables and pictures: rows of their own, one below the other.
        step = min(high, 3 * reach)
        found += [(left, y, wide, min(step, top + high - y)) for y in range(top, top + high, step)]
    return found


def _retake(reason: str, scores: dict[str, float] | None = None) -> PageVerdict:
    return PageVerdict(PageFinding.RETAKE, None, (), (reason,), scores or {})
