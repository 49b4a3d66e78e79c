"""What a worker does with a question. Libraries are loaded with the first one that needs them."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

import cv2
import numpy as np

from backend.domain.errors import DomainError
from backend.domain.eyes import Box, PageFinding
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
    from backend.vision.pages.reader import Reader

MOST_CROPS: Final = 3
_MARGIN: Final = 0.02


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


def cut(picture: Picture, box: Box) -> bytes:
    """A place of ``picture`` with a little around it, as PNG; empty where nothing is left."""
    high, wide = picture.shape[:2]
    left, top, width, height = box
    low = (max(0, round((left - _MARGIN) * wide)), max(0, round((top - _MARGIN) * high)))
    far = (
        min(wide, round((left + width + _MARGIN) * wide)),
        min(high, round((top + height + _MARGIN) * high)),
    )
    part = picture[low[1] : far[1], low[0] : far[0]]
    if part.size == 0:
        return b""
    return bytes(cv2.imencode(".png", np.ascontiguousarray(part))[1])


def _references(task: MakeReference) -> ReferenceMade:
    from backend.vision.pages import reference

    made = reference.make(task.paper, reader=_reader())
    return ReferenceMade([MadePage(reference.to_bytes(page), page.text, {}, []) for page in made])


def _page(task: LookAtPage) -> PageSeen:
    from backend.vision.pages import compare, reference

    pages = [reference.from_bytes(data) for data in task.references]
    zones = [compare.Zone(number, box) for number, boxes in enumerate(task.zones) for box in boxes]
    seen = compare.page(task.photo, pages, zones, reader=_reader())
    crops: list[Crop] = []
    number = seen.verdict.page
    if seen.verdict.finding is PageFinding.ALTERED and number is not None:
        approved, found = pages[number].picture, seen.picture
        for mark in seen.verdict.marks[:MOST_CROPS]:
            crops.append(
                Crop(cut(approved, mark.box), cut(found, mark.box) if found is not None else b"")
            )
    return PageSeen(seen.verdict, b"", crops)


def _imprint(task: LookAtImprint) -> ImprintSeen:
    from backend.vision.imprints.judge import Asked, judge

    after = decode(task.after)
    verdict = judge(
        decode(task.before), after, Asked(task.seal), _templates(task), reader=_reader()
    )
    return ImprintSeen(verdict, [])


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
