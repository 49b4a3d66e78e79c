"""Templates to responses: one environment, everything escaped, words and times by the reader's
language."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import Response

from backend.domain.actor import ROLE_ZH
from backend.domain.application import STATUS_ZH
from backend.domain.matter import SEAL_KIND_ZH
from backend.domain.organisation import LEVEL_ZH
from backend.web import assets, formats, words
from backend.web.i18n import ENGLISH, say

_GZIP_FROM: Final = 800
HTML: Final = "text/html; charset=utf-8"


@pass_context
def _translate(context: Context, message: str, /, **values: object) -> str:
    return say(message, context["locale"], **values)


@pass_context
def _when(context: Context, ms: int | None) -> str:
    return formats.when(ms, context["now"], context["locale"])


@pass_context
def _duration(context: Context, ms: int | None) -> str:
    return formats.duration(ms, context["locale"])


def environment() -> Environment:
    """The templates' surroundings."""
    env = Environment(
        loader=PackageLoader("backend.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do"],
    )
    env.globals |= {
        "t": _translate,
        "asset": assets.address,
        "words": words,
        "word": words.word,
        "STATUS_ZH": STATUS_ZH,
        "ROLE_ZH": ROLE_ZH,
        "SEAL_KIND_ZH": SEAL_KIND_ZH,
        "LEVEL_ZH": LEVEL_ZH,
    }
    env.tests["search_in"] = lambda name, wanted: str(name).startswith(wanted)
    env.filters |= {
        "when": _when,
        "lasting": _duration,
        "clock": formats.clock,
        "day": formats.day,
        "full": formats.full,
        "yuan": formats.yuan,
        "field_time": formats.field_time,
    }
    return env


ENV: Final = environment()


def fragment(template: str, values: Mapping[str, Any]) -> str:
    """A piece of a page. ``values`` must hold ``locale`` and ``now``."""
    return ENV.get_template(template).render(values)


def respond(
    request: Request,
    body: str,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """HTML, packed where the browser takes it, and kept by nobody."""
    data = body.encode()
    found = {"Cache-Control": "no-store", "Vary": "Accept-Encoding", **(headers or {})}
    if len(data) >= _GZIP_FROM and "gzip" in request.headers.get("accept-encoding", ""):
        data = gzip.compress(data, 5, mtime=0)
        found["Content-Encoding"] = "gzip"
    return Response(data, status, found, HTML)


def html_language(locale: str) -> str:
    """The BCP 47 tag of a page in ``locale``."""
    return "en" if locale == ENGLISH else "zh-Hans-CN"
