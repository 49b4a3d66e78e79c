"""Programs kept running as child processes: started, started again when they end, stopped."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

import structlog

log = structlog.get_logger(__name__)

LOOK_S: Final = 0.1
FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 10.0
STEADY_S: Final = 5.0
"""Who ran so long did not fail at its start: the next restart is quick again."""
GRACE_S: Final = 10.0


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. Its output goes to ``log``; ``user`` needs root."""

    name: str
    command: tuple[str, ...]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    user: str | None = None
    stop_signal: int = signal.SIGTERM


class Process(Protocol):
    """The part of `subprocess.Popen` that is used here."""

    @property
    def pid(self) -> int:
        """Its id."""
        ...

    def poll(self) -> int | None:
        """Its exit code once it has ended."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send a signal, unless it has ended."""
        ...


Spawn = Callable[[Program], Process]


def spawn(program: Program) -> Process:
    """Start a program in a session of its own: Ctrl-C is for us, who stop it in order."""
    with program.log.open("ab") as output:
        return subprocess.Popen(
            program.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(program.env) or None,
            start_new_session=True,
            cwd="/",
            user=program.user,
            group=program.user,
            extra_groups=None if program.user is None else [],
        )


class Kept:
    """One program, kept running."""

    def __init__(self, program: Program, start: Spawn, steady: Callable[[], float]) -> None:
        self.program = program
        self.restarts = 0
        self._spawn = start
        self._steady = steady
        self._process: Process | None = None
        self._started = 0.0
        self._pause = FIRST_PAUSE_S
        self._again_at: float | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, while it runs."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def start(self) -> None:
        """Start it."""
        self._process = self._spawn(self.program)
        self._started = self._steady()
        self._again_at = None

    def look(self) -> None:
        """Start it again if it ended; the longer it keeps ending, the longer the pause."""
        if self._process is None or self._process.poll() is None:
            return
        now = self._steady()
        if self._again_at is None:
            if now - self._started >= STEADY_S:
                self._pause = FIRST_PAUSE_S
            log.warning(
                "process.ended",
                process=self.program.name,
                code=self._process.poll(),
                again_s=self._pause,
                log=str(self.program.log),
            )
            self._again_at = now + self._pause
            self._pause = min(self._pause * 2, LONGEST_PAUSE_S)
        elif now >= self._again_at:
            self.restarts += 1
            self.start()

    def stop(self) -> None:
        """Ask it to end; kill it after :data:`GRACE_S`."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(self.program.stop_signal)
        deadline = self._steady() + GRACE_S
        while process.poll() is None:
            if self._steady() > deadline:
                log.error("process.killed", process=self.program.name)
                process.send_signal(signal.SIGKILL)
                deadline += GRACE_S
            time.sleep(0.02)


class Keeper:
    """Several programs: started in order, looked after by one thread, stopped in reverse."""

    def __init__(self, start: Spawn = spawn, steady: Callable[[], float] = time.monotonic) -> None:
        self.kept: dict[str, Kept] = {}
        self._spawn = start
        self._steady = steady
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)

    def start(self, program: Program) -> Kept:
        """Start one more program and keep it running."""
        one = Kept(program, self._spawn, self._steady)
        one.start()
        with self._lock:
            self.kept[program.name] = one
            if not self._thread.is_alive():
                self._thread.start()
        return one

    def stop(self) -> None:
        """Stop all."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)
        for one in reversed(self.kept.values()):
            one.stop()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_S):
            with self._lock:
                for one in self.kept.values():
                    try:
                        one.look()
                    except OSError as error:
                        log.error("process.not_started", name=one.program.name, error=str(error))


def clean_environment(**more: str) -> dict[str, str]:
    """Our environment without any ``ZHIYIN_`` setting, plus ``more``: what a child reads is its
    settings file and nothing that happened to be set here."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZHIYIN_")}
    return kept | more
