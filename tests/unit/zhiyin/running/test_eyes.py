"""The eyes' threads: they read, look, survive errors, and end."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from backend.services.eyes import Eyes, EyesStats
from backend.store.looks import Backlog
from backend.vision.workers.worker import WorkerLimits
from zhiyin.running.eyes import EyesPart

LONG_S = 60.0
"""Longer than any of it takes; a test that waits this long has failed."""


class FakeEyes:
    """Hands out ``left`` looks; ``trouble`` is raised by the next one."""

    def __init__(self) -> None:
        self.left = 0
        self.trouble: Exception | None = None
        self.looked = threading.Semaphore(0)
        self.reads = threading.Semaphore(0)
        self.stats = EyesStats(looks=3, impossible=1, put_off=9)
        self.backlog = Backlog(2, 5, 4, 61_500)
        self._lock = threading.Lock()

    def read(self) -> int:
        self.reads.release()
        return 0

    def release(self) -> int:
        return self.left

    def look(self, _ask: Callable[[Any], Any]) -> bool:
        with self._lock:
            if self.trouble is not None:
                error, self.trouble = self.trouble, None
                raise error
            if not self.left:
                return False
            self.left -= 1
        self.looked.release()
        return True


@pytest.fixture
def eyes() -> FakeEyes:
    return FakeEyes()


@pytest.fixture
def part(eyes: FakeEyes) -> Iterator[EyesPart]:
    seen = threading.Semaphore(0)
    made = EyesPart(cast(Eyes, eyes), workers=2, limits=WorkerLimits(), seen=lambda: seen.release())
    made.seen = seen  # type: ignore[attr-defined]  # for the test to look at
    made.start()
    yield made
    made.stop()


def test_looks_are_taken_as_they_come(part: EyesPart, eyes: FakeEyes) -> None:
    eyes.left = 5
    part.wake()
    for _ in range(5):
        assert eyes.looked.acquire(timeout=LONG_S)
        assert part.seen.acquire(timeout=LONG_S)  # type: ignore[attr-defined]
    assert part.alive


def test_an_error_is_logged_and_the_next_look_is_taken(part: EyesPart, eyes: FakeEyes) -> None:
    with capture_logs() as logged:
        eyes.trouble = ValueError("broken")
        eyes.left = 1
        part.wake()
        assert eyes.looked.acquire(timeout=LONG_S)
    assert any(entry["event"] == "eyes.failed" for entry in logged)
    assert part.alive


def test_it_reads_unasked_for_records_may_come_from_other_processes(
    part: EyesPart, eyes: FakeEyes
) -> None:
    assert part.alive
    for _ in range(2):
        assert eyes.reads.acquire(timeout=LONG_S)


def test_it_ends_when_told_to(part: EyesPart) -> None:
    part.stop()
    assert not part.alive


def test_its_figures_say_what_is_left(part: EyesPart) -> None:
    assert part.figures() == {
        "looks": 3,
        "looks_impossible": 1,
        "looks_ready": 2,
        "looks_waiting": 5,
        "looks_oldest_s": 61,
        "looks_put_off": 4,
        "looks_refused": 9,
    }
