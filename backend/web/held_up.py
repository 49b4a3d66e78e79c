"""A face that was no living person's (C11): what was asked, every frame with the face framed, and
beside it the enrolled face, or the earlier capture that was shown again. Placeholders until the
reviewer has said why (promise 5)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor
from backend.store import case_pictures, face_checks
from backend.web import looks
from backend.web.i18n import mark
from backend.web.story_words import CODES

Box = tuple[int, int, int, int]
"""Left, top, width and height in thousandths of the picture's *width*."""

SURE: Final = ("replay", "flat")
"""What no honest person's pictures show; such an attempt is shown before others."""

LIVENESS: Final = (*SURE, "no_turn", "wrong_way", "too_far", "turned_other", "not_continuous")

ASKED: Final[Mapping[str, str]] = {
    "left": mark("要求向左转头"),
    "right": mark("要求向右转头"),
}
ENROLLED: Final = mark("登记照")
EARLIER: Final = mark("以前的抓拍")
HERE: Final = mark("这次的抓拍")

# Of the eyes' distance: a face from brow to chin.
_WIDE, _HIGH, _ABOVE = 2.3, 2.9, 1.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a capture; ``box`` is the face's, None where it was not found in each."""

    tile: looks.Tile
    box: Box | None


@dataclass(frozen=True, slots=True)
class HeldUp:
    """One attempt. ``known`` is what the capture is held against, with its caption."""

    attempt: int
    asked: str | None
    reasons: Sequence[str]
    caption: str
    known: Frame | None
    frames: Sequence[Frame]


def of_alert(
    conn: Connection, alert: Row[Any], actor: Actor, open_now: Sequence[looks.OpenReview]
) -> HeldUp | None:
    """The attempt that an alert is about; None where it is about another thing, or for who may not
    look at faces."""
    if alert.code != "C11" or alert.use_id is None:
        return None
    job = _attempt(face_checks.of_use(conn, alert.use_id))
    if job is None:
        return None
    reasons = [str(code) for code in job.result.get("reasons", ())]
    frames = _frames(conn, job, actor, open_now)
    if not frames:
        return None
    known = _shown_before(conn, job, actor, open_now) if "replay" in reasons else None
    caption = EARLIER if known is not None else ENROLLED
    return HeldUp(
        attempt=int(job.result.get("attempt", 1)),
        asked=ASKED.get(str(job.input.get("challenge"))),
        reasons=[CODES[code] for code in reasons if code in CODES],
        caption=caption,
        known=known or _enrolled(conn, alert, actor, open_now),
        frames=frames,
    )


def _attempt(jobs: Sequence[Row[Any]]) -> Row[Any] | None:
    """The last attempt that is proof; else the last that did not show a living person."""
    for codes in (SURE, LIVENESS):
        shown = [one for one in jobs if set(codes).intersection(one.result.get("reasons", ()))]
        if shown:
            return shown[-1]
    return None


def _frames(
    conn: Connection, job: Row[Any], actor: Actor, open_now: Sequence[looks.OpenReview]
) -> list[Frame]:
    names = [str(name) for name in job.input.get("pictures", ())]
    rows = face_checks.pictures(conn, names)
    tiles = {one.id: one for one in looks.tiles(rows.values(), actor, open_now)}
    boxes = dict(zip(names, _boxes(job, len(names)), strict=True))
    return [Frame(tiles[name], boxes[name]) for name in names if name in tiles]


def _boxes(job: Row[Any], wanted: int) -> list[Box | None]:
    """A box for each frame. Prints are kept of usable frames only: unless all were, nobody knows
    which is whose."""
    found = [_box(one) for one in job.result.get("prints", ())]
    return found if len(found) == wanted else [None] * wanted


def _box(kept: Sequence[Any]) -> Box | None:
    eyes: Sequence[float] = kept[2] if len(kept) > 2 else []
    if len(eyes) != 4:
        return None
    right_x, right_y, left_x, left_y = eyes
    apart = math.hypot(left_x - right_x, left_y - right_y)
    left = (right_x + left_x) / 2 - apart * _WIDE / 2
    top = (right_y + left_y) / 2 - apart * _ABOVE
    whole = (left, top, apart * _WIDE, apart * _HIGH)
    x, y, w, h = (round(1000 * value) for value in whole)
    return x, y, w, h


def _enrolled(
    conn: Connection, alert: Row[Any], actor: Actor, open_now: Sequence[looks.OpenReview]
) -> Frame | None:
    rows = [one for kind, one in case_pictures.pair(conn, alert) if kind == "enrolment" and one]
    return next((Frame(one, None) for one in looks.tiles(rows, actor, open_now)), None)


def _shown_before(
    conn: Connection, job: Row[Any], actor: Actor, open_now: Sequence[looks.OpenReview]
) -> Frame | None:
    """The earlier frame that is most like one of this capture."""
    here = [one for one in job.result.get("prints", ()) if one]
    best: tuple[int, Row[Any], int] | None = None
    for earlier in face_checks.before(conn, job.device_id, job.counter):
        prints = earlier.result.get("prints", ())
        if len(prints) != len(earlier.input.get("pictures", ())):
            continue
        for at, kept in enumerate(prints):
            for one in here:
                apart = _apart(one, kept)
                if apart is not None and (best is None or apart < best[0]):
                    best = (apart, earlier, at)
    if best is None:
        return None
    _, earlier, at = best
    frames = {one.tile.id: one for one in _frames(conn, earlier, actor, open_now)}
    return frames.get(str(earlier.input["pictures"][at]))


def _apart(one: Sequence[Any], other: Sequence[Any]) -> int | None:
    """In how many of 256 signs two frames differ; 0 for the same bytes."""
    if one[0] == other[0]:
        return 0
    if not one[1] or not other[1]:
        return None
    return (int(one[1], 16) ^ int(other[1], 16)).bit_count()
