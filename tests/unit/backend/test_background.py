"""A thread that works while there is work."""

from __future__ import annotations

import sqlite3
import threading

from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from backend.background import Background


def test_tasks_run_until_none_has_anything_to_do() -> None:
    left, looked, done = [3], [0], threading.Event()

    def work() -> bool:
        left[0] -= left[0] > 0
        return left[0] > 0

    def look() -> bool:
        looked[0] += 1
        if not left[0]:
            done.set()
        return False

    background = Background("chore", [work, look], every_s=60)
    background.start()
    assert done.wait(60)
    background.stop()
    assert not background.alive
    assert looked[0] == 3


def test_it_looks_when_it_is_woken_and_is_idle_only_when_it_has_looked() -> None:
    rounds = threading.Semaphore(0)
    background = Background("chore", [lambda: rounds.release()], every_s=60)
    background.start()
    assert rounds.acquire(timeout=60)
    for _ in range(50):
        background.wake()
        assert rounds.acquire(timeout=60)
    background.stop()


def test_being_woken_is_being_busy() -> None:
    background = Background("chore", [], every_s=60)
    assert background.idle
    background.wake()
    assert not background.idle


def test_it_is_never_taken_for_idle_between_hearing_and_doing() -> None:
    """A simulation moves its clock on when everybody is idle."""
    background = Background("chore", [], every_s=60)
    seen: list[bool] = []
    clear = background._wake.clear

    def watched() -> None:
        seen.append(background.idle)
        clear()
        seen.append(background.idle)
        background.stop()

    background._wake.clear = watched  # type: ignore[method-assign]  # to look in between
    background.wake()
    background.run()
    assert seen == [False, False]


def test_a_task_that_fails_does_not_keep_the_others_from_their_work() -> None:
    ran = threading.Event()

    def away() -> bool:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("database is locked"))

    def broken() -> bool:
        raise ZeroDivisionError

    background = Background("chore", [away, broken, lambda: ran.set()], every_s=60)
    with capture_logs() as logged:
        background.start()
        assert ran.wait(60)
        background.stop()
    assert {(one["event"], one["log_level"]) for one in logged} == {
        ("store.away", "warning"),
        ("background.failed", "error"),
    }


def test_stopping_what_never_started_is_no_error() -> None:
    Background("chore", []).stop()
