"""Pictures on pages: a placeholder until the reviewer has said why, then the picture itself, each
look on record first (promise 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor, Role
from backend.domain.organisation import within
from backend.services.pictures import VIEWERS
from backend.store import reviews
from backend.web.ports import Web

LOOKERS: Final = (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN)


@dataclass(frozen=True, slots=True)
class OpenReview:
    """A reason that was stated and holds for now."""

    id: str
    org_path: str
    reason: str
    closes_at: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture on a page. ``review`` is set when it may be shown."""

    id: str
    kind: str
    state: str
    press: int | None
    frame: int | None
    counter: int | None
    review: str | None

    @property
    def shown(self) -> bool:
        """Whether the picture itself is to be asked for."""
        return self.review is not None and self.state == "complete"


def open_reviews(conn: Connection, web: Web, actor: Actor) -> list[OpenReview]:
    """The actor's open reviews, newest first."""
    return [
        OpenReview(row.id, row.org_path, row.reason, row.closes_at)
        for row in reviews.open_reviews(conn, actor.person_id, web.context.now())
    ]


def begin(web: Web, actor: Actor, reason: str) -> None:
    """State a reason for all branches that the actor may look at.

    Raises:
        DomainError: ``reason_needed``, ``denied``.
    """
    for branch in actor.branches(*LOOKERS):
        web.pictures.open_review(actor, reason, branch)


def begin_stated(web: Web, actor: Actor) -> None:
    """In a demo, the reason stated beforehand, if the actor has none open."""
    if web.review_reason is None or not actor.branches(*LOOKERS):
        return
    with web.context.db.read() as conn:
        if open_reviews(conn, web, actor):
            return
    begin(web, actor, web.review_reason)


def tiles(rows: Iterable[Row[Any]], actor: Actor, open_now: Sequence[OpenReview]) -> list[Tile]:
    """The pictures that the actor's roles may see at all, in their order."""
    return [
        Tile(
            row.id,
            row.kind,
            row.state,
            row.press,
            row.frame,
            row.counter,
            _review(row.org_path, open_now),
        )
        for row in rows
        if actor.may_any(VIEWERS.get(row.kind, ()), row.org_path)
    ]


def few(found: Sequence[Tile]) -> list[Tile]:
    """The three that tell most: the face of the last attempt, and the page before and after the
    last press."""
    chosen: list[Tile] = []
    for kind in ("face", "page_before", "page_after"):
        same = [one for one in found if one.kind == kind and one.state != "broken"]
        if same:
            last = [one for one in same if one.counter == same[-1].counter]
            chosen.append(last[0])
    return chosen


def _review(path: str, open_now: Sequence[OpenReview]) -> str | None:
    for one in open_now:
        if within(path, one.org_path):
            return one.id
    return None
