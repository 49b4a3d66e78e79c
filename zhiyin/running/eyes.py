"""The eyes as a part that runs: one thread reads the journal, each worker has one that looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from backend.services.eyes import Eyes
from backend.store.db import is_passing
from backend.vision.workers.worker import Worker, WorkerLimits

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 0.3
IDLE_S: Final = 120.0
"""After so long without a page the worker's process, a gigabyte of text models, is let go."""


class EyesPart:
    """Starts, stops, and says how it is. ``seen`` is called after each look."""

    def __init__(
        self,
        eyes: Eyes,
        *,
        workers: int,
        limits: WorkerLimits,
        seen: Callable[[], None],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.eyes = eyes
        self._seen = seen
        self._steady = steady
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._ready = threading.Event()
        self._workers = [Worker(limits) for _ in range(workers)]
        self._threads = [threading.Thread(target=self._read, name="eyes-read", daemon=True)]
        self._threads += [
            threading.Thread(target=self._look, args=(worker,), name="eyes-look", daemon=True)
            for worker in self._workers
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """There may be new records or pictures."""
        self._wake.set()

    def stop(self) -> None:
        """End; a look in hand is taken again at the next start."""
        self._stop.set()
        self._wake.set()
        self._ready.set()
        # Whoever waits for a worker's answer hears that it died.
        for worker in self._workers:
            worker.close()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=10)
        for worker in self._workers:
            worker.close()

    @property
    def alive(self) -> bool:
        """Whether all threads run."""
        return all(thread.is_alive() for thread in self._threads)

    @property
    def workers(self) -> tuple[Worker, ...]:
        """Its workers, for whoever watches what they are and cost."""
        return tuple(self._workers)

    def figures(self) -> dict[str, int]:
        """Counts since the start (``looks_refused``: the queue was full), and what is still to be
        looked at."""
        left = self.eyes.backlog
        return {
            "looks": self.eyes.stats.looks,
            "looks_impossible": self.eyes.stats.impossible,
            "looks_ready": left.ready,
            "looks_waiting": left.waiting,
            "looks_oldest_s": left.age_ms // 1000,
            "looks_put_off": left.put_off,
            "looks_refused": self.eyes.stats.put_off,
        }

    def _read(self) -> None:
        while not self._stop.is_set():
            self._wake.clear()
            self._calmly(self._queue)
            self._wake.wait(LOOK_EVERY_S)

    def _queue(self) -> None:
        while self.eyes.read() and not self._stop.is_set():
            pass
        if self.eyes.release():
            self._ready.set()

    def _look(self, worker: Worker) -> None:
        busy_at = self._steady()
        while not self._stop.is_set():
            self._ready.clear()
            if self._calmly(lambda: self._one(worker)):
                busy_at = self._steady()
                continue
            if self._steady() - busy_at > IDLE_S:
                worker.close()
            # A look that another process queued, or whose lease ran out, wakes nobody here.
            self._ready.wait(LOOK_EVERY_S * 3)

    def _one(self, worker: Worker) -> bool:
        looked = self.eyes.look(worker.ask)
        if looked:
            self._seen()
            self._ready.set()  # the others may find another
        return looked

    def _calmly(self, work: Callable[[], object]) -> bool:
        try:
            return bool(work())
        except Exception as error:  # the next round tries again
            if self._stop.is_set():
                return False
            if is_passing(error):
                log.warning("store.away", task="eyes", error=type(error).__name__)
            else:
                log.error("eyes.failed", exc_info=error)
            self._stop.wait(1.0)
            return False
