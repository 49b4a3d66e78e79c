"""What makes the pages an app on a phone's home screen: manifest and service worker."""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.responses import Response

from backend.api.deps import public
from backend.web import assets
from backend.web.site import pages

_HOURS: Final = {"Cache-Control": "public, max-age=3600"}
_NOW: Final = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/"}

router = pages()


@router.get(
    "/manifest.webmanifest", dependencies=[public("name and icon of the app, nothing of anybody")]
)
def manifest() -> Response:
    """Name, icon and colours (W3C Web App Manifest)."""
    found = {
        "name": "智印 · 村社用印",
        "short_name": "智印",
        "lang": "zh-Hans-CN",
        "id": "/",
        "start_url": "/home",
        "scope": "/",
        "display": "standalone",
        "background_color": "#f5f2ec",
        "theme_color": "#9f2b22",
        "icons": [
            {
                "src": assets.address("icon.svg"),
                "sizes": "any",
                "type": "image/svg+xml",
                "purpose": "any maskable",
            }
        ],
    }
    return Response(msgspec.json.encode(found), 200, _HOURS, "application/manifest+json")


@router.get("/sw.js", dependencies=[public("the service worker holds nothing of anybody")])
def service_worker() -> Response:
    """At the root, so that its scope is every page; never kept, so that a new one arrives."""
    found = assets.asset("sw.js")
    assert found is not None  # ours, in this package
    return Response(found.plain, 200, _NOW, found.mime)


@router.get("/offline", dependencies=[public("says that there is no connection")])
def offline() -> Response:
    """Kept by the service worker for when nothing else can be reached; it must stand alone."""
    style = assets.address("app.css")
    body = (
        '<!doctype html><html lang="zh-Hans-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>没有网络 · 智印</title><link rel="stylesheet" href="{style}"></head>'
        '<body><main class="narrow sorry"><h1>没有网络</h1>'
        '<p class="lead">连上网络后再试。已保存的草稿不会丢失。</p>'
        "<p>No connection. Try again when you are on line; saved drafts are kept.</p>"
        '<p class="actions"><a class="button primary" href="/home">重试 · Try again</a></p>'
        "</main></body></html>"
    )
    return Response(body, 200, _HOURS, "text/html; charset=utf-8")
