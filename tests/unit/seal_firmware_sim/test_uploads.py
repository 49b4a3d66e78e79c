"""Pictures in pieces: resumed, never before what unlocks, never dropped too early."""

from __future__ import annotations

import pytest

from gateway.protocol import envelope, topics
from gateway.protocol import messages as m
from seal_firmware_sim import core, inputs
from seal_firmware_sim.session import Phase
from seal_firmware_sim.transport import LoopbackTransport
from tests.unit.seal_firmware_sim.conftest import Hands
from tests.unit.seal_firmware_sim.model import DEVICE, pump

BIG = 60_000
"""A picture of four pieces."""


def take_all(hands: Hands) -> tuple[list[str], list[m.Piece]]:
    """What is on its way: types of events, and pieces."""
    types, pieces = [], []
    while (sent := hands.bench.network.take()) is not None:
        topic = topics.parse(sent.topic)
        if topic.type == topics.PIECE:
            pieces.append(envelope.decode_piece(sent.payload))
        elif topic.direction == "up" and topic.type != topics.HEARTBEAT:
            types.append(topic.type)
    return types, pieces


def offline_pictures(hands: Hands) -> None:
    """A finished use whose pictures wait in the sleeve."""
    hands.bench.camera.size = BIG
    hands.offer()
    hands.ready()
    hands.link(False)
    hands.stamp()


def test_big_pictures_arrive_whole(hands: Hands) -> None:
    hands.bench.camera.size = BIG
    hands.offer()
    assert hands.ready() is Phase.READY
    hands.stamp()
    assert len(hands.server.pictures) == 4
    assert all(len(picture) == BIG + 6 for picture in hands.server.pictures.values())
    assert hands.bench.flash.pictures() == frozenset()


def test_events_go_before_pieces(hands: Hands) -> None:
    offline_pictures(hands)
    transport = hands.bench.sleeve.transport
    assert isinstance(transport, LoopbackTransport)
    transport.settle(True)
    order = []
    while (sent := hands.bench.network.take()) is not None:
        topic = topics.parse(sent.topic)
        if topic.direction == "up" and topic.type != topics.HEARTBEAT:
            order.append("piece" if topic.type == topics.PIECE else "event")
    assert order[: order.count("event")] == ["event"] * order.count("event")
    assert order.count("piece") == 2, "few are under way at a time"


def test_an_awaited_answer_holds_other_pieces_back(hands: Hands) -> None:
    offline_pictures(hands)
    hands.offer(name="g-2")
    transport = hands.bench.sleeve.transport
    assert isinstance(transport, LoopbackTransport)
    transport.settle(True)
    hands.bench.network.reachable = True
    assert len(take_all(hands)[1]) == 2
    hands.bench.sleeve.do(inputs.RequestUnlock(job="123456"))
    hands.bench.network.pump()  # the broker takes the two pieces over: there is room for more
    types, pieces = take_all(hands)
    assert types == ["unlock_request"]
    assert pieces == []
    hands.bench.clock.now += 11_000
    hands.bench.sleeve.tick()  # nobody answers: the pieces may go on
    assert take_all(hands)[1]


def test_a_face_that_is_waited_for_goes_before_older_pictures(hands: Hands) -> None:
    offline_pictures(hands)
    old = hands.bench.flash.pictures()
    hands.server.quiet.add("pieces_held")
    hands.link(True)
    hands.offer(name="g-2")
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.bench.sleeve.do(inputs.PresentFace())
    types, pieces = take_all(hands)
    assert types == ["face_captured"]
    assert pieces
    assert all(piece.commit not in old for piece in pieces)


def test_only_the_missing_pieces_are_sent_again(hands: Hands) -> None:
    hands.bench.camera.size = BIG
    hands.offer()
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.bench.sleeve.do(inputs.PresentFace())
    commit = sorted(hands.bench.flash.pictures())[0]
    for _ in range(10):  # everything is taken over by the broker, nothing reaches the server
        hands.bench.network.pump()
        take_all(hands)
    hands.push(m.PiecesHeld(commit=commit, complete=False, missing=[(1, 2)]))
    hands.bench.sleeve.tick()
    assert hands.server.uploads == {}
    hands.push(m.PiecesHeld(commit=commit, complete=False, missing=[(1, 2)]))
    pieces = [p for p in take_all(hands)[1] if p.commit == commit]
    assert [p.index for p in pieces] in ([1, 2], [])


