"""The demo's one clock: sleeves and servers share it, and it only moves when every part is idle."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path


class DemoClock:
    """Stands until it is moved; with ``file`` its position survives a restart, however the program
    ended: it is written before time passes, so nothing in the data is ever ahead of it.

    ``speed``: scenario ms per real ms; None: as fast as the parts are. ``steady`` is real time, in
    seconds.
    """

    def __init__(
        self,
        start: int,
        file: Path | None,
        speed: float | None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._now = max(start, self._stored())
        self._steady = steady
        self.speed = speed
        self.rebase()

    def __call__(self) -> int:
        """Scenario time, ms UTC."""
        return self._now

    def move_to(self, at: int) -> None:
        """Let time pass to ``at``; never backwards."""
        with self._lock:
            if at <= self._now:
                return
            self._store(at)
            self._now = at

    def wall_left_s(self, at: int) -> float:
        """How many real seconds are left until scenario time ``at`` may be reached."""
        if self.speed is None:
            return 0.0
        due = self._wall_base + (at - self._base) / self.speed / 1000
        return max(0.0, due - self._steady())

    def rebase(self) -> None:
        """Start pacing from here: what something else took is not caught up."""
        self._wall_base, self._base = self._steady(), self._now

    def _store(self, at: int) -> None:
        if self._file is not None:
            fresh = self._file.with_suffix(".new")
            fresh.write_text(str(at))
            fresh.replace(self._file)

    def _stored(self) -> int:
        if self._file is None:
            return 0
        try:
            return int(self._file.read_text())
        except (OSError, ValueError):
            return 0
