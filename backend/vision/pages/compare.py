"""Is what lies before the camera the page that was approved? (C3, C5, C6)

Which page is told by its corners of print (``features``); then the photograph is laid over it
(``align``, ``sight``) and print, readings and added ink are compared (``differences``). Pixels see
strokes that a reader would smooth away, the reader sees words that pixels find alike: each alone
missed alterations, together none of those tried (docs/vision.md).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.eyes import Box as Share
from backend.domain.eyes import Mark, PageFinding, PageVerdict
from backend.vision.decode import DEFAULT_LIMITS, Picture, PictureLimits, decode
from backend.vision.pages import differences, finding, numbers, quality, relocation, windows
from backend.vision.pages.align import scale_of
from backend.vision.pages.differences import Spot
from backend.vision.pages.ink import Mask
from backend.vision.pages.reader import Box, Reader
from backend.vision.pages.reference import DOTS_PER_MM, Line, ReferencePage, crop
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS, PageSettings
from backend.vision.pages.sight import Sight, area_of, base_of, look, pixels, shares

MOST_MARKS = 24
_OUT_OF_SIGHT = 0.3
_HIDDEN = 0.1
_IN_ZONE = 0.3
_BURNT = 250
_MANY, _MANY_SHARE = 8, 0.02
_BESIDE = 61
"""Pixels: beside a hand, or the desk, paper is lit and laid worse."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A place where something may be written or stamped after the approval.

    Attributes:
        page: index from 0 among the approved pages.
        box: shares of the page.
    """

    page: int
    box: Share


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """A verdict and what it was made from.

    Attributes:
        verdict: for the record.
        plane: from the photograph's pixels to the page's; None where no page was found.
        sight: the photograph laid over the page; None likewise.
    """

    verdict: PageVerdict
    plane: NDArray[np.float64] | None = field(default=None, repr=False)
    sight: Sight | None = field(default=None, repr=False)

    @property
    def picture(self) -> Picture | None:
        """The photograph laid over the page, blue-green-red, in the page's pixels."""
        return self.sight.picture if self.sight else None


def page(
    photo: bytes,
    references: Sequence[ReferencePage],
    zones: Sequence[Zone] = (),
    *,
    reader: Reader,
    to_stamp: Collection[int] | None = None,
    settings: PageSettings = DEFAULT_PAGE_SETTINGS,
    limits: PictureLimits = DEFAULT_LIMITS,
) -> Comparison:
    """Compare a photograph with the approved pages. About one second of processor time.

    Args:
        photo: JPEG, PNG or WebP, any way up.
        references: the approved pages.
        zones: where ink does not matter.
        reader: reads the lines again.
        to_stamp: indexes of the pages that may be stamped; default all.
        settings: limits.
        limits: of the picture.

    Raises:
        PictureError: a picture that is not taken; see ``backend.vision.decode``.
        ReaderUnavailable: without the text models.
    """
    picture = decode(photo, limits)
    bad = quality.whole(picture, settings)
    if bad == "dark":
        return _retake(bad)
    if not references:
        blank = quality.letters(picture) < settings.blank_marks
        return Comparison(PageVerdict(PageFinding.BLANK if blank else PageFinding.NO_REFERENCE))
    found = finding.find(picture, references, settings)
    if found is None:
        return _unplaced(picture, bad, settings)
    scores = {"inliers": float(found.inliers), "scale": scale_of(found.plane)}
    if found.others:
        return _retake("two_pages", found.page, scores)
    if scores["scale"] > settings.smallest:
        # So few corners on so small a page are as likely another page's.
        if found.inliers < 2 * settings.min_inliers:
            return _unplaced(picture, bad, settings)
        return _retake("too_small", found.page, scores)
    reference = references[found.page]
    free = free_area(zones, found.page, reference.size)
    base = base_of(reference.picture, DOTS_PER_MM)
    sight = look(picture, found.plane, base, DOTS_PER_MM, free)
    compared = _compare(sight, reference, free, reader, settings)
    moved = relocation.shifts(compared.graded, sight)
    if moved:
        sight = look(picture, found.plane, base, DOTS_PER_MM, free, moved)
        there = area_of((shift.found for shift in moved), reference.size)
        compared = _compare(sight, reference, free, reader, settings, there)
    verdict = _judged(compared, sight, found.page, to_stamp, scores, settings)
    return Comparison(verdict, found.plane, sight)


@dataclass(frozen=True, slots=True)
class _Compared:
    """Attributes:
    graded: (line's box, grade) of each window that counts.
    spots: what differs, in sight.
    hidden: reasons why something could not be seen.
    passed: the highest grade that was let pass.
    told: telling rereadings without a spot.
    """

    graded: list[tuple[Box, float]]
    spots: list[Spot]
    hidden: list[str]
    passed: float
    told: int


