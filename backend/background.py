"""A thread that works while there is work: beside the pipeline, for the alerts, for the chores."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from backend.store.db import is_passing

log = structlog.get_logger(__name__)


class Background:
    """Runs each task until none has anything to do, then waits to be woken or for a moment.

    ``tasks`` return whether they did something: who says so is called again at once. ``every_s``
    is how often they look unasked. What a task raises is logged and tried again.
    """

    def __init__(
        self, name: str, tasks: Sequence[Callable[[], object]], every_s: float = 0.5
    ) -> None:
        self.name = name
        self._tasks = tasks
        self._every_s = every_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._busy = False
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._thread.start()

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def stop(self) -> None:
        """End after the task in hand; waits for that, but not for ever."""
        self._stop.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=15)

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    @property
    def idle(self) -> bool:
        """Whether it waits and was not woken."""
        return not self._busy and not self._wake.is_set()

    def run(self) -> None:
        """The thread's work, until :meth:`stop`."""
        while not self._stop.is_set():
            self._busy = True  # first, so that between the two nobody takes us for idle
            self._wake.clear()
            try:
                while self._round() and not self._stop.is_set():
                    pass
            finally:
                self._busy = False
            self._wake.wait(self._every_s)

    def _round(self) -> bool:
        worked = False
        for task in self._tasks:
            try:
                worked = bool(task()) or worked
            except Exception as error:  # the next round tries again
                if is_passing(error):
                    log.warning("store.away", thread=self.name, error=type(error).__name__)
                else:
                    log.error("background.failed", thread=self.name, exc_info=error)
        return worked
