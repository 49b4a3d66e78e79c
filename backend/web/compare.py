"""Pictures side by side: the face that was enrolled and the one at the use, the page as approved,
before the press and after it. Placeholders until the reviewer has said why (promise 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor
from backend.services.papers import PDF
from backend.store import use_story
from backend.web import looks
from backend.web.looks import OpenReview, Tile


@dataclass(frozen=True, slots=True)
class Press:
    """The page at one press; either picture may be missing."""

    number: int
    before: Tile | None
    after: Tile | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """What there is to compare. ``papers``: addresses of approved papers that are no pictures."""

    enrolled: Tile | None
    faces: Sequence[Tile]
    approved: Sequence[Tile]
    papers: Sequence[str]
    presses: Sequence[Press]

    @property
    def tiles(self) -> set[str]:
        """Ids of the pictures of the use that are shown here."""
        pages = (one for press in self.presses for one in (press.before, press.after))
        return {one.id for one in (*self.faces, *pages) if one is not None}

    def __bool__(self) -> bool:
        return bool(self.faces or self.presses)


def comparison(
    conn: Connection,
    actor: Actor,
    use: Row[Any],
    taken: Sequence[Tile],
    open_now: Sequence[OpenReview],
) -> Comparison:
    """Of what the actor may see at all: ``taken``, and what was enrolled and approved."""
    faces = [one for one in taken if one.kind == "face" and one.state != "broken"]
    # Of the last attempt the first frame; attempts before it stand in the story.
    last = [one for one in faces if one.counter == faces[-1].counter][:1] if faces else []
    face = None if use.operator_id is None else use_story.enrolled(conn, use.operator_id)
    rows = [] if use.application_id is None else use_story.approved_pages(conn, use.application_id)
    pictures = [row for row in rows if row.mime != PDF]
    enrolled = looks.tiles([face] if face is not None else [], actor, open_now)
    return Comparison(
        enrolled=enrolled[0] if enrolled else None,
        faces=last,
        approved=looks.tiles(pictures, actor, open_now),
        papers=[
            f"/applications/{use.application_id}/papers/{row.document_id}"
            for row in rows
            if row.mime == PDF
        ],
        presses=_presses(taken),
    )


def _presses(taken: Sequence[Tile]) -> list[Press]:
    pages: dict[int, dict[str, Tile]] = {}
    for one in taken:
        if one.kind in ("page_before", "page_after") and one.press is not None:
            pages.setdefault(one.press, {}).setdefault(one.kind, one)
    return [
        Press(number, found.get("page_before"), found.get("page_after"))
        for number, found in sorted(pages.items())
    ]
