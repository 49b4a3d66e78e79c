"""What the eyes saw of a use: the words that differ, both places side by side, and what people say
of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor
from backend.services.second_opinions import REVIEWERS, SecondOpinionService
from backend.store import eyes_story
from backend.web import looks
from backend.web.eyes_words import MARK, REASON


@dataclass(frozen=True, slots=True)
class Difference:
    """One place: what the approved page says there and what the sheet says."""

    kind: str
    approved: str
    found: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A verdict with what is behind it. ``agrees`` is None while nobody gave an opinion."""

    seq: int
    reasons: Sequence[str]
    differences: Sequence[Difference]
    pairs: Sequence[tuple[looks.Tile | None, looks.Tile | None]]
    agrees: bool | None
    remark: str
    may_opine: bool

    @property
    def plain(self) -> bool:
        """Whether there is nothing to show but the finding."""
        return not (self.reasons or self.differences or self.pairs or self.may_opine)


def of_use(
    conn: Connection, use_id: str, actor: Actor, open_now: Sequence[looks.OpenReview]
) -> dict[int, Seen]:
    """The verdicts of a use by their records."""
    found = eyes_story.looks_of(conn, use_id)
    said = SecondOpinionService.of(conn, found)
    names = [
        name
        for row in found.values()
        for pair in row.result.get("crops", ())
        for name in pair
        if name is not None
    ]
    cut = eyes_story.crops(conn, names)
    tiles = {tile.id: tile for tile in looks.tiles(cut, actor, open_now)}
    may = bool(actor.branches(*REVIEWERS))
    return {
        seq: Seen(
            seq=seq,
            reasons=[REASON[code] for code in row.result.get("reasons", ()) if code in REASON],
            differences=_differences(row),
            pairs=[
                (tiles.get(approved or ""), tiles.get(seen or ""))
                for approved, seen in row.result.get("crops", ())
            ],
            agrees=None if seq not in said else said[seq].agrees,
            remark="" if seq not in said else said[seq].reason,
            may_opine=may,
        )
        for seq, row in found.items()
    }


def _differences(row: Row[Any]) -> list[Difference]:
    return [
        Difference(MARK.get(mark["kind"], mark["kind"]), mark["approved"], mark["found"])
        for mark in row.result.get("marks", ())
        if mark.get("approved") or mark.get("found")
    ]
