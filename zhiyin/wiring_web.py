"""Puts the web application together: services, API, pages.

Apart from `zhiyin.wiring` because a gateway has no use for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI
from sqlalchemy import Connection

from alerts import api as alerts_api
from alerts import messages
from alerts.inbox import TrialMessages
from alerts.service import Alerts
from alerts.wording import Namer
from backend.api.app import create_app
from backend.api.deps import Services
from backend.api.live import JournalTail, LiveHub
from backend.api.settings import ApiSettings
from backend.api.wiring import Installation, build_services
from backend.reports.pdf import Typesetter
from backend.services.notice_rules import NoticeRuleService
from backend.services.passwords import Passwords
from backend.web import errors, mount
from backend.web.live import Changes
from backend.web.ports import Web
from zhiyin import wiring
from zhiyin.settings import WebSettings
from zhiyin.wall import wall_clock
from zhiyin.wiring import House
from zhiyin.wiring_alerts import push_key
from zhiyin.wiring_notices import Notices, notice_defaults

HOUR_MS: Final = 3_600_000


def services(house: House, hub: LiveHub, wall: Callable[[], int] = wall_clock) -> Services:
    """Every service over ``house``. Sessions go by ``wall`` time, all else by the house's clock."""
    return build_services(
        Installation(
            context=house.services,
            keyring=house.keys,
            log=house.log,
            wall=wall,
            pictures=house.pictures,
            enroller=house.faces,
            passwords=Passwords(),
            broadcaster=hub,
            ask=wiring.eyes_desk(house).ask,
            session_ms=house.settings.web.session_hours * HOUR_MS,
        )
    )


def api_settings(web: WebSettings) -> ApiSettings:
    """What the API must know of how people reach it."""
    own = web.public_url
    return ApiSettings(
        https=web.tls_cert_file is not None
        or web.behind_proxy
        or (own is not None and own.startswith("https:")),
        origins=frozenset() if own is None else frozenset({own}),
    )


class Words:
    """The alerts' sentences, for pages (:class:`backend.web.ports.AlertWords`)."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now

    def alerts(
        self, conn: Connection, rows: Sequence[Mapping[str, Any]], locale: str
    ) -> list[tuple[str, list[str]]]:
        """Title and lines of each row; a code without words stands for itself."""
        namer = Namer(conn, self._now())
        return [_words(row["code"], namer.alert(row), locale) for row in rows]

    def notice(self, kind: str, message: Mapping[str, Any], locale: str) -> tuple[str, list[str]]:
        """Title and lines of a kept notice."""
        return _words(kind, message.get("fields", message), locale)


def _words(kind: str, fields: Mapping[str, object], locale: str) -> tuple[str, list[str]]:
    try:
        return messages.render(kind, fields, locale)
    except messages.UnknownKindError:
        return kind, []


def pages(
    house: House,
    found: Services,
    alerts: Alerts | None,
    *,
    wall: Callable[[], int] = wall_clock,
    review_reason: str | None = None,
) -> Web:
    """What pages are handed."""
    paper_hours = house.settings.web.paper_approval_hours
    return mount.assemble(
        found,
        wall=wall,
        alert_words=Words(house.now),
        case_desk=None if alerts is None else alerts.cases,
        notice_desk=None
        if alerts is None
        else Notices(
            alerts.preferences,
            TrialMessages(house.services, alerts.preferences),
            alerts.channels,
            push_key(alerts.channels),
        ),
        review_reason=review_reason,
        reads_papers=house.settings.eyes.enabled,
        paper_approval_ms=None if paper_hours is None else paper_hours * HOUR_MS,
    )


def application(
    house: House,
    alerts: Alerts | None = None,
    *,
    wall: Callable[[], int] = wall_clock,
    review_reason: str | None = None,
) -> FastAPI:
    """The web application: JSON API and pages. With ``alerts`` (started or not) cases can be
    handled. ``review_reason``: see :class:`backend.web.ports.Web`."""
    hub = LiveHub()
    found = services(house, hub, wall)
    web = pages(house, found, alerts, wall=wall, review_reason=review_reason)
    found.add(web)
    found.add(Typesetter(house.settings.fonts_dir))
    routers = [*mount.routers()]
    if alerts is not None:
        found.add(NoticeRuleService(house.services, notice_defaults(alerts)))
        alerts_api.offer(found, alerts, house.services)
        routers += alerts_api.routers()
    app = create_app(
        found,
        api_settings(house.settings.web),
        routers=routers,
        finish=[errors.install],
    )
    app.router.lifespan_context = _following(JournalTail(house.db, hub), web.changes)
    app.state.let_go = web.changes.close
    return app


def _following(
    tail: JournalTail, changes: Changes
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    """While the server runs, the journal is followed for whoever watches."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(tail.run())
        try:
            yield
        finally:
            task.cancel()
            await changes.close()

    return lifespan
