"""What the program proposes on a draft's papers: where to sign and where to stamp.

A paper is read once for that, when nothing else is to be looked at; the answer stays with the look.
After handing in, what counts stands with the approved pages.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Row, Select, select

from backend.domain.eyes import Box
from backend.store import looks
from backend.store.looks import DONE, READY, NewLook
from backend.store.tables import look, reference_page

KIND: Final = "draft"


@dataclass(frozen=True, slots=True)
class Place:
    """A place on an uploaded paper: ``kind`` is signature, seal or date."""

    sheet: int
    kind: str
    box: Box


class _Page(Protocol):
    @property
    def facts(self) -> Mapping[str, Any]: ...


def places(pages: Iterable[_Page]) -> list[list[dict[str, Any]]]:
    """What is kept of the pages of a paper, sheet by sheet."""
    return [
        [{"kind": one["kind"], "at": list(one["at"])} for one in page.facts.get("places", ())]
        for page in pages
    ]


def ask(conn: Connection, picture: str, application: str, org_path: str, now: int) -> None:
    """Have a paper of a draft read, unless it was asked for before."""
    looks.add(conn, [_look(picture, application, org_path, now)])


def found(conn: Connection, picture: str) -> list[Place] | None:
    """The places on a draft's paper; None while it is still to be read, none where it cannot be."""
    query: Select[Any] = select(look.c.state, look.c.result)
    row = conn.execute(query.where(look.c.id == _look(picture, "", "", 0).id)).one_or_none()
    if row is None or row.state != DONE:
        return None
    return [
        place
        for sheet, some in enumerate(row.result.get("sheets", ()))
        for place in _places(sheet, some)
    ]


def counting(conn: Connection, application: str, picture: str) -> list[Place]:
    """The places that were found on a paper that was handed in."""
    query: Select[Any] = select(reference_page.c.sheet, reference_page.c.facts)
    rows: Sequence[Row[Any]] = conn.execute(
        query.where(
            reference_page.c.application_id == application,
            reference_page.c.picture_id == picture,
        ).order_by(reference_page.c.position)
    ).all()
    return [place for row in rows for place in _places(row.sheet, row.facts.get("places", ()))]


def _look(picture: str, application: str, org_path: str, now: int) -> NewLook:
    given = {"pictures": [picture]}
    return NewLook(KIND, (picture,), org_path, READY, now, input=given, application=application)


def _places(sheet: int, some: Iterable[Mapping[str, Any]]) -> list[Place]:
    # Pages that were read by an older version do not say where on the upload.
    return [
        Place(sheet, str(one["kind"]), (left, top, wide, high))
        for one in some
        for left, top, wide, high in [one.get("at") or (0, 0, 0, 0)]
        if wide > 0 and high > 0
    ]
