"""The demo's one clock: sleeves and servers share it, and it only moves when every part is idle."""

from __future__ import annotations

import threading
import time
from pathlib import Path


class DemoClock:
    """Stands until it is moved; its position survives a restart in ``file``.

    ``speed``: scenario ms per real ms; None: as fast as the parts are.
    """

    def __init__(self, start: int, file: Path, speed: float | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._now = max(start, self._stored())
        self.speed = speed
        self._wall_base = time.monotonic()
        self._base = self._now

    def __call__(self) -> int:
        """Scenario time, ms UTC."""
        return self._now

    def move_to(self, at: int) -> None:
        """Let time pass to ``at``; never backwards."""
        with self._lock:
            self._now = max(self._now, at)

    def wall_left_s(self, at: int) -> float:
        """How many real seconds are left until scenario time ``at`` may be reached."""
        if self.speed is None:
            return 0.0
        due = self._wall_base + (at - self._base) / self.speed / 1000
        return max(0.0, due - time.monotonic())

    def rebase(self) -> None:
        """Start pacing from here: what preparing took is not caught up."""
        self._wall_base, self._base = time.monotonic(), self._now

    def store(self) -> None:
        """Keep the position."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(str(self._now))
        fresh.replace(self._file)

    def _stored(self) -> int:
        try:
            return int(self._file.read_text())
        except (OSError, ValueError):
            return 0
