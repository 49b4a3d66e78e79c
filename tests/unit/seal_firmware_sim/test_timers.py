"""Which sleeve is due when: by a clock that only moves by hand."""

from __future__ import annotations

import math
import random
from collections import Counter

from seal_firmware_sim.hub import Hub
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.timers import Timers
from tests.unit.seal_firmware_sim.model import Clock, make_bench


def sleeves(count: int) -> list[Sleeve]:
    return [make_bench().sleeve for _ in range(count)]


def test_the_first_that_is_due_comes_first_and_only_once() -> None:
    clock = Clock(1_000)
    timers = Timers(clock)
    early, late = sleeves(2)
    timers.arm(late, 3_000)
    timers.arm(early, 2_000)
    assert timers.next_at() == 2_000
    assert timers.left_s() == 1.0
    assert timers.pop() is None
    clock.now = 3_000
    assert timers.pop() is early
    assert timers.pop() is late
    assert timers.pop() is None
    assert timers.next_at() is None
    assert timers.left_s() == math.inf


def test_what_was_armed_anew_or_not_at_all_is_no_longer_due() -> None:
    clock = Clock(1_000)
    timers = Timers(clock)
    moved, dropped = sleeves(2)
    timers.arm(moved, 1_000)
    timers.arm(dropped, 1_000)
    timers.arm(moved, 5_000)
    timers.arm(dropped, None)
    assert timers.pop() is None
    assert timers.next_at() == 5_000


def test_a_hub_has_a_clock_for_sleeves_and_one_for_the_network() -> None:
    bench = make_bench()
    own, network = bench.clock, Clock(50_000)
    hub = Hub(clock=own, link_clock=network, dice=random.Random(1), helpers=1)
    sleeve = Sleeve(
        bench.sleeve.identity,
        bench.sleeve.hardware,
        bench.sleeve.transport,
        clock=own,
        link_clock=network,
        entropy=random.Random(1).randbytes,
        on_change=hub.changed,
    )

    def sent() -> Counter[str]:
        kinds: Counter[str] = Counter()
        while (message := bench.network.take()) is not None:
            kinds[message.topic.rsplit("/", 1)[1]] += 1
        return kinds

    try:
        sleeve.power_on()
        bench.network.pump()
        assert sent()["heartbeat"] == 1
        hub.poll(0)
        assert not sent()

        network.now += 60_000  # nobody has answered: what was sent is sent again
        hub.poll(0)
        again = sent()
        assert again["boot"] == 1
        assert "heartbeat" not in again

        due = hub.next_at()
        assert due is not None
        own.now = due
        hub.poll(0)
        assert sent()["heartbeat"] == 1
    finally:
        hub.close()
