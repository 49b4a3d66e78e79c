"""One thread beside the pipeline: uploads, checks, pages, downlinks, gaps; woken for work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from backend.store.db import is_passing

log = structlog.get_logger(__name__)


class Background:
    """Runs each task until none has anything to do, then waits to be woken or for a moment.

    ``tasks`` return whether they did something. ``every_s`` is how often they look unasked.
    """

    def __init__(self, tasks: Sequence[Callable[[], object]], every_s: float = 0.5) -> None:
        self._tasks = tasks
        self._every_s = every_s
        self._wake = threading.Event()
        self._stop = threading.Event()
        self._busy = False

    def wake(self) -> None:
        """There may be work."""
        self._wake.set()

    def run(self) -> None:
        """Until :meth:`stop`."""
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
                name = getattr(task, "__qualname__", "")
                if is_passing(error):
                    log.warning("store.away", task=name, error=type(error).__name__)
                else:
                    log.error("background.failed", task=name, exc_info=error)
        return worked

    def stop(self) -> None:
        """End :meth:`run` soon."""
        self._stop.set()
        self._wake.set()

    @property
    def idle(self) -> bool:
        """Whether it waits and was not woken."""
        return not self._busy and not self._wake.is_set()
