"""Keeps a broker of ours running, with the accounts that the database has now."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

import structlog

from backend.store.db import is_passing
from gateway.broker.embedded import Broker
from gateway.broker.mosquitto import Account

log = structlog.get_logger(__name__)

WATCH_S: Final = 0.2
ACCOUNTS_S: Final = 1.0


class BrokerKeeper:
    """Starts the broker, starts it again should it end, and renews its accounts.

    ``accounts`` reads those that hold now; ``given`` are those it was started with.
    """

    def __init__(
        self,
        broker: Broker,
        given: Iterable[Account],
        accounts: Callable[[], Iterable[Account]],
        *,
        watch_s: float = WATCH_S,
        accounts_s: float = ACCOUNTS_S,
    ) -> None:
        self.broker = broker
        self.restarts = 0
        self._given = tuple(given)
        self._accounts = accounts
        self._watch_s = watch_s
        self._rounds = max(1, round(accounts_s / watch_s))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="broker-keeper", daemon=True)

    def start(self) -> None:
        """Start the broker; returns when it listens.

        Raises:
            DomainError: ``broker_did_not_start``.
        """
        self.broker.start()
        self._thread.start()

    def stop(self) -> None:
        """Stop the broker for good."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)
        self.broker.stop()

    @property
    def alive(self) -> bool:
        """Whether the broker's process runs."""
        return self.broker.alive

    def refresh(self) -> bool:
        """Take over the accounts that hold now; whether they had changed."""
        found = tuple(self._accounts())
        if found == self._given:
            return False
        self.broker.set_accounts(found)
        log.info("broker.accounts", before=len(self._given), now=len(found))
        self._given = found
        return True

    def _run(self) -> None:
        round_ = 0
        while not self._stop.wait(self._watch_s):
            round_ += 1
            try:
                if not self.broker.alive:
                    log.error("broker.ended", restarts=self.restarts)
                    self.restarts += 1
                    self.broker.start()
                elif round_ % self._rounds == 0:
                    self.refresh()
            except Exception as error:
                if is_passing(error):
                    log.warning("broker.accounts_wait", error=type(error).__name__)
                else:
                    log.error("broker.failed", exc_info=error)
