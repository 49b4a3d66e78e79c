"""Tries to get more out of the gateways than was granted: any events in any order, doubled, lost,
sent again, through two gateways on one database, with revocations, crashes and clocks in between.
"""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backend.domain.record import Record
from backend.store.tables import device, use_grant
from gateway.protocol import envelope, topics
from gateway.protocol.messages import (
    Grant,
    GrantBurnt,
    Moved,
    Stamped,
    UnlockRequest,
    UseFinished,
)
from tests.support.gateway_world import Crash, FakeSleeve, GatewayWorld, Line

GRANTS: Final = {"a1": "ZY0001", "a2": "ZY0001", "b1": "ZY0002"}
STAMPS: Final = 2
MINUTE: Final = 60_000
skews = st.sampled_from([0, 0, 0, -5 * MINUTE, 5 * MINUTE, -120 * MINUTE])


class GatewayMachine(RuleBasedStateMachine):
    """Two sleeves that say whatever they like, and three grants of two stamps."""

    def __init__(self, world: GatewayWorld) -> None:
        super().__init__()
        self.world = world
        self.sleeves = {name: world.sleeve(name) for name in ("ZY0001", "ZY0002")}
        for name, owner in GRANTS.items():
            policy = {"offline": True} if name == "a2" else {}
            world.grant(name, self.sleeves[owner], stamps=STAMPS, policy=policy)
        self.lines = [self.start(), self.start()]
        self.revoked: dict[str, int] = {}
        self.waiting: list[tuple[str, int]] = []
        self.asked: dict[str, list[int]] = {name: [] for name in self.sleeves}

    def start(self) -> Line:
        """A gateway whose every word is held against the database at that moment."""
        line = self.world.line()
        publish = line.publisher.publish

        def watched(topic: str, payload: bytes) -> None:
            publish(topic, payload)
            found = topics.parse(topic)
            body = envelope.open_down(
                payload,
                device=found.device,
                keys=self.world.ring.grant_keys | self.world.ring.receipt_keys,
            )
            if isinstance(body, Grant):
                self.judge(found.device, body)

        line.publisher.publish = watched  # type: ignore[method-assign]  # to listen in
        return line

    def judge(self, sleeve: str, said: Grant) -> None:
        """Promise 1: what is answered is live, and this sleeve's."""
        row = self.world.row(use_grant, said.grant)
        own = row.use_id == f"{sleeve}:{said.request}"
        assert row.device_id == sleeve
        # Burnt in the batch that also asked for it is the sleeve's own haste.
        assert row.state == "unlocked" or (own and row.state in ("burnt", "used"))
        assert row.not_before <= self.world.clock() <= row.not_after
        assert not self.world.row(device, sleeve).locked
        assert said.grant not in self.revoked

    # ── what sleeves say ─────────────────────────────────────────────────────────────────────────

    def say(self, sleeve: FakeSleeve, body: Any, skew: int) -> None:
        sleeve.say(body, time=self.world.clock() + skew)
        self.waiting.append((sleeve.id, sleeve.counter))

    def number(self, sleeve: FakeSleeve, data: st.DataObject) -> int:
        asked = self.asked[sleeve.id]
        known = [st.sampled_from(asked)] * 3 if asked else []
        use: int = data.draw(st.one_of(*known, st.integers(1, sleeve.counter + 2)), label="use")
        return use

    names = st.sampled_from(["ZY0001", "ZY0002"])
    grants = st.sampled_from(sorted(GRANTS))

    @rule(name=names, grant=grants, skew=skews)
    def ask(self, name: str, grant: str, skew: int) -> None:
        self.say(self.sleeves[name], UnlockRequest(nonce=bytes(16), grant=grant), skew)
        self.asked[name].append(self.sleeves[name].counter)

    @rule(name=names, grant=grants, skew=skews, offline=st.booleans(), data=st.data())
    def burn(self, name: str, grant: str, skew: int, offline: bool, data: st.DataObject) -> None:
        use = self.number(self.sleeves[name], data)
        self.say(self.sleeves[name], GrantBurnt(grant=grant, use=use, offline=offline), skew)

    @rule(name=names, skew=skews, press=st.integers(0, 4), data=st.data())
    def stamp(self, name: str, skew: int, press: int, data: st.DataObject) -> None:
        sleeve = self.sleeves[name]
        sleeve.total += 1
        use = self.number(sleeve, data)
        body = Stamped(use=use, press=press, total=sleeve.total, contact_ms=1)
        self.say(sleeve, body, skew)

    @rule(name=names, skew=skews, presses=st.integers(0, 3), data=st.data())
    def finish(self, name: str, skew: int, presses: int, data: st.DataObject) -> None:
        use = self.number(self.sleeves[name], data)
        self.say(self.sleeves[name], UseFinished(use=use, presses=presses, reason="done"), skew)

    @rule(grant=grants, asks=st.integers(1, 2), at=st.integers(0, 1), stop=st.integers(1, 6))
    def use(self, grant: str, asks: int, at: int, stop: int) -> None:
        """An honest one, which may break off anywhere, so that there is something to spoil; its
        sleeve may have asked twice."""
        sleeve = self.sleeves[GRANTS[grant]]
        for _ in range(asks):
            self.ask(sleeve.id, grant, 0)
        use = sleeve.counter
        sleeve.total += 2
        total = sleeve.total
        rest = [
            GrantBurnt(grant=grant, use=use),
            Stamped(use=use, press=1, total=total - 1, contact_ms=1),
            Stamped(use=use, press=2, total=total, contact_ms=1),
            UseFinished(use=use, presses=2, reason="done"),
        ]
        for body in rest[: stop - 1]:
            self.say(sleeve, body, 0)
        self.sync(at)

    # ── how it arrives ───────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: any(one.counter for one in self.sleeves.values()))
    @rule(data=st.data(), at=st.integers(0, 1), crash=st.sampled_from([None, None, None, 0, 1, 2]))
    def deliver(self, data: st.DataObject, at: int, crash: int | None) -> None:
        """Some of what was said, in any order and as often as one likes; perhaps a crash."""
        everything = [
            (name, counter)
            for name, sleeve in self.sleeves.items()
            for counter in range(1, sleeve.counter + 1)
        ]
        chosen = data.draw(
            st.one_of(
                st.lists(st.sampled_from(everything), max_size=12),
                st.just(self.waiting),
                st.permutations(self.waiting),
            )
        )
        messages = [self.sleeves[name].again([counter])[0] for name, counter in chosen]
        line = self.lines[at]
        if crash is None:
            line.take(*messages)
            done = set(chosen)
            self.waiting = [one for one in self.waiting if one not in done]
            return
        stages = line.gateway.pipeline.in_transaction
        if crash < 2:
            line.gateway.pipeline.in_transaction = (*stages[: crash + 1], _crash)
        else:
            line.gateway.pipeline.after_transaction = (_crash,)
        with suppress(Crash):
            line.take(*messages)
        self.lines[at] = self.start()  # nothing was acknowledged: all of it comes again

    @rule(at=st.integers(0, 1))
    def sync(self, at: int) -> None:
        """Everything that waits, in order."""
        self.lines[at].take(*(self.sleeves[name].again([one])[0] for name, one in self.waiting))
        self.waiting = []

    @rule(at=st.integers(0, 1), name=names)
    def repeat(self, at: int, name: str) -> None:
        """A sleeve sends all that it ever said once more."""
        sleeve = self.sleeves[name]
        self.lines[at].take(*sleeve.again(range(1, sleeve.counter + 1)))

    # ── what people do meanwhile ─────────────────────────────────────────────────────────────────

    @rule(grant=grants)
    def revoke(self, grant: str) -> None:
        if self.world.row(use_grant, grant).state in ("issued", "unlocked", "burnt"):
            self.world.revoke_grant(grant)
            self.revoked[grant] = self.world.clock()

    @rule(ms=st.sampled_from([1, 30_000, 20 * MINUTE]))
    def wait(self, ms: int) -> None:
        self.world.clock.advance(ms)

    @rule(name=names, locked=st.booleans())
    def lock(self, name: str, locked: bool) -> None:
        self.world.set(device, name, locked=locked)

    # ── what must hold ───────────────────────────────────────────────────────────────────────────

    def told(self, kind: str) -> list[Record]:
        return self.world.records(kind)

    @invariant()
    def promise_1_no_grant_is_burnt_twice_unnoticed(self) -> None:
        burnt = Counter(
            one.grant_id
            for one in self.told("event.grant_burnt")
            if one.grant_id is not None and not one.data["verdict"]["reused"]
        )
        assert all(count == 1 for count in burnt.values()), burnt

    @invariant()
    def promise_1_no_more_live_stamps_than_granted(self) -> None:
        live = Counter(
            one.grant_id
            for one in self.told("event.stamped")
            if one.data["verdict"]["grant"] == "live" and not one.data["verdict"]["over"]
        )
        assert all(count <= STAMPS for count in live.values()), live

    @invariant()
    def promise_1_nothing_after_a_revocation_is_live(self) -> None:
        for one in (*self.told("event.stamped"), *self.told("event.grant_burnt")):
            if one.grant_id in self.revoked and one.data["verdict"]["grant"] == "live":
                assert min(one.happened_at, one.at) < self.revoked[one.grant_id] or (
                    one.at <= self.revoked[one.grant_id]
                )

    @invariant()
    def promise_2_every_event_once_and_in_order(self) -> None:
        for sleeve in self.sleeves.values():
            counters = self.world.counters(sleeve)
            assert counters == list(range(1, len(counters) + 1))
            assert counters == [] or counters[-1] == self.world.row(device, sleeve.id).counter

    @invariant()
    def promise_2_a_receipt_never_runs_ahead_of_the_journal(self) -> None:
        for sleeve in self.sleeves.values():
            held = len(self.world.counters(sleeve))
            for line in self.lines:
                for receipt in self.world.receipts(line, sleeve):
                    assert receipt.through <= held

    def teardown(self) -> None:
        """In the end everything arrives, and nothing is missing."""
        for sleeve in self.sleeves.values():
            sleeve.say(Moved())
            self.lines[0].take(*sleeve.again(range(1, sleeve.counter + 1)))
            assert self.world.counters(sleeve) == list(range(1, sleeve.counter + 1))
        self.promise_1_no_grant_is_burnt_twice_unnoticed()
        self.promise_1_no_more_live_stamps_than_granted()
        self.world.check()


def _crash(*_args: Any) -> None:
    raise Crash
