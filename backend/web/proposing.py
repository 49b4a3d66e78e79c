"""Places to sign and to stamp that the program proposes on a draft's papers. The applicant takes or
leaves each; nobody waits for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from backend.domain import zones
from backend.domain.application import DocumentKind
from backend.services.views import ApplicationView, DocumentView
from backend.store import proposals
from backend.store.proposals import Place
from backend.web.i18n import mark, say
from backend.web.ports import Web

KIND: Final[Mapping[str, str]] = {
    "signature": mark("建议签字处"),
    "seal": mark("建议盖章处"),
    "date": mark("建议填日期处"),
}


def of_draft(
    web: Web, view: ApplicationView, paper: DocumentView, locale: str
) -> list[dict[str, Any]] | None:
    """Rows and names of the places on a paper that may still be marked; None while it is being
    read, none where nobody reads papers."""
    if not may_mark(view, paper) or not web.reads_papers or paper.picture_id is None:
        return []
    with web.context.db.read() as conn:
        found = proposals.found(conn, paper.picture_id)
    return None if found is None else _named(found, locale)


def of_submitted(web: Web, view: ApplicationView, paper: DocumentView) -> list[zones.Row]:
    """What counts beside the applicant's marks, who did not go through the proposals."""
    settled = zones.settled_papers(view.details)
    if may_mark(view, paper) or paper.picture_id is None or paper.picture_id in settled:
        return []
    with web.context.db.read() as conn:
        found = proposals.counting(conn, view.row.id, paper.picture_id)
    return zones.rows_of([(one.sheet, one.box) for one in found])


def have_read(web: Web, view: ApplicationView) -> None:
    """Have the pages of a draft read, each once, while the applicant goes on."""
    wanted = [one for one in view.documents if may_mark(view, one) and one.picture_id is not None]
    if not web.reads_papers or not wanted:
        return
    now = web.context.now()
    with web.context.db.write() as conn:
        for one in wanted:
            proposals.ask(conn, str(one.picture_id), view.row.id, view.row.org_path, now)


def may_mark(view: ApplicationView, paper: DocumentView) -> bool:
    """Whether the asker may still mark this paper."""
    return "edit" in view.actions and paper.kind == DocumentKind.PAGE.value


def _named(found: Iterable[Place], locale: str) -> list[dict[str, Any]]:
    some = list(found)
    rows = zones.rows_of([(one.sheet, one.box) for one in some])
    return [
        {"row": list(row), "name": say(KIND.get(one.kind, one.kind), locale)}
        for row, one in zip(rows, some, strict=True)
    ]
