"""Made once for all who ask at the same moment, and anew when there is something new."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.web.once import Once


class Ticks:
    """Seconds, by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_made_anew_for_news_and_with_age_only() -> None:
    ticks, made = Ticks(), iter(range(9))
    once = Once[int](ticks, fresh_s=5)

    def ask(key: str, version: int) -> int:
        return once.get(key, version, lambda: next(made))

    assert [ask("a", 1), ask("a", 1), ask("b", 1), ask("a", 2), ask("a", 1)] == [0, 0, 1, 2, 2]
    ticks.now = 5
    assert ask("a", 2) == 3


def test_many_at_the_same_moment_share_one_making() -> None:
    once = Once[int](Ticks(), fresh_s=5)
    started, go, calls = threading.Event(), threading.Event(), []

    def make() -> int:
        calls.append(1)
        started.set()
        assert go.wait(60)
        return 7

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(once.get, "a", 1, make) for _ in range(8)]
        assert started.wait(60)
        go.set()
        assert [one.result(10) for one in asked] == [7] * 8
    assert len(calls) == 1


def test_what_fails_is_tried_again_by_the_next() -> None:
    once = Once[int](Ticks(), fresh_s=5)

    def fail() -> int:
        raise RuntimeError("away")

    with pytest.raises(RuntimeError):
        once.get("a", 1, fail)
    assert once.get("a", 1, lambda: 3) == 3


def test_keeps_so_many_and_lets_the_oldest_go() -> None:
    once = Once[int](Ticks(), fresh_s=5, kept=2)
    made = iter(range(9))
    for key in ("a", "b", "a", "c", "a", "b"):
        last = once.get(key, 1, lambda: next(made))
    assert last == 3
