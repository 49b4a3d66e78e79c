"""Waiting for what is away, and being told to stop meanwhile."""

import pytest

from zhiyin.running.stopping import Stop, Stopped, until


class _Impatient(Stop):
    """Notes the pauses instead of making them; is told to stop after some."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._after = after

    def wait(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        return len(self.pauses) >= self._after


def test_waiting_tells_what_is_missing_and_ends_when_all_is_there() -> None:
    answers = iter([["database"], ["schema"], []])
    told: list[list[str]] = []
    stop = _Impatient(99)
    until(lambda: next(answers), stop, told.append)
    assert told == [["database"], ["schema"], []]
    assert stop.pauses == [0.2, 0.4]


def test_pauses_grow_to_a_limit_and_a_stop_ends_the_waiting() -> None:
    stop = _Impatient(8)
    with pytest.raises(Stopped):
        until(lambda: ["broker"], stop, lambda _missing: None)
    assert stop.pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]


def test_the_first_reason_to_stop_is_kept() -> None:
    stop = Stop()
    assert not stop.is_set()
    stop.set("SIGTERM")
    stop.set("other")
    assert stop.is_set()
    assert stop.reason == "SIGTERM"
    assert stop.wait(0)
