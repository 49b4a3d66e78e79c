"""A task that runs every few seconds in a thread of its own, whatever happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Repeating:
    """Calls ``task`` every ``every_s`` seconds; what it raises is logged and tried again.

    ``passing`` tells errors that need no trace, such as a database that is away.
    """

    def __init__(
        self,
        name: str,
        task: Callable[[], object],
        every_s: float,
        *,
        passing: Callable[[BaseException], bool] = lambda _error: False,
    ) -> None:
        self.name = name
        self._task = task
        self._every_s = every_s
        self._passing = passing
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round in hand."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._task()
            except Exception as error:
                if self._passing(error):
                    log.warning("task.waits", task=self.name, error=type(error).__name__)
                else:
                    log.error("task.failed", task=self.name, exc_info=error)
            self._stop.wait(self._every_s)
