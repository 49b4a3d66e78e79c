"""The pages for everybody: an organisation's uses without persons, and whether a stamped paper is
in the register. Off unless the organisation turned them on."""

from __future__ import annotations

import calendar
from datetime import date
from typing import Annotated, Any, Final

import segno
from fastapi import Query
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import public, service
from backend.domain.calendar import local_day, midnight
from backend.services.public_register import PublicRegisterService
from backend.web import render
from backend.web.i18n import mark
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, frame, guest_locale, page, pages
from backend.web.words import Word

_REASON: Final = (
    "counts and yes or no, nothing of anybody; where the organisation chose so; counted"
)
_FIRST_YEAR: Final = 2020
_NO_INDEX: Final = {"X-Robots-Tag": "noindex", "Cache-Control": "no-store"}

VERDICT: Final = {
    "approved": Word(mark("登记在册，经过审批"), "ok"),
    "over": Word(mark("登记在册，但盖的章比批准的多"), "bad"),
    "unapproved": Word(mark("登记在册，但没有经过审批"), "bad"),
}

Register = Annotated[PublicRegisterService, service(PublicRegisterService)]

router = pages()


@router.get("/public/check", dependencies=[public(_REASON)])
def check_page(
    request: Request,
    web: WebPort,
    register: Register,
    code: Annotated[str, Query(alias="c", max_length=60)] = "",
) -> Response:
    """“Is this stamped paper in the register?” The code is in the query, which no log keeps."""
    found = register.check(code, _address(request)) if code.strip() else None
    values = {"code": code, "found": found, "verdicts": VERDICT}
    return _respond(request, web, "public_check.html", values)


@router.get("/public/{org_id}", dependencies=[public(_REASON)])
def month_page(
    request: Request,
    web: WebPort,
    register: Register,
    org_id: str,
    month: Annotated[str, Query(max_length=7)] = "",
) -> Response:
    """A month of one organisation's uses."""
    first = _month(month) or local_day(web.context.now()).replace(day=1)
    last = calendar.monthrange(first.year, first.month)[1]
    after = date.fromordinal(first.toordinal() + last)
    before = date.fromordinal(first.toordinal() - 1).replace(day=1)
    found = register.month(org_id, midnight(first), midnight(after), _address(request))
    values = {
        "found": found,
        "month": first,
        "before": f"{before:%Y-%m}" if before.year >= _FIRST_YEAR else None,
        "after": f"{after:%Y-%m}" if midnight(after) <= web.context.now() else None,
        "uses": sum(one.uses for one in found.lines),
        "stamps": sum(one.stamps for one in found.lines),
    }
    return _respond(request, web, "public_month.html", values)


@router.get("/uses/{use_id}/slip")
def slip_page(
    request: Request, who: Concerned, web: WebPort, register: Register, use_id: str
) -> Response:
    """A slip to be printed and handed over with the paper: the code and its QR."""
    row = web.register.get(who.actor, use_id)
    code = register.codes([use_id])[use_id]
    address = f"{str(request.base_url).rstrip('/')}/public/check?c={code}"
    drawn = segno.make(address, error="m").svg_inline(omitsize=True, border=2, light="#fff")
    values = {
        "row": row,
        "code": code,
        "address": address,
        "qr": Markup(drawn),  # drawn by segno: paths and numbers only
        "open": register.is_open(row.org_path),
    }
    return page(request, web, who, "slip.html", values)


def _respond(request: Request, web: Web, template: str, values: dict[str, Any]) -> Response:
    around = frame(request, web, guest_locale(request))
    return render.respond(request, render.fragment(template, around | values), 200, _NO_INDEX)


def _address(request: Request) -> str:
    return request.client.host if request.client is not None else "unknown"


def _month(text: str) -> date | None:
    try:
        found = date.fromisoformat(f"{text}-01")
    except ValueError:
        return None
    return found if found.year >= _FIRST_YEAR else None
