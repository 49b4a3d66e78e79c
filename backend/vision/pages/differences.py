"""What differs between an approved page and what was seen: print, readings, ink that was added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher

import cv2
import numpy as np

from backend.vision.pages.ink import Ink, Mask
from backend.vision.pages.reader import Box, Reading
from backend.vision.pages.reference import DOTS_PER_MM, Line
from backend.vision.pages.settings import PageSettings
from backend.vision.pages.sight import Sight
from backend.vision.pages.windows import REACH, Window

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("（〔［【[", "("),
        **dict.fromkeys("）〕］】]", ")"),
        **dict.fromkeys("，,、．.。·", ","),
        **dict.fromkeys("：:；;", ":"),
        **dict.fromkeys("－—–―ー一~～_", "-"),
        **dict.fromkeys("￥Y", "¥"),
        **dict.fromkeys("O〇o", "0"),
        **dict.fromkeys("lI|", "1"),
    }
)
_SURE = 0.6
_CLOSE_MM = 2.0
_RED = 0.22
_STAMPED, _STAMP_REST = 0.15, 0.3
_RED_LEAST = 20
_WITHIN = 0.25


@dataclass(frozen=True, slots=True)
class Spot:
    """A place that differs.

    Attributes:
        kind: changed · added · missing · ink, as in ``backend.domain.eyes.Mark``.
        box: pixels of the page.
        grade: 1 is the limit; more is clearer.
        line: index of the line it stands on, None beside all lines.
        approved, found: the words there, as far as they were read.
    """

    kind: str
    box: Box
    grade: float
    line: int | None = None
    approved: str = ""
    found: str = ""


@dataclass(frozen=True, slots=True)
class Rereading:
    """Where a line was read otherwise.

    Attributes:
        left, right: pixels of the page.
        telling: letters or figures differ, and the reader was sure; not only a comma.
    """

    line: int
    left: float
    right: float
    approved: str
    found: str
    telling: bool


def bluntness(softness: float, settings: PageSettings) -> float:
    """By how much a stroke's depth falls in a photograph softer than the limits were made for.

    A stroke of print is about two pixels wide and looked at through a spot of 1.3: widths add as
    squares.
    """
    if softness <= settings.sharp:
        return 1.0
    narrow = settings.sharp**2 + _STROKE
    return float(np.sqrt(narrow / (softness**2 + _STROKE)))


_STROKE = 2.2


def grade(window: Window, blunt: float, settings: PageSettings) -> float:
    """How far a window is from untouched; from 1 on it counts as different.

    Pale print, or what a stamp left of it, correlates badly without anything being different: the
    correlation at most doubles what the deepest spot says.
    """
    deepest = max(window.extra / settings.extra, window.missing / settings.missing) / blunt
    return max(deepest, min((1 - window.likeness) / (1 - settings.likeness), 2 * deepest))


def covered_by(box: Box, mask: Mask) -> float:
    """The share of a box that lies in a mask."""
    part = mask[max(0, box[1]) : box[1] + box[3], max(0, box[0]) : box[0] + box[2]]
    return float(part.mean()) if part.size else 0.0


def rereadings(lines: Sequence[Line], readings: Sequence[Reading]) -> list[Rereading]:
    """Where what is read now differs from how the approved page was read."""
    found: list[Rereading] = []
    for number, (line, reading) in enumerate(zip(lines, readings, strict=True)):
        ours, theirs = _plain(line.seen), _plain(reading.text)
        if ours == theirs:
            continue
        wide = line.box[2] + 6
        theirs_at = [line.box[0] - 3 + at * wide for at in reading.at]
        half = line.box[3] / 2
        for tag, i1, i2, j1, j2 in SequenceMatcher(
            None, ours, theirs, autojunk=False
        ).get_opcodes():
            if tag == "equal":
                continue
            at = [*line.at[i1:i2], *theirs_at[j1:j2]]
            letters = _letters(ours[i1:i2]) != _letters(theirs[j1:j2])
            sure = reading.sure[j1:j2]
            found.append(
                Rereading(
                    number,
                    min(at) - half,
                    max(at) + half,
                    line.seen[i1:i2],
                    reading.text[j1:j2],
                    letters and (not sure or sum(sure) / len(sure) >= _SURE),
                )
            )
    return found


def _plain(text: str) -> str:
    """Signs that no reader tells apart are one sign; the length stays."""
    return text.translate(_ALIKE)


def _letters(text: str) -> str:
    return "".join(sign for sign in text if sign.isalnum())


def printed(
    windows: Sequence[Window],
    again: Sequence[Rereading],
    lines: Sequence[Line],
    blunt: float,
    settings: PageSettings,
) -> tuple[list[Spot], float]:
    """Places on the lines that differ, and the highest grade of any place that was let pass.

    A window alone counts from grade 1, with a different reading at its place from ``doubt``.
    """
    spots: list[Spot] = []
    passed = 0.0
    for window in windows:
        here = grade(window, blunt, settings)
        told = [x for x in again if x.telling and x.line == window.line and _meets(x, window.box)]
        if here < settings.doubt or (here < 1 and not told):
            passed = max(passed, here)
            continue
        spots.append(_spot(window, here + (1 if told else 0), blunt, settings))
    return [_worded(spot, again, lines) for spot in _joined(spots)], passed


def pixels_only(windows: Sequence[Window], blunt: float, settings: PageSettings) -> list[Spot]:
    """Places that differ, without any reading."""
    graded = ((window, grade(window, blunt, settings)) for window in windows)
    return _joined([_spot(window, here, blunt, settings) for window, here in graded if here >= 1])


def _spot(window: Window, here: float, blunt: float, settings: PageSettings) -> Spot:
    kind = "changed"
    if window.missing < 0.5 * settings.missing * blunt:
        kind = "added"
    elif window.extra < 0.5 * settings.extra * blunt:
        kind = "missing"
    return Spot(kind, window.box, here, window.line)


def _meets(told: Rereading, box: Box) -> bool:
    return told.left < box[0] + box[2] and box[0] < told.right


def _joined(spots: Sequence[Spot]) -> list[Spot]:
    """Neighbours on one line are one place."""
    joined: list[Spot] = []
    for spot in spots:
        last = joined[-1] if joined else None
        if last and last.line == spot.line and spot.box[0] <= last.box[0] + last.box[2] + 4:
            left, top = min(last.box[0], spot.box[0]), min(last.box[1], spot.box[1])
            right = max(last.box[0] + last.box[2], spot.box[0] + spot.box[2])
            bottom = max(last.box[1] + last.box[3], spot.box[1] + spot.box[3])
            joined[-1] = replace(
                last,
                kind=last.kind if last.kind == spot.kind else "changed",
                box=(left, top, right - left, bottom - top),
                grade=max(last.grade, spot.grade),
            )
        else:
            joined.append(spot)
    return joined


def _worded(spot: Spot, again: Sequence[Rereading], lines: Sequence[Line]) -> Spot:
    assert spot.line is not None
    here = [x for x in again if x.line == spot.line and _meets(x, spot.box)]
    if here:
        return replace(
            spot,
            approved="".join(x.approved for x in here),
            found="".join(x.found for x in here),
        )
    line = lines[spot.line]
    there = [
        sign
        for sign, at in zip(line.seen, line.at, strict=True)
        if spot.box[0] <= at <= spot.box[0] + spot.box[2]
    ]
    return replace(spot, approved="".join(there))


def added_ink(sight: Sight, free: Mask, blunt: float, settings: PageSettings) -> list[Spot]:
    """Ink where the approved page has none, outside ``free``."""
    # Some pixels around print are print's, for alignment is no better; windows look there.
    cover = cv2.dilate(sight.page, np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8))
    over = np.asarray(cv2.GaussianBlur(sight.seen - cover, (0, 0), 1.0), np.float32)
    over[~sight.sheet] = 0
    # Stamp ink is not taken away to the last; a pen's stroke across a stamp is not red.
    over -= np.where(sight.red > _STAMPED, np.float32(_STAMP_REST), np.float32(0))
    marks = over > settings.blob * blunt
    least = settings.blob_mm2 * DOTS_PER_MM**2
    spots = [
        Spot("ink", box, depth / (settings.blob * blunt))
        for box, area, depth in _clusters(marks, over, free)
        if area >= least
    ]
    return spots + _red_writing(sight, free, settings)


def _clusters(marks: Mask, depth: Ink, free: Mask) -> list[tuple[Box, int, float]]:
    """Strokes near each other as one: its box, its inked pixels, its depth; those mostly in
    ``free`` left out."""
    count, label, stats, _ = cv2.connectedComponentsWithStats(marks.astype(np.uint8))
    kept = np.zeros(marks.shape, np.uint8)
    for at in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[at])
        if area < 4:
            continue
        mine = label[y : y + h, x : x + w] == at
        if free[y : y + h, x : x + w][mine].mean() < _WITHIN:
            kept[y : y + h, x : x + w][mine] = 1
    near = round(_CLOSE_MM * DOTS_PER_MM)
    groups, label, stats, _ = cv2.connectedComponentsWithStats(
        cv2.dilate(kept, np.ones((near, near), np.uint8))
    )
    found = []
    for at in range(1, groups):
        x, y, w, h = (int(v) for v in stats[at][:4])
        mine = (label[y : y + h, x : x + w] == at) & (kept[y : y + h, x : x + w] > 0)
        rows, columns = np.nonzero(mine)
        if rows.size == 0:
            continue
        box = (
            x + int(columns.min()),
            y + int(rows.min()),
            int(np.ptp(columns)) + 1,
            int(np.ptp(rows)) + 1,
        )
        deepest = float(depth[y : y + h, x : x + w][mine].max())
        found.append((box, int(rows.size), deepest))
    return found


def _red_writing(sight: Sight, free: Mask, settings: PageSettings) -> list[Spot]:
    """Red that is too small or too thin for a stamp: a red pen is invisible to all other checks."""
    marks = (sight.red > _RED) & sight.sheet
    if not marks.any():
        return []
    least = settings.stamp_mm * DOTS_PER_MM
    stamps = np.zeros(marks.shape, bool)
    near = round(4 * DOTS_PER_MM)
    joined = cv2.dilate(marks.astype(np.uint8), np.ones((near, near), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    for at in range(1, count):
        left, top, wide, high = (int(value) for value in stats[at][:4])
        if min(wide, high) >= least + near:
            # All of it: the star stands apart from the ring.
            stamps[top : top + high, left : left + wide] = True
    return [
        Spot("ink", box, depth / _RED)
        for box, area, depth in _clusters(marks & ~stamps, sight.red, free)
        if area >= max(_RED_LEAST, settings.blob_mm2 * DOTS_PER_MM**2)
    ]
