"""A child process that says on its own output when it is ready."""

import subprocess
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Self

_READY_S = 100.0
_STOP_S = 60.0


class WatchedProcess:
    """A running server, made by `start`; what it and its children print is kept in ``lines``."""

    def __init__(self, process: subprocess.Popen[str], is_ready: Callable[[str], bool]) -> None:
        self.lines: list[str] = []
        self._process = process
        self._is_ready = is_ready
        self._ready = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @classmethod
    def start(
        cls,
        command: Sequence[str | Path],
        is_ready: Callable[[str], bool],
        *,
        user: str | None = None,
        cwd: Path | None = None,
        env: dict[str, str] | None = None,
        ready_s: float = _READY_S,
    ) -> Self:
        """Start ``command`` and return once ``is_ready`` says yes to one of its lines.

        ``user``: the system user to run as (needs root). Raises RuntimeError, with what was
        printed, when the process ends before it is ready, or is not ready in ``ready_s``.
        """
        watched = cls(
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
                cwd=cwd,
                env=env,
            ),
            is_ready,
        )
        if not watched._ready.wait(ready_s) or not watched.is_alive():
            watched.kill()
            printed = "\n".join(watched.lines[-20:])
            raise RuntimeError(f"{command[0]} did not start:\n{printed}")
        return watched

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, once it has ended."""
        return self._process.poll()

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def end(self, signal: int) -> None:
        """Send ``signal`` and wait until it and all who share its output are gone."""
        self._process.send_signal(signal)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_STOP_S)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        self._process.kill()
        self._process.wait()
        self._reader.join(_STOP_S)

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self.lines.append(line.rstrip())
                if self._is_ready(line):
                    self._ready.set()
        self._ready.set()  # it ended: let start() look at why
