"""Enrolling a seal's clean imprint, which is a part of commissioning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from backend.vision.decode import Picture
from backend.vision.imprints.alone import only_imprint
from backend.vision.imprints.identity import RingReader, read_ring
from backend.vision.imprints.ink import Map
from backend.vision.imprints.pairs import CROP_SHARE
from backend.vision.imprints.settings import DEFAULT_SETTINGS, ImprintSettings
from backend.vision.imprints.template import ImprintError, ImprintTemplate
from backend.vision.imprints.unroll import DISTANCES, turned, unroll

_RING = slice(88, DISTANCES)
_CLEAN = 0.9
_MOST_PICTURES = 8
_NAMED = 0.75


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A template, and whether the ring says what it should.

    ``named`` is False when the reader read something else than the seal's name: the wrong seal, or
    a reader that errs; None when nothing was read or no name was given. A person looks.
    """

    template: ImprintTemplate
    named: bool | None


def enrol(
    pictures: Sequence[Picture],
    *,
    name: str = "",
    reader: RingReader | None = None,
    radius_mm: float | None = None,
    settings: ImprintSettings = DEFAULT_SETTINGS,
) -> Enrolled:
    """Make a template from one or more pictures, each of one clean imprint on white paper.

    Args:
        pictures: decoded; any distance, any turn. At most 8 are looked at.
        name: what the seal says.
        reader: reads the ring; without one nothing is read.
        radius_mm: of the seal; default a village seal's.
        settings: limits.

    Raises:
        ImprintError: ``imprint_not_found``, ``imprint_not_clean`` or ``imprints_differ``; the text
            says which picture.
    """
    rings: list[Map] = []
    for number, picture in enumerate(pictures[:_MOST_PICTURES], 1):
        ring = _clean(picture, number, settings)
        if rings:
            ring, like = turned(rings[0], ring)
            if like.score < settings.accept or like.contrary > settings.contradictions:
                raise ImprintError(
                    "imprints_differ",
                    f"第 {number} 张与第 1 张不像同一枚印章，请只拍这一枚。",
                    f"Picture {number} does not look like the seal of picture 1.",
                )
        rings.append(ring)
    if not rings:
        raise _not_found(1)
    mean = np.mean(np.stack(rings), axis=0).astype(np.float32)
    read = read_ring(mean, reader)
    named = SequenceMatcher(None, read, name).ratio() >= _NAMED if read and name else None
    template = ImprintTemplate.of(
        mean,
        radius_mm=radius_mm or settings.radius_mm,
        pictures=len(rings),
        name=name,
        read=read,
    )
    return Enrolled(template, named)


def _clean(picture: Picture, number: int, settings: ImprintSettings) -> Map:
    found = only_imprint(picture, CROP_SHARE, settings)
    if found is None:
        raise _not_found(number)
    ring = unroll(found[0], CROP_SHARE)
    line = ring[:, _RING].max(axis=1)
    whole = float((line > 3 * settings.ink_floor).mean())
    if whole < _CLEAN or float(np.median(line)) < 6 * settings.ink_floor:
        raise ImprintError(
            "imprint_not_clean",
            f"第 {number} 张的印迹不完整或太淡，请蘸足印泥，在白纸上重新盖一枚再拍。",
            f"The imprint of picture {number} is not whole or too faint: ink the seal, press it "
            "on white paper again.",
        )
    return ring


def _not_found(number: int) -> ImprintError:
    return ImprintError(
        "imprint_not_found",
        f"第 {number} 张没有看到一枚完整的圆形印迹，请在白纸上盖一枚，正对着拍，不要拍到别的红色。",
        f"Picture {number} shows no whole round imprint: press one on white paper and look "
        "straight at it, with nothing else red in the picture.",
    )
