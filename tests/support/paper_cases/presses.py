"""A press: the sheet before it, and what lies there after it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import cv2

from backend.vision.decode import Picture, decode
from tests.support.paper_cases import photographs, sheets, tamper, typeset
from tests.support.paper_cases.cases import Area, lived, zones_of
from tests.support.paper_cases.words import KINDS, paper

HONEST, SWAPPED, WRITTEN, NOTHING = "honest", "swapped", "written", "nothing"


@dataclass(frozen=True, slots=True)
class PressCase:
    """One press.

    Attributes:
        wanted: honest · swapped (another sheet was stamped) · written (a pen between the pictures)
            · nothing (no imprint came).
        imprint: where the seal was pressed, page 0, as shares of it.
        again: a third photograph, of the stamped sheet on another day; of an honest press only.
        twin: a photograph of another print of the same file, signed and stamped likewise; also.
    """

    wanted: str
    reference: bytes = field(repr=False)
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    imprint: Area
    again: bytes = field(repr=False, default=b"")
    twin: bytes = field(repr=False, default=b"")


def press(
    seed: int,
    wanted: str,
    level: str = "mild",
    fonts: Sequence[str] = typeset.CERTAIN_FONTS,
) -> PressCase:
    """The press that ``seed`` invents."""
    rng = random.Random(f"press-{seed}-{wanted}")
    style = typeset.style(rng, fonts)
    kinds = ("land_contract", "certificate", "loan_guarantee", "receipt", "subsidy_table")
    approved = paper(rng.choice(kinds), rng.randrange(10**9))
    data = typeset.pdf(approved, style)
    sheet = typeset.sheets(approved, style)[0]
    height, width = sheet.shape[:2]
    middle = (round(width * rng.uniform(0.55, 0.75)), round(height * rng.uniform(0.45, 0.7)))

    def signed(dice: random.Random) -> Picture:
        area = (width * 0.3, height * 0.8, 300.0, 90.0)
        return sheets.signed(sheets.printed(sheet, dice), area, dice)

    first = signed(rng)
    stamped = first if wanted == NOTHING else sheets.stamped(first, approved.signed_by, middle, rng)
    last = stamped
    if wanted == SWAPPED:
        other = typeset.sheets(paper("house_building", rng.randrange(10**9)), style)[0]
        last = sheets.stamped(sheets.printed(other, rng), approved.signed_by, middle, rng)
    elif wanted == WRITTEN:
        # Onto the laid-out sheet: printing it again would move it under the pen's marks.
        signs = [g for g in typeset.glyphs(data)[0] if g.box[3] < middle[1] - 200]
        last = tamper.marked(stamped, signs, "leading_one", rng)
    side = 0.24
    box = (
        0,
        middle[0] / width - side / 2,
        middle[1] / height - side * width / height / 2,
        side,
        side * width / height,
    )
    made = PressCase(
        wanted,
        data,
        photographs.photograph(first, level, rng),
        photographs.photograph(last, level, rng),
        box,
    )
    if wanted != HONEST:
        return made
    again = random.Random(f"again-{seed}")
    apart = (middle[0] + again.randint(-12, 12), middle[1] + again.randint(-12, 12))
    twin = sheets.stamped(signed(again), approved.signed_by, apart, again)
    return replace(
        made,
        again=photographs.photograph(stamped, level, again),
        twin=photographs.photograph(twin, level, again),
    )


@dataclass(frozen=True, slots=True)
class VillagePress:
    """An honest press in a village of three seals: signed in its zones, then stamped once.

    Attributes:
        seals: a photograph of one clean imprint each; the first is the seal that was pressed.
    """

    reference: bytes = field(repr=False)
    before: bytes = field(repr=False)
    after: bytes = field(repr=False)
    seals: tuple[bytes, ...] = field(repr=False)


def honest(seed: int, fonts: Sequence[str] = typeset.CERTAIN_FONTS) -> VillagePress:
    """The honest press that ``seed`` invents, photographed at mild or medium."""
    rng = random.Random(f"honest-press-{seed}")
    style = typeset.style(rng, fonts)
    approved = paper(rng.choice(KINDS), rng.randrange(10**9))
    data = typeset.pdf(approved, style)
    drawn = typeset.sheets(approved, style)
    zones = [zone for zone in zones_of(data, drawn) if zone[0] == 0]
    first = sheets.printed(lived(drawn[0], zones, approved, rng), rng)
    height, width = first.shape[:2]
    middle = (round(width * rng.uniform(0.6, 0.78)), round(height * rng.uniform(0.55, 0.75)))
    name = approved.signed_by
    place = name.removesuffix("村民委员会")
    level = rng.choice(("mild", "medium"))

    def clean(says: str) -> bytes:
        blank = sheets.empty(rng, (width, height))
        at = (width // 2, height // 2)
        photo = decode(photographs.photograph(sheets.stamped(blank, says, at, rng), "mild", rng))
        # From near, as whoever enrols a seal is told to: no desk in the picture.
        near = photo[photo.shape[0] // 2 - 260 :, photo.shape[1] // 2 - 260 :][:520, :520]
        return cv2.imencode(".jpg", near)[1].tobytes()

    return VillagePress(
        data,
        photographs.photograph(first, level, rng),
        photographs.photograph(sheets.stamped(first, name, middle, rng), level, rng),
        tuple(clean(says) for says in (name, f"{place}股份经济合作社", f"中共{place}支部委员会")),
    )
