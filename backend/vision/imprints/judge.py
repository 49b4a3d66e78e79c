"""What one press left on the paper, in the words of ``backend.domain.eyes``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from backend.domain.eyes import Box, ImprintFinding, ImprintVerdict, Mark, SeenImprint
from backend.vision.decode import Picture
from backend.vision.imprints.identity import Identity, RingReader, identify
from backend.vision.imprints.pairs import Difference, Imprint, difference
from backend.vision.imprints.settings import DEFAULT_SETTINGS, PAGE_MM, ImprintSettings
from backend.vision.imprints.sheet import Matrix
from backend.vision.imprints.template import ImprintTemplate


@dataclass(frozen=True, slots=True)
class Asked:
    """What the press was to leave.

    Attributes:
        seal: id of the approved seal.
        zone: where the middle of one that lies on the sheet whole may be, in fractions of the page;
            None: anywhere.
        seam: True when a cut imprint (骑缝章) is wanted, False when it must lie on the sheet whole,
            None when either will do.
        page: index of the page among the approved ones, for the marks.
    """

    seal: str
    zone: Box | None = None
    seam: bool | None = None
    page: int | None = None


def judge(
    before: Picture,
    after: Picture,
    asked: Asked,
    templates: Mapping[str, ImprintTemplate],
    *,
    page_changed: bool = False,
    to_page: Matrix | None = None,
    page_mm: tuple[float, float] = PAGE_MM,
    reader: RingReader | None = None,
    settings: ImprintSettings = DEFAULT_SETTINGS,
) -> ImprintVerdict:
    """One look at a press.

    Args:
        before, after: the pictures of one sheet, decoded.
        asked: what was approved.
        templates: the enrolled imprints of all the village's seals, by seal id.
        page_changed: whether the caller found the page to differ outside the imprint (C4).
        to_page: pixels of ``before`` → mm on the approved page, when the page was recognised; a
            zone can only be held to with it.
        page_mm: width and height of that page.
        reader: reads the ring.
        settings: limits.
    """
    found = difference(before, after, to_page=to_page, settings=settings)
    scores = {"inliers": float(found.inliers), "other_ink_mm2": round(found.other_ink_mm2, 1)}
    if page_changed or (found.same_sheet is False and found.reasons == ("unreadable",)):
        return ImprintVerdict(ImprintFinding.PAGE_CHANGED, scores=scores)
    if found.reasons:
        return ImprintVerdict(ImprintFinding.RETAKE, reasons=found.reasons, scores=scores)
    known = [identify(one, templates, reader=reader, settings=settings) for one in found.imprints]
    seen = tuple(_seen(one, who) for one, who in zip(found.imprints, known, strict=True))
    marks = tuple(
        Mark("imprint", _on_page(one, page_mm) if to_page is not None else one.box, asked.page)
        for one in found.imprints
    )
    finding, reasons = _finding(
        found, known, asked, templates, to_page is not None, page_mm, settings
    )
    if known:
        scores["score"], scores["margin"] = round(known[0].score, 3), round(known[0].margin, 3)
    return ImprintVerdict(finding, seen, marks, reasons, scores)


def _finding(
    found: Difference,
    known: list[Identity],
    asked: Asked,
    templates: Mapping[str, ImprintTemplate],
    placed: bool,
    page_mm: tuple[float, float],
    settings: ImprintSettings,
) -> tuple[ImprintFinding, tuple[str, ...]]:
    if not known:
        return ImprintFinding.NONE, ()
    # Another's seal is graver than one imprint too many; whose the others are is seen there.
    each = [_whose(who, asked, templates) for who in known]
    if ImprintFinding.OTHER_SEAL in each:
        return ImprintFinding.OTHER_SEAL, ()
    if len(known) > 1:
        return ImprintFinding.SEVERAL, ()
    if each[0] is not ImprintFinding.RIGHT:
        if each[0] is not ImprintFinding.RETAKE:
            return each[0], ()
        coarse = found.imprints[0].px_per_mm < settings.min_px_per_mm
        return each[0], ("too_small" if coarse else "unreadable",)
    ring = found.imprints[0].ring
    seam = ("seam",) if ring.cut else ()
    if asked.seam is not None and asked.seam != ring.cut:
        return ImprintFinding.MISPLACED, seam
    # A 骑缝章 lies on the sheet's edge by intent: the zone is for imprints that lie on it whole.
    if (
        asked.zone is not None
        and placed
        and not ring.cut
        and not _inside(ring.x, ring.y, asked.zone, page_mm, settings)
    ):
        return ImprintFinding.MISPLACED, seam
    return ImprintFinding.RIGHT, seam


def _whose(who: Identity, asked: Asked, templates: Mapping[str, ImprintTemplate]) -> ImprintFinding:
    if who.seal == asked.seal:
        return ImprintFinding.RIGHT
    if who.seal is not None:
        return ImprintFinding.OTHER_SEAL
    if asked.seal not in templates:
        # It is none of the enrolled ones, and the one it should be is not enrolled.
        return ImprintFinding.NO_TEMPLATE
    return ImprintFinding.RETAKE if who.unclear else ImprintFinding.UNKNOWN_SEAL


def _seen(one: Imprint, who: Identity) -> SeenImprint:
    return SeenImprint(
        one.box, who.seal, round(one.ring.coverage, 3), round(who.score, 3), round(who.margin, 3)
    )


def _inside(
    x: float, y: float, zone: Box, page_mm: tuple[float, float], settings: ImprintSettings
) -> bool:
    left, top, width, height = zone
    slack = settings.place_tolerance_mm
    return (
        left * page_mm[0] - slack <= x <= (left + width) * page_mm[0] + slack
        and top * page_mm[1] - slack <= y <= (top + height) * page_mm[1] + slack
    )


def _on_page(one: Imprint, page_mm: tuple[float, float]) -> Box:
    low = np.array([one.ring.x - one.ring.radius, one.ring.y - one.ring.radius]) / page_mm
    high = np.array([one.ring.x + one.ring.radius, one.ring.y + one.ring.radius]) / page_mm
    low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
    return float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1])
