"""A sheet that is not the approved page, put beside it: which words tell them apart (C3), and where
words ought to stand on one that is blank (C6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest

import cv2
import numpy as np

from backend.domain.eyes import Mark
from backend.vision.decode import Picture
from backend.vision.pages import crops
from backend.vision.pages.ink import flatten, red_channel
from backend.vision.pages.reader import Box, Reader
from backend.vision.pages.reference import DOTS_PER_MM, ReferencePage, crop
from backend.vision.pages.sight import shares
from backend.vision.pages.straighten import A4, sheet_corners
from backend.vision.pages.unchanged import print_lines

MOST_LINES = 3
"""Lines that are framed on each page: the title, a number and what follows tell enough."""

MOST_BLOCKS = 8
_ROWS = 12
_LETTERS = 2
_SURE = 0.6
_PLAINLY = 0.9
_ALIKE = 0.75
_APART_MM = 4.0
_WORDS = 30


@dataclass(frozen=True, slots=True)
class Beside:
    """Both pages whole, as JPEG files (``approved`` is empty where there is none), and what is
    framed on them. A mark's box is in shares of the approved page."""

    marks: tuple[Mark, ...]
    approved: bytes
    found: bytes


@dataclass(frozen=True, slots=True)
class _Row:
    text: str
    box: Box


def flat(photo: Picture) -> Picture:
    """The sheet in a photograph laid flat; the whole picture where no sheet's edge shows."""
    corners = sheet_corners(photo)
    height, width = photo.shape[:2]
    if corners is None:
        corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    sides = np.linalg.norm(corners - np.roll(corners, -1, axis=0), axis=1)
    across, down = A4 if sides[1] + sides[3] >= sides[0] + sides[2] else A4[::-1]
    target = np.array([(0, 0), (across, 0), (across, down), (0, down)], np.float32)
    plane = cv2.getPerspectiveTransform(corners, target)
    laid = cv2.warpPerspective(photo, plane, (across, down), flags=cv2.INTER_AREA)
    return np.asarray(laid, np.uint8)


def another(sheet: Picture, page: ReferencePage, number: int, reader: Reader) -> Beside:
    """A sheet with other words, beside the approved page ``number``: the first lines that either
    has and the other has not are framed and told. About half a second of processor time.

    Args:
        sheet: laid flat; either way up.
        reader: reads the sheet's first lines.

    Raises:
        ReaderUnavailable: without the text models.
    """
    sheet, seen = _upright(sheet, reader)
    ours = [_Row(x.text, x.box) for x in page.lines if not x.is_page_number(page.size)]
    if not seen:
        return Beside((), crops.whole(page.picture, ()), crops.whole(sheet, ()))
    missing = _only(ours[:_ROWS], seen)
    added = _only(seen, ours)
    marks = tuple(
        Mark(
            "changed" if theirs else "missing",
            shares(mine.box, page.size),
            number,
            mine.text[:_WORDS],
            theirs.text[:_WORDS] if theirs else "",
        )
        for mine, theirs in zip_longest(missing, added)
        if mine is not None
    )
    size = (sheet.shape[1], sheet.shape[0])
    framed = tuple(Mark("added", shares(row.box, size)) for row in added)
    return Beside(marks, crops.whole(page.picture, marks), crops.whole(sheet, framed))


def blank(sheet: Picture, page: ReferencePage | None, number: int) -> Beside:
    """A sheet without words, beside the approved page: where words ought to stand is framed on
    both.

    Args:
        sheet: laid flat.
        page: None where nothing was approved to compare with.
    """
    if page is None:
        return Beside((), b"", crops.whole(sheet, ()))
    rows = [_Row(x.text, x.box) for x in page.lines if not x.is_page_number(page.size)]
    marks = tuple(
        Mark(
            "missing",
            shares(_around(block), page.size),
            number,
            # Where all words are missing, the first ones tell which paper it should have been.
            _short(block) if place < MOST_LINES else "",
        )
        for place, block in enumerate(_blocks(rows)[:MOST_BLOCKS])
    )
    return Beside(marks, crops.whole(page.picture, marks), crops.whole(sheet, marks))


def _upright(sheet: Picture, reader: Reader) -> tuple[Picture, list[_Row]]:
    """The sheet with its words upright, and its first rows; none where they cannot be read."""
    best, surety = _read(sheet, reader)
    if surety < _PLAINLY:
        # Upside down most lines are read as something, but of few letters and not surely.
        turned = np.ascontiguousarray(sheet[::-1, ::-1])
        other, surer = _read(turned, reader)
        if surer > surety:
            sheet, best, surety = turned, other, surer
    return sheet, best if surety >= _SURE else []


def _read(sheet: Picture, reader: Reader) -> tuple[list[_Row], float]:
    """The first rows, and how surely they are read on the whole."""
    ink = flatten(red_channel(sheet), DOTS_PER_MM).ink
    legible = (255 - np.clip(ink, 0, 1) * 255).astype(np.uint8)
    boxes = sorted(print_lines(ink), key=lambda box: (box[1] + box[3] // 2, box[0]))[:_ROWS]
    found = reader.read([crop(legible, box) for box in boxes])
    signs = [sure for one in found for sure in one.sure]
    rows = [
        _Row(one.text, box)
        for one, box in zip(found, boxes, strict=True)
        if one.surety >= _SURE and len(one.text) >= _LETTERS
    ]
    return rows, sum(signs) / len(signs) if signs else 0.0


def _only(rows: Sequence[_Row], others: Sequence[_Row]) -> list[_Row]:
    """The first rows that none of ``others`` is like."""
    found: list[_Row] = []
    for row in rows:
        known = [*others, *found]
        if len(row.text) >= _LETTERS and not any(_alike(row.text, one.text) for one in known):
            found.append(row)
    return found[:MOST_LINES]


def _alike(one: str, other: str) -> bool:
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= _ALIKE


def _blocks(rows: Sequence[_Row]) -> list[list[_Row]]:
    """Rows close below each other as one block, in reading order."""
    blocks: list[list[_Row]] = []
    for row in sorted(rows, key=lambda row: row.box[1]):
        last = blocks[-1][-1].box if blocks else None
        if last and row.box[1] - last[1] - last[3] < _APART_MM * DOTS_PER_MM:
            blocks[-1].append(row)
        else:
            blocks.append([row])
    return blocks


def _around(block: Sequence[_Row]) -> Box:
    left, top = min(x.box[0] for x in block), min(x.box[1] for x in block)
    right = max(x.box[0] + x.box[2] for x in block)
    bottom = max(x.box[1] + x.box[3] for x in block)
    return (left, top, right - left, bottom - top)


def _short(block: Sequence[_Row]) -> str:
    words = "".join(row.text for row in block)
    return words if len(words) <= _WORDS else words[: _WORDS - 1] + "…"
