"""Test vectors that must be refused, each with the reason: one fault at a time."""

from __future__ import annotations

from typing import Any, Final

import cbor2

from gateway.protocol import cbor, cose, envelope, samples, topics
from gateway.protocol.cose import Signer
from gateway.protocol.envelope import GENESIS
from gateway.protocol.errors import Reason
from gateway.protocol.limits import MAX_EVENT_BYTES, MAX_PIECE_BYTES
from gateway.protocol.messages import CountEntered, Proceed, Receipt

Vector = dict[str, Any]

NOT_CBOR: Final[dict[str, str]] = {
    "nothing at all": "",
    "array cut short": "8201",
    "text cut short": "6568656c6c",
    "length far beyond the end": "5bffffffffffffffff",
    "bytes after the item": "0000",
    "indefinite array": "9f01ff",
    "indefinite map": "bf616101ff",
    "indefinite byte string": "5f4100ff",
    "indefinite text": "7f6161ff",
    "tag 0 (date)": "c074323032362d30392d32325430383a31333a32305a",
    "tag 2 (big number)": "c249010000000000000000",
    "tag 55799 (self-described)": "d9d9f700",
    "tag inside": "a16161c100",
    "duplicate key": "a2616101616102",
    "key is an array": "a18000",
    "key is a boolean": "a1f500",
    "text is not UTF-8": "62c328",
    "not a number": "f97e00",
    "infinity": "f97c00",
    "undefined": "f7",
    "simple value 32": "f820",
    "reserved length": "1c",
    "break alone": "ff",
    "nested 13 deep": "81" * 13 + "00",
}
"""Hex of what is no CBOR of this contract."""

_BODY: Final = {"use": 4, "count": 2}
_PAYLOAD: Final[dict[str, Any]] = {
    "v": 1,
    "device": samples.DEVICE,
    "boot": 12,
    "counter": 6,
    "prev": samples.pseudo("prev"),
    "time": samples.NOW,
    "type": "count_entered",
    "body": _BODY,
}
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def build() -> list[Vector]:
    """Every refused vector: up, then unsigned, then down."""
    return [*_frames(), *_signatures(), *_payloads(), *_topics(), *_unsigned(), *_downs()]


def _good(signer: Signer = samples.SLEEVE_ED25519) -> bytes:
    return envelope.seal_event(
        CountEntered(use=4, count=2),
        signer,
        device=samples.DEVICE,
        boot=12,
        time=samples.NOW,
        counter=6,
        prev=samples.pseudo("prev"),
    )


def _up(
    name: str,
    raw: bytes,
    reason: Reason,
    *,
    topic: str = topics.up(samples.DEVICE, "count_entered"),
    key: str = "sleeve-ed25519",
) -> Vector:
    return {"name": name, "topic": topic, "key": key, "raw": raw.hex(), "verdict": reason.value}


def _cose(*parts: object) -> bytes:
    return b"\xd2" + cbor.encode(list(parts))


def _frames() -> list[Vector]:
    good = _good()
    protected, _, payload, signature = cbor.decode(good[1:])
    kid = samples.SLEEVE_ED25519.public.kid
    long_length = good.replace(b"\x58\x40" + signature, b"\x59\x00\x40" + signature)
    return [
        _up("empty", b"", Reason.NOT_CBOR),
        _up("truncated in the middle", good[:90], Reason.NOT_CBOR),
        _up("truncated by one byte", good[:-1], Reason.NOT_CBOR),
        _up("one byte after the end", good + b"\x00", Reason.NOT_CBOR),
        _up("oversized", good + bytes(MAX_EVENT_BYTES), Reason.TOO_LARGE),
        _up("JSON", b'{"type":"count_entered"}', Reason.NOT_CBOR),
        _up("no tag 18", good[1:], Reason.NOT_COSE),
        _up("tag 17 (COSE_Mac0)", b"\xd1" + good[1:], Reason.NOT_CBOR),
        _up("indefinite outer array", b"\xd2\x9f" + good[2:] + b"\xff", Reason.NOT_CBOR),
        _up("signature length in three bytes", long_length, Reason.NOT_COSE),
        _up("three parts", _cose(protected, {}, payload), Reason.NOT_COSE),
        _up("unprotected header", _cose(protected, {4: kid}, payload, signature), Reason.NOT_COSE),
        _up("detached payload", _cose(protected, {}, None, signature), Reason.NOT_COSE),
        _up("empty protected header", _cose(b"", {}, payload, signature), Reason.NOT_CBOR),
        _up("no kid", _cose(cbor.encode({1: -8}), {}, payload, signature), Reason.NOT_COSE),
        _up(
            "third header field",
            _cose(cbor.encode({1: -8, 3: 0, 4: kid}), {}, payload, signature),
            Reason.NOT_COSE,
        ),
        _up(
            "kid of four bytes",
            _cose(cbor.encode({1: -8, 4: kid[:4]}), {}, payload, signature),
            Reason.NOT_COSE,
        ),
        _up(
            "alg PS256",
            _cose(cbor.encode({1: -37, 4: kid}), {}, payload, signature),
            Reason.UNKNOWN_ALGORITHM,
        ),
    ]


