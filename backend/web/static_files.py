"""The route of stylesheet, scripts and icons."""

from __future__ import annotations

from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import public
from backend.web import assets
from backend.web.site import pages

_FOREVER: Final = "public, max-age=31536000, immutable"
_SHORTLY: Final = "public, max-age=60"

router = pages()


@router.get(
    assets.PREFIX + "/{digest}/{name:path}",
    dependencies=[public("stylesheet, scripts and icons hold nothing of anybody")],
)
def static_file(request: Request, digest: str, name: str) -> Response:
    """One file; kept for ever when the digest is the content's, for a minute when it is not."""
    found = assets.asset(name)
    if found is None:
        raise HTTPException(404)
    headers = {
        "Cache-Control": _FOREVER if digest == found.digest else _SHORTLY,
        "Vary": "Accept-Encoding",
        "ETag": f'"{found.digest}"',
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    if found.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(found.packed, 200, headers, found.mime)
    return Response(found.plain, 200, headers, found.mime)
