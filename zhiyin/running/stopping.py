"""Being told to stop, and waiting for what is away without missing it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

FIRST_PAUSE_S: Final = 0.2
LONGEST_PAUSE_S: Final = 5.0


class Stopped(Exception):
    """The process was told to stop while it waited."""


class Stop:
    """Set by SIGTERM and SIGINT (or by a caller). A second signal ends the process at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._at_once = False
        self.reason: str | None = None

    def listen(self) -> None:
        """Take the signals; from the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._signalled)

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """While this lasts a signal ends what the main thread does, wherever it is. Only for what
        is done in one thread and may be left half done: long imports, making what is removed again.

        Raises:
            Stopped: at a signal, or when there was one before.
        """
        if self.is_set():
            raise Stopped
        self._at_once = True
        try:
            yield
        except KeyboardInterrupt:
            raise Stopped from None
        finally:
            self._at_once = False
        if self.is_set():
            raise Stopped

    def set(self, reason: str) -> None:
        """Stop, for this reason."""
        self.reason = self.reason or reason
        self._event.set()

    def wait(self, seconds: float) -> bool:
        """Whether we were told to stop within ``seconds``."""
        return self._event.wait(seconds)

    def is_set(self) -> bool:
        """Whether we were told to stop."""
        return self._event.is_set()

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        if self._event.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        self.set(signal.Signals(number).name)
        if self._at_once:
            raise KeyboardInterrupt


def until(ready: Callable[[], list[str]], stop: Stop, tell: Callable[[list[str]], None]) -> None:
    """Ask ``ready`` what is still missing until it says nothing; ``tell`` is told each answer.

    Raises:
        Stopped: when the process is told to stop first.
    """
    pause = FIRST_PAUSE_S
    while missing := ready():
        tell(missing)
        if stop.wait(pause):
            raise Stopped
        pause = min(pause * 2, LONGEST_PAUSE_S)
    tell([])
