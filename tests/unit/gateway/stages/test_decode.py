"""Stage 1: what comes in ends up read, or refused with a reason; nothing raises."""

from __future__ import annotations

from collections.abc import Callable

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.batch import Batch
from gateway.inbox import Inbound
from gateway.protocol import cose, envelope, topics
from gateway.protocol.errors import Reason
from gateway.protocol.limits import MAX_EVENT_BYTES, MAX_PIECE_BYTES
from gateway.protocol.messages import Heartbeat, Moved, Piece, State, Tamper
from gateway.stages.decode import decode
from tests.support.gateway_world import inbound

SIGNER = cose.Ed25519Signer(bytes(range(32)))
NAME = "ZY0001"
UP = topics.up(NAME, Tamper.type)


def event(device: str = NAME) -> bytes:
    body = Tamper(switch="case", open=True)
    return envelope.seal_event(body, SIGNER, device=device, boot=1, time=1, counter=1)


def signed(payload: object) -> bytes:
    return cose.sign(cbor2.dumps(payload, canonical=True), SIGNER)


def header(**changes: object) -> dict[str, object]:
    known: dict[str, object] = {
        "v": 1,
        "device": NAME,
        "boot": 1,
        "time": 1,
        "type": "tamper",
        "body": {"switch": "case", "open": True},
        "counter": 1,
        "prev": bytes(32),
    }
    return {name: value for name, value in (known | changes).items() if value is not ...}


def read(*messages: Inbound) -> Batch:
    batch = Batch(inbound=list(messages), now=0)
    decode(batch)
    return batch


def refused(topic: str, payload: bytes) -> Reason:
    batch = read(Inbound(topic, payload, 1))
    assert not batch.messages + batch.pieces + list(batch.states.items())
    (item,) = batch.refused
    return item.error.reason


def test_an_event_is_read() -> None:
    message = inbound(UP, event())
    ((source, found),) = read(message).messages
    assert source is message
    assert (found.device, found.counter, found.raw) == (NAME, 1, message.payload)


def test_a_heartbeat_a_piece_and_a_state_are_read() -> None:
    beat = Heartbeat(through=0, battery=1, temperature=1.0, firmware="1", clock_trusted=True)
    raw = envelope.seal_event(beat, SIGNER, device=NAME, boot=1, time=1)
    piece = Piece(commit=bytes(32), index=0, data=b"x")
    state = State(online=True, boot=3)
    batch = read(
        inbound(topics.up(NAME, Heartbeat.type), raw),
        inbound(topics.up(NAME, Piece.type), envelope.encode_piece(piece)),
        inbound(topics.state(NAME), envelope.encode_state(state)),
    )
    assert [message.body for _, message in batch.messages] == [beat]
    assert batch.pieces == [(NAME, piece)]
    assert batch.states == {NAME: state}
    assert not batch.refused


def test_deleting_a_retained_state_says_nothing() -> None:
    batch = read(inbound(topics.state(NAME), b""))
    assert not batch.states
    assert not batch.refused


def test_the_newest_state_of_a_sleeve_counts() -> None:
    states = [State(online=True, boot=1), State(online=False, boot=1)]
    batch = read(*(inbound(topics.state(NAME), envelope.encode_state(one)) for one in states))
    assert batch.states == {NAME: states[1]}


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        (Reason.NOT_CBOR, b""),
        (Reason.NOT_CBOR, b"\xff\xff"),
        (Reason.NOT_CBOR, b"hello"),
        (Reason.NOT_COSE, cbor2.dumps({"v": 1})),
        (Reason.NOT_CBOR, event()[:-1]),
        (Reason.NOT_CBOR, event()[:40]),
        (Reason.NOT_CBOR, event() + b"\x00"),
        (Reason.TOO_LARGE, event() + bytes(MAX_EVENT_BYTES)),
        (Reason.UNKNOWN_VERSION, signed(header(v=2))),
        (Reason.UNKNOWN_VERSION, signed(header(v=...))),
        (Reason.UNKNOWN_VERSION, signed(header(v="\x00"))),
        (Reason.UNKNOWN_TYPE, signed(header(type="teleport"))),
        (Reason.BAD_FIELD, signed(header(counter="1"))),
        (Reason.BAD_FIELD, signed(header(counter=0))),
        (Reason.BAD_FIELD, signed(header(counter=-1))),
        (Reason.BAD_FIELD, signed(header(counter=2**60))),
        (Reason.BAD_FIELD, signed(header(prev=b"short"))),
        (Reason.BAD_FIELD, signed(header(time=10**18))),
        (Reason.BAD_FIELD, signed(header(body=[]))),
        (Reason.BAD_FIELD, signed(header(body={"switch": "case"}))),
        (Reason.BAD_FIELD, signed(header(body={"switch": "lid", "open": True}))),
        (Reason.BAD_FIELD, signed([1, 2])),
        (Reason.WRONG_DEVICE, event("ZY0002")),
    ],
)
def test_bad_input_has_its_reason(reason: Reason, payload: bytes) -> None:
    assert refused(UP, payload) is reason


