"""Any payload in words: every message is shown whole, and nothing steers the terminal."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol import cbor, cose, envelope, labels, readable, samples, schema
from gateway.protocol import messages as m
from gateway.protocol.errors import ProtocolError, Reason
from tests.unit.gateway.protocol.strategies import downs, events, heartbeats, message, outcome

ED = samples.SLEEVE_ED25519


def _up(body: m.Event | m.Heartbeat) -> bytes:
    counter = 0 if isinstance(body, m.Heartbeat) else 1
    return envelope.seal_event(
        body, ED, device=samples.DEVICE, boot=1, time=samples.NOW, counter=counter
    )


def _down(body: m.Down) -> bytes:
    return envelope.seal_down(body, samples.signer(body), device=samples.DEVICE, time=samples.NOW)


def _shown(raw: bytes, key: cose.PublicKey | None = None) -> str:
    return "\n".join(readable.as_lines(readable.read(raw, key)))


_ANY = st.one_of(
    events.map(_up),
    heartbeats.map(_up),
    downs.map(_down),
    message(m.Piece).map(envelope.encode_piece),
    message(m.State).map(envelope.encode_state),
)


@given(_ANY)
def test_every_message_is_shown_with_each_field_it_has(raw: bytes) -> None:
    found = readable.read(raw)
    text = _shown(raw)
    owner = labels.owner(type(found.body))
    assert text.startswith(f"{labels.TYPES[owner]} {owner}（")
    for field in schema.fields(type(found.body)):
        if getattr(found.body, field.name) is not None:
            assert f"{labels.field(owner, field.encode_name).zh} {field.encode_name}:" in text
    assert all(line.isprintable() for line in text.splitlines())
    shown = json.loads(json.dumps(readable.as_json(found)))
    assert shown["type"] == owner
    assert shown["hash"] == envelope.digest(raw).hex()


@given(st.binary(max_size=100) | st.binary(max_size=100).map(lambda tail: b"\xd2" + tail))
def test_hostile_bytes_raise_nothing_but_protocol_error(raw: bytes) -> None:
    assert isinstance(outcome(readable.read, raw), Reason | readable.Payload)


def test_what_is_said_of_a_stamp() -> None:
    (body,) = (one for one in samples.EVENTS if isinstance(one, m.Stamped))
    text = _shown(_up(body), ED.public)
    for words in (
        "盖章 stamped（上行",
        "签名: ✓ 有效，EdDSA，密钥 " + ED.public.kid.hex(),
        "序号 counter: 1",
        "发出时间 time: 2026-09-21 22:13:20.000 北京时间（1790000000000）",
        "接触时长 contact_ms: 640 毫秒",
        "纬度 lat: 30.1234567 °",
    ):
        assert words in text


def test_values_of_closed_lists_are_translated_and_free_text_is_not() -> None:
    text = _shown(_up(m.UseFinished(use=1, presses=0, reason="power", note="power")))
    assert "原因 reason: power（断电）" in text
    assert "备注 note: power\n" in text + "\n"


@pytest.mark.parametrize(
    ("key", "verified", "reason", "words"),
    [
        (None, None, None, "未核验"),
        (ED.public, True, None, "✓ 有效"),
        (samples.STRANGER.public, False, "unknown_key", "✗ 签名密钥未登记 [unknown_key"),
    ],
)
def test_the_signature_is_told(
    key: cose.PublicKey | None, verified: bool | None, reason: str | None, words: str
) -> None:
    raw = _up(m.Tamper(switch="case", open=True))
    found = readable.read(raw, key)
    assert found.verified is verified
    signature = readable.as_json(found)["signature"]
    assert (signature["verified"], signature["reason"]) == (verified, reason)
    assert words in _shown(raw, key)


def test_pieces_and_states_have_no_signature() -> None:
    raw = envelope.encode_state(m.State(online=False, boot=2))
    found = readable.read(raw, ED.public)
    assert found.verified is None
    assert readable.as_json(found)["signature"] is None
    assert "在线 online: 否" in _shown(raw)
    piece = envelope.encode_piece(m.Piece(commit=bytes(32), index=1, data=bytes(500)))
    assert "（500 字节）" in _shown(piece)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.NOT_CBOR),
        (b"\xff", Reason.NOT_CBOR),
        (cbor.encode({"hello": 1}), Reason.NOT_COSE),
        (cbor.encode([1]), Reason.NOT_COSE),
        (cbor.encode({"online": 1, "boot": 1}), Reason.BAD_FIELD),
        (cbor.encode({"commit": b""}), Reason.BAD_FIELD),
        (b"\xd2\x80", Reason.NOT_COSE),
    ],
)
def test_what_is_no_payload_is_told_why(raw: bytes, reason: Reason) -> None:
    with pytest.raises(ProtocolError) as caught:
        readable.read(raw)
    assert caught.value.reason is reason


def test_broken_bodies_are_told_as_such_and_unknown_types_too() -> None:
    payload: dict[str, Any] = {"v": 1, "device": samples.DEVICE, "time": 1, "type": "lock"}
    for changes, reason in (
        ({"body": {}}, Reason.BAD_FIELD),
        ({"type": "dance", "body": {}}, Reason.UNKNOWN_TYPE),
        ({"type": "boot", "body": {}}, Reason.BAD_FIELD),
    ):
        raw = cose.sign(cbor.encode(payload | changes), ED)
        assert outcome(readable.read, raw) is reason
