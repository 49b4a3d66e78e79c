"""Our side of a worker process: ask, wait a bounded time, start another when it ends."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec
import structlog

from backend.vision.workers import wire
from backend.vision.workers.wire import Result, Task

log = structlog.get_logger(__name__)

_ROOT: Final = Path(__file__).parents[3]
_CHUNK: Final = 1 << 20


class WorkerFailed(RuntimeError):
    """The process gave no answer; ``reason`` is ``timeout`` or ``died``. It has been replaced."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class WorkerLimits:
    """What one worker may cost.

    Attributes:
        memory_mb: address space, MiB. Reading text takes about one GiB of real memory.
        timeout_s: for one question, the start of the process included.
        questions: after so many a fresh process takes over, whatever it has leaked.
        recycle_mb: real memory, MiB, from which it does so earlier.
    """

    memory_mb: int = 6144
    timeout_s: float = 60.0
    questions: int = 500
    recycle_mb: int = 2048


class Worker:
    """One process, made when it is first needed. For one thread.

    Attributes:
        started: processes so far.
        cpu_s: processor seconds of all answers so far, without what starting processes takes.
        peak_kb: the most memory that the process of the last answer ever held.
    """

    def __init__(
        self, limits: WorkerLimits | None = None, command: Sequence[str] | None = None
    ) -> None:
        self.limits = limits or WorkerLimits()
        self.started = 0
        self.cpu_s = 0.0
        self.peak_kb = 0
        self._command = list(
            command
            or [
                sys.executable,
                "-P",
                "-m",
                "backend.vision.workers.child",
                str(self.limits.memory_mb),
            ]
        )
        self._process: _Process | None = None
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """Its process id while there is one."""
        return self._process.popen.pid if self._process is not None else None

    def ask(self, task: Task) -> Result:
        """Its answer to ``task``.

        Raises:
            WorkerFailed: when it died or took too long; the next question goes to another.
            ValueError: when the question is too long.
        """
        question = wire.frame(task)
        deadline = time.monotonic() + self.limits.timeout_s
        try:
            answer = self._talk(question, deadline)
        except TimeoutError as error:
            self._end("timeout", error)
            raise WorkerFailed("timeout") from error
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            # An answer that cannot be read is no better than none.
            self._end("died", error)
            raise WorkerFailed("died") from error
        self._asked += 1
        self.cpu_s += answer.cpu_s
        self.peak_kb = answer.peak_kb
        if self._asked >= self.limits.questions or answer.peak_kb > self.limits.recycle_mb << 10:
            log.info("eyes.worker_recycled", questions=self._asked, peak_mb=answer.peak_kb >> 10)
            self.close()
        return answer.result

    def close(self) -> None:
        """End the process, if there is one."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _talk(self, question: bytes, deadline: float) -> wire.Answer:
        if self._process is None:
            self._asked = 0
            self.started += 1
            self._process = _Process(self._command)
        process = self._process
        process.write(question, deadline)
        size = int.from_bytes(process.read(wire.LENGTH_BYTES, deadline), "big")
        if size > wire.MAX_BYTES:
            raise EOFError(f"an answer of {size} bytes")
        return wire.read_answer(process.read(size, deadline))

    def _end(self, reason: str, error: Exception) -> None:
        log.warning("eyes.worker_failed", reason=reason, error=str(error)[:200], pid=self.pid)
        self.close()


class _Process:
    """A child with two pipes, each of which may be waited for."""

    def __init__(self, command: Sequence[str]) -> None:
        self.popen = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=_environment(),
            cwd="/",
        )
        self._pipes = [pipe for pipe in (self.popen.stdin, self.popen.stdout) if pipe is not None]
        self._to, self._from = (pipe.fileno() for pipe in self._pipes)
        os.set_blocking(self._to, False)
        os.set_blocking(self._from, False)

    def write(self, data: bytes, deadline: float) -> None:
        """Hand over all of ``data``."""
        left = memoryview(data)
        while left:
            _wait(deadline, write=self._to)
            left = left[os.write(self._to, left[:_CHUNK]) :]

    def read(self, size: int, deadline: float) -> bytes:
        """Exactly ``size`` bytes."""
        found = bytearray()
        while len(found) < size:
            _wait(deadline, read=self._from)
            piece = os.read(self._from, min(_CHUNK, size - len(found)))
            if not piece:
                raise EOFError("the worker ended")
            found += piece
        return bytes(found)

    def end(self) -> None:
        """Kill it and wait until it is gone."""
        self.popen.kill()
        self.popen.wait()
        for pipe in self._pipes:
            pipe.close()


def _environment() -> dict[str, str]:
    """As little as it takes: no setting and no secret of ours is handed on."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return kept | {
        "PYTHONPATH": str(_ROOT),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _wait(deadline: float, *, read: int | None = None, write: int | None = None) -> None:
    left = deadline - time.monotonic()
    ready = select.select(
        [] if read is None else [read], [] if write is None else [write], [], max(left, 0.0)
    )
    if left <= 0 or not (ready[0] or ready[1]):
        raise TimeoutError("no answer in time")
