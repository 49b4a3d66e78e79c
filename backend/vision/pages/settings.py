"""Limits and thresholds about pages, each with where it comes from.

No law or standard fixes them. They were tuned on the papers of tests/support/paper_cases with seeds
below those that the published figures use; see docs/vision.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from backend.vision.decode import PictureLimits

DPI = 150
"""Dots an inch of a reference page. A4 is 1240 × 1754; small print is 20 dots high."""


@dataclass(frozen=True, slots=True)
class SourceLimits:
    """What a paper that somebody uploads may cost.

    Attributes:
        max_pdf_bytes: length of a PDF file.
        max_pdf_pages: pages that a PDF may have at all; a contract of 200 is common.
        max_chosen: pages of one paper that become references; a second or two each.
        max_side: pixels of a drawn page's longer side; larger paper is drawn coarser.
        min_width: pixels across a page in an uploaded picture. Below it small print is not legible.
        picture: limits of uploaded pictures.
    """

    max_pdf_bytes: int = 32 * 1024 * 1024
    max_pdf_pages: int = 500
    max_chosen: int = 30
    max_side: int = 2600
    min_width: int = 800
    picture: PictureLimits = field(
        default_factory=lambda: PictureLimits(max_bytes=24 * 1024 * 1024, max_pixels=40_000_000)
    )


DEFAULT_SOURCE_LIMITS = SourceLimits()


@dataclass(frozen=True, slots=True)
class PageSettings:
    """When a photograph shows the approved page.

    Spots are depths of ink, 1 is as dark as print. Limits hold for a photograph as sharp as
    ``sharp``; a softer one blunts differences and noise alike, and the limits fall with it.

    Attributes:
        min_inliers: ORB matches that agree, from which a page is taken for a reference (same page
            at least 106 on mild and medium photographs, another page at most 16).
        likeness: of a window; an untouched one seldom falls below 0.97, but for those under stamps
            and in soft photographs.
        likeness_of_pair: the same where a photograph is compared with another one: both have grain.
        extra, missing: deepest spots of a window (untouched: at most 0.21 and 0.19).
        doubt: share of those limits from which a different reading at the same place decides
            (untouched: at most 0.22 where anything is read otherwise, but in soft photographs; a
            letter for one that looks like it: at least 0.6), and up to which a soft photograph is
            beyond doubt.
        clear: a soft photograph's differences count from this grade on; below, it is taken again.
        sharp: blur (sigma, pixels of the page) up to which no limit is lowered.
        soft: blur from which only a page without any doubt is called the same.
        blind: blur from which no page is called the same: the short stroke that makes 已 of 己 no
            longer differs from grain.
        too_soft: blur from which nothing is said.
        blob: depth of ink where the page has none.
        blob_mm2: area of such ink that counts; a full stop of small print has 0.2.
        stamp_mm: red marks at least so large both ways are stamps and thumb prints, not writing.
        another: share of windows that differ, from which it is another page.
        unlike: correlation of print below which no blur explains what differs.
        smallest: pixels of the page (at ``DPI``) for one of the photograph; above it, too small.
        dark: brightness of bare paper.
        blank_marks: letter-like marks; a blank sheet has at most 3.
        few_marks: fewer than these are a page badly seen, which has at least 172 else.
    """

    min_inliers: int = 40
    likeness: float = 0.93
    likeness_of_pair: float = 0.88
    extra: float = 0.28
    missing: float = 0.25
    doubt: float = 0.5
    clear: float = 2.5
    sharp: float = 1.2
    soft: float = 1.9
    blind: float = 2.2
    too_soft: float = 2.8
    blob: float = 0.22
    blob_mm2: float = 0.3
    stamp_mm: float = 12.0
    another: float = 0.5
    unlike: float = 0.6
    smallest: float = 1.7
    dark: float = 55.0
    blank_marks: int = 10
    few_marks: int = 40


DEFAULT_PAGE_SETTINGS = PageSettings()