def _signatures() -> list[Vector]:
    good, es256 = _good(), _good(samples.SLEEVE_ES256)
    protected, _, payload, signature = cbor.decode(good[1:])
    high = int.from_bytes(es256[-32:], "big")
    kid = samples.SLEEVE_ED25519.public.kid
    return [
        _up("signature with one bit flipped", _flip(good, -1), Reason.BAD_SIGNATURE),
        _up(
            "ES256 signature with one bit flipped",
            _flip(es256, -64),
            Reason.BAD_SIGNATURE,
            key="sleeve-es256",
        ),
        _up(
            "ES256 with the larger s",
            es256[:-32] + (_ORDER - high).to_bytes(32, "big"),
            Reason.BAD_SIGNATURE,
            key="sleeve-es256",
        ),
        _up(
            "ES256 r and s zero", es256[:-64] + bytes(64), Reason.BAD_SIGNATURE, key="sleeve-es256"
        ),
        _up(
            "counter changed after signing",
            _cose(protected, {}, cbor.encode(_PAYLOAD | {"counter": 7}), signature),
            Reason.BAD_SIGNATURE,
        ),
        _up(
            "signature of 63 bytes",
            _cose(protected, {}, payload, signature[:63]),
            Reason.BAD_SIGNATURE,
        ),
        _up("signed by a stranger", _good(samples.STRANGER), Reason.UNKNOWN_KEY),
        _up(
            "stranger under the sleeve's kid",
            _cose(protected, {}, payload, cbor.decode(_good(samples.STRANGER)[1:])[3]),
            Reason.BAD_SIGNATURE,
        ),
        _up("signed by another sleeve's key", es256, Reason.UNKNOWN_KEY),
        _up(
            "alg changed to ES256",
            _cose(cbor.encode({1: -7, 4: kid}), {}, payload, signature),
            Reason.UNKNOWN_ALGORITHM,
        ),
    ]


def _flip(raw: bytes, at: int) -> bytes:
    changed = bytearray(raw)
    changed[at] ^= 1
    return bytes(changed)


def _signed(payload: object) -> bytes:
    return cose.sign(cbor.encode(payload), samples.SLEEVE_ED25519)


def _without(name: str) -> dict[str, Any]:
    return {key: value for key, value in _PAYLOAD.items() if key != name}


