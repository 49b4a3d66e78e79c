"""``zhiyin broker``: Mosquitto for several gateways, with our accounts and access list.

Either we run it as our child, or we only keep the files of one that somebody else runs.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog

from backend.domain.errors import DomainError
from backend.store.db import Database
from gateway.broker import mosquitto
from gateway.broker.embedded import embedded
from gateway.broker.mosquitto import Account, Listener
from zhiyin.running import accounts, store
from zhiyin.running.broker import ACCOUNTS_S, BrokerKeeper
from zhiyin.running.part import beating, missing
from zhiyin.running.pulse import Pulse
from zhiyin.running.stopping import Stop, until
from zhiyin.settings import Settings

log = structlog.get_logger(__name__)

WATCH_S: Final = 1.0


def run(settings: Settings, stop: Stop) -> int:
    """Run Mosquitto until told to stop.

    Raises:
        DomainError: ``mqtt_password_missing``, ``broker_needs_mosquitto``,
            ``listener_without_tls``, ``port_taken``, ``broker_did_not_start``.
        Stopped: when told to stop while waiting for the database.
    """
    with beating(settings, "broker") as pulse, store.opened(settings) as db:
        everybody = _everybody(settings, db)
        until(lambda: missing(db), stop, pulse.waiting)
        given = everybody()
        beyond = _beyond(settings)
        broker = embedded(
            settings.broker_path(), settings.mqtt.port, given, sys.executable, beyond=beyond
        )
        keeper = BrokerKeeper(broker, given, everybody)
        keeper.start()
        try:
            pulse.watch(
                lambda: [] if _answers(settings.mqtt.port) else ["broker"],
                lambda: {"restarts": keeper.restarts},
            )
            log.info("broker.runs", listener=str(beyond), accounts=len(given))
            while not stop.wait(WATCH_S):
                pass
        finally:
            keeper.stop()
    return 0


def keep_files(
    settings: Settings, folder: Path, stop: Stop, *, watch: bool, pid: Callable[[], int | None]
) -> int:
    """Write Mosquitto's files into ``folder``; with ``watch``, renew the accounts as they change
    and tell the process that ``pid`` names (SIGHUP).

    Raises:
        DomainError: as :func:`run`.
        Stopped: when told to stop while waiting for the database.
    """
    with store.opened(settings) as db:
        everybody = _everybody(settings, db)
        if not watch:
            store.require_answer(db)
            _write(settings, folder, everybody())
            return 0
        with beating(settings, "broker-files") as pulse:
            return _renew(settings, folder, stop, pulse, db, everybody, pid)


def _renew(
    settings: Settings,
    folder: Path,
    stop: Stop,
    pulse: Pulse,
    db: Database,
    everybody: Callable[[], tuple[Account, ...]],
    pid: Callable[[], int | None],
) -> int:
    until(lambda: missing(db), stop, pulse.waiting)
    given = everybody()
    _write(settings, folder, given)
    away: list[str] = []
    pulse.watch(lambda: away)
    while not stop.wait(ACCOUNTS_S):
        away[:] = missing(db)
        if away:
            continue
        found = everybody()
        if found == given:
            continue
        mosquitto.write_accounts(folder, found)
        number = pid()
        if number is not None:
            os.kill(number, signal.SIGHUP)
        log.info("broker.accounts", before=len(given), now=len(found), told=number)
        given = found
    return 0


def pid_in(file: Path) -> int | None:
    """The process id that Mosquitto wrote into its ``pid_file``; ``None`` while there is none."""
    try:
        return int(file.read_text().strip())
    except (OSError, ValueError):
        return None


def _write(settings: Settings, folder: Path, given: tuple[Account, ...]) -> None:
    listeners = [Listener("127.0.0.1", settings.mqtt.port)]
    beyond = _beyond(settings)
    if beyond is not None:
        listeners.append(beyond)
    config = mosquitto.write_files(folder, listeners, given)
    log.info("broker.files", config=str(config), accounts=len(given))


def _beyond(settings: Settings) -> Listener | None:
    from zhiyin.wiring import sleeves_listener

    return sleeves_listener(settings)


def _everybody(settings: Settings, db: Database) -> Callable[[], tuple[Account, ...]]:
    secret = settings.mqtt_password()
    if secret is None:
        raise DomainError(
            "mqtt_password_missing",
            "请设置网关登录 broker 的口令文件：mqtt.password_file",
            "set the file with the gateway's broker password: mqtt.password_file",
        )
    # Hashed once: a fresh salt each time would look like a change of accounts.
    ours = accounts.gateway_account(secret.get_secret_value(), os.urandom)
    return lambda: (ours, *accounts.sleeve_accounts(db))


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False
