"""The published vectors, checked by an implementation that shares no code with ours."""

import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.unit.gateway.protocol import maker

Vector = dict[str, Any]


def _load(name: str) -> list[Vector]:
    vectors: list[Vector] = json.loads((maker.DOCS / "vectors" / name).read_text(encoding="utf-8"))
    return vectors


KEYS = {key["name"]: key for key in _load("keys.json")}


def _value(shown: Any) -> Any:
    if isinstance(shown, dict):
        if set(shown) == {"hex"}:
            return bytes.fromhex(shown["hex"])
        return {key: _value(item) for key, item in shown.items()}
    return [_value(item) for item in shown] if isinstance(shown, list) else shown


def _each(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("vector", _load(name), ids=lambda one: one["name"])


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS.keys())
def test_keys(key: Vector) -> None:
    secret = bytes.fromhex(key["secret"])
    if key["alg"] == "X25519":
        public = x25519.X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    elif key["alg"] == "EdDSA":
        public = (
            ed25519.Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
        )
    else:
        point = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1()).public_key()
        public = point.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert public.hex() == key["public"]
    if "kid" in key:
        assert maker.sha256(public)[:8].hex() == key["kid"]


@_each("cbor.json")
def test_cbor(vector: Vector) -> None:
    raw = bytes.fromhex(vector["raw"])
    if vector["verdict"] == "ok":
        assert maker.decode(raw) == _value(vector["value"])
        assert maker.encode(_value(vector["value"])) == raw
    else:
        with pytest.raises(maker.Refused, match=vector["verdict"]):
            maker.decode(raw)


@pytest.mark.parametrize(
    "vector",
    [*_load("events.json"), *_load("heartbeats.json"), *_load("downs.json")],
    ids=lambda one: one["name"],
)
def test_signed_messages(vector: Vector) -> None:
    raw = bytes.fromhex(vector["raw"])
    head, body = _value(vector["envelope"]), _value(vector["body"])
    payload = maker.encode(head | {"body": body})
    # A maker of a sleeve comes to the very bytes; so the field order, numbers and signature agree.
    assert maker.sign(payload, KEYS[vector["key"]]) == raw
    assert maker.sha256(raw).hex() == vector["hash"]
    if "/down/" in vector["topic"]:
        found = maker.read_down(raw, vector["topic"], KEYS["grant"], KEYS["receipt"])
    else:
        found = maker.read_up(raw, vector["topic"], [KEYS[vector["key"]]])
    assert found == head | {"body": body}


@_each("unsigned.json")
def test_unsigned_messages(vector: Vector) -> None:
    raw = bytes.fromhex(vector["raw"])
    assert maker.read_unsigned(raw, vector["topic"]) == _value(vector["body"])
    assert maker.encode(_value(vector["body"])) == raw


@_each("chains.json")
def test_chains(vector: Vector) -> None:
    raws = [bytes.fromhex(raw) for raw in vector["events"]]
    if vector["verdict"] == "ok":
        through, tip, gaps = maker.follow(raws, KEYS[vector["key"]])
        assert (through, tip.hex(), gaps) == (vector["through"], vector["tip"], vector["gaps"])
    else:
        with pytest.raises(maker.Refused, match=f"^{vector['verdict']}$"):
            maker.follow(raws, KEYS[vector["key"]])


@_each("server_keys.json")
def test_server_keys(vector: Vector) -> None:
    found = maker.follow_keys(vector, KEYS["grant"], KEYS["receipt"])
    assert found == [(step["verdict"], step["serial"]) for step in vector["steps"]]


@_each("refused.json")
def test_refused(vector: Vector) -> None:
    with pytest.raises(maker.Refused, match=f"^{vector['verdict']}$"):
        _read(vector)


def _read(vector: Vector) -> object:
    raw, topic = bytes.fromhex(vector["raw"]), vector["topic"]
    if "/down/" in topic:
        return maker.read_down(raw, topic, KEYS["grant"], KEYS["receipt"])
    if topic.endswith(("/state", "/piece")):
        return maker.read_unsigned(raw, topic)
    return maker.read_up(raw, topic, [KEYS[vector["key"]]])


SECRET = bytes.fromhex(KEYS["picture"]["secret"])


def _of_pictures(field: str) -> pytest.MarkDecorator:
    found = [one for one in _load("pictures.json") if field in one]
    return pytest.mark.parametrize("vector", found, ids=lambda one: one["name"])


@_of_pictures("ciphertext")
def test_pictures(vector: Vector) -> None:
    if vector["verdict"] != "ok":
        with pytest.raises(maker.Refused, match=f"^{vector['verdict']}$"):
            maker.open_picture(vector, SECRET)
        return
    salt, picture = maker.open_picture(vector, SECRET)
    assert (salt.hex(), picture.hex()) == (vector["salt"], vector["picture"])
    _steps(vector, salt + picture, bytes.fromhex(vector["ciphertext"]))
    pieces = [maker.decode(bytes.fromhex(raw)) for raw in vector["pieces"]]
    assert [piece["index"] for piece in pieces] == list(range(vector["ref"]["pieces"]))
    assert {piece["commit"].hex() for piece in pieces} == {vector["commit"]}
    assert b"".join(piece["data"] for piece in pieces).hex() == vector["ciphertext"]
    full = maker.limit("MAX_PIECE_DATA")
    assert [len(piece["data"]) for piece in pieces[:-1]] == [full] * (len(pieces) - 1)


def _steps(vector: Vector, clear: bytes, sealed: bytes) -> None:
    ephemeral = x25519.X25519PrivateKey.from_private_bytes(
        bytes.fromhex(vector["ephemeral_secret"])
    )
    assert ephemeral.public_key().public_bytes_raw().hex() == vector["enc"]
    assert sealed[:32].hex() == vector["enc"]
    key, nonce = bytes.fromhex(vector["aead_key"]), bytes.fromhex(vector["aead_nonce"])
    assert AESGCM(key).encrypt(nonce, clear, b"") == sealed[32:]


@_of_pictures("sealed")
def test_pins(vector: Vector) -> None:
    info = b"zhiyin pin v1\0" + vector["device"].encode() + b"\0" + str(vector["use"]).encode()
    assert info.hex() == vector["info"]
    clear = maker.open_sealed(bytes.fromhex(vector["sealed"]), SECRET, info)
    assert maker.decode(clear) == {key: vector[key] for key in ("operator_pin", "witness_pin")}
    _steps(vector, clear, bytes.fromhex(vector["sealed"]))


@_of_pictures("check")
def test_pin_checks(vector: Vector) -> None:
    check = _value(vector["check"])
    found = hashlib.pbkdf2_hmac("sha256", vector["pin"].encode(), check["salt"], check["rounds"])
    assert found == check["digest"]
