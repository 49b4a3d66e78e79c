"""Was this very sheet used before? (C7)

Two prints of one file look alike; what tells sheets apart is what hands did to them: signatures,
stamps, thumb prints, each in its own place. That trace is remembered of every sheet that was
stamped, and a sheet that comes with the same trace is the same sheet. A used sheet bears at least
our imprint, so it always has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import msgspec
import numpy as np

from backend.vision.pages import features
from backend.vision.pages.errors import StoredPageError
from backend.vision.pages.features import Features
from backend.vision.pages.ink import Gray
from backend.vision.pages.reference import DOTS_PER_MM
from backend.vision.pages.sight import Sight

VERSION = 1
_SHRINK = 4
_CORNERS = 600
_REACH_MM = 1.0
_LEAST_MM2 = 40.0
_ALIKE = 0.62
_MIN_INLIERS = 30


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """What hands left on a sheet, in an approved page's pixels, a quarter of the size.

    Attributes:
        page: digest of the approved page that it was compared with; "" if none.
        left: 0…255 per pixel.
        print: corners of the print, to bring sheets of different references together.
    """

    page: str
    left: Gray
    print: Features


@dataclass(frozen=True, slots=True)
class Reuse:
    """The remembered trace that fits: its index, and how well, 0…1."""

    index: int
    likeness: float


def trace(sight: Sight, page: str = "") -> Trace:
    """The trace of a sheet as it was seen, laid over the approved page ``page`` (its digest)."""
    cover = cv2.dilate(sight.page, np.ones((9, 9), np.uint8))
    added = np.maximum(sight.seen - cover, 0)
    left = np.where(sight.sheet, np.maximum(np.where(added > 0.2, added, 0), sight.red), 0)
    size = (left.shape[1] // _SHRINK, left.shape[0] // _SHRINK)
    small = cv2.resize(left.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    small[small < 0.06] = 0
    gray = np.clip(small * 255, 0, 255).astype(np.uint8)
    return Trace(page, gray, features.extract(sight.seen, _CORNERS))


def reused(found: Trace, remembered: Sequence[Trace]) -> Reuse | None:
    """The remembered sheet that this one is; None if it bears nothing, or nothing known.

    Some milliseconds each of the same approved page, some tens each of another.
    """
    if not _enough(found.left):
        return None
    best: Reuse | None = None
    for index, known in enumerate(remembered):
        if not _enough(known.left):
            continue
        likeness = _likeness(found, known)
        if likeness >= _ALIKE and (best is None or likeness > best.likeness):
            best = Reuse(index, likeness)
    return best


def _enough(left: Gray) -> bool:
    return float((left > 30).sum()) >= _LEAST_MM2 * (DOTS_PER_MM / _SHRINK) ** 2


def _likeness(found: Trace, known: Trace) -> float:
    theirs = known.left
    if not found.page or found.page != known.page:
        placed = features.place(known.print, found.print)
        if placed.plane is None or placed.inliers < _MIN_INLIERS:
            return 0.0
        scale = np.diag([1 / _SHRINK, 1 / _SHRINK, 1.0])
        plane = scale @ placed.plane @ np.linalg.inv(scale)
        size = (found.left.shape[1], found.left.shape[0])
        theirs = np.asarray(cv2.warpPerspective(theirs, plane, size), np.uint8)
    if theirs.shape != found.left.shape:
        return 0.0
    # What the sheet bore then must be there still; what came since does not count against it.
    rows, columns = np.nonzero(cv2.dilate(theirs, np.ones((5, 5), np.uint8)) > 30)
    if rows.size == 0:
        return 0.0
    reach = max(1, round(_REACH_MM * DOTS_PER_MM / _SHRINK))
    y0, y1, x0, x1 = rows.min(), rows.max() + 1, columns.min(), columns.max() + 1
    ours = cv2.copyMakeBorder(
        cv2.GaussianBlur(found.left, (0, 0), 0.7), reach, reach, reach, reach, cv2.BORDER_CONSTANT
    )
    scores = cv2.matchTemplate(
        ours[y0 : y1 + 2 * reach, x0 : x1 + 2 * reach].astype(np.float32),
        cv2.GaussianBlur(theirs, (0, 0), 0.7)[y0:y1, x0:x1].astype(np.float32),
        cv2.TM_CCOEFF_NORMED,
    )
    return float(np.nan_to_num(scores, nan=0.0, posinf=0.0).max())


class _Stored(msgspec.Struct, frozen=True):
    version: int
    page: str
    png: bytes
    points: bytes
    codes: bytes


def to_bytes(kept: Trace) -> bytes:
    """The trace as MessagePack, about 40 kB."""
    _, png = cv2.imencode(".png", kept.left)
    return msgspec.msgpack.encode(
        _Stored(
            VERSION,
            kept.page,
            png.tobytes(),
            kept.print.points.astype("<f4").tobytes(),
            kept.print.codes.tobytes(),
        )
    )


def from_bytes(data: bytes) -> Trace:
    """A trace that ``to_bytes`` wrote.

    Raises:
        StoredPageError: ``trace_unknown`` for any other bytes or another version.
    """
    try:
        stored = msgspec.msgpack.decode(data, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unknown() from error
    left = cv2.imdecode(np.frombuffer(stored.png, np.uint8), cv2.IMREAD_GRAYSCALE)
    points = np.frombuffer(stored.points, "<f4").astype(np.float32)
    codes = np.frombuffer(stored.codes, np.uint8)
    fits = points.size % 2 == 0 and codes.size == points.size // 2 * 32
    if stored.version != VERSION or left is None or not fits:
        raise _unknown()
    return Trace(
        stored.page,
        np.asarray(left, np.uint8),
        Features(points.reshape(-1, 2), codes.reshape(-1, 32)),
    )


def _unknown() -> StoredPageError:
    return StoredPageError(
        "trace_unknown",
        "已用页的特征数据已损坏或版本不符。",
        "These bytes are no stored trace of a sheet, or one of another version.",
    )
