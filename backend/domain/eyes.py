"""What the eyes say of a press: words shared by whoever looks, records, alerts and shows.

Pure. A verdict is an opinion about pictures, never about people: it says what was seen and how far
to trust it, and a person confirms or overrides it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Box = tuple[float, float, float, float]
"""Left, top, width, height as fractions 0…1 of the reference page (of the picture where there is no
reference)."""


class PageFinding(StrEnum):
    """What the picture of a page turned out to be."""

    SAME = "same"  # the approved page
    ALTERED = "altered"  # the approved page with other words or amounts (C5)
    ANOTHER = "another"  # a page that nobody approved (C3)
    EXTRA = "extra"  # a page of the paper that was approved, but beyond those to be stamped (C3)
    BLANK = "blank"  # nearly nothing written on it (C6)
    REUSED = "reused"  # this very sheet was stamped before (C7)
    RETAKE = "retake"  # not good enough to say; ``reasons`` says why
    NO_REFERENCE = "no_reference"  # nothing was approved to compare with
    IMPOSSIBLE = "impossible"  # nobody could look: broken picture, worker failed, too late

    @property
    def clears(self) -> bool:
        """Whether stamping may go on without a question."""
        return self in (PageFinding.SAME, PageFinding.NO_REFERENCE)


class ImprintFinding(StrEnum):
    """What one press left on the paper."""

    RIGHT = "right"  # one new imprint, of the approved seal, where it may be
    NONE = "none"  # pressed and counted, but nothing new on the paper (C21)
    SEVERAL = "several"  # more than one new imprint (C9)
    OTHER_SEAL = "other_seal"  # the imprint of another seal of this village (C8)
    UNKNOWN_SEAL = "unknown_seal"  # of no seal that is enrolled (C8)
    MISPLACED = "misplaced"  # somewhere else than where it was asked for (C9)
    PAGE_CHANGED = "page_changed"  # the page differs outside the imprint (C4)
    RETAKE = "retake"
    NO_TEMPLATE = "no_template"  # one new imprint, but the seal has no enrolled one to compare with
    IMPOSSIBLE = "impossible"


class Moment(StrEnum):
    """Which picture of a press."""

    BEFORE = "before"
    AFTER = "after"


RETAKE_REASONS: tuple[str, ...] = (
    "dark",
    "glare",
    "blurred",
    "covered",
    "cut_off",
    "too_small",
    "two_pages",
    "unreadable",
)
"""Why a picture has to be taken again; the pages have words for each."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to look at.

    Attributes:
        kind: changed · added · missing · ink · imprint.
        box: where, see ``Box``.
        page: index from 0 among the approved pages, None where there is none.
        approved: what the approved page says there, "" if nothing or not read.
        found: what the sheet says there.
    """

    kind: str
    box: Box
    page: int | None = None
    approved: str = ""
    found: str = ""

    def plain(self) -> dict[str, Any]:
        """As a record keeps it: without words, which are somebody's contract and live apart."""
        return {"kind": self.kind, "page": self.page, "box": [round(x, 4) for x in self.box]}


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """One look at one page.

    Attributes:
        finding: see ``PageFinding``.
        page: index from 0 of the approved page it was taken for, None if none fits.
        marks: what differs, the gravest first.
        reasons: for ``retake`` and ``impossible``: stable codes.
        scores: figures behind the verdict, for the report of false alarms.
    """

    finding: PageFinding
    page: int | None = None
    marks: tuple[Mark, ...] = ()
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeenImprint:
    """One new imprint. ``box`` is a fraction of the before-picture; ``seal`` is None if unknown."""

    box: Box
    seal: str | None
    coverage: float
    score: float
    margin: float


@dataclass(frozen=True, slots=True)
class ImprintVerdict:
    """One look at a pair of pictures, before and after one press."""

    finding: ImprintFinding
    imprints: tuple[SeenImprint, ...] = ()
    marks: tuple[Mark, ...] = ()
    reasons: tuple[str, ...] = ()
    scores: Mapping[str, float] = field(default_factory=dict)
