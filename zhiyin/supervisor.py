"""The all-in-one (``zhiyin serve``): every part in one process, with a broker beside it.

`AllInOne.steps` is the start as a list: read it to know what runs. What a step opened is closed in
reverse when we stop, or at once when a later step fails; a failed step says what to do.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final

import structlog
from fastapi import FastAPI

from alerts.service import Alerts
from gateway.broker.embedded import embedded
from gateway.broker.mosquitto import Account
from gateway.link import Link
from gateway.service import Gateway, connect
from zhiyin import wiring, wiring_alerts
from zhiyin.running import accounts, schema, store
from zhiyin.running.broker import BrokerKeeper
from zhiyin.running.chores import Chores
from zhiyin.running.eyes import EyesPart
from zhiyin.running.lock import claimed
from zhiyin.running.pulse import Pulse
from zhiyin.running.settled import settle
from zhiyin.running.stopping import Stop
from zhiyin.running.web import WebServer
from zhiyin.settings import Settings
from zhiyin.wall import wall_clock
from zhiyin.wiring import House

log = structlog.get_logger(__name__)

CONNECT_S: Final = 10.0
WATCH_S: Final = 1.0

Say = Callable[[int, int, str, str], None]
"""Told before each step: its number, how many there are, what it does in zh and en."""


class AllInOne:
    """One installation, running. :meth:`start`, :meth:`watch`, :meth:`stop`."""

    house: House
    alerts: Alerts
    gateway: Gateway
    link: Link
    chores: Chores
    app: FastAPI
    web: WebServer

    def __init__(
        self,
        settings: Settings,
        *,
        say: Say = lambda _number, _count, _zh, _en: None,
        now: Callable[[], int] = wall_clock,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.settings = settings
        self.broker: BrokerKeeper | None = None
        self.eyes: EyesPart | None = None
        self.review_reason: str | None = None
        """Stated beforehand for whoever may look at pictures: in a demo only."""
        self._say = say
        self._now = now
        self._random = random
        self._password: str | None = None
        self._undo = ExitStack()
        self._gateway_wake: Callable[[], None] = lambda: None
        self.steps: tuple[tuple[str, str, Callable[[], None]], ...] = (
            ("独占数据目录", "claim the data folder", self._claim),
            ("读取密钥", "read the keys", self._read_keys),
            ("打开数据库", "open the database", self._open_database),
            ("启动消息代理", "start the broker", self._start_broker),
            ("装载人脸引擎", "load the face engine", self._load_faces),
            ("启动预警", "start the alerts", self._start_alerts),
            ("启动核对", "start the eyes", self._start_eyes),
            ("启动网关", "start the gateway", self._start_gateway),
            ("启动定时任务", "start the chores", self._start_chores),
            ("启动网页", "start the web server", self._start_web),
        )

    def start(self) -> None:
        """Take every step, or none.

        Raises:
            DomainError: what is wrong and what to do; everything opened is closed again.
        """
        with ExitStack() as undo:
            self._undo = undo
            for number, (zh, en, step) in enumerate(self.steps, 1):
                self._say(number, len(self.steps), zh, en)
                step()
            settle()
            self._pulse.watch(self.waiting_for, self.figures)
            self._undo = undo.pop_all()
        log.info("serve.ready", broker=self.broker and self.broker.broker.kind)

    def watch(self, stop: Stop) -> int:
        """Stay until told to stop; the process's exit code: 1 when a part died, so that whoever
        started us starts us again."""
        while not stop.wait(WATCH_S):
            dead = [
                name
                for name, alive in (("gateway", self.gateway.alive), ("web", self.web.alive))
                if not alive
            ]
            if dead:
                log.critical("part.died", parts=dead)
                return 1
        log.info("serve.stopping", reason=stop.reason)
        return 0

    def stop(self) -> None:
        """Close everything in reverse."""
        self._undo.close()

    def waiting_for(self) -> list[str]:
        """What is away at the moment, for the heartbeat."""
        found = [] if self.link.connected else ["broker"]
        if store.away(self.house.db) is not None:
            found.append("database")
        if not self.web.responds():
            found.append("web")
        return found + self.chores.trouble

    def figures(self) -> dict[str, int]:
        """Counts since the start, for the heartbeat."""
        stats = self.gateway.pipeline.stats
        eyes = self.eyes.figures() if self.eyes is not None else {}
        return {
            **eyes,
            "events": stats.events,
            "duplicates": stats.duplicates,
            "refused": stats.refused,
            "broker_restarts": self.broker.restarts if self.broker else 0,
        }

    # ── the steps ────────────────────────────────────────────────────────────────────────────────

    def _claim(self) -> None:
        self._undo.enter_context(claimed(self.settings.data_dir))
        self._pulse = Pulse(self.settings.run_path(), "serve", self._now)
        self._undo.callback(self._pulse.stop)
        self._pulse.start()

    def _read_keys(self) -> None:
        self.house = wiring.build(self.settings, now=self._now, random=self._random)
        self._undo.callback(self.house.close)

    def _open_database(self) -> None:
        store.require_answer(self.house.db)
        schema.require_current(self.house.db)

    def _start_broker(self) -> None:
        if not self.settings.mqtt.embedded:
            return
        password = self._random(24).hex()
        ours = accounts.gateway_account(password, self._random)

        def everybody() -> tuple[Account, ...]:
            return (ours, *accounts.sleeve_accounts(self.house.db))

        given = everybody()
        broker = embedded(
            self.settings.broker_path(),
            self.settings.mqtt.port,
            given,
            sys.executable,
            beyond=wiring.sleeves_listener(self.settings),
        )
        self.broker = BrokerKeeper(broker, given, everybody)
        self._undo.callback(self.broker.stop)
        self.broker.start()
        self._password = password

    def _load_faces(self) -> None:
        self.house.faces.load()

    def _start_alerts(self) -> None:
        # Before the gateway, which wakes them.
        self.alerts = wiring_alerts.alerts(self.house)
        self._undo.callback(self.alerts.stop)
        self.alerts.start()

    def _start_eyes(self) -> None:
        if not self.settings.eyes.enabled:
            return
        self.eyes = wiring.eyes_part(self.house, self._seen)
        self._undo.callback(self.eyes.stop)
        self.eyes.start()

    def _seen(self) -> None:
        self.alerts.wake()
        self._gateway_wake()

    def _committed(self) -> None:
        self.alerts.wake()
        if self.eyes is not None:
            self.eyes.wake()

    def _start_gateway(self) -> None:
        self.gateway, self.link = connect(
            wiring.gateway_parts(self.house, self._committed),
            wiring.link_settings(self.settings, password=self._password),
        )
        self._gateway_wake = self.gateway.wake
        self._undo.callback(self.gateway.stop)
        self.gateway.start()
        self._undo.callback(self.link.stop)
        self.link.start()
        # An external broker may come later: the heartbeat says that we wait for it.
        self.link.wait_connected(CONNECT_S if self.broker else 1.0)

    def _start_chores(self) -> None:
        self.chores = Chores(self.house)
        self._undo.callback(self.chores.stop)
        self.chores.start()

    def _start_web(self) -> None:
        # Here and not above: FastAPI is the longest import, and most failures come before it.
        from zhiyin.wiring_web import application

        self.app = application(self.house, self.alerts, review_reason=self.review_reason)
        self.web = WebServer(self.app, self.settings.web)
        self._undo.callback(self.web.stop)
        self.web.start()
