"""The way by which a person sees a picture: recorded first, shown after (promise 5)."""

from __future__ import annotations

import io
from typing import Annotated, Final

from fastapi import Query
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.errors import DomainError
from backend.store.tables import picture
from backend.web import looks
from backend.web.site import Concerned, WebPort, pages, piece

_SMALL: Final = {"thumb": 360, "crop": 840}
"""Longest side of a small picture, in pixels: a crop's frames and words have to be seen."""

router = pages()


@router.get("/pictures/{picture_id}")
def show_picture(
    who: Concerned,
    web: WebPort,
    picture_id: str,
    review: Annotated[str, Query(max_length=64)],
    size: Annotated[str, Query(max_length=10)] = "full",
) -> Response:
    """The picture, for whoever stated a reason; never kept by the browser, so that every look
    comes by here."""
    shown = web.pictures.view(who.actor, picture_id, review_id=review)
    data, mime = shown.data, shown.mime
    if size in _SMALL and mime.startswith("image/"):
        data, mime = _small(data, _SMALL[size]), "image/jpeg"
    return Response(
        data,
        media_type=mime,
        headers={"Cache-Control": "no-store", "Content-Disposition": "inline"},
    )


@router.get("/pictures/{picture_id}/tile")
def tile(request: Request, who: Concerned, web: WebPort, picture_id: str) -> Response:
    """The placeholder again, so that a picture still on its way appears when it is there."""
    with web.context.db.read() as conn:
        rows = conn.execute(picture.select().where(picture.c.id == picture_id)).all()
        found = looks.tiles(rows, who.actor, looks.open_reviews(conn, web, who.actor))
    if not found:
        raise DomainError("not_found", "找不到该图片", "no such picture", "missing")
    return piece(request, web, who, "parts/tile.html", {"tile": found[0]})


def _small(data: bytes, longest: int) -> bytes:
    image: Image.Image = Image.open(io.BytesIO(data))
    image.draft("RGB", (longest * 2, longest * 2))
    image = image.convert("RGB")
    image.thumbnail((longest, longest))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=78)
    return out.getvalue()