def test_pieces_that_nobody_confirms_are_sent_again(hands: Hands) -> None:
    offline_pictures(hands)
    hands.server.quiet.add("pieces_held")
    hands.link(True)
    hands.pass_time(3_000)
    assert hands.bench.sleeve.pending().pictures == 2
    assert not hands.bench.sleeve.idle()
    hands.server.quiet.clear()
    hands.pass_time(60_000)
    assert hands.bench.sleeve.pending().pictures == 0
    assert hands.bench.sleeve.idle()


def test_pieces_lost_on_the_way_are_named_and_sent(hands: Hands) -> None:
    offline_pictures(hands)
    hands.bench.network.reachable = True
    hands.bench.network.pump()
    lost = 0
    for _ in range(100):
        hands.bench.network.pump()
        sent = hands.bench.network.take()
        if sent is None:
            break
        if sent.topic.endswith("/piece") and lost < 3:
            lost += 1
            continue
        for type_, payload in hands.server.handle(sent):
            hands.bench.network.send(DEVICE, type_, payload)
    assert lost == 3
    hands.pass_time(60_000)
    assert len(hands.server.pictures) == 4
    assert hands.bench.sleeve.idle()


def test_an_upload_goes_on_after_a_reboot(hands: Hands) -> None:
    offline_pictures(hands)
    hands.bench.sleeve.power_off()
    hands.bench.sleeve.power_on()
    hands.link(True)
    hands.pass_time(60_000)
    assert len(hands.server.pictures) == 4
    assert hands.bench.sleeve.idle()


def test_a_picture_refused_for_good_is_let_go(hands: Hands) -> None:
    offline_pictures(hands)
    hands.server.quiet.add("pieces_held")
    hands.link(True)
    commit = sorted(hands.bench.flash.pictures())[0]
    hands.push(m.PiecesHeld(commit=commit, complete=False, failure="不是图片"))
    assert commit not in hands.bench.flash.pictures()
    hands.push(m.PiecesHeld(commit=b"?" * 32, complete=True))
    assert hands.bench.sleeve.pending().pictures == 1


def test_full_flash_refuses_to_unlock_and_drops_no_named_picture(
    hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(core, "PICTURE_QUOTA_BYTES", 3_000_000)
    hands.bench.camera.size = 400_000
    hands.server.quiet.add("pieces_held")
    hands.server.quiet.add("face_captured")
    hands.offer()
    hands.ready()
    kept = hands.bench.flash.pictures()
    assert len(kept) == 2
    hands.do(inputs.FinishEarly())
    hands.pass_time(31_000)
    hands.do(inputs.FinishEarly())
    hands.offer(name="g-2")
    hands.unlock()
    assert hands.refusals()[-1] == "flash_full"
    assert m.Fault(code="flash_full") in hands.server.bodies(m.Fault)
    assert hands.bench.flash.pictures() == kept
    hands.server.quiet.clear()
    hands.bench.camera.size = 40
    hands.pass_time(120_000)
    assert hands.last(m.Fault) == m.Fault(code="flash_full", cleared=True)


def test_a_picture_too_large_for_the_contract_is_no_picture(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.camera.size = 3_000_000
    hands.stamp()
    assert hands.total == 0
    captured = hands.last(m.PageCaptured)
    assert isinstance(captured, m.PageCaptured)
    assert captured.failure == "too_large"
    assert hands.refusals() == ["no_picture"]


def test_a_burst_too_large_for_the_contract_is_no_burst(hands: Hands) -> None:
    hands.bench.camera.size = 3_000_000
    hands.offer()
    assert hands.ready() is Phase.IDENTIFY
    assert hands.refusals() == ["no_picture"]


def test_pictures_wait_without_a_network(hands: Hands) -> None:
    offline_pictures(hands)
    assert hands.bench.sleeve.pending().pictures == 2
    hands.pass_time(3_600_000)
    assert hands.bench.sleeve.pending().pictures == 2
    hands.link(True)
    pump(hands.bench, hands.server)
    hands.pass_time(10_000)
    assert hands.bench.sleeve.pending().pictures == 0