def _compare(
    sight: Sight,
    reference: ReferencePage,
    free: Mask,
    reader: Reader,
    settings: PageSettings,
    known: Mask | None = None,
) -> _Compared:
    lines = reference.lines
    sight, unknown = numbers.settled(sight, reference)
    free = free | unknown
    blunt = differences.bluntness(sight.softness, settings)
    legible = sight.legible
    read = reader.read([crop(legible, line.box) for line in lines])
    again = [
        told
        for told in differences.rereadings(lines, read)
        if differences.covered_by(_box_of(told, lines), free) < _IN_ZONE
    ]
    all_windows = [
        window
        for window in windows.compare(sight.page, sight.seen, [line.box for line in lines], free)
        if differences.covered_by(window.box, free) < _IN_ZONE
    ]
    beside = cv2.dilate((~sight.sheet).astype(np.uint8), np.ones((_BESIDE, _BESIDE), np.uint8)) > 0
    hidden: list[str] = []
    seen = []
    for window in all_windows:
        reason = _hidden(window, sight, beside, blunt, settings)
        if reason:
            hidden.append(reason)
        else:
            seen.append(window)
    spots, passed = differences.printed(seen, again, lines, blunt, settings)
    # A line that was brought to its place still stands where it was found.
    written = free if known is None else free | known
    spots += differences.added_ink(sight, written, blunt, settings)
    marked = {spot.line for spot in spots}
    return _Compared(
        graded=[(lines[w.line].box, differences.grade(w, blunt, settings)) for w in seen],
        spots=spots,
        hidden=hidden,
        passed=passed,
        told=sum(told.telling and told.line not in marked for told in again),
    )


def _box_of(told: differences.Rereading, lines: Sequence[Line]) -> Box:
    _, top, _, high = lines[told.line].box
    return (round(told.left), top, max(1, round(told.right - told.left)), high)


def _hidden(
    window: windows.Window, sight: Sight, beside: Mask, blunt: float, settings: PageSettings
) -> str | None:
    """Why a window that differs may differ without anybody's doing."""
    if differences.covered_by(_around(window.box), ~sight.inside) > 0:
        return "cut_off"
    if differences.grade(window, blunt, settings) < 1:
        return None
    if differences.covered_by(window.box, beside) > _HIDDEN:
        return "covered"
    left, top, wide, high = window.box
    part = sight.picture[top : top + high, left : left + wide]
    if float((part.min(axis=2) >= _BURNT).mean()) > _OUT_OF_SIGHT:
        return "glare"
    return None


def _around(box: Box) -> Box:
    """A letter more to each side: what stands at the picture's edge is neither seen nor read."""
    left, top, wide, high = box
    return (max(0, left - wide), max(0, top - high), 3 * wide, 3 * high)


def _judged(
    compared: _Compared,
    sight: Sight,
    number: int,
    to_stamp: Collection[int] | None,
    scores: dict[str, float],
    settings: PageSettings,
) -> PageVerdict:
    size = (sight.page.shape[1], sight.page.shape[0])
    differing = [grade for _, grade in compared.graded if grade >= 1]
    share = len(differing) / max(1, len(compared.graded))
    clear = max((spot.grade for spot in compared.spots), default=0.0)
    scores = {
        **scores,
        "softness": sight.softness,
        "agreement": sight.agreement,
        "light": sight.light,
        "differing": share,
        "clearest": clear,
        "passed": compared.passed,
        "reread": float(compared.told),
    }
    too_soft = sight.softness >= settings.too_soft
    if too_soft and (share < settings.another or sight.agreement >= settings.unlike):
        return PageVerdict(PageFinding.RETAKE, number, (), ("blurred",), scores)
    if share >= settings.another:
        return PageVerdict(PageFinding.ANOTHER, number, (), (), scores)
    if to_stamp is not None and number not in to_stamp:
        return PageVerdict(PageFinding.EXTRA, number, (), (), scores)
    marks = tuple(
        Mark(spot.kind, shares(spot.box, size), number, spot.approved, spot.found)
        for spot in sorted(compared.spots, key=lambda spot: -spot.grade)[:MOST_MARKS]
    )
    # What lies over the sheet bends light and paper around it, too: look again without it.
    if compared.hidden.count("covered") >= max(_MANY, _MANY_SHARE * len(compared.graded)):
        return PageVerdict(PageFinding.RETAKE, number, marks, ("covered",), scores)
    soft = sight.softness >= settings.soft
    if marks and not (soft and clear < settings.clear):
        return PageVerdict(PageFinding.ALTERED, number, marks, (), scores)
    reasons = tuple(dict.fromkeys(compared.hidden))
    doubtful = marks or compared.told or compared.passed > settings.doubt
    if soft and (doubtful or sight.softness >= settings.blind):
        reasons = ("blurred", *reasons)
    if reasons:
        return PageVerdict(PageFinding.RETAKE, number, marks, reasons, scores)
    return PageVerdict(PageFinding.SAME, number, (), (), scores)


def _unplaced(picture: Picture, bad: str | None, settings: PageSettings) -> Comparison:
    if bad:
        return _retake(bad)
    written = quality.letters(picture)
    scores = {"letters": float(written)}
    if written < settings.blank_marks:
        return Comparison(PageVerdict(PageFinding.BLANK, scores=scores))
    if written < settings.few_marks or quality.blurred(picture):
        return _retake("blurred", scores=scores)
    return Comparison(PageVerdict(PageFinding.ANOTHER, scores=scores))


def _retake(
    reason: str, number: int | None = None, scores: dict[str, float] | None = None
) -> Comparison:
    return Comparison(PageVerdict(PageFinding.RETAKE, number, (), (reason,), scores or {}))


def free_area(zones: Sequence[Zone], number: int, size: tuple[int, int]) -> Mask:
    """True where ink does not matter on page ``number``."""
    return area_of((pixels(zone.box, size) for zone in zones if zone.page == number), size)
