"""Power cuts: between any two effects of any step, and what the next start makes of it."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim import effects, inputs
from seal_firmware_sim.hardware.flash import MemoryFlash
from seal_firmware_sim.session import Phase
from seal_firmware_sim.sleeve import HALTED, Sleeve
from tests.unit.seal_firmware_sim.conftest import JOB, Hands
from tests.unit.seal_firmware_sim.model import (
    ModelServer,
    make_bench,
    make_grant,
    pass_time,
    pump,
)


class Counted:
    """Counts effects, so that a cut can be tried behind each of them."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, _sleeve: Sleeve, effect: object) -> None:
        self.names.append(type(effect).__name__)


def whole_use(cut_after: int | None, seed: int) -> tuple[Hands, Counted]:
    """A use of two stamps, with the power failing behind effect ``cut_after``."""
    counted = Counted()
    bench = make_bench(seed=seed, on_effect=counted)
    server = ModelServer(bench.clock)
    server.jobs[JOB] = make_grant(stamps=2)
    bench.sleeve.cut_after = cut_after
    bench.sleeve.power_on()
    pump(bench, server)
    hands = Hands(bench, server)
    hands.ready(count=2)
    hands.stamp(2)
    return hands, counted


def test_promise_1_and_2_a_cut_behind_any_effect_of_a_whole_use() -> None:
    effects_in_all = len(whole_use(None, 0)[1].names)
    assert effects_in_all > 60
    ends: set[str] = set()
    for cut in range(effects_in_all):
        hands, _ = whole_use(cut, seed=cut)
        assert not hands.bench.sleeve.powered
        hands.bench.sleeve.power_on()
        pump(hands.bench, hands.server)
        # Whoever cuts the power to be granted more gets nothing.
        hands.ready(count=2)
        hands.stamp(3)
        hands.pass_time(60_000)
        assert hands.total <= 2
        assert hands.bench.sleeve.idle(), (cut, hands.bench.sleeve.pending())
        drops = [s.total for s in hands.server.bodies(m.Stamped) if isinstance(s, m.Stamped)]
        assert drops == list(range(1, hands.total + 1)), cut
        assert hands.server.forks == 0
        assert hands.server.types().count("grant_burnt") <= 1
        ends |= {
            e.reason for e in hands.server.bodies(m.UseFinished) if isinstance(e, m.UseFinished)
        }
    assert ends == {"done", "power"}


def test_every_step_writes_then_flushes_then_acts() -> None:
    _, counted = whole_use(None, 0)
    assert counted.names.index("FlushFlash") < counted.names.index("Publish")
    writes = {"PutPicture", "AppendFlash"}
    for before, after in pairwise(counted.names):
        if before in writes:
            assert after in {*writes, "FlushFlash"}, "acted before it was durable"


