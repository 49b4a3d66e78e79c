"""What the eyes saw of a use: the words that differ, both places side by side, and what people say
of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor
from backend.services.second_opinions import REVIEWERS, SecondOpinionService
from backend.store import eyes_story
from backend.web import looks
from backend.web.eyes_words import MARK, OTHER_WORDS, REASON
from backend.web.i18n import mark


@dataclass(frozen=True, slots=True)
class Difference:
    """One place: what the approved page says there and what the sheet says."""

    kind: str
    approved: str
    found: str


@dataclass(frozen=True, slots=True)
class Seen:
    """A verdict with what is behind it. ``captions`` say what the two pictures of a pair show;
    ``whole``, that they are whole pages. ``seals`` are those that an imprint of another seal looks
    like. ``agrees`` is None while nobody gave an opinion."""

    seq: int
    use_id: str
    reasons: Sequence[str]
    differences: Sequence[Difference]
    pairs: Sequence[tuple[looks.Tile | None, looks.Tile | None]]
    captions: tuple[str, str]
    whole: bool
    seals: Sequence[str]
    agrees: bool | None
    remark: str
    may_opine: bool

    @property
    def plain(self) -> bool:
        """Whether there is nothing to show but the finding."""
        return not (self.reasons or self.differences or self.pairs or self.seals or self.may_opine)


CAPTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "page": (mark("审批件"), mark("现场")),
    "imprint": (mark("盖章前"), mark("盖章后")),
}

_OTHER_PAPER: Final = frozenset({"another", "extra"})
_WHOLE_PAGES: Final = _OTHER_PAPER | {"blank"}

_OF_CODE: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    "C3": ("page", frozenset({"another", "extra"})),
    "C4": ("imprint", frozenset({"page_changed"})),
    "C5": ("page", frozenset({"altered"})),
    "C6": ("page", frozenset({"blank"})),
    "C7": ("page", frozenset({"reused"})),
    "C8": ("imprint", frozenset({"other_seal", "unknown_seal"})),
    "C9": ("imprint", frozenset({"several", "misplaced"})),
    "C21": ("imprint", frozenset({"none"})),
}
"""Which verdicts an alert of a rule is about."""


def of_use(
    conn: Connection, use_id: str, actor: Actor, open_now: Sequence[looks.OpenReview]
) -> dict[int, Seen]:
    """The verdicts of a use by their records."""
    return _seen(conn, use_id, eyes_story.looks_of(conn, use_id), actor, open_now)


def of_alert(
    conn: Connection, alert: Row[Any], actor: Actor, open_now: Sequence[looks.OpenReview]
) -> list[Seen]:
    """The verdicts that an alert is about, the earliest first; none, where it is about another
    thing."""
    if alert.use_id is None or alert.code not in _OF_CODE:
        return []
    kind, findings = _OF_CODE[alert.code]
    # One alert stands for all presses of a use.
    found = {
        seq: row
        for seq, row in eyes_story.looks_of(conn, alert.use_id).items()
        if row.kind == kind and row.finding in findings
    }
    return list(dict(sorted(_seen(conn, alert.use_id, found, actor, open_now).items())).values())


def _seen(
    conn: Connection,
    use_id: str,
    found: Mapping[int, Row[Any]],
    actor: Actor,
    open_now: Sequence[looks.OpenReview],
) -> dict[int, Seen]:
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
    others = {seq: _others(row) for seq, row in found.items()}
    called = eyes_story.seal_names(conn, {one for some in others.values() for one in some})
    return {
        seq: Seen(
            seq=seq,
            use_id=use_id,
            reasons=[REASON[code] for code in row.result.get("reasons", ()) if code in REASON],
            differences=_differences(row),
            pairs=[
                (tiles.get(approved or ""), tiles.get(seen or ""))
                for approved, seen in row.result.get("crops", ())
            ],
            captions=CAPTIONS[row.kind],
            whole=row.finding in _WHOLE_PAGES,
            seals=[called[one] for one in others[seq] if one in called],
            agrees=None if seq not in said else said[seq].agrees,
            remark="" if seq not in said else said[seq].reason,
            may_opine=may,
        )
        for seq, row in found.items()
    }


def _others(row: Row[Any]) -> list[str]:
    """The seals that left an imprint where another should have."""
    if row.finding != "other_seal":
        return []
    return [one["seal"] for one in row.result.get("imprints", ()) if one.get("seal")]


def _differences(row: Row[Any]) -> list[Difference]:
    # On another paper nothing was changed: its words are others.
    called = {**MARK, "changed": OTHER_WORDS} if row.finding in _OTHER_PAPER else MARK
    return [
        Difference(called.get(one["kind"], one["kind"]), one["approved"], one["found"])
        for one in row.result.get("marks", ())
        if one.get("approved") or one.get("found")
    ]
