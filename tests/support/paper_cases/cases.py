"""Cases: an approved paper, a photograph of what lies before the camera, what must come of it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from backend.vision.decode import Picture
from tests.support.paper_cases import photographs, sheets, tamper, typeset
from tests.support.paper_cases.words import KINDS, Paper, paper

REPORTING = 2_001_000
"""Seeds from here on are for published figures only: nothing was tuned on them. The thousand before
were published once; what they showed was mended, and they count as tuning since."""

GENUINE, ALTERED, WRONG, EXTRA, BLANK = "genuine", "altered", "wrong", "extra", "blank"
_WANTED = (GENUINE,) * 9 + (ALTERED,) * 14 + (WRONG,) * 3 + (EXTRA,) + (BLANK,) * 2
_LEVELS = ("mild",) * 4 + ("medium",) * 4 + ("hard",) * 2

Area = tuple[int, float, float, float, float]
"""Page, then left, top, width, height as shares of it."""


@dataclass(frozen=True, slots=True)
class PaperCase:
    """One case.

    Attributes:
        seed: makes the same case again, on a machine with the same fonts.
        wanted: genuine · altered · wrong · extra · blank.
        op: how it was altered; "" otherwise.
        level: mild · medium · hard.
        reference: the approved paper, a PDF.
        page: which page lies before the camera; None for none of them.
        to_stamp: pages that may be stamped.
        zones: where signatures may stand.
        photo: JPEG.
        changed: where print differs, as boxes like ``zones``; empty if nothing does.
    """

    seed: int
    wanted: str
    op: str
    level: str
    kind: str
    font: str
    reference: bytes = field(repr=False)
    page: int | None
    to_stamp: tuple[int, ...]
    zones: tuple[Area, ...]
    photo: bytes = field(repr=False)
    changed: tuple[Area, ...] = ()


def case(seed: int, fonts: Sequence[str] | None = None) -> PaperCase:
    """The case that ``seed`` invents, in one of ``fonts`` (default all installed ones)."""
    rng = random.Random(f"paper-case-{seed}")
    wanted, level = rng.choice(_WANTED), rng.choice(_LEVELS)
    return make(
        seed,
        rng,
        wanted=wanted,
        level=level,
        kind="long_lease" if wanted == EXTRA else rng.choice(KINDS),
        op=rng.choice((*tamper.RETYPED, *tamper.MARKED)) if wanted == ALTERED else "",
        fonts=fonts or typeset.installed_fonts(),
    )


def make(
    seed: int,
    rng: random.Random,
    *,
    wanted: str,
    level: str,
    kind: str,
    op: str = "",
    fonts: Sequence[str] = typeset.CERTAIN_FONTS,
) -> PaperCase:
    """A case to order; an ``op`` that does not apply to the paper gives way to another one."""
    style = typeset.style(rng, fonts)
    approved = paper(kind, rng.randrange(10**9))
    data = typeset.pdf(approved, style)
    drawn = typeset.sheets(approved, style)
    page: int | None = rng.randrange(len(drawn))
    to_stamp = tuple(range(len(drawn)))
    changed: tuple[Area, ...] = ()
    zones = zones_of(data, drawn)
    if wanted == ALTERED:
        op, page, sheet = _altered(approved, style, data, drawn, op, rng, zones)
        changed = _differences(page, drawn[page], sheet)
    elif wanted == WRONG:
        page, sheet = None, _wrong(kind, style, rng)
    elif wanted == BLANK:
        page, sheet = None, sheets.empty(rng, (drawn[0].shape[1], drawn[0].shape[0]))
    elif wanted == EXTRA and len(drawn) > 1:
        page = 1
        to_stamp, sheet = (0,), drawn[1]
    else:
        assert page is not None
        sheet = drawn[page]
    if page is not None:
        sheet = lived(sheet, [zone for zone in zones if zone[0] == page], approved, rng)
    sheet = sheets.printed(sheet, rng)
    if rng.random() < 0.15:
        sheet = sheets.folded(sheet, rng)
    photo = photographs.photograph(sheet, level, rng, turned=rng.random() < 0.08)
    return PaperCase(
        seed, wanted, op, level, kind, style.font, data, page, to_stamp, zones, photo, changed
    )


def _altered(
    approved: Paper,
    style: typeset.Style,
    data: bytes,
    drawn: list[Picture],
    op: str,
    rng: random.Random,
    zones: Sequence[Area],
) -> tuple[str, int, Picture]:
    others = [*tamper.RETYPED, *tamper.MARKED]
    rng.shuffle(others)
    signs = typeset.glyphs(data)
    for tried in (op, *others):
        try:
            if tried in tamper.RETYPED:
                made = typeset.sheets(tamper.retyped(approved, tried, rng), style)
                for at, (old, new) in enumerate(zip(drawn, made, strict=False)):
                    if _counts(_differences(at, old, new), zones):
                        return tried, at, new
            elif tried:
                at = rng.randrange(len(drawn))
                new = tamper.marked(drawn[at], signs[at], tried, rng)
                if _counts(_differences(at, drawn[at], new), zones):
                    return tried, at, new
        except tamper.DoesNotApply:
            continue
    raise AssertionError("a paper that cannot be altered in any way")


def _differences(page: int, old: Picture, new: Picture) -> tuple[Area, ...]:
    """Boxes around what differs; too faint or too small to be seen by anybody does not count."""
    apart = cv2.absdiff(old, new).max(axis=2)
    rough = cv2.dilate((apart > 60).astype(np.uint8), np.ones((9, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(rough)
    height, width = apart.shape
    return tuple(
        (page, x / width, y / height, w / width, h / height)
        for x, y, w, h, area in (map(int, stats[at]) for at in range(1, count))
        if int((apart[y : y + h, x : x + w] > 60).sum()) >= 12
    )


def _counts(changed: Sequence[Area], zones: Sequence[Area]) -> bool:
    """Whether anything differs outside the zones, in which whoever signs may write."""

    def within(box: Area, zone: Area) -> bool:
        x, y = box[1] + box[3] / 2, box[2] + box[4] / 2
        beside = zone[1] <= x <= zone[1] + zone[3] and zone[2] <= y <= zone[2] + zone[4]
        return box[0] == zone[0] and beside

    return any(not any(within(box, zone) for zone in zones) for box in changed)


def _wrong(kind: str, style: typeset.Style, rng: random.Random) -> Picture:
    """Another paper, mostly of another kind; sometimes the same form for somebody else."""
    other = kind if rng.random() < 0.3 else rng.choice([k for k in KINDS if k != kind])
    made = typeset.sheets(paper(other, rng.randrange(10**9)), style)
    return made[0]


def zones_of(data: bytes, drawn: list[Picture]) -> tuple[Area, ...]:
    """Beside each label that asks for a signature: 58 × 13 mm."""
    found: list[Area] = []
    for page, signs in enumerate(typeset.glyphs(data)):
        height, width = drawn[page].shape[:2]
        per_mm = typeset.SHEET_DPI / 25.4
        for at, glyph in enumerate(signs):
            label = "".join(g.sign for g in signs[max(0, at - 3) : at + 1])
            if label != "签字）：":
                continue
            middle = (signs[at - 1].box[1] + signs[at - 1].box[3]) / 2
            found.append(
                (
                    page,
                    glyph.box[2] / width,
                    (middle - 6.5 * per_mm) / height,
                    58 * per_mm / width,
                    13 * per_mm / height,
                )
            )
    return tuple(found)


def lived(sheet: Picture, zones: Sequence[Area], approved: Paper, rng: random.Random) -> Picture:
    """Signed in its zones, and sometimes stamped by the other side."""
    height, width = sheet.shape[:2]
    signs = rng.random() < 0.6
    for _, left, top, wide, high in zones:
        if signs:
            area = (left * width + 6, top * height + 8, wide * width * 0.8, high * height - 16)
            sheet = sheets.signed(sheet, area, rng)
    if zones and rng.random() < 0.25:
        _, left, top, _, _ = rng.choice(zones)
        middle = (round(left * width + 260), round(top * height + rng.randint(-40, 60)))
        name = rng.choice(("杭州宏禾建设有限公司", "清源农业科技有限公司", "同舟物流有限公司"))
        sheet = sheets.stamped(sheet, name, middle, rng)
    return sheet