def test_a_drop_under_way_at_the_cut_is_recorded_at_the_next_start(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.press()
    hands.bench.sleeve.power_off()
    assert hands.total == 1
    hands.bench.sleeve.power_on("brownout")
    pump(hands.bench, hands.server)
    assert hands.server.types()[-3:] == ["boot", "stamped", "use_finished"]
    stamped, finished = hands.last(m.Stamped), hands.last(m.UseFinished)
    assert isinstance(stamped, m.Stamped)
    assert isinstance(finished, m.UseFinished)
    assert (stamped.use, stamped.press, stamped.total) == (2, 1, 1)
    assert (finished.presses, finished.reason) == (1, "power")


def test_a_drop_while_the_power_was_off_belongs_to_nobody(hands: Hands) -> None:
    hands.bench.sleeve.power_off()
    hands.bench.mechanism.force(0, times=2)
    hands.bench.mechanism.power_lost()
    hands.bench.sleeve.power_on()
    stamps = [hands.last(m.Stamped), *hands.server.bodies(m.Stamped)]
    assert [(s.use, s.total) for s in stamps[1:] if isinstance(s, m.Stamped)] == [(0, 1), (0, 2)]


def test_a_new_sleeve_starts_with_the_counter_it_has() -> None:
    bench = make_bench()
    bench.mechanism.total = 1234
    server = ModelServer(bench.clock)
    bench.sleeve.power_on("commissioned")
    pump(bench, server)
    assert server.types() == ["boot"]
    boot = server.bodies(m.Boot)[0]
    assert isinstance(boot, m.Boot)
    assert (boot.reason, boot.lost) == ("commissioned", 0)


def test_a_torn_journal_is_told_of(hands: Hands) -> None:
    hands.bench.sleeve.power_off()
    hands.bench.flash.append(b"ZJ torn")
    hands.bench.flash.flush()
    hands.bench.sleeve.power_on()
    boot = hands.last(m.Boot)
    assert isinstance(boot, m.Boot)
    assert boot.lost == 1
    hands.reboot()
    boot = hands.last(m.Boot)
    assert isinstance(boot, m.Boot)
    assert boot.lost == 0


def test_an_orphaned_picture_is_removed_and_a_lost_one_is_told_of(hands: Hands) -> None:
    hands.server.quiet.add("pieces_held")
    hands.offer()
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.do(inputs.PresentFace())
    named = hands.bench.flash.pictures()
    assert len(named) == 2
    hands.bench.sleeve.power_off()
    hands.bench.flash.put_picture(b"o" * 32, b"orphan")
    hands.bench.flash.flush()
    hands.bench.flash.drop_picture(sorted(named)[0])
    hands.bench.sleeve.power_on()
    pump(hands.bench, hands.server)
    assert hands.bench.flash.pictures() == named - {sorted(named)[0]}
    assert hands.last(m.Fault) == m.Fault(code="flash", detail="picture lost")
    assert hands.bench.sleeve.pending().pictures == 1


def test_flash_that_fails_stops_the_sleeve_before_it_acts(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.flash.broken = True
    hands.press()
    assert not hands.bench.sleeve.powered
    assert hands.display == HALTED
    hands.bench.sleeve.tick()
    assert hands.total == 0
    hands.bench.sleeve.power_on()
    assert not hands.bench.sleeve.powered
    hands.bench.flash.broken = False
    hands.bench.sleeve.power_on()
    hands.pass_time(10_000)
    assert hands.phase() is Phase.IDLE
    finished = hands.last(m.UseFinished)
    assert isinstance(finished, m.UseFinished)
    assert finished.reason == "power"


def test_a_brown_out_bolts_the_seal(hands: Hands) -> None:
    wanted: list[object] = []
    hands.bench.sleeve._on_effect = lambda _sleeve, effect: wanted.append(effect)
    hands.do(inputs.PowerFailing())
    assert wanted == [effects.Actuate("lock")]


def test_no_power_no_reaction(hands: Hands) -> None:
    hands.bench.sleeve.power_off()
    hands.do(inputs.Press())
    hands.bench.sleeve.tick()
    hands.bench.sleeve.set_link(reachable=False)
    hands.bench.sleeve.set_link(reachable=True)
    assert hands.bench.sleeve.due().mono is None
    assert hands.bench.sleeve.idle()
    assert hands.phase() is Phase.IDLE
    assert hands.server.states[-1] == m.State(online=False, boot=1)


@pytest.mark.parametrize("reason", ["power_on", "watchdog", "update"])
def test_the_reason_of_a_start_is_told(hands: Hands, reason: str) -> None:
    hands.bench.sleeve.power_off()
    hands.bench.sleeve.power_on(reason)  # type: ignore[arg-type]  # parametrised literals
    boot = hands.last(m.Boot)
    assert isinstance(boot, m.Boot)
    assert boot.reason == reason
    assert hands.server.states[-1] == m.State(online=True, boot=2)


def test_events_survive_many_cuts_without_a_network() -> None:
    bench = make_bench(seed=5)
    server = ModelServer(bench.clock)
    bench.network.reachable = False
    for nth in range(20):
        bench.sleeve.power_on()
        bench.sleeve.do(inputs.TamperSwitch("case", nth % 2 == 0))
        bench.sleeve.power_off()
    assert isinstance(bench.flash, MemoryFlash)
    bench.network.reachable = True
    bench.sleeve.power_on()
    pump(bench, server)
    pass_time(bench, server, 60_000)
    assert server.types().count("boot") == 21
    assert [e.boot for e in server.events if e.body.type == "boot"] == list(range(1, 22))
