"""A worker for whoever waits: one at a time, let go when nobody asks for a while."""

from __future__ import annotations

import threading
from typing import Final

from backend.vision.workers.wire import Result, Task
from backend.vision.workers.worker import Worker, WorkerLimits

KEEP_S: Final = 60.0


class Desk:
    """Shared by the threads of a web server."""

    def __init__(self, limits: WorkerLimits | None = None, keep_s: float = KEEP_S) -> None:
        self._worker = Worker(limits)
        self._keep_s = keep_s
        self._turn = threading.Lock()
        self._let_go: threading.Timer | None = None

    def ask(self, task: Task) -> Result:
        """See :meth:`backend.vision.workers.worker.Worker.ask`; waits for those before."""
        with self._turn:
            if self._let_go is not None:
                self._let_go.cancel()
            try:
                return self._worker.ask(task)
            finally:
                self._let_go = threading.Timer(self._keep_s, self.close)
                self._let_go.daemon = True
                self._let_go.start()

    def close(self) -> None:
        """Let the process go; the next question starts another."""
        with self._turn:
            self._worker.close()
