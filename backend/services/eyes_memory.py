"""What the eyes need for a look, and what they keep of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select

from backend.domain import zones as marked
from backend.domain.errors import DomainError
from backend.services.context import ServiceContext
from backend.store import search
from backend.store.pictures import PictureStore
from backend.store.tables import (
    application,
    device,
    document,
    imprint_template,
    reference_page,
    seal_use,
    sheet,
)
from backend.vision.workers.wire import (
    Crop,
    ImprintSeen,
    LookAtImprint,
    LookAtPage,
    MadePage,
    MakeReference,
    PageSeen,
    ReferenceMade,
    Result,
    Task,
    Unable,
)

Ask = Callable[[Task], Result]
"""See :meth:`backend.vision.workers.worker.Worker.ask`."""

REMEMBER_MS: Final = 90 * 86_400_000
REMEMBER_MOST: Final = 40
"""Sheets of a village that a page is held against (C7): its newest. Older reuse is left to the
grant, which is used up."""

CROP: Final = "crop"
_MOST_CROPS: Final = 3


@dataclass(frozen=True, slots=True)
class ReadPage:
    """An approved page, and where it came from: ``sheet`` counts within the uploaded paper."""

    picture: str
    sheet: int
    made: MadePage


class EyesMemory:
    """Reads and writes everything that a look is about."""

    def __init__(self, context: ServiceContext, pictures: PictureStore) -> None:
        self._context = context
        self._pictures = pictures

    def read_papers(self, application_id: str, ask: Ask) -> list[ReadPage]:
        """The pages of an application's papers, in order. One that cannot be read is left out:
        there is nothing to compare with, and that is said at the sleeve.

        Raises:
            WorkerFailed: when whoever reads them died or took too long.
        """
        with self._context.db.read() as conn:
            papers = conn.execute(
                select(document.c.picture_id)
                .where(
                    document.c.application_id == application_id,
                    document.c.kind == "page",
                    document.c.picture_id.is_not(None),
                )
                .order_by(document.c.position)
            ).scalars()
            given = [(name, self._bytes(conn, name)) for name in papers]
            details = conn.execute(
                select(application.c.details).where(application.c.id == application_id)
            ).scalar()
        pages: list[ReadPage] = []
        for name, data in given:
            if isinstance(data, Unable):
                continue
            settled = name in marked.settled_papers(details or {})
            made = ask(MakeReference(data, marked.boxes(details or {}, name), settled))
            if isinstance(made, ReferenceMade):
                pages += [ReadPage(name, number, page) for number, page in enumerate(made.pages)]
        return pages

    def read_draft(self, row: Row[Any], ask: Ask) -> Result:
        """One paper of a draft, read before anything is handed in.

        Raises:
            WorkerFailed: when whoever reads it died or took too long.
        """
        with self._context.db.read() as conn:
            data = self._bytes(conn, str(row.input["pictures"][0]))
        return data if isinstance(data, Unable) else ask(MakeReference(data))

    def remember_pages(
        self, conn: Connection, row: Row[Any], pages: list[ReadPage], now: int
    ) -> None:
        """Keep the pages that were read in place of those read before; the usage log finds the
        uses by their words."""
        conn.execute(
            delete(reference_page).where(reference_page.c.application_id == row.application_id)
        )
        if pages:
            conn.execute(
                reference_page.insert(),
                [
                    {
                        "application_id": row.application_id,
                        "position": position,
                        "org_path": row.org_path,
                        "picture_id": page.picture,
                        "sheet": page.sheet,
                        "features": page.made.features,
                        "words": page.made.words,
                        "facts": dict(page.made.facts),
                        "zones": [list(zone) for zone in page.made.zones],
                        "made_at": now,
                    }
                    for position, page in enumerate(pages)
                ],
            )
        uses = select(seal_use.c.id).where(seal_use.c.application_id == row.application_id)
        search.read_again(conn, list(conn.execute(uses).scalars()))

    def task(self, row: Row[Any]) -> Task | Unable:
        """The question that a look asks; or why it cannot be asked."""
        with self._context.db.read() as conn:
            given = [self._bytes(conn, name) for name in row.input["pictures"]]
            for one in given:
                if isinstance(one, Unable):
                    return one
            shots = [one for one in given if isinstance(one, bytes)]
            pages = conn.execute(
                select(reference_page.c.features, reference_page.c.zones)
                .where(reference_page.c.application_id == row.application_id)
                .order_by(reference_page.c.position)
            ).all()
            references = [page.features for page in pages]
            zones = [[_box(zone) for zone in page.zones] for page in pages]
            if row.kind == "page":
                return LookAtPage(shots[0], references, zones, self._sheets(conn, row))
            if len(shots) < 2:
                return Unable("no_before", "没有盖章前的照片，无法比对", "no picture from before")
            return LookAtImprint(
                shots[0],
                shots[1],
                _seal_of(conn, row),
                self._templates(conn, row),
                references,
                zones,
            )

    def remember(self, conn: Connection, row: Row[Any], result: Result, now: int) -> dict[str, Any]:
        """Keep what a look brought along: the sheet, and the places to look at as pictures.
        Returns their ids."""
        if isinstance(result, ImprintSeen) and result.sheet:
            conn.execute(
                sheet.insert(),
                {
                    "id": row.id,
                    "org_path": row.org_path,
                    "use_id": row.use_id,
                    "press": row.press,
                    "features": result.sheet,
                    "seen_at": now,
                },
            )
        crops = result.crops if isinstance(result, PageSeen | ImprintSeen) else []
        return {"crops": [self._crop(conn, row, crop, now) for crop in crops[:_MOST_CROPS]]}

    def _crop(self, conn: Connection, row: Row[Any], crop: Crop, now: int) -> list[str | None]:
        kept: list[str | None] = []
        for data in (crop.approved, crop.found):
            name = self._context.new_id() if data else None
            if name is not None:
                self._pictures.put(
                    conn,
                    name,
                    data,
                    org_path=row.org_path,
                    kind=CROP,
                    mime="image/jpeg",
                    now=now,
                    use_id=row.use_id,
                )
            kept.append(name)
        return kept

    def _bytes(self, conn: Connection, name: str) -> bytes | Unable:
        try:
            return self._pictures.get(conn, name)
        except DomainError as error:
            return Unable(error.code, error.zh, error.en)

    def _sheets(self, conn: Connection, row: Row[Any]) -> dict[str, bytes]:
        rows = conn.execute(
            select(sheet.c.id, sheet.c.features)
            .where(
                sheet.c.org_path == row.org_path,
                sheet.c.use_id != row.use_id,
                sheet.c.seen_at > self._context.now() - REMEMBER_MS,
            )
            .order_by(sheet.c.seen_at.desc())
            .limit(REMEMBER_MOST)
        )
        return {one.id: one.features for one in rows}

    def _templates(self, conn: Connection, row: Row[Any]) -> dict[str, list[bytes]]:
        rows = conn.execute(
            select(imprint_template.c.seal_id, imprint_template.c.template)
            .where(
                imprint_template.c.org_path == row.org_path,
                imprint_template.c.retired_at.is_(None),
            )
            .order_by(imprint_template.c.enrolled_at)
        )
        found: dict[str, list[bytes]] = {}
        for one in rows:
            found.setdefault(one.seal_id, []).append(one.template)
        return found


def _seal_of(conn: Connection, row: Row[Any]) -> str:
    if row.application_id is not None:
        wanted = select(application.c.seal_id).where(application.c.id == row.application_id)
        found = conn.execute(wanted).scalar()
        if found:
            return str(found)
    held = conn.execute(select(device.c.seal_id).where(device.c.id == row.device_id)).scalar()
    return str(held or "")


def _box(zone: list[float]) -> tuple[float, float, float, float]:
    left, top, width, height = zone
    return left, top, width, height
