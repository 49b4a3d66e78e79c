"""Heartbeats: each running part says in a small file how it is; ``zhiyin health`` reads it.

A file and not a row, so that a part whose database is away can still say so.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal

import msgspec
import structlog

from zhiyin.running.lock import make_folder

log = structlog.get_logger(__name__)

EVERY_S: Final = 2.0
STALE_MS: Final = 15_000
"""A heartbeat older than this is no sign of life."""

State = Literal["starting", "waiting", "ready", "stopping"]


class Beat(msgspec.Struct, frozen=True):
    """How a part is. ``waiting_for`` names what is away; times in ms UTC."""

    part: str
    pid: int
    started_at: int
    at: int
    state: State
    waiting_for: list[str] = []
    figures: dict[str, int] = {}

    def alive(self, now: int) -> bool:
        """Whether it is fresh enough to count as a sign of life."""
        return now - self.at <= STALE_MS

    def well(self, now: int) -> bool:
        """Whether the part does its work."""
        return self.alive(now) and self.state == "ready"


Probe = Callable[[], list[str]]
"""Names what the part waits for at the moment; empty when all is there."""


class Pulse:
    """Writes the heartbeat of one part, in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        part: str,
        now: Callable[[], int],
        *,
        probe: Probe = list,
        figures: Callable[[], dict[str, int]] = dict,
        every_s: float = EVERY_S,
    ) -> None:
        self._path = folder / f"{part}.json"
        self._part = part
        self._now = now
        self._probe = probe
        self._figures = figures
        self._every_s = every_s
        self._started_at = now()
        self._serving = False
        self._waiting: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        make_folder(folder)

    def start(self) -> None:
        """Begin to beat, as ``starting``."""
        self._beat("starting")
        self._thread.start()

    def watch(self, probe: Probe, figures: Callable[[], dict[str, int]] = dict) -> None:
        """The part runs: from now on ``probe`` says whether it is ready or waits."""
        self._probe, self._figures, self._serving = probe, figures, True
        self._round()

    def waiting(self, what: list[str]) -> None:
        """Before :meth:`watch`: what the start waits for."""
        self._tell(what)
        self._beat("waiting" if what else "starting")

    def stop(self) -> None:
        """Stop and leave no file: a part that ended by itself is not ill."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._path.unlink(missing_ok=True)

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            self._round()

    def _round(self) -> None:
        if not self._serving:
            self._beat("waiting" if self._waiting else "starting")
            return
        self._tell(self._probe())
        self._beat("waiting" if self._waiting else "ready")

    def _tell(self, waiting: list[str]) -> None:
        if waiting != self._waiting:
            if waiting:
                log.warning("part.waits", part=self._part, waiting_for=waiting)
            else:
                log.info("part.goes_on", part=self._part)
        self._waiting = waiting

    def _beat(self, state: State) -> None:
        beat = Beat(
            self._part,
            os.getpid(),
            self._started_at,
            self._now(),
            state,
            self._waiting,
            self._figures(),
        )
        fresh = self._path.with_suffix(".new")
        try:
            fresh.write_bytes(msgspec.json.encode(beat))
            fresh.replace(self._path)
        except OSError as error:  # a full disk must not end the part that says so
            log.error("pulse.unwritten", path=str(self._path), error=str(error))


def read(folder: Path) -> list[Beat]:
    """Every heartbeat in ``folder``, by part. What cannot be read is left out."""
    beats = []
    for path in sorted(folder.glob("*.json")):
        try:
            beats.append(msgspec.json.decode(path.read_bytes(), type=Beat))
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("pulse.unreadable", path=str(path), error=str(error))
    return beats
