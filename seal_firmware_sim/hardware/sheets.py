"""What people do with sheets: sign one, print another amount over it, press a seal on a clean one.

All sizes follow from the page's width being 210 mm.
"""

from __future__ import annotations

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw

from seal_firmware_sim.hardware.fonts import chinese_font
from seal_firmware_sim.hardware.imprint import SEAL_MM, stamp
from seal_firmware_sim.hardware.pages import SIGN_HERE, Page, Placed

_PAGE_MM = 210
_WHITE = (252, 251, 247)
_PRINT = (28, 27, 30)
_PEN = (24, 32, 84)
_STROKES = 3
_SIGNATURE_MM = 24


def blank(page: Page) -> Image.Image:
    """A sheet of the same size with nothing on it."""
    return Image.new("RGB", page.image.size, _WHITE)


def signed(page: Page, rng: random.Random) -> Image.Image:
    """The sheet, signed by hand wherever it asks for it.

    Raises:
        ValueError: when it asks nowhere.
    """
    places = [line for line in page.placed if SIGN_HERE in line.text]
    if not places:
        raise ValueError("nobody is asked to sign this page")
    sheet = page.image.copy()
    for line in places:
        _sign(sheet, line, rng)
    return sheet


def reprinted(
    page: Page, old: str, new: str, *, font_path: Path | None = None
) -> tuple[Image.Image, int]:
    """The sheet with ``old`` painted over and ``new`` squeezed into its place, wherever it stands;
    and how many places that were.

    Args:
        page: the page as it was printed.
        old: words that stand within a line.
        new: words to put there.
        font_path: a Chinese font file; default the page's own.
    """
    sheet, places = page.image.copy(), 0
    for line in page.placed:
        at = line.text.find(old)
        if at >= 0:
            _squeeze(sheet, line, at, old, new, font_path)
            places += 1
    return sheet, places


def specimen(seal_text: str, rng: random.Random, *, px_per_mm: int = 6) -> Image.Image:
    """One clean imprint on white paper: how a seal is enrolled when it is commissioned."""
    sheet = Image.new("RGB", (_PAGE_MM * px_per_mm, 2 * SEAL_MM * px_per_mm), _WHITE)
    pressed = stamp(sheet, seal_text, sheet.width // 2, sheet.height // 2, rng)
    side = round(0.8 * SEAL_MM * px_per_mm)
    middle = pressed.width // 2
    return pressed.crop((middle - side, 0, middle + side, pressed.height))


def _squeeze(
    sheet: Image.Image, line: Placed, at: int, old: str, new: str, font_path: Path | None
) -> None:
    font = chinese_font(line.size, font_path)
    left = round(line.left + font.getlength(line.text[:at]))
    room = round(font.getlength(old))
    ascent, descent = font.getmetrics()
    patch = Image.new("RGB", (math.ceil(font.getlength(new)), ascent + descent), _WHITE)
    ImageDraw.Draw(patch).text((0, 0), new, _PRINT, font, "la")
    squeezed = patch.resize((room, patch.height), Image.Resampling.LANCZOS)
    sheet.paste(squeezed, (left, round(line.top)))


def _sign(sheet: Image.Image, line: Placed, rng: random.Random) -> None:
    """Three characters in running hand: a few loops each, of a pen that is lifted in between."""
    unit = sheet.width / _PAGE_MM
    font = chinese_font(line.size)
    before = line.text.index(SIGN_HERE) + len(SIGN_HERE)
    left = line.left + font.getlength(line.text[:before]) + unit
    middle = line.top + line.size * 0.55
    draw = ImageDraw.Draw(sheet)
    step = _SIGNATURE_MM * unit / _STROKES
    for number in range(_STROKES):
        x, y = left + number * step, middle + rng.uniform(-0.6, 0.6) * unit
        wide, high = step * rng.uniform(0.35, 0.45), unit * rng.uniform(1.4, 2.2)
        turns, phase = rng.uniform(1.5, 2.5), rng.uniform(0, math.tau)
        points = []
        for part in range(60):
            share = part / 59
            angle = phase + share * turns * math.tau
            points.append(
                (
                    x + step * 0.5 * share + wide * (0.5 + 0.5 * math.cos(angle * 0.7)),
                    y + high * math.sin(angle) * (1 - 0.3 * share),
                )
            )
        draw.line(points, fill=_PEN, width=max(2, round(0.45 * unit)), joint="curve")
