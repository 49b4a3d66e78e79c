"""Taking lists away: the usage log, the register, alerts; as a workbook or on paper. What the page
shows and nothing more (promise 6); each export is on record before the file is handed over."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import service
from backend.domain.actor import Actor
from backend.domain.application_actions import READERS
from backend.domain.errors import DomainError, missing
from backend.reports import pdf, xlsx
from backend.reports.pdf import Typesetter
from backend.reports.sheet import PDF_ROWS, XLSX_ROWS, Cell, Sheet
from backend.services.public_register import PublicRegisterService
from backend.services.recording import write_down
from backend.services.saved_views import FIELDS
from backend.services.views import RegisterRow
from backend.store import alert_lists, today
from backend.web import alerts_pages, export_rows, formats, uses_log
from backend.web.alert_texts import alert_texts
from backend.web.i18n import mark, reading_locale, say
from backend.web.ports import Web
from backend.web.site import Viewer, WebPort, pages

_AT_ONCE: Final = 2
_BATCH: Final = 200
_LONGEST_ANSWER: Final = 200

_turns: Final = threading.BoundedSemaphore(_AT_ONCE)

router = pages()

Rows = Sequence[Sequence[Cell]]


@dataclass(frozen=True, slots=True)
class Reading:
    """Who asks for what: at most ``limit`` rows and one more, in ``locale``."""

    web: Web
    actor: Actor
    asked: Mapping[str, str]
    limit: int
    locale: str
    papers: PublicRegisterService


@dataclass(frozen=True, slots=True)
class _Kind:
    """One list: its title, heads, what its address may ask, and how its rows are read (one more
    than ``limit`` when there are more)."""

    title: str
    heads: export_rows.Heads
    fields: Sequence[str]
    read: Callable[[Reading], Rows]
    sign_offs: Sequence[str] = ()


@router.post("/exports/{what}")
def export(
    request: Request,
    who: Viewer,
    web: WebPort,
    typesetter: Annotated[Typesetter, service(Typesetter)],
    papers: Annotated[PublicRegisterService, service(PublicRegisterService)],
    what: str,
    form: Annotated[str, Form(alias="format", max_length=5)] = "xlsx",
) -> Response:
    """The list that the address asks for, newest first.

    Raises:
        DomainError: ``not_found``, ``busy``, ``no_font``.
    """
    kind = _KINDS.get(what)
    if kind is None or form not in ("xlsx", "pdf"):
        raise missing("这种导出", "export")
    asked = {
        name: request.query_params[name][:_LONGEST_ANSWER]
        for name in kind.fields
        if request.query_params.get(name)
    }
    if not _turns.acquire(blocking=False):
        raise DomainError(
            "busy",
            "正在生成别人的导出文件，请半分钟后再试",
            "other exports are being made; try again in half a minute",
            "throttled",
        )
    try:
        most = PDF_ROWS if form == "pdf" else XLSX_ROWS
        locale = reading_locale(who.actor.locale)
        sheet, cut = _sheet(kind, Reading(web, who.actor, asked, most, locale, papers))
        data = typesetter.pdf(sheet) if form == "pdf" else xlsx.write_xlsx(sheet)
    finally:
        _turns.release()
    with web.context.db.write() as conn:
        said = {"what": what, "format": form, "asked": asked, "rows": len(sheet.rows), "cut": cut}
        write_down(web.context, conn, who.actor, "export.made", who.actor.org_path or "/", said)
    return _file(data, f"{sheet.title}-{formats.day(web.context.now())}.{form}", form)


def _file(data: bytes, name: str, form: str) -> Response:
    return Response(
        data,
        media_type=pdf.MIME if form == "pdf" else xlsx.MIME,
        headers={
            "Content-Disposition": f'attachment; filename="zhiyin.{form}"; '
            f"filename*=UTF-8''{quote(name)}",
            "Cache-Control": "no-store",
        },
    )


def _sheet(kind: _Kind, asks: Reading) -> tuple[Sheet, bool]:
    web, actor, asked, limit, locale = asks.web, asks.actor, asks.asked, asks.limit, asks.locale
    rows = kind.read(asks)
    cut = len(rows) > limit
    rows = rows[:limit]
    made_at = formats.full(web.context.now())
    warning = say(
        mark("符合条件的不止{n}条，这里只有最新的{n}条；请缩小范围后再导出一次。"), locale, n=limit
    )
    facts = [
        (
            say(mark("范围"), locale),
            export_rows.describe(asked, _org_name(web, actor, asked), locale),
        ),
        (say(mark("条数"), locale), str(len(rows))),
        (say(mark("导出人"), locale), web.people.get(actor, actor.person_id).name),
        (say(mark("导出时间"), locale), made_at),
    ]
    return (
        Sheet(
            title=say(kind.title, locale),
            facts=facts,
            columns=export_rows.columns(kind.heads, locale),
            rows=rows,
            made_at=made_at,
            warning=warning if cut else None,
            sign_offs=[say(one, locale) for one in kind.sign_offs],
        ),
        cut,
    )


def _org_name(web: Web, actor: Actor, asked: Mapping[str, str]) -> str | None:
    path = asked.get("org")
    if not path:
        return None
    if not actor.branches() or web.admin is None:
        return path
    try:
        return web.admin.organisations.get(actor, path.rstrip("/").rsplit("/", 1)[-1]).name
    except DomainError:
        return path  # not theirs to know: the list is empty as well


def _register_rows(asks: Reading, *, stamped: bool) -> list[RegisterRow]:
    wanted = replace(uses_log.read_filter(asks.asked), unstamped=not stamped)
    found: list[RegisterRow] = []
    after: str | None = None
    while len(found) <= asks.limit:
        page = asks.web.register.list(asks.actor, wanted, after=after, limit=_BATCH)
        found += page.items
        after = page.next
        if after is None:
            break
    return found


def _batches(rows: Sequence[RegisterRow]) -> Iterator[list[str]]:
    for start in range(0, len(rows), _BATCH):
        yield [row.id for row in rows[start : start + _BATCH]]


def _read_register(asks: Reading) -> Rows:
    rows = _register_rows(asks, stamped=True)
    codes: dict[str, str] = {}
    for ids in _batches(rows):
        codes |= asks.papers.codes(ids)
    return [export_rows.register_cells(row, codes.get(row.id), asks.locale) for row in rows]


def _read_uses(asks: Reading) -> Rows:
    rows = _register_rows(asks, stamped=False)
    alerts: dict[str, list[Any]] = {}
    if asks.actor.branches(*READERS):
        with asks.web.context.db.read() as conn:
            for ids in _batches(rows):
                alerts |= today.alerts_of_uses(conn, ids)
    return [export_rows.use_cells(row, alerts.get(row.id, []), asks.locale) for row in rows]


def _read_alerts(asks: Reading) -> Rows:
    wanted = alerts_pages.read_filter(asks.asked, asks.actor, asks.web.context.now())
    found: list[Sequence[Cell]] = []
    before: tuple[int, str] | None = None
    while len(found) <= asks.limit:
        with asks.web.context.db.read() as conn:
            seen = alerts_pages.may_see(conn, asks.actor)
            rows = alert_lists.rows(conn, seen, wanted, before, _BATCH)
            texts = alert_texts(conn, rows, asks.web.alert_words, asks.locale)
        found += [export_rows.alert_cells(one, asks.locale) for one in texts]
        if len(rows) < _BATCH:
            break
        before = rows[-1].raised_at, rows[-1].id
    return found


_KINDS: Final[Mapping[str, _Kind]] = {
    "uses": _Kind(mark("用印记录"), export_rows.USES, FIELDS, _read_uses),
    "register": _Kind(
        mark("用印登记簿"),
        export_rows.REGISTER,
        FIELDS,
        _read_register,
        (mark("填表人"), mark("审核人"), mark("日期")),
    ),
    "alerts": _Kind(mark("预警和线索"), export_rows.ALERTS, alerts_pages.FIELDS, _read_alerts),
}