def _payloads() -> list[Vector]:
    bad, body = Reason.BAD_FIELD, _BODY
    duplicate = cbor.encode(_PAYLOAD).replace(b"\xa8", b"\xa9", 1) + b"\x61\x76\x01"
    tagged = cbor2.dumps(_PAYLOAD | {"time": cbor2.CBORTag(1, samples.NOW)})
    deep: object = 0
    for _ in range(13):
        deep = [deep]
    wrong: dict[str, dict[str, Any]] = {
        "no device": _without("device"),
        "no body": _without("body"),
        "event without counter": _without("counter"),
        "counter zero": _PAYLOAD | {"counter": 0},
        "counter beyond 2^53": _PAYLOAD | {"counter": 2**53 + 1},
        "counter as float": _PAYLOAD | {"counter": 6.0},
        "counter as boolean": _PAYLOAD | {"counter": True},
        "negative time": _PAYLOAD | {"time": -1},
        "time beyond every calendar": _PAYLOAD | {"time": 2**53},
        "prev of 31 bytes": _PAYLOAD | {"prev": bytes(31)},
        "prev as text": _PAYLOAD | {"prev": "0" * 32},
        "device with a slash": _PAYLOAD | {"device": "SIM/0001"},
        "device with a line feed": _PAYLOAD | {"device": samples.DEVICE + "\n"},
        "body is a list": _PAYLOAD | {"body": [4, 2]},
        "body with an integer key": _PAYLOAD | {"body": body | {1: 2}},
        "missing field": _PAYLOAD | {"body": {"use": 4}},
        "field of the wrong type": _PAYLOAD | {"body": body | {"count": "2"}},
        "field out of range": _PAYLOAD | {"body": body | {"count": 1000}},
        "integer as float": _PAYLOAD | {"body": body | {"count": 2.0}},
        "heartbeat with a counter": _PAYLOAD
        | {"type": "heartbeat", "body": envelope.plain(samples.HEARTBEATS[1])},
        "value that is none of the list": _PAYLOAD
        | {"type": "tamper", "body": {"switch": "lid", "open": True}},
        "control character in text": _PAYLOAD
        | {"type": "grant_stored", "body": {"grant": "a\x00b"}},
        "latitude beyond the pole": _PAYLOAD
        | {"type": "moved", "body": {"position": {"lat": 90.5, "lon": 120.0}}},
        "rotation to no key": _PAYLOAD
        | {"type": "key_rotated", "body": {"alg": -7, "public": b"\x04" + bytes(64)}},
    }
    return [
        _up("version 2", _signed(_PAYLOAD | {"v": 2}), Reason.UNKNOWN_VERSION),
        _up("no version", _signed(_without("v")), Reason.UNKNOWN_VERSION),
        _up("version as text", _signed(_PAYLOAD | {"v": "1"}), Reason.UNKNOWN_VERSION),
        _up("unknown type", _signed(_PAYLOAD | {"type": "teleported"}), Reason.UNKNOWN_TYPE),
        _up("down type sent up", _signed(_PAYLOAD | {"type": "grant"}), Reason.UNKNOWN_TYPE),
        _up("payload is a list", _signed([1, 2]), bad),
        *(_up(name, _signed(payload), bad) for name, payload in wrong.items()),
        _up("duplicate key inside", _raw(duplicate), Reason.NOT_CBOR),
        _up("tag inside", _raw(tagged), Reason.NOT_CBOR),
        _up("payload cut short", _raw(cbor.encode(_PAYLOAD)[:-1]), Reason.NOT_CBOR),
        _up("bytes after the payload", _raw(cbor.encode(_PAYLOAD) + b"\x00"), Reason.NOT_CBOR),
        _up(
            "not a number in an unknown field",
            _raw(cbor.encode(_PAYLOAD | {"extra": float("nan")})),
            Reason.NOT_CBOR,
        ),
        _up("nested too deep", _raw(cbor.encode(_PAYLOAD | {"extra": deep})), Reason.NOT_CBOR),
    ]


def _raw(payload: bytes) -> bytes:
    return cose.sign(payload, samples.SLEEVE_ED25519)


def _topics() -> list[Vector]:
    good, device = _good(), samples.DEVICE
    return [
        _up(
            "on the topic of another sleeve",
            good,
            Reason.WRONG_DEVICE,
            topic=topics.up(samples.OTHER_DEVICE, "count_entered"),
        ),
        _up(
            "on the topic of another type", good, Reason.BAD_TOPIC, topic=topics.up(device, "boot")
        ),
        _up("another version", good, Reason.BAD_TOPIC, topic=f"seal/v2/{device}/up/count_entered"),
        _up("too short", good, Reason.BAD_TOPIC, topic=f"seal/v1/{device}/up"),
        _up("too long", good, Reason.BAD_TOPIC, topic=f"seal/v1/{device}/up/count_entered/1"),
        _up("no device", good, Reason.BAD_TOPIC, topic="seal/v1//up/count_entered"),
        _up("device too short", good, Reason.BAD_TOPIC, topic="seal/v1/ab/up/count_entered"),
        _up("wildcard", good, Reason.BAD_TOPIC, topic="seal/v1/+/up/count_entered"),
        _up("no direction", good, Reason.BAD_TOPIC, topic=f"seal/v1/{device}/count_entered"),
        _up("line feed", good, Reason.BAD_TOPIC, topic=f"seal/v1/{device}/up/count_entered\n"),
    ]


