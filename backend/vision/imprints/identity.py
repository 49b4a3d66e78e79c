"""Which seal made an imprint: by the letters around its ring, as they look and as they read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.vision.imprints.ink import Map
from backend.vision.imprints.pairs import CROP_SHARE, Imprint
from backend.vision.imprints.settings import DEFAULT_SETTINGS, ImprintSettings
from backend.vision.imprints.template import ImprintTemplate
from backend.vision.imprints.unroll import Likeness, likeness, strip, unroll


class Line(Protocol):
    """What a reader makes of one line."""

    @property
    def text(self) -> str:
        """The signs, without spaces."""
        ...

    @property
    def sure(self) -> Sequence[float]:
        """The reader's probability of each sign."""
        ...


class RingReader(Protocol):
    """Reads lines of text; ``backend.vision.pages.reader.Reader`` is one."""

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Line]:
        """What each line says; dark on bright."""
        ...


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose imprint it is.

    Attributes:
        seal: a key of the templates; None if it is of none of them, or cannot be told.
        score: likeness to the best one, 0..1.
        margin: its lead over the next one; 1 with a single template.
        unclear: True when ``seal`` is None for want of ink, not because the letters are others.
        read: what the ring says, "" without a reader.
    """

    seal: str | None
    score: float
    margin: float
    unclear: bool
    read: str


def identify(
    imprint: Imprint,
    templates: Mapping[str, ImprintTemplate],
    *,
    reader: RingReader | None = None,
    settings: ImprintSettings = DEFAULT_SETTINGS,
) -> Identity:
    """Whose imprint this is, among ``templates`` (by any id).

    A seal cut with the same words in the same type passes for the real one: this tells a village's
    seals apart and a stranger's from them, it finds no forgery (docs/vision.md says why).
    """
    probe = unroll(imprint.ink, CROP_SHARE)
    paper = unroll(imprint.paper, CROP_SHARE)
    ranked = sorted(
        ((likeness(one.polar, probe, paper), seal) for seal, one in templates.items()),
        key=lambda pair: (-pair[0].score, pair[1]),
    )
    if not ranked:
        return Identity(None, 0.0, 0.0, False, _said(probe, reader)[0])
    best, seal = ranked[0]
    margin = best.score - ranked[1][0].score if len(ranked) > 1 else 1.0
    enough = best.windows >= settings.min_windows_share * best.expected
    text, sure = _said(probe, reader)
    alike = (
        enough
        and best.score >= settings.accept
        and margin >= settings.margin
        and best.contrary <= settings.contradictions
    )
    name = templates[seal].name or templates[seal].read
    swapped, others = _other_letters(text, sure, name, settings)
    dip = _dip(best)
    if alike and dip <= settings.dip and others < 2:
        return Identity(seal, best.score, margin, False, text)
    # One odd letter is a smear, or another village's name in the same type: the words decide.
    if alike and dip <= settings.deep_dip and not swapped and _reads_as(text, name, settings):
        return Identity(seal, best.score, margin, False, text)
    # To call a seal a stranger's accuses somebody. Of a coarse picture, of a ring that is not all
    # there, or of letters that lie on other ink, nothing is certain.
    certain = (
        enough
        and imprint.px_per_mm >= settings.min_px_per_mm
        and imprint.ring.coverage >= settings.clear_ring
        and not imprint.ring.cut
        and imprint.clear >= settings.clear_letters
    )
    # Poor ink makes all letters less alike; other letters are unlike beside others that are alike,
    # or all of them.
    others_look = best.score < settings.unlike and best.unlike > settings.contradictions
    # Letters misread where the strokes look right are the reader's errors.
    others_read = others > 1 and dip > settings.deviant
    strange = certain and (others_look or others_read or dip > settings.deep_dip)
    return Identity(None, best.score, margin, not strange, text)


def read_ring(polar: Map, reader: RingReader | None) -> str:
    """What an unrolled ring says; "" without a reader."""
    return _said(polar, reader)[0]


def _said(polar: Map, reader: RingReader | None) -> tuple[str, tuple[float, ...]]:
    if reader is None:
        return "", ()
    lines = reader.read([strip(polar)])
    return (lines[0].text, tuple(lines[0].sure)) if lines else ("", ())


def _dip(found: Likeness) -> float:
    """How far the least alike letters fall below the others: one letter is four windows wide."""
    said = np.sort(found.by_window[~np.isnan(found.by_window)])
    return float(np.median(said) - said[:3].mean()) if len(said) >= 6 else 1.0


def _reads_as(text: str, name: str, settings: ImprintSettings) -> bool:
    return bool(name) and 100 * SequenceMatcher(None, text, name).ratio() >= settings.read_accept


def _other_letters(
    text: str, sure: Sequence[float], name: str, settings: ImprintSettings
) -> tuple[int, int]:
    """How many letters read as others than the name's in their place, and of how many the reader
    is certain."""
    swapped = wrong = 0
    steps = SequenceMatcher(None, text, name, autojunk=False).get_opcodes() if name else ()
    for tag, start, end, low, high in steps:
        if tag == "replace":
            swapped += max(end - start, high - low)
            if end - start == high - low:
                wrong += sum(probability >= settings.certain for probability in sure[start:end])
    return swapped, wrong
