"""Every threshold about imprints, each with what it was measured on (docs/vision.md)."""

from __future__ import annotations

from dataclasses import dataclass

PAGE_MM = (210.0, 297.0)
"""A4, the paper that village documents are written on."""


@dataclass(frozen=True, slots=True)
class ImprintSettings:
    """Limits of finding imprints and of telling them apart.

    Attributes:
        radius_mm: outer radius of a village's round seal (42 mm across).
        other_radii_mm: radii that are looked for besides, so that a stranger's seal is seen too.
        min_coverage: share of the circle that must carry ink.
        min_edge_coverage: the same for an imprint that the sheet's edge cuts.
        min_seam_visible: share of the circle on the sheet from which a cut imprint is one; less is
            a neighbour sheet's 骑缝章 seen from its edge, and only marked.
        ink_floor: redness (0..1 of paper white) below which nothing counts as ink.
        min_inliers: matched points between two pictures of one sheet. Other sheets: 16 at most.
        few_features: with fewer points than this a sheet is nearly blank, and its outline serves.
        accept: mean likeness of the strokes to an enrolled imprint, -1..1, from which it is that
            seal.
        margin: lead over the village's next seal.
        contradictions: share of windows along the ring that may show other strokes than enrolled.
        min_windows_share: share of the enrolled letters that must be seen to say anything.
        unlike, clear_ring, clear_letters: likeness to the best seal below which it may be another
            one, if so much of the ring is there to see and so much of the place of its letters is
            free of other red ink.
        deviant: dip from which letters that read as others look so too.
        dip: how far the least alike letters may fall below the others; more, and one or two letters
            are others: the next village's seal differs in no more.
        deep_dip: the same where the ring reads as the seal's name.
        min_px_per_mm: a picture coarser than this has no strokes to compare: it is too small to say
            that a seal is a stranger's. A4 over 1,050 pixels.
        read_accept: 0..100, likeness of what the ring says to the seal's name, from which it reads
            as that name. Two other letters of twelve are 83.
        certain: the reader's probability from which a letter counts as another one.
        min_sharpness, min_brightness: below them a picture is taken again.
        place_tolerance_mm: how far outside its zone the middle of an imprint may lie.
    """

    radius_mm: float = 21.0
    other_radii_mm: tuple[float, ...] = (18.0, 19.0, 20.0, 22.0, 22.5)
    min_coverage: float = 0.40
    min_edge_coverage: float = 0.20
    min_seam_visible: float = 0.20
    ink_floor: float = 0.05
    min_inliers: int = 40
    few_features: int = 250
    accept: float = 0.60
    margin: float = 0.12
    contradictions: float = 0.15
    min_windows_share: float = 0.4
    unlike: float = 0.72
    clear_ring: float = 0.75
    clear_letters: float = 0.92
    deviant: float = 0.25
    dip: float = 0.20
    deep_dip: float = 0.60
    min_px_per_mm: float = 5.0
    read_accept: float = 90.0
    certain: float = 0.90
    min_sharpness: float = 12.0
    min_brightness: float = 45.0
    place_tolerance_mm: float = 8.0

    def __post_init__(self) -> None:
        if not 10 <= self.radius_mm <= 30:
            raise ValueError("a seal's radius is between 10 and 30 mm")
        if not 0 < self.min_edge_coverage <= self.min_coverage < 1:
            raise ValueError("coverage is a share, less at the edge")


DEFAULT_SETTINGS = ImprintSettings()
