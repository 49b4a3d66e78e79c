"""The parts as processes of their own: gateway, web, alerts. Each waits for what is away.

Every function returns the process's exit code: 0 when told to stop, 1 when its own work died and
it should be started again.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import Final

import structlog

from gateway.service import connect
from zhiyin import wiring, wiring_alerts
from zhiyin.running import store
from zhiyin.running.chores import Chores
from zhiyin.running.part import housed
from zhiyin.running.settled import settle
from zhiyin.running.stopping import Stop
from zhiyin.running.web import WebServer
from zhiyin.settings import Settings
from zhiyin.wiring import House

log = structlog.get_logger(__name__)

WATCH_S: Final = 1.0


def gateway_name(settings: Settings, wanted: str | None) -> str:
    """What a gateway is called. One alone keeps its name, and so its session at the broker; those
    that share the work must all be called differently, or the broker throws one out for the
    other."""
    if wanted is not None:
        return wanted
    if settings.mqtt.shared_group is None:
        return "gateway"
    return f"gateway-{socket.gethostname()}-{os.getpid()}"


def gateway(settings: Settings, name: str, stop: Stop) -> int:
    """Sleeves ⇄ us, over the broker that the settings name.

    Raises:
        DomainError, Stopped: see :func:`zhiyin.running.part.housed`.
    """
    with housed(settings, name, stop) as (house, pulse):
        part, link = connect(
            wiring.gateway_parts(house, lambda: None), wiring.link_settings(settings, name=name)
        )
        part.start()
        link.start()
        try:
            stats = part.pipeline.stats

            def waiting() -> list[str]:
                broker = [] if link.connected else [f"broker {link.refusal or ''}".strip()]
                return [*broker, *_database(house)]

            pulse.watch(
                waiting,
                lambda: {
                    "events": stats.events,
                    "duplicates": stats.duplicates,
                    "refused": stats.refused,
                    "retries": stats.retries,
                },
            )
            return _watch(stop, name, lambda: part.alive)
        finally:
            link.stop()
            part.stop()


def api(settings: Settings, stop: Stop) -> int:
    """The web server: JSON API and pages.

    Raises:
        DomainError, Stopped: see :func:`zhiyin.running.part.housed`; also ``port_taken``.
    """
    with housed(settings, "api", stop) as (house, pulse):
        from zhiyin.wiring_web import application

        # Its alerts are never started: cases are handled here, rules look elsewhere.
        web = WebServer(application(house, wiring_alerts.alerts(house)), settings.web)
        web.start()
        try:

            def waiting() -> list[str]:
                return [*([] if web.responds() else ["web"]), *_database(house)]

            pulse.watch(waiting)
            return _watch(stop, "api", lambda: web.alive)
        finally:
            web.stop()


def alerts(settings: Settings, stop: Stop) -> int:
    """Rules, notices, and what time brings about: checkpoints, expiry, deadlines.

    Raises:
        DomainError, Stopped: see :func:`zhiyin.running.part.housed`.
    """
    with housed(settings, "alerts", stop) as (house, pulse):
        part = wiring_alerts.alerts(house)
        chores = Chores(house)
        part.start()
        chores.start()
        try:

            def waiting() -> list[str]:
                return [*chores.trouble, *_database(house)]

            stats = part.worker.stats
            pulse.watch(waiting, lambda: {"records": stats.records, "findings": stats.findings})
            return _watch(stop, "alerts", lambda: True)
        finally:
            chores.stop()
            part.stop()


def _database(house: House) -> list[str]:
    return [] if store.away(house.db) is None else ["database"]


def eyes(settings: Settings, stop: Stop) -> int:
    """Looks at papers and imprints.

    Raises:
        DomainError, Stopped: see :func:`zhiyin.running.part.housed`.
    """
    with housed(settings, "eyes", stop) as (house, pulse):
        part = wiring.eyes_part(house, lambda: None)
        part.start()
        try:
            pulse.watch(lambda: _database(house), part.figures)
            return _watch(stop, "eyes", lambda: part.alive)
        finally:
            part.stop()


def _watch(stop: Stop, name: str, alive: Callable[[], bool]) -> int:
    settle()
    while not stop.wait(WATCH_S):
        if not alive():
            log.critical("part.died", parts=[name])
            return 1
    return 0
