"""The envelope: every message there and back, and every way in which bytes may lie."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import cbor, cose, envelope, limits, samples, topics
from gateway.protocol import messages as m
from gateway.protocol.cose import Ed25519Signer, Es256Signer
from gateway.protocol.errors import ProtocolError, Reason
from tests.unit.gateway.protocol.strategies import (
    downs,
    events,
    heartbeats,
    message,
    outcome,
    plain,
)

ED, ES = samples.SLEEVE_ED25519, samples.SLEEVE_ES256
DEVICE, NOW = samples.DEVICE, samples.NOW
GRANT_KEYS = {samples.GRANT_KEY.public.kid: samples.GRANT_KEY.public}
RECEIPT_KEYS = {samples.RECEIPT_KEY.public.kid: samples.RECEIPT_KEY.public}
_UPS: list[type[m.Event | m.Heartbeat]] = [*m.EVENTS, m.Heartbeat]
_PAYLOAD: dict[str, Any] = {
    "v": 1,
    "device": DEVICE,
    "boot": 1,
    "counter": 1,
    "prev": bytes(32),
    "time": NOW,
    "type": "tamper",
    "body": {"switch": "case", "open": True},
}


def _seal(body: m.Event | m.Heartbeat, signer: cose.Signer = ED) -> bytes:
    counter = 0 if isinstance(body, m.Heartbeat) else 7
    prev = bytes(range(32)) if counter else envelope.GENESIS
    return envelope.seal_event(
        body, signer, device=DEVICE, boot=3, time=NOW, counter=counter, prev=prev
    )


def _down(raw: bytes, device: str = DEVICE) -> m.Down:
    return envelope.open_down(raw, device=device, keys=GRANT_KEYS, receipt_keys=RECEIPT_KEYS)


def _reason(**changes: Any) -> Any:
    payload = {key: value for key, value in (_PAYLOAD | changes).items() if value is not None}
    found = outcome(envelope.open_event, cose.sign(cbor.encode(payload), ED))
    return found if isinstance(found, Reason) else None


@given(events | heartbeats, st.sampled_from([ED, ES]))
def test_every_message_up_comes_back_the_same(
    body: m.Event | m.Heartbeat, signer: Ed25519Signer | Es256Signer
) -> None:
    raw = _seal(body, signer)
    found = envelope.open_event(raw)
    found.signed.verify(signer.public)
    assert found.body == body
    assert (found.device, found.boot, found.time) == (DEVICE, 3, NOW)
    assert found.counter == (0 if isinstance(body, m.Heartbeat) else 7)
    assert found.raw == raw
    assert found.hash == envelope.digest(raw)
    assert found.fields == cbor.decode(cbor.decode(raw[1:])[2])["body"]


@given(downs)
def test_every_message_down_comes_back_the_same(body: m.Down) -> None:
    raw = envelope.seal_down(body, samples.signer(body), device=DEVICE, time=NOW)
    assert _down(raw) == body


@given(message(m.Piece))
def test_every_piece_comes_back_the_same(piece: m.Piece) -> None:
    assert envelope.decode_piece(envelope.encode_piece(piece)) == piece


@given(message(m.State))
def test_every_state_comes_back_the_same(state: m.State) -> None:
    assert envelope.decode_state(envelope.encode_state(state)) == state


@given(events, st.data())
def test_any_mutation_of_a_signed_event_is_refused(body: m.Event, data: st.DataObject) -> None:
    raw = bytearray(_seal(body))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    found = outcome(lambda: envelope.open_event(bytes(raw)).signed.verify(ED.public))
    assert isinstance(found, Reason)


@given(downs, st.data())
def test_any_mutation_of_a_signed_answer_is_refused(body: m.Down, data: st.DataObject) -> None:
    raw = bytearray(envelope.seal_down(body, samples.signer(body), device=DEVICE, time=NOW))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    assert isinstance(outcome(_down, bytes(raw)), Reason)


@given(st.sampled_from(_UPS), plain, st.data())
def test_signed_nonsense_raises_nothing_but_protocol_error(
    kind: type[m.Event | m.Heartbeat], junk: object, data: st.DataObject
) -> None:
    # The key is the sleeve's own: a broken or hostile firmware may sign anything.
    body = envelope.plain(data.draw(message(kind)))
    if body:
        body[data.draw(st.sampled_from(sorted(body)))] = junk
    counter = {} if kind is m.Heartbeat else {"counter": 1, "prev": bytes(32)}
    payload = {"v": 1, "device": DEVICE, "boot": 1, "time": NOW, "type": kind.type, "body": body}
    found = outcome(envelope.open_event, cose.sign(cbor.encode(payload | counter), ED))
    assert found in (Reason.BAD_FIELD, Reason.NOT_CBOR) or isinstance(found, envelope.Message)


@given(plain)
def test_any_signed_value_raises_nothing_but_protocol_error(payload: object) -> None:
    raw = cose.sign(cbor.encode(payload), samples.GRANT_KEY)
    assert isinstance(outcome(envelope.open_event, raw), Reason)
    assert isinstance(outcome(_down, raw), Reason)


@given(st.binary(max_size=300))
def test_hostile_bytes_raise_nothing_but_protocol_error(raw: bytes) -> None:
    for function in (envelope.open_event, _down, envelope.decode_piece):
        assert isinstance(outcome(function, raw), Reason)
    found = outcome(envelope.decode_state, raw)
    assert isinstance(found, Reason | m.State)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, None),
        ({"extra": "a later version may say more"}, None),
        ({"v": 2}, Reason.UNKNOWN_VERSION),
        ({"v": None}, Reason.UNKNOWN_VERSION),
        ({"v": True}, Reason.BAD_FIELD),
        ({"v": 1.0}, Reason.BAD_FIELD),
        ({"type": "grant"}, Reason.UNKNOWN_TYPE),
        ({"type": "piece"}, Reason.UNKNOWN_TYPE),
        ({"type": ["tamper"]}, Reason.BAD_FIELD),
        ({"counter": 0}, Reason.BAD_FIELD),
        ({"counter": None}, Reason.BAD_FIELD),
        ({"counter": -1}, Reason.BAD_FIELD),
        ({"counter": 1.0}, Reason.BAD_FIELD),
        ({"counter": True}, Reason.BAD_FIELD),
        ({"counter": 2**53 + 1}, Reason.BAD_FIELD),
        ({"counter": 2**64 - 1}, Reason.BAD_FIELD),
        ({"boot": 2**63}, Reason.BAD_FIELD),
        ({"time": limits.MAX_TIME_MS + 1}, Reason.BAD_FIELD),
        ({"prev": bytes(31)}, Reason.BAD_FIELD),
        ({"prev": "0" * 32}, Reason.BAD_FIELD),
        ({"device": DEVICE + "\n"}, Reason.BAD_FIELD),
        ({"device": "a/b"}, Reason.BAD_FIELD),
        ({"body": {"switch": "case", "open": 1}}, Reason.BAD_FIELD),
        ({"body": {"switch": "case"}}, Reason.BAD_FIELD),
        ({"body": {"switch": "lid", "open": True}}, Reason.BAD_FIELD),
        ({"body": {"switch": "case", "open": True, "new": [1]}}, None),
        ({"body": []}, Reason.BAD_FIELD),
    ],
)
def test_headers_and_bodies_are_held_to_the_contract(
    changes: dict[str, Any], reason: Reason | None
) -> None:
    assert _reason(**changes) is reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -90.1, 2**64, True, "30"])
def test_a_position_is_a_place_on_earth(value: object) -> None:
    body = {"position": {"lat": value, "lon": 120.0}}
    assert _reason(type="moved", body=body) in (Reason.BAD_FIELD, Reason.NOT_CBOR)


def test_a_whole_number_may_stand_for_a_float_but_not_the_other_way() -> None:
    assert _reason(type="moved", body={"position": {"lat": 30, "lon": 120}}) is None
    assert _reason(type="count_entered", body={"use": 1.0, "count": 1}) is Reason.BAD_FIELD


def test_sizes_are_looked_at_first() -> None:
    huge = b"\xd2" + bytes(limits.MAX_EVENT_BYTES)
    assert outcome(envelope.open_event, huge) is Reason.TOO_LARGE
    assert outcome(_down, huge) is Reason.TOO_LARGE
    assert outcome(envelope.decode_state, huge) is Reason.TOO_LARGE
    assert outcome(envelope.decode_piece, bytes(limits.MAX_PIECE_BYTES + 1)) is Reason.TOO_LARGE


def test_the_largest_piece_fits() -> None:
    piece = m.Piece(commit=bytes(32), index=127, data=bytes(limits.MAX_PIECE_DATA))
    assert len(envelope.encode_piece(piece)) <= limits.MAX_PIECE_BYTES


@pytest.mark.parametrize(
    "body",
    [
        m.CountEntered(use=1, count=1000),
        m.CountEntered(use=0, count=1),
        m.Boot(firmware="a\x00b", hardware="", reason="power_on"),
        m.UnlockRequest(nonce=bytes(15), job="123456"),
        m.UnlockRequest(nonce=bytes(16), job="123456\n"),
        m.Moved(position=m.Position(lat=float("nan"), lon=0.0)),
    ],
)
def test_a_sender_refuses_what_the_receiver_would(body: m.Event) -> None:
    with pytest.raises(ProtocolError) as caught:
        _seal(body)
    assert caught.value.reason is Reason.BAD_FIELD


def test_a_sender_refuses_a_header_that_the_receiver_would() -> None:
    body = m.Tamper(switch="case", open=True)
    for wrong in ({"device": "x"}, {"time": -1}, {"boot": -1}, {"prev": b""}, {"counter": 0}):
        good: dict[str, Any] = {"device": DEVICE, "boot": 1, "time": NOW, "counter": 1}
        assert outcome(envelope.seal_event, body, ED, **(good | wrong)) is Reason.BAD_FIELD
    beat = samples.HEARTBEATS[1]
    numbered = outcome(envelope.seal_event, beat, ED, device=DEVICE, boot=1, time=NOW, counter=1)
    assert numbered is Reason.BAD_FIELD


def test_a_receipt_names_no_more_ranges_than_fit() -> None:
    ranges = [(3 * n + 2**52, 3 * n + 2**52) for n in range(1, limits.MAX_RANGES + 1)]
    receipt = m.Receipt(through=1, tip=bytes(32), time=NOW, ranges=ranges)
    raw = envelope.seal_down(receipt, samples.RECEIPT_KEY, device=DEVICE, time=NOW)
    assert _down(raw) == receipt
    more = m.Receipt(through=1, tip=bytes(32), time=NOW, ranges=[*ranges, (1, 1)])
    sealed = outcome(envelope.seal_down, more, samples.RECEIPT_KEY, device=DEVICE, time=NOW)
    assert sealed is Reason.BAD_FIELD


@given(downs)
def test_a_message_down_is_for_one_sleeve_only(body: m.Down) -> None:
    raw = envelope.seal_down(body, samples.signer(body), device=DEVICE, time=NOW)
    assert outcome(_down, raw, samples.OTHER_DEVICE) is Reason.WRONG_DEVICE


@given(downs)
def test_each_server_key_signs_its_own_kind_only(body: m.Down) -> None:
    wrong = samples.GRANT_KEY if isinstance(body, m.Receipt) else samples.RECEIPT_KEY
    raw = envelope.seal_down(body, wrong, device=DEVICE, time=NOW)
    assert outcome(_down, raw) is Reason.UNKNOWN_KEY
    both = GRANT_KEYS | RECEIPT_KEYS
    assert envelope.open_down(raw, device=DEVICE, keys=both) == body


def test_a_message_is_held_against_its_topic() -> None:
    found = envelope.open_event(_seal(m.Tamper(switch="case", open=True)))
    envelope.check_topic(found, topics.parse(topics.up(DEVICE, "tamper")))
    other = topics.parse(topics.up(samples.OTHER_DEVICE, "tamper"))
    assert outcome(envelope.check_topic, found, other) is Reason.WRONG_DEVICE
    kind = topics.parse(topics.up(DEVICE, "stamped"))
    assert outcome(envelope.check_topic, found, kind) is Reason.BAD_TOPIC


def test_a_refusal_never_repeats_control_characters_of_the_sender() -> None:
    payload = _PAYLOAD | {"type": "\x1b[2J\n"}
    with pytest.raises(ProtocolError) as caught:
        envelope.open_event(cose.sign(cbor.encode(payload), ED))
    assert str(caught.value).isprintable()
