"""What a worker does with a question. Libraries are loaded with the first one that needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import DomainError
from backend.domain.eyes import Box, ImprintFinding, ImprintVerdict, Mark, PageFinding, PageVerdict
from backend.vision.decode import Picture, decode
from backend.vision.workers.wire import (
    Crop,
    EnrolImprint,
    ImprintEnrolled,
    ImprintSeen,
    LookAtImprint,
    LookAtPage,
    MadePage,
    MakeReference,
    PageSeen,
    ReferenceMade,
    Result,
    Task,
    Unable,
)

if TYPE_CHECKING:
    from backend.vision.pages.compare import Comparison
    from backend.vision.pages.reader import Reader
    from backend.vision.pages.reference import ReferencePage
    from backend.vision.pages.unchanged import Pair

MOST_CROPS: Final = 3


def perform(task: Task) -> Result:
    """The answer to ``task``; what a picture cannot be used for is an answer too."""
    try:
        match task:
            case MakeReference():
                return _references(task)
            case LookAtPage():
                return _page(task)
            case LookAtImprint():
                return _imprint(task)
            case EnrolImprint():
                return _enrol(task)
    except DomainError as error:
        return Unable(error.code, error.zh, error.en)
    except MemoryError:
        return Unable(
            "picture_too_large",
            "图片太大，无法核对，请换一张小一些的",
            "the picture takes too much memory; send a smaller one",
        )


@cache
def _reader() -> Reader:
    from backend.vision.pages.reader import Reader

    return Reader()


def _references(task: MakeReference) -> ReferenceMade:
    from backend.vision.pages import facts, reference, sources, straighten

    pages = []
    for page in reference.make(task.paper, reader=_reader()):
        found = facts.extract(page)
        marks = [box for sheet, box in task.marks if sheet == page.index]
        places = [place.box for place in found.places]
        at = places
        if page.source == sources.PICTURE and (marks or places):
            uploaded = decode(task.paper)
            marks = straighten.along(uploaded, marks)
            at = straighten.back(uploaded, places)
        zones = marks if task.settled else places + marks
        told = msgspec.to_builtins(found)
        told["places"] = [
            place | {"at": list(box)} for place, box in zip(told["places"], at, strict=True)
        ]
        pages.append(MadePage(reference.to_bytes(page), page.text, told, zones))
    return ReferenceMade(pages)


def _page(task: LookAtPage) -> PageSeen:
    from backend.vision.pages import compare, crops, reference, reuse

    pages = [reference.from_bytes(data) for data in task.references]
    zones = [compare.Zone(number, box) for number, boxes in enumerate(task.zones) for box in boxes]
    seen = compare.page(task.photo, pages, zones, reader=_reader(), to_stamp=task.to_stamp)
    verdict, sight = seen.verdict, seen.sight
    if verdict.finding in _NOT_THE_PAGE:
        return _beside(task, seen, pages)
    if verdict.page is None or sight is None:
        return PageSeen(verdict, [])
    approved = pages[verdict.page]
    if verdict.finding is PageFinding.SAME and task.remembered:
        known = [reuse.from_bytes(data) for data in task.remembered.values()]
        again = reuse.reused(reuse.trace(sight, approved.digest), known)
        if again is not None:
            scores = {**verdict.scores, "reuse": again.likeness}
            return PageSeen(PageVerdict(PageFinding.REUSED, verdict.page, scores=scores), [])
    return PageSeen(verdict, _crops(verdict.marks, approved.picture, sight.picture, crops.pair))


_NOT_THE_PAGE: Final = frozenset({PageFinding.ANOTHER, PageFinding.EXTRA, PageFinding.BLANK})
"""Findings of which both pages are shown whole."""


def _beside(task: LookAtPage, seen: Comparison, pages: Sequence[ReferencePage]) -> PageSeen:
    """The wrong sheet beside the page that ought to lie there."""
    from backend.vision.pages import beside

    verdict = seen.verdict
    wanted = list(range(len(pages)) if task.to_stamp is None else task.to_stamp)
    # A page that was found to be another one is shown beside the one that it resembles.
    number = verdict.page if verdict.page in wanted else wanted[0] if wanted else None
    page = None if number is None else pages[number]
    sheet = seen.picture
    if sheet is None:
        sheet = beside.flat(decode(task.photo))
    if verdict.finding is PageFinding.BLANK or page is None:
        both = beside.blank(sheet, page, number or 0)
    else:
        both = beside.another(sheet, page, number or 0, _reader())
    return PageSeen(replace(verdict, marks=both.marks), [Crop(both.approved, both.found)])


def _imprint(task: LookAtImprint) -> ImprintSeen:
    from backend.vision.imprints.judge import Asked, judge
    from backend.vision.pages import crops, finding, reference, reuse, unchanged
    from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS

    before, after = decode(task.before), decode(task.after)
    pages = [reference.from_bytes(data) for data in task.references]
    placed = finding.find(before, pages, DEFAULT_PAGE_SETTINGS) if pages else None
    page = pages[placed.page] if placed is not None else None
    scale = np.diag([1 / reference.DOTS_PER_MM, 1 / reference.DOTS_PER_MM, 1.0])
    verdict = judge(
        before,
        after,
        Asked(task.seal, page=placed.page if placed is not None else None),
        _templates(task),
        to_page=scale @ placed.plane if placed is not None else None,
        reader=_reader(),
    )
    pair = unchanged.unchanged(
        before,
        after,
        imprints=[one.box for one in verdict.imprints],
        zones=task.zones[placed.page] if placed is not None else (),
        reference=page,
        plane=placed.plane if placed is not None else None,
    )
    sheet = b""
    if pair.sight is not None:
        sheet = reuse.to_bytes(reuse.trace(pair.sight, page.digest if page is not None else ""))
    if verdict.finding in _LESSER and pair.verdict.finding in _CHANGED:
        scores = {**verdict.scores, **pair.verdict.scores}
        verdict = ImprintVerdict(
            ImprintFinding.PAGE_CHANGED, verdict.imprints, pair.verdict.marks, (), scores
        )
        if pair.before is not None and pair.after is not None:
            cut = _crops(pair.verdict.marks, pair.before, pair.after, crops.pair)
            return ImprintSeen(verdict, cut, sheet)
    elif verdict.finding in _TO_LOOK_AT:
        return ImprintSeen(verdict, _imprint_crops(verdict, before, pair), sheet)
    return ImprintSeen(verdict, [], sheet)


_LESSER: Final = frozenset(
    {
        ImprintFinding.RIGHT,
        ImprintFinding.NONE,
        ImprintFinding.SEVERAL,
        ImprintFinding.MISPLACED,
        ImprintFinding.NO_TEMPLATE,
    }
)
"""Findings beside which a changed page is the graver one (C4)."""

_TO_LOOK_AT: Final = frozenset(
    {
        ImprintFinding.SEVERAL,
        ImprintFinding.OTHER_SEAL,
        ImprintFinding.UNKNOWN_SEAL,
        ImprintFinding.MISPLACED,
    }
)
"""Findings about imprints that a person wants to see for themselves."""

_CHANGED: Final = frozenset({PageFinding.ALTERED, PageFinding.ANOTHER})


def _imprint_crops(verdict: ImprintVerdict, photo: Picture, pair: Pair) -> list[Crop]:
    """The places of new imprints before the press and after it."""
    from backend.vision.pages import crops

    if pair.before is None or pair.after is None or pair.plane is None:
        return []
    size = (pair.before.shape[1], pair.before.shape[0])
    marks = [
        Mark("imprint", _carried(one.box, photo, pair.plane, size)) for one in verdict.imprints
    ]
    return _crops(marks, pair.before, pair.after, crops.pair)


def _carried(box: Box, picture: Picture, plane: NDArray[np.float64], size: tuple[int, int]) -> Box:
    """A box of ``picture`` (shares), brought by ``plane`` to a picture of ``size`` pixels."""
    left, top, wide, high = box
    corners = [(left, top), (left + wide, top), (left + wide, top + high), (left, top + high)]
    height, width = picture.shape[:2]
    there = plane @ np.array([(x * width, y * height, 1.0) for x, y in corners]).T
    xs, ys = there[0] / there[2] / size[0], there[1] / there[2] / size[1]
    return (
        float(xs.min()),
        float(ys.min()),
        float(xs.max() - xs.min()),
        float(ys.max() - ys.min()),
    )


def _crops(
    marks: Sequence[Mark],
    approved: Picture,
    found: Picture,
    pair: Callable[[Mark, Picture, Picture], tuple[bytes, bytes]],
) -> list[Crop]:
    return [Crop(*pair(mark, approved, found)) for mark in marks[:MOST_CROPS]]


def _templates(task: LookAtImprint) -> dict[str, Any]:
    from backend.vision.imprints.template import ImprintTemplate

    # The newest enrolment of each seal.
    return {
        seal: ImprintTemplate.from_bytes(some[-1]) for seal, some in task.templates.items() if some
    }


def _enrol(task: EnrolImprint) -> ImprintEnrolled:
    from backend.vision.imprints.enrolment import enrol
    from backend.vision.imprints.template import ENGINE

    enrolled = enrol([decode(data) for data in task.pictures], reader=_reader())
    return ImprintEnrolled(enrolled.template.to_bytes(), ENGINE)
