"""Pictures that an alert is about, in pairs to be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, Select, select

from backend.domain.application import DocumentKind
from backend.store import today
from backend.store.tables import document, picture, seal_use

_PDF: Final = "application/pdf"
_PERSON: Final = ("enrolment", "face")
_APPROVED: Final = ("document", "page_before")
_PAGES: Final = ("page_before", "page_after")

PAIRS: Final[Mapping[str, tuple[str, str]]] = {
    "C3": _APPROVED,
    "C5": _APPROVED,
    "C6": _APPROVED,
    "C10": _PERSON,
    "C11": _PERSON,
    "C12": _PERSON,
}
"""Which two kinds tell most about an alert of each rule; otherwise the page before and after."""


def pair(conn: Connection, found: Row[Any]) -> list[tuple[str, Row[Any] | None]]:
    """(kind, picture) of the two to be compared for the alert ``found``; a picture that there is
    not is ``None``. Empty when the alert is about no use. Who may look is for the caller."""
    if found.use_id is None:
        return []
    kinds = PAIRS.get(found.code, _PAGES)
    taken = today.pictures_of(conn, [found.use_id]).get(found.use_id, [])
    return [(kind, _one(conn, found, kind, taken)) for kind in kinds]


def _one(
    conn: Connection, found: Row[Any], kind: str, taken: Sequence[Row[Any]]
) -> Row[Any] | None:
    if kind == "document":
        return _approved_page(conn, found.application)
    if kind == "enrolment":
        return _enrolled(conn, found.use_id)
    same = [one for one in taken if one.kind == kind and one.state != "broken"]
    press = found.data.get("press")
    return next((one for one in same if one.press == press), same[-1] if same else None)


def _approved_page(conn: Connection, application_id: str | None) -> Row[Any] | None:
    return conn.execute(
        _pictures()
        .join(document, document.c.picture_id == picture.c.id)
        .where(
            document.c.application_id == application_id,
            document.c.kind == DocumentKind.PAGE.value,
            picture.c.mime != _PDF,  # no browser shows one as a picture
        )
        .order_by(document.c.position)
        .limit(1)
    ).one_or_none()


def _enrolled(conn: Connection, use_id: str) -> Row[Any] | None:
    operator = select(seal_use.c.operator_id).where(seal_use.c.id == use_id).scalar_subquery()
    return conn.execute(
        _pictures()
        .where(picture.c.person_id == operator, picture.c.kind == "enrolment")
        .order_by(picture.c.created_at.desc())
        .limit(1)
    ).one_or_none()


def _pictures() -> Select[Any]:
    p = picture.c
    return select(p.id, p.kind, p.state, p.use_id, p.press, p.frame, p.counter, p.org_path)
