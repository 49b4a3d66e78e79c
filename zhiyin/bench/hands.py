"""Cases of a bench, worked on by child processes: ``python -m zhiyin.bench.hands MODULE:FUNCTION``.

A child reads numbers from standard input until it ends, so it never outlives who started it for
longer than one case.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Final, TypeVar

import msgspec

T = TypeVar("T")

HANDS: Final = max(1, min(2, len(os.sched_getaffinity(0))))
"""Children at once. Not more than two, however many cores there are: what a case costs is measured
too, and memory bandwidth is shared by all."""

_ROOT: Final = Path(__file__).parents[2]


class HandLost(RuntimeError):
    """A child ended in the middle of a case."""


def spread(
    work: Callable[[int], T], numbers: Iterable[int], of: type[T], *, hands: int = HANDS
) -> Generator[T]:
    """``work`` of each number, done by ``hands`` child processes; results come as they are ready.

    Args:
        work: a function of a module, that tells the same of a number in whichever process.
        numbers: which cases.
        of: what it returns, to be read back from JSON.
        hands: processes.

    Raises:
        HandLost: when a child ends before it has answered.
    """
    left = iter(numbers)
    turn = threading.Lock()
    found: queue.SimpleQueue[bytes | Exception | None] = queue.SimpleQueue()
    children = [_Child(work) for _ in range(hands)]

    def next_number() -> int | None:
        with turn:
            return next(left, None)

    def drive(child: _Child) -> None:
        try:
            while (number := next_number()) is not None:
                found.put(child.ask(number))
        except (OSError, HandLost) as error:
            found.put(error)
        finally:
            found.put(None)

    threads = [threading.Thread(target=drive, args=(one,), daemon=True) for one in children]
    try:
        for thread in threads:
            thread.start()
        working = hands
        while working:
            told = found.get()
            if isinstance(told, Exception):
                raise told
            if told is None:
                working -= 1
            else:
                yield msgspec.json.decode(told, type=of)
    finally:
        for child in children:
            child.end()
        for thread in threads:
            thread.join()


class _Child:
    def __init__(self, work: Callable[[int], object]) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, "-m", "zhiyin.bench.hands", f"{work.__module__}:{work.__name__}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            # A key that interrupts the bench is for the bench: it lets its children go itself.
            start_new_session=True,
        )

    def ask(self, number: int) -> bytes:
        """What it tells of ``number``, as JSON."""
        to, answers = self._popen.stdin, self._popen.stdout
        assert to is not None
        assert answers is not None
        to.write(b"%d\n" % number)
        to.flush()
        told = answers.readline()
        if not told.endswith(b"\n"):
            raise HandLost(f"the process that worked on {number} ended: {self._popen.wait()}")
        return told

    def end(self) -> None:
        self._popen.kill()
        self._popen.wait()
        for pipe in (self._popen.stdin, self._popen.stdout):
            assert pipe is not None
            pipe.close()


def main() -> None:
    """Answer until the numbers end; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    import cv2

    cv2.setNumThreads(1)  # a child is counted as one core
    module, name = sys.argv[1].split(":")
    work = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        told = json.dumps(msgspec.to_builtins(work(int(line)))).encode() + b"\n"
        with contextlib.suppress(BrokenPipeError):  # nobody listens: the numbers end, too
            answers.write(told)
            answers.flush()


if __name__ == "__main__":
    main()
