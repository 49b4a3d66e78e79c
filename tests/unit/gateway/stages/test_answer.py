"""Stage 6: answers at once, receipts soon, and nothing that fails here undoes what is durable."""

from __future__ import annotations

import pytest

from gateway.batch import Batch, SleeveState
from gateway.protocol.messages import Grant, Moved, Receipt, Time, UnlockRequest
from gateway.stages.answer import RECEIPT_EVERY_MS, Answer
from tests.support.gateway_world import FakePublisher, FakeSleeve, GatewayWorld, Line


class Steady:
    """A monotonic clock by hand, in seconds."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def steady() -> Steady:
    return Steady()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def answer(world: GatewayWorld, publisher: FakePublisher, steady: Steady) -> Answer:
    return Answer(publisher, world.ring.grant, world.ring.receipt, world.clock, steady)


def touched(world: GatewayWorld, sleeve: FakeSleeve, counter: int) -> Batch:
    """A committed batch after which ``sleeve`` is owed a receipt."""
    state = SleeveState(
        id=sleeve.id,
        org_path="/",
        status="active",
        counter=counter,
        tip=bytes(32),
        boot=1,
        last_event_time=0,
        gap_since=None,
        duplicates=0,
        sleeve=None,  # type: ignore[arg-type]  # receipts do not ask what the sleeve does
        claimed=0,
        last_heartbeat_time=0,
        touched=True,
    )
    return Batch(inbound=[], now=world.clock(), sleeves={sleeve.id: state})


def test_receipts_wait_while_there_is_more_to_do_but_not_for_long(
    world: GatewayWorld,
    sleeve: FakeSleeve,
    answer: Answer,
    publisher: FakePublisher,
    steady: Steady,
) -> None:
    for counter in (1, 2, 3):
        answer(touched(world, sleeve, counter))
        answer.settle(idle=False)
    assert publisher.sent == []
    assert answer.owes
    steady.now += (RECEIPT_EVERY_MS + 1) / 1000
    answer.settle(idle=False)
    assert len(publisher.sent) == 1
    assert not answer.owes


def test_with_nothing_else_to_do_receipts_go_at_once(
    world: GatewayWorld, sleeve: FakeSleeve, answer: Answer, publisher: FakePublisher
) -> None:
    answer(touched(world, sleeve, 1))
    answer.settle(idle=True)
    answer.settle(idle=True)
    assert len(publisher.sent) == 1


def test_one_receipt_for_many_events_of_a_sleeve(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*(sleeve.say(Moved()) for _ in range(20)))
    (receipt,) = world.said(line, sleeve, Receipt)
    assert (receipt.through, receipt.tip, receipt.time) == (20, sleeve.tip, world.clock())


def test_receipts_are_signed_by_their_own_key_and_answers_by_the_grant_key(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    line.take(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")))
    # `said` verifies with the two lists kept apart.
    assert len(world.said(line, sleeve, Receipt)) == 1
    assert len(world.said(line, sleeve, Grant)) == 1


def test_answers_come_before_receipts(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    world.grant("g", sleeve)
    line.take(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")))
    kinds = [topic.rsplit("/", 1)[1] for topic, _ in line.publisher.sent]
    assert kinds == ["grant", "receipt"]


def test_a_heartbeat_with_a_nonce_is_told_the_time(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.beat(nonce=b"n" * 16))
    world.clock.advance(1)
    line.take(sleeve.beat())
    (time,) = world.said(line, sleeve, Time)
    assert (time.nonce, time.time) == (b"n" * 16, world.clock() - 1)


def test_a_heartbeat_sent_again_is_not_told_the_time_again(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    beat = sleeve.beat(nonce=b"n" * 16)
    line.one_by_one(beat, beat)
    assert len(world.said(line, sleeve, Time)) == 1


def test_heartbeats_are_owed_no_receipt(line: Line, sleeve: FakeSleeve) -> None:
    line.take(sleeve.beat())
    assert line.publisher.sent == []


def test_a_publisher_that_fails_costs_one_answer_and_no_record(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    line.publisher.broken = ValueError("the link does not like it")
    message = sleeve.say(UnlockRequest(nonce=bytes(16), grant="g"))
    line.take(message)
    assert line.acked == [message]
    assert world.counters(sleeve) == [1]
    line.take(*sleeve.again([1]))
    assert len(world.said(line, sleeve, Grant)) == 1


def test_a_receipt_that_cannot_be_sent_does_not_stop_the_next(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.inbox.put(sleeve.say(Moved()))
    line.publisher.broken = ValueError("the link does not like it")
    with pytest.raises(ValueError, match="does not like"):
        line.gateway.pipeline.step(0)
    line.take(sleeve.say(Moved()))
    assert world.receipt(line, sleeve).through == 2
