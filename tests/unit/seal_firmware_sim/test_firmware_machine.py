"""A sleeve against everybody at once: operators, thieves of power, a network that lies, a clock
that is turned, and a lawful server. Tries to get one stamp more than granted, or to lose one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from gateway.protocol import messages as m
from seal_firmware_sim import effects, inputs, journal
from seal_firmware_sim.journal import Journal
from seal_firmware_sim.sleeve import Sleeve
from seal_firmware_sim.transport import Sent
from tests.unit.seal_firmware_sim.model import (
    START,
    ModelServer,
    make_bench,
    make_grant,
    pass_time,
    pin_check,
    pump,
)

JOBS = ("100001", "100002", "100003")
OFFLINE = ("off-1", "off-2")
TROUBLES = (
    *("none", "cut:0", "cut:1", "cut:2", "cut:3", "cut:5", "cut:9", "off", "reboot"),
    *("lose", "link:down", "link:up", "tamper", "lock", "revoke:off-1", "revoke:g-100002"),
    *("jam", "stuck", "misses", "camera", "faces", "replay"),
    *("clock:-86400000", "clock:86400000"),
    *("wait:700", "wait:9000", "wait:61000", "wait:400000"),
)


class SleeveMachine(RuleBasedStateMachine):
    """Rules are what anybody may do at any moment; invariants are the promises."""

    def __init__(self) -> None:
        super().__init__()
        # Compacted often, so that what a compaction keeps is tried as well.
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(journal, "COMPACT_ABOVE_BYTES", 2_048)
        self.released: Counter[str] = Counter()
        self.uses: dict[str, set[int]] = {}
        self.up: list[Sent] = []
        self.down: list[tuple[str, bytes]] = []
        self.heard: list[tuple[str, bytes]] = []
        self.orders = 0
        self.broken = False

    @initialize(seed=st.integers(0, 2**32))
    def start(self, seed: int) -> None:
        self.bench = make_bench(seed=seed, on_effect=self.watch)
        self.sleeve = self.bench.sleeve
        self.server = ModelServer(self.bench.clock)
        self.grants: dict[str, m.Grant] = {}
        for nth, job in enumerate(JOBS):
            grant = make_grant(
                f"g-{job}",
                stamps=nth + 1,
                wait_for_page=nth == 2,
                not_after=START + (120_000 if nth == 1 else 3_600_000),
            )
            self.grants[grant.grant] = self.server.jobs[job] = grant
        for nth, name in enumerate(OFFLINE):
            self.grants[name] = make_grant(
                name, stamps=nth + 1, offline=True, pin=pin_check(), max_clock_age=600_000
            )
        self.ends = {name: grant.not_after for name, grant in self.grants.items()}
        self.sleeve.power_on()

    def watch(self, sleeve: Sleeve, effect: object) -> None:
        """Promise 1 at the only moment that counts: when the seal is let go."""
        if not isinstance(effect, effects.Actuate) or effect.command != "release":
            return
        self.broken = True  # until every assertion here has held
        flash = Journal(self.bench.flash.durable()).memory
        assert flash.use is not None, "released without a use in flash"
        grant = self.grants[flash.use.grant]
        assert grant.grant in flash.burnt, "released before the grant was burnt"
        assert flash.use.intent == flash.use.presses + 1
        assert self.bench.clock.now <= self.ends[grant.grant], "released after the grant's end"
        assert not flash.lock.locked
        assert not flash.switches
        self.released[grant.grant] += 1
        self.uses.setdefault(grant.grant, set()).add(flash.use.use)
        assert self.released[grant.grant] <= grant.stamps, "one stamp more than granted"
        self.broken = False

    # ── operators ────────────────────────────────────────────────────────────────────────────────

    @rule(job=st.sampled_from(JOBS))
    def request(self, job: str) -> None:
        self.sleeve.do(inputs.RequestUnlock(job=job))

    @rule(name=st.sampled_from(OFFLINE))
    def request_stored(self, name: str) -> None:
        self.sleeve.do(inputs.RequestUnlock(grant=name))

    @rule(count=st.integers(1, 4))
    def enter_count(self, count: int) -> None:
        self.sleeve.do(inputs.EnterCount(count))

    @rule()
    def face(self) -> None:
        self.sleeve.do(inputs.PresentFace())

    @rule(right=st.booleans())
    def pin(self, right: bool) -> None:
        self.sleeve.do(inputs.EnterPin("246810" if right else "999999", "p-wang", "1357"))

    @rule()
    def stamp(self) -> None:
        self.sleeve.do(inputs.Press())
        self.sleeve.do(inputs.Release())

    @rule()
    def finish_early(self) -> None:
        self.sleeve.do(inputs.FinishEarly("够了"))

    @rule(
        name=st.sampled_from((*JOBS, *OFFLINE)),
        count=st.integers(1, 3),
        presses=st.integers(1, 4),
        repaired=st.booleans(),
        troubles=st.lists(st.tuples(st.sampled_from(TROUBLES), st.integers(0, 20)), max_size=2),
    )
    def work(
        self, name: str, count: int, presses: int, repaired: bool, troubles: list[tuple[str, int]]
    ) -> None:
        """A whole use, with up to two troubles somewhere in it."""
        if repaired:
            self.repair()
        offline = name in OFFLINE
        if offline:
            self.say(self.grants[name])
            self.network_works()
            self.link(False)
        wish = inputs.RequestUnlock(**{"grant" if offline else "job": name})
        steps: list[Callable[[], object]] = [
            lambda: self.sleeve.do(wish),
            self.network_if_up,
            lambda: self.sleeve.do(inputs.EnterCount(count)),
            lambda: self.sleeve.do(inputs.PresentFace()),
            self.network_if_up,
            lambda: self.pin(True) if offline else None,
        ]
        for _ in range(presses):
            steps += [self.stamp, self.network_if_up, self.seal_comes_back]
        for nth, step in enumerate(steps):
            for trouble, at in troubles:
                if nth == at:
                    self.trouble(trouble)
            step()

    def network_if_up(self) -> None:
        if self.bench.network.reachable:
            self.network_works()

    @rule()
    def repair(self) -> None:
        """Everything works again."""
        self.bench.camera.broken = ""
        self.bench.switches.set("seal", is_open=False)
        self.server.faces_ok = self.server.pages_ok = True
        self.remote_lock(False)
        self.sleeve.cut_after = None
        self.sleeve.power_on()
        self.network_works()
        self.seal_comes_back()
        self.sleeve.do(inputs.FinishEarly())

    @rule(kind=st.sampled_from(TROUBLES))
    def trouble(self, kind: str) -> None:
        """Something goes wrong."""
        habits = self.bench.mechanism.habits
        match kind.split(":"):
            case ["cut", after]:
                self.power_will_fail(int(after))
            case ["off"]:
                self.sleeve.power_off()
            case ["reboot"]:
                self.sleeve.power_off()
                self.sleeve.power_on("brownout")
            case ["lose"]:
                self.lose_all()
            case ["link", up]:
                self.link(up == "up")
            case ["tamper"]:
                self.tamper(True)
            case ["lock"]:
                self.remote_lock(True)
            case ["revoke", name]:
                self.say(m.Revoke(grant=name))
            case ["jam"]:
                habits.jam = True
            case ["stuck"]:
                habits.stuck_ms = 20_000
            case ["misses"]:
                habits.misses = True
            case ["camera"]:
                self.bench.camera.broken = "遮挡"
            case ["faces"]:
                self.server.faces_ok = False
            case ["clock", by]:
                self.bench.rtc.shift(int(by))
            case ["wait", ms]:
                self.time_passes(int(ms))
            case ["replay"]:
                for message in list(self.heard):
                    self.to_sleeve(message)
            case _:
                assert kind == "none"

    # ── the network ──────────────────────────────────────────────────────────────────────────────

    def collect(self) -> None:
        self.bench.network.pump()
        while (sent := self.bench.network.take()) is not None:
            self.up.append(sent)

    def to_server(self, sent: Sent) -> None:
        answers = self.server.handle(sent)
        self.down += answers
        self.heard += answers

    def to_sleeve(self, message: tuple[str, bytes]) -> None:
        self.bench.network.send(self.server.device, *message)
        self.collect()

    @rule()
    def network_works(self) -> None:
        self.bench.network.reachable = True
        for _ in range(200):
            self.collect()
            if not self.up and not self.down:
                return
            while self.up:
                self.to_server(self.up.pop(0))
            while self.down:
                self.to_sleeve(self.down.pop(0))
        raise AssertionError("the network does not come to rest")

    @rule(data=st.data())
    def one_message_up(self, data: st.DataObject) -> None:
        self.collect()
        if self.up:
            at = data.draw(st.integers(0, len(self.up) - 1))
            if data.draw(st.booleans()):
                self.to_server(self.up.pop(at))
            else:
                self.to_server(self.up[at])  # and once more later

    @rule(data=st.data())
    def one_message_down(self, data: st.DataObject) -> None:
        if self.down:
            self.to_sleeve(self.down.pop(data.draw(st.integers(0, len(self.down) - 1))))

    @precondition(lambda self: self.heard)
    @rule(data=st.data())
    def replay_to_sleeve(self, data: st.DataObject) -> None:
        self.to_sleeve(self.heard[data.draw(st.integers(0, len(self.heard) - 1))])

    def lose_all(self) -> None:
        self.collect()
        self.up.clear()
        self.down.clear()

    def link(self, reachable: bool) -> None:
        self.bench.network.reachable = reachable
        self.collect()

    # ── the server's own will ────────────────────────────────────────────────────────────────────

    def say(self, body: m.Down) -> None:
        message = (body.type, self.server.seal(body))
        self.down.append(message)
        self.heard.append(message)

    @rule(name=st.sampled_from(OFFLINE), ms=st.sampled_from((-60_000, 60_000, 7_200_000)))
    def push_again(self, name: str, ms: int) -> None:
        """The server moves the window of a grant that it pushed before, and that may be held,
        burnt or revoked by now."""
        grant = msgspec.structs.replace(
            self.grants[name], not_after=self.grants[name].not_after + ms
        )
        self.ends[name] = max(self.ends[name], grant.not_after)
        self.grants[name] = grant
        self.say(grant)

    def remote_lock(self, locked: bool) -> None:
        self.orders += 1
        self.say(m.Lock(order=self.orders, locked=locked))

    # ── power, time, hands ───────────────────────────────────────────────────────────────────────

    def power_will_fail(self, after: int) -> None:
        if self.sleeve.powered:
            self.sleeve.cut_after = after

    @rule(reason=st.sampled_from(("power_on", "brownout", "watchdog")))
    def power_on(self, reason: Any) -> None:
        self.sleeve.power_on(reason)

    @rule(ms=st.sampled_from((1, 200, 700, 1_200, 3_000, 9_000, 61_000, 400_000)))
    def time_passes(self, ms: int) -> None:
        self.bench.clock.now += ms
        self.sleeve.tick()

    @rule()
    def seal_comes_back(self) -> None:
        for _ in range(8):
            at = self.bench.mechanism.next_at()
            if at is None:
                return
            self.bench.clock.now = max(self.bench.clock.now, at)
            self.sleeve.tick()

    def tamper(self, is_open: bool) -> None:
        self.bench.switches.set("seal", is_open=is_open)
        self.sleeve.tick()

    # ── promises ─────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def promise_1_one_use_of_a_grant(self) -> None:
        for name, numbers in self.uses.items():
            assert len(numbers) == 1, f"{name} was used twice: {numbers}"

    @invariant()
    def promise_1_never_more_drops_than_releases(self) -> None:
        assert self.bench.mechanism.total <= self.released.total()

    @invariant()
    def promise_3_one_history(self) -> None:
        assert self.server.forks == 0

    def teardown(self) -> None:
        """Promise 2: when all works again, the server has every drop exactly once."""
        self.patch.undo()
        if self.broken or not hasattr(self, "bench"):
            return
        self.bench.camera.broken = ""
        self.sleeve.cut_after = None
        self.sleeve.power_on()
        self.network_works()
        pass_time(self.bench, self.server, 700_000)
        pump(self.bench, self.server)
        assert self.sleeve.idle(), self.sleeve.pending()
        events = self.server.events
        assert [event.counter for event in events] == list(range(1, len(events) + 1))
        firmware = self.sleeve.firmware
        assert firmware is not None
        assert len(events) == firmware.core.memory.counter
        opened = [event.body.use for event in events if isinstance(event.body, m.GrantBurnt)]
        ended = [event.body.use for event in events if isinstance(event.body, m.UseFinished)]
        assert opened == ended, "a use was opened and not closed, or closed twice"
        drops = [
            event.body.total
            for event in events
            if isinstance(event.body, m.Stamped) and event.body.contacts
        ]
        assert drops == list(range(1, self.bench.mechanism.total + 1))
        assert self.bench.clock.now >= START


TestSleeveMachine = SleeveMachine.TestCase
TestSleeveMachine.settings = settings(stateful_step_count=40)
