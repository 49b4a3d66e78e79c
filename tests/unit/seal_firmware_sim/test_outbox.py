"""Events and their receipts: sent until covered, let go only by what was really signed."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.protocol import cose, envelope
from gateway.protocol import messages as m
from seal_firmware_sim import guard, inputs, texts
from seal_firmware_sim.outbox import WINDOW
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import DEVICE, RECEIPT_KEY, pump


def pending(hands: Hands) -> int:
    return hands.bench.sleeve.pending().events


def sent_counters(hands: Hands) -> list[int]:
    """Counters of the events that are on their way, in order; takes them off the network."""
    counters = []
    while (sent := hands.bench.network.take()) is not None:
        if "/up/" in sent.topic and "heartbeat" not in sent.topic:
            counters.append(envelope.open_event(sent.payload).counter)
    return counters


def make_events(hands: Hands, number: int) -> None:
    """That many events that nobody receipts."""
    for nth in range(number):
        hands.bench.sleeve.do(inputs.TamperSwitch("case", nth % 2 == 0))


def test_promise_2_an_event_is_sent_again_until_a_receipt_covers_it(hands: Hands) -> None:
    make_events(hands, 1)
    assert sent_counters(hands) == [2]
    hands.bench.clock.now += 4_900
    hands.bench.sleeve.tick()
    assert sent_counters(hands) == []
    hands.bench.clock.now += 2_200
    hands.bench.sleeve.tick()
    assert sent_counters(hands) == [2]
    hands.bench.clock.now += 60_000
    hands.bench.sleeve.tick()
    hands.pass_time(1)
    assert pending(hands) == 0
    hands.bench.clock.now += 100_000
    hands.bench.sleeve.tick()
    assert sent_counters(hands) == []


def test_waits_grow_so_that_a_busy_server_is_not_buried(hands: Hands) -> None:
    make_events(hands, 1)
    times = []
    for _ in range(200):
        if sent_counters(hands):
            times.append(hands.bench.clock.now)
        hands.bench.clock.now += 1_000
        hands.bench.sleeve.tick()
    gaps = [b - a for a, b in pairwise(times)]
    assert gaps[0] <= 7_000
    assert gaps[-1] >= 40_000
    assert max(gaps) <= 43_000


def test_a_receipts_ranges_stop_the_resending_but_keep_the_events(hands: Hands) -> None:
    make_events(hands, 5)
    assert sent_counters(hands) == [2, 3, 4, 5, 6]
    receipt = m.Receipt(through=1, tip=hands.server.tip, time=1, ranges=[(4, 5)])
    hands.push(receipt)
    assert pending(hands) == 3
    hands.bench.clock.now += 8_000
    hands.bench.sleeve.tick()
    assert sent_counters(hands) == [2, 3, 6]
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    assert list(firmware.core.memory.events) == [2, 3, 4, 5, 6]


def test_ranges_survive_a_reboot(hands: Hands) -> None:
    make_events(hands, 5)
    sent_counters(hands)
    hands.push(m.Receipt(through=1, tip=hands.server.tip, time=1, ranges=[(4, 5)]))
    hands.bench.sleeve.do(inputs.TamperSwitch("sleeve", True))  # an urgent write takes it along
    sent_counters(hands)
    hands.bench.sleeve.power_off()
    hands.bench.sleeve.power_on()
    hands.bench.network.pump()
    assert sent_counters(hands)[:5] == [2, 3, 6, 7, 8]


@pytest.mark.parametrize("signer", [cose.Ed25519Signer(b"x" * 32), cose.Ed25519Signer(b"g" * 32)])
def test_promise_2_a_receipt_by_another_key_lets_nothing_go(
    hands: Hands, signer: cose.Ed25519Signer
) -> None:
    make_events(hands, 2)
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    receipt = m.Receipt(through=3, tip=firmware.core.memory.tip, time=1)
    hands.bench.network.send(
        DEVICE, "receipt", envelope.seal_down(receipt, signer, device=DEVICE, time=1)
    )
    hands.bench.network.pump()
    assert pending(hands) == 2


@pytest.mark.parametrize(
    "receipt",
    [
        m.Receipt(through=3, tip=b"t" * 32, time=1),
        m.Receipt(through=99, tip=b"t" * 32, time=1),
        m.Receipt(through=1, tip=b"t" * 32, time=1, ranges=[(98, 99)]),
    ],
    ids=["another event at our counter", "events that were never made", "ranges beyond the chain"],
)
def test_promise_3_a_receipt_for_a_foreign_chain_is_told_of_and_stops_the_sleeve(
    hands: Hands, receipt: m.Receipt
) -> None:
    make_events(hands, 2)
    hands.bench.network.send(
        DEVICE, "receipt", envelope.seal_down(receipt, RECEIPT_KEY, device=DEVICE, time=1)
    )
    hands.bench.network.pump()
    assert pending(hands) == 3, "the events and the fault"
    assert hands.display == texts.FOREIGN
    pump(hands.bench, hands.server)
    fault = hands.last(m.Fault)
    assert isinstance(fault, m.Fault)
    assert fault.code == "other"
    hands.do(inputs.TamperSwitch("case", False))
    hands.offer()
    hands.unlock()
    assert hands.refusals() == ["fault"]


def test_an_old_receipt_changes_nothing(hands: Hands) -> None:
    old = hands.server.receipt()
    make_events(hands, 2)
    pump(hands.bench, hands.server)
    assert pending(hands) == 0
    hands.push(old)
    assert pending(hands) == 0
    assert hands.server.bodies(m.Fault) == []


def test_a_new_connection_sends_everything_uncovered_again(hands: Hands) -> None:
    make_events(hands, 3)
    sent_counters(hands)
    hands.bench.network.reachable = False
    hands.bench.network.pump()
    hands.bench.network.reachable = True
    hands.bench.network.pump()
    assert sent_counters(hands) == [2, 3, 4]


def test_a_long_backlog_goes_out_in_order_and_in_portions(hands: Hands) -> None:
    hands.link(False)
    make_events(hands, 2 * WINDOW + 50)
    hands.bench.network.reachable = True
    hands.bench.network.pump()
    first = sent_counters(hands)
    assert first == list(range(2, WINDOW + 2))
    hands.pass_time(30_000)
    assert pending(hands) == 0
    assert hands.server.through == 2 * WINDOW + 51


def test_a_server_that_parks_early_events_gets_the_missing_one_again(hands: Hands) -> None:
    make_events(hands, 3)
    messages = []
    while (sent := hands.bench.network.take()) is not None:
        messages.append(sent)
    for sent in messages[1:]:
        for type_, payload in hands.server.handle(sent):
            hands.bench.network.send(DEVICE, type_, payload)
    hands.bench.network.pump()
    assert pending(hands) == 1
    hands.pass_time(8_000)
    assert pending(hands) == 0
    assert hands.server.types()[-3:] == ["tamper"] * 3


def test_a_full_journal_refuses_to_unlock_and_goes_on_recording_what_matters(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "JOURNAL_QUOTA_BYTES", 300_000)
    hands.offer()
    hands.link(False)
    for _ in range(2_000):
        hands.bench.sleeve.do(inputs.Press())
        hands.bench.sleeve.do(inputs.Release())
    full = pending(hands)
    assert full < 2_000, "mere refusals are no longer recorded"
    hands.bench.sleeve.do(inputs.TamperSwitch("seal", True))
    assert pending(hands) == full + 1, "an opened switch always is"
    hands.bench.sleeve.do(inputs.TamperSwitch("seal", False))
    hands.bench.sleeve.do(inputs.RequestUnlock(grant="off-1"))
    assert hands.display == texts.REFUSALS["flash_full"]
    hands.link(True)
    hands.pass_time(60_000)
    assert pending(hands) == 0
    faults = [(f.code, f.cleared) for f in hands.server.bodies(m.Fault) if isinstance(f, m.Fault)]
    assert faults == [("flash_full", False), ("flash_full", True)]
    assert hands.unlock().value == "count"
