"""The demo's loop: time moves only when every part is idle, and a stop comes at a good moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from seal_firmware_sim.scenarios.stage import Actor
from tests.unit.zhiyin.demo.test_kept import DAY
from zhiyin.demo.clock import DemoClock
from zhiyin.demo.runner import STUCK_S, WIND_UP_S, Runner, Stuck

START, END = DAY.time(DAY.start), DAY.time(DAY.end)
MINUTE = 60_000


@dataclass
class Stop:
    """Told to stop after it was asked ``after`` times."""

    after: int = 10**6

    def is_set(self) -> bool:
        self.after -= 1
        return self.after < 0


@dataclass
class Town:
    """All parts in one: sleeves, scripts, gateway, alerts; each does what the test says."""

    clock: DemoClock
    steady: float = 0.0
    look_s: float = 0.001
    moments: list[int] = field(default_factory=list)
    busy_rounds: int = 0
    """Rounds that the gateway stays busy after each thing that happened."""
    ran: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    looked: int = 0
    records: int = 0
    alerts_due: int | None = None
    midway_until: int = 0
    looks: list[int] = field(default_factory=list)
    """Questions after which the eyes have seen all there is to see, after each thing."""
    open_looks: int = 0
    endless: bool = False
    _busy: int = 0

    # sleeves
    def poll(self, timeout_s: float) -> None:
        self.steady += self.look_s if timeout_s else 0.0
        self._busy = max(0, self._busy - 1)

    # scripts
    @property
    def idle(self) -> bool:
        return not (self.endless or self._busy)

    @property
    def done(self) -> bool:
        return not self.moments

    @property
    def midway(self) -> bool:
        return self.clock() < self.midway_until

    @property
    def restless(self) -> list[Actor]:
        return []

    def next_at(self) -> int | None:
        return min(self.moments, default=None)

    def run_due(self) -> None:
        due = [at for at in self.moments if at <= self.clock()]
        self.moments = [at for at in self.moments if at > self.clock()]
        for at in due:
            assert not self._busy, "time passed although a part was not idle"
            self.ran.append(at)
            self.records += 1
            self._busy = self.busy_rounds
            assert not self.open_looks, "time passed although a press was still to be looked at"
            self.open_looks = self.looks.pop(0) if self.looks else 0

    # alerts
    def run_once(self) -> int:
        if self.alerts_due is None or self.alerts_due > self.clock():
            return 0
        self.alerts_due = None
        return 1

    def next_due(self) -> int | None:
        return self.alerts_due

    def look(self) -> None:
        self.looked += 1

    # eyes
    def seen(self) -> bool:
        self.open_looks = max(0, self.open_looks - 1)
        return not self.open_looks


def runner(town: Town) -> Runner:
    return Runner(
        scenario=DAY,
        clock=town.clock,
        sleeves=_Timers(town),
        scripts=town,
        gateway=town,
        alerts=town,
        written=lambda: town.records,
        look=town.look,
        looked=town.seen,
        keep=lambda: town.kept.append(town.clock()),
        steady=lambda: town.steady,
    )


@dataclass
class _Timers:
    """The town's network, with no timers of its own."""

    town: Town

    def poll(self, timeout_s: float) -> None:
        self.town.poll(timeout_s)

    def next_at(self) -> int | None:
        return None


def day(speed: float | None = None) -> Town:
    town = Town(DemoClock(START, None, speed, lambda: 0.0))
    town.moments = [START + minutes * MINUTE for minutes in (5, 7, 90)]
    return town


def test_the_day_ends_when_all_was_played() -> None:
    town = day()
    assert runner(town).run(Stop())
    assert town.ran == [START + minutes * MINUTE for minutes in (5, 7, 90)]
    assert town.clock() >= END


@pytest.mark.parametrize("rounds", [1, 5, 50])
def test_time_waits_until_every_part_is_idle(rounds: int) -> None:
    town = day()
    town.busy_rounds = rounds
    assert runner(town).run(Stop())
    assert len(town.ran) == 3


def test_time_waits_until_the_eyes_have_seen_what_there_is_to_see() -> None:
    town = day()
    town.looks = [3, 40, 1]
    assert runner(town).run(Stop())
    assert len(town.ran) == 3
    assert town.open_looks == 0


def test_eyes_that_never_end_are_named() -> None:
    town = day()
    town.looks, town.look_s = [10**6], STUCK_S / 10
    with pytest.raises(Stuck, match="eyes"):
        runner(town).run(Stop())


def test_what_is_due_by_the_clock_is_not_slept_over() -> None:
    town = day()
    town.alerts_due = START + 33 * MINUTE
    assert runner(town).run(Stop())
    assert START + 33 * MINUTE in town.kept
    assert town.looked == 1, "the gateway looks at what was said to sleeves"


def test_what_was_done_is_kept_after_each_move() -> None:
    town = day()
    assert runner(town).run(Stop())
    assert set(town.ran) <= set(town.kept)
    assert town.kept == sorted(town.kept)


def test_who_does_not_get_idle_is_named_and_ends_it() -> None:
    town = day()
    town.endless, town.look_s = True, STUCK_S / 10
    with pytest.raises(Stuck, match="gateway") as stuck:
        runner(town).run(Stop())
    assert "--fresh" in stuck.value.zh


def test_told_to_stop_it_stops_where_it_is() -> None:
    town = day()
    assert not runner(town).run(Stop(after=2))
    assert town.ran == [START + 5 * MINUTE, START + 7 * MINUTE]


def test_whoever_is_at_a_sleeve_comes_to_an_end_first() -> None:
    town = day(speed=1.0)
    town.midway_until = START + 6 * MINUTE
    runner(town).wind_up()
    assert START + 6 * MINUTE <= town.clock() <= START + 7 * MINUTE
    assert town.ran[0] == START + 5 * MINUTE
    assert town.kept[-1] == town.clock()


def test_with_nobody_at_a_sleeve_time_stands_still() -> None:
    town = day()
    runner(town).wind_up()
    assert (town.clock(), town.ran, town.kept) == (START, [], [START])


def test_winding_up_does_not_last() -> None:
    town = day()
    town.midway_until, town.endless, town.look_s = END, True, 0.1
    runner(town).wind_up()
    assert town.steady <= WIND_UP_S + 0.2
    assert town.kept == [START]


def test_real_time_passes_at_the_speed_that_was_asked_for() -> None:
    town = Town(DemoClock(START, None, None))
    steady: Callable[[], float] = lambda: town.steady  # noqa: E731  # one clock for both
    town.clock = DemoClock(START, None, 60.0, steady)
    town.look_s = 0.05
    town.moments = [START + 2 * MINUTE]
    stop = Stop()

    def stopped_after_the_first() -> bool:
        return bool(town.ran)

    stop.is_set = stopped_after_the_first  # type: ignore[method-assign]  # by what happened
    runner(town).run(stop)
    assert town.steady == pytest.approx(2.0, abs=0.1)
