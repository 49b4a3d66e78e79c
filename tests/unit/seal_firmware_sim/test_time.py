"""Trusted time: learned from what the server signed for us, never backwards, lost with power."""

from __future__ import annotations

from gateway.protocol import messages as m
from seal_firmware_sim import inputs
from seal_firmware_sim.timekeeping import Timekeeper
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import START, ModelServer, make_bench, pump

HOUR = 3_600_000


def time_of(hands: Hands) -> Timekeeper:
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    return firmware.time


def clock_sets(hands: Hands) -> list[m.ClockSet]:
    pump(hands.bench, hands.server)
    return [b for b in hands.server.bodies(m.ClockSet) if isinstance(b, m.ClockSet)]


def test_a_signed_time_is_trusted_and_ages(hands: Hands) -> None:
    assert time_of(hands).earliest == START
    assert time_of(hands).age == 0
    hands.link(False)
    hands.pass_time(5_000)
    assert time_of(hands).age == 5_000
    assert time_of(hands).earliest == START + 5_000 <= time_of(hands).latest


def test_a_sleeve_that_heard_nothing_trusts_nothing() -> None:
    bench = make_bench()
    bench.network.reachable = False
    bench.sleeve.power_on()
    assert bench.sleeve.firmware is not None
    assert not bench.sleeve.firmware.time.trusted
    assert bench.sleeve.firmware.time.age is None


def test_a_replayed_time_says_nothing(hands: Hands) -> None:
    nonce = hands.server.heartbeats[-1].nonce
    assert nonce is not None
    hands.pass_time(30_000)
    age = time_of(hands).age
    hands.push(m.Time(time=START + HOUR, nonce=nonce))
    hands.push(m.Time(time=START + HOUR, nonce=b"n" * 16))
    assert time_of(hands).age == age
    assert time_of(hands).earliest == START + 30_000


def test_a_time_held_back_is_only_as_good_as_its_question(hands: Hands) -> None:
    bench = make_bench(seed=9)
    server = ModelServer(bench.clock)
    server.quiet = {"time", "receipt"}
    bench.sleeve.power_on()
    pump(bench, server)
    nonce = server.heartbeats[-1].nonce
    assert nonce is not None
    held = server.seal(m.Time(time=bench.clock(), nonce=nonce))
    bench.clock.now += 50_000
    bench.network.send(server.device, "time", held)
    pump(bench, server)
    firmware = bench.sleeve.firmware
    assert firmware is not None
    assert firmware.time.age == 50_000
    assert firmware.time.earliest == START
    assert firmware.time.latest == START + 50_000
    assert "clock_set" not in server.types(), "too vague to set the clock by"


def test_a_receipt_brings_time_for_events_of_this_boot(hands: Hands) -> None:
    bench = make_bench(seed=9)
    server = ModelServer(bench.clock)
    server.quiet = {"time"}
    bench.sleeve.power_on()
    pump(bench, server)
    assert bench.sleeve.firmware is not None
    assert bench.sleeve.firmware.time.trusted


def test_time_never_goes_backwards(hands: Hands) -> None:
    hands.pass_time(40_000)
    before = time_of(hands).earliest
    hands.server.clock = type(hands.server.clock)(START - HOUR)
    hands.do(inputs.TamperSwitch("case", True))
    assert time_of(hands).earliest >= before
    assert clock_sets(hands) == []


def test_time_older_than_the_server_ever_signed_is_no_time_even_after_a_reboot(
    hands: Hands,
) -> None:
    hands.do(inputs.TamperSwitch("case", True))  # an urgent write takes the floor along
    hands.bench.sleeve.power_off()
    hands.server.clock = type(hands.server.clock)(START - HOUR)
    hands.bench.sleeve.power_on()
    pump(hands.bench, hands.server)
    assert not time_of(hands).trusted


def test_a_clock_set_by_hand_is_told_of_and_set_right_by_the_server(hands: Hands) -> None:
    hands.bench.rtc.shift(-HOUR)
    hands.pass_time(61_000)
    told = clock_sets(hands)
    assert [(b.signed, b.after - b.before) for b in told] == [(False, -HOUR), (True, HOUR)]
    assert hands.bench.rtc.read() == hands.bench.clock()
    times = [event.time for event in hands.server.events if event.body in told]
    assert times == [told[0].after, told[1].after]


def test_a_clock_set_by_hand_off_line_stays_wrong_until_the_server_speaks(hands: Hands) -> None:
    hands.link(False)
    hands.bench.rtc.shift(-HOUR)
    hands.do(inputs.TamperSwitch("case", True))
    assert time_of(hands).earliest == START, "trusted time is not touched"
    hands.bench.clock.now += 10_000
    hands.link(True)
    assert [b.signed for b in clock_sets(hands)] == [False, True]
    tampered = next(e for e in hands.server.events if isinstance(e.body, m.Tamper))
    assert tampered.time == START - HOUR


def test_a_small_difference_is_left_alone(hands: Hands) -> None:
    hands.bench.rtc.shift(1_500)
    hands.pass_time(200_000)
    assert clock_sets(hands) == []


def test_a_wrong_clock_at_the_start_is_set_once() -> None:
    bench = make_bench()
    server = ModelServer(bench.clock)
    bench.rtc.shift(5 * HOUR)
    bench.sleeve.power_on()
    pump(bench, server)
    sets = [b for b in server.bodies(m.ClockSet) if isinstance(b, m.ClockSet)]
    assert [(b.before, b.after, b.signed) for b in sets] == [(START + 5 * HOUR, START, True)]
    assert bench.rtc.read() == START


def test_a_clock_beyond_all_bounds_stops_nothing(hands: Hands) -> None:
    hands.bench.rtc.shift(10**16)
    hands.do(inputs.TamperSwitch("case", True))
    hands.bench.rtc.shift(-(10**17))
    hands.do(inputs.TamperSwitch("case", False))
    assert "tamper" in hands.server.types()


def test_a_clock_source_that_goes_back_stops_no_timer(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.clock.now -= HOUR
    hands.bench.sleeve.tick()
    hands.bench.clock.now += HOUR
    assert hands.pass_time(301_000).value == "idle"
