"""Waiting for what is away, and being told to stop meanwhile."""

import os
import signal
from collections.abc import Iterator

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


@pytest.fixture
def listening() -> Iterator[Stop]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    stop = Stop()
    stop.listen()
    yield stop
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_at_once_what_may_be_ended_at_once(
    listening: Stop, number: signal.Signals
) -> None:
    reached: list[str] = []

    def work() -> None:
        with listening.at_once():
            os.kill(os.getpid(), number)
            reached.append("the end")

    with pytest.raises(Stopped):
        work()
    assert reached == []
    assert listening.reason == number.name


def test_elsewhere_a_signal_is_only_noted(listening: Stop) -> None:
    with listening.at_once():
        pass
    os.kill(os.getpid(), signal.SIGINT)
    assert listening.is_set()


def test_nothing_is_begun_after_the_signal() -> None:
    stop = Stop()
    stop.set("SIGINT")
    begun = False
    with pytest.raises(Stopped), stop.at_once():
        begun = True
    assert not begun


def test_a_stop_that_was_swallowed_meanwhile_still_stops() -> None:
    stop = Stop()
    with pytest.raises(Stopped), stop.at_once():
        stop.set("SIGINT")