def _unsigned() -> list[Vector]:
    state, piece = topics.state(samples.DEVICE), topics.up(samples.DEVICE, "piece")
    commit = samples.pseudo("face")

    def one(name: str, topic: str, raw: bytes, reason: Reason) -> Vector:
        return {"name": name, "topic": topic, "raw": raw.hex(), "verdict": reason.value}

    return [
        one("state without boot", state, cbor.encode({"online": True}), Reason.BAD_FIELD),
        one("state as text", state, b"offline", Reason.NOT_CBOR),
        one(
            "state with online as integer",
            state,
            cbor.encode({"online": 1, "boot": 1}),
            Reason.BAD_FIELD,
        ),
        one(
            "piece beyond the last possible",
            piece,
            cbor.encode({"commit": commit, "index": 128, "data": b"x"}),
            Reason.BAD_FIELD,
        ),
        one(
            "piece without data",
            piece,
            cbor.encode({"commit": commit, "index": 0, "data": b""}),
            Reason.BAD_FIELD,
        ),
        one(
            "piece with text for bytes",
            piece,
            cbor.encode({"commit": commit, "index": 0, "data": "x"}),
            Reason.BAD_FIELD,
        ),
        one("piece too large", piece, bytes(MAX_PIECE_BYTES + 1), Reason.TOO_LARGE),
    ]


def _downs() -> list[Vector]:
    device, now = samples.DEVICE, samples.NOW
    proceed = Proceed(answers=7, use=4)
    good = envelope.seal_down(proceed, samples.GRANT_KEY, device=device, time=now)
    receipt = Receipt(through=0, tip=GENESIS, time=now)
    payload = {"v": 1, "device": device, "time": now, "type": "proceed", "body": {"answers": 7}}

    def one(name: str, raw: bytes, reason: Reason, type_: str = "proceed") -> Vector:
        topic = topics.down(device, type_)
        return {"name": name, "topic": topic, "raw": raw.hex(), "verdict": reason.value}

    def sealed(value: object) -> bytes:
        return cose.sign(cbor.encode(value), samples.GRANT_KEY)

    return [
        one(
            "proceed for another sleeve",
            envelope.seal_down(proceed, samples.GRANT_KEY, device=samples.OTHER_DEVICE, time=now),
            Reason.WRONG_DEVICE,
        ),
        one(
            "proceed signed by the receipt key",
            envelope.seal_down(proceed, samples.RECEIPT_KEY, device=device, time=now),
            Reason.UNKNOWN_KEY,
        ),
        one(
            "receipt signed by the grant key",
            envelope.seal_down(receipt, samples.GRANT_KEY, device=device, time=now),
            Reason.UNKNOWN_KEY,
            "receipt",
        ),
        one(
            "proceed signed by a stranger",
            envelope.seal_down(proceed, samples.STRANGER, device=device, time=now),
            Reason.UNKNOWN_KEY,
        ),
        one("proceed with one bit flipped", _flip(good, -1), Reason.BAD_SIGNATURE),
        one("proceed without use", sealed(payload), Reason.BAD_FIELD),
        one("proceed of version 2", sealed(payload | {"v": 2}), Reason.UNKNOWN_VERSION),
        one("event type sent down", sealed(payload | {"type": "stamped"}), Reason.UNKNOWN_TYPE),
        one("proceed truncated", good[:-1], Reason.NOT_CBOR),
        one("proceed without tag 18", good[1:], Reason.NOT_COSE),
        one("proceed oversized", good + bytes(MAX_EVENT_BYTES), Reason.TOO_LARGE),
    ]