@pytest.mark.parametrize(
    ("reason", "topic"),
    [
        (Reason.BAD_TOPIC, "?"),
        (Reason.BAD_TOPIC, "seal/v1/ZY0001"),
        (Reason.BAD_TOPIC, "seal/v2/ZY0001/up/tamper"),
        (Reason.BAD_TOPIC, "seal/v1/../up/tamper"),
        (Reason.BAD_TOPIC, "seal/v1/ZY0001/up/tamper/more"),
        (Reason.BAD_TOPIC, topics.down(NAME, "grant")),
        (Reason.BAD_TOPIC, topics.up(NAME, Moved.type)),
    ],
)
def test_bad_topics_have_their_reason(reason: Reason, topic: str) -> None:
    assert refused(topic, event()) is reason


@pytest.mark.parametrize(
    ("reason", "payload"),
    [
        (Reason.NOT_CBOR, b"\xff"),
        (Reason.BAD_FIELD, cbor2.dumps({"commit": bytes(32), "index": 0})),
        (Reason.BAD_FIELD, cbor2.dumps({"commit": bytes(31), "index": 0, "data": b"x"})),
        (Reason.BAD_FIELD, cbor2.dumps({"commit": bytes(32), "index": 9999, "data": b"x"})),
        (Reason.BAD_FIELD, cbor2.dumps({"commit": bytes(32), "index": -1, "data": b"x"})),
        (Reason.BAD_FIELD, cbor2.dumps({"commit": bytes(32), "index": 0, "data": b""})),
        (Reason.TOO_LARGE, bytes(MAX_PIECE_BYTES + 1)),
    ],
)
def test_bad_pieces_have_their_reason(reason: Reason, payload: bytes) -> None:
    assert refused(topics.up(NAME, Piece.type), payload) is reason


@pytest.mark.parametrize("payload", [b"\xff", cbor2.dumps({"online": 1, "boot": 1})])
def test_bad_states_have_their_reason(payload: bytes) -> None:
    assert refused(topics.state(NAME), payload) in (Reason.NOT_CBOR, Reason.BAD_FIELD)


def test_what_is_refused_is_attributed_to_the_sleeve_of_its_topic() -> None:
    batch = read(inbound(UP, b"\xff"), inbound("nonsense", b"\xff"))
    assert [item.device for item in batch.refused] == [NAME, None]


def test_one_bad_message_does_not_spoil_its_neighbours() -> None:
    batch = read(inbound(UP, b"\xff"), inbound(UP, event()), inbound("x", b""))
    assert len(batch.messages) == 1
    assert len(batch.refused) == 2


def flipped(raw: bytes) -> Callable[[int], bytes]:
    return lambda at: raw[: at // 8] + bytes([raw[at // 8] ^ (1 << at % 8)]) + raw[at // 8 + 1 :]


@given(
    st.one_of(st.binary(max_size=300), st.integers(0, len(event()) * 8 - 1).map(flipped(event())))
)
def test_nothing_that_comes_in_raises(payload: bytes) -> None:
    for topic in (UP, topics.up(NAME, Piece.type), topics.state(NAME), "x"):
        batch = read(Inbound(topic, payload, 1))
        kept = len(batch.messages) + len(batch.pieces) + len(batch.states) + len(batch.refused)
        assert kept == (0 if topic == topics.state(NAME) and not payload else 1)
