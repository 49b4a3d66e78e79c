"""A second implementation of the contract, written from docs/ alone as another maker would.

It imports nothing of ours. CBOR is read by hand here; message fields are checked against the
schemas of docs/asyncapi.yaml; signatures and HPKE are those of `cryptography`.
"""

import hashlib
import math
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cbor2
import yaml
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, x25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

DOCS = Path(__file__).parents[4] / "docs"
API: dict[str, Any] = yaml.safe_load((DOCS / "asyncapi.yaml").read_text(encoding="utf-8"))
MESSAGES = API["components"]["messages"]
SCHEMAS = API["components"]["schemas"]
HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
Key = dict[str, Any]


class Refused(Exception):
    """Carries the reason."""


def limit(name: str) -> int:
    return int(API["x-limits"][name]["value"])


def encode(value: object) -> bytes:
    return cbor2.dumps(value, canonical=True)


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


# ── CBOR ──


def decode(data: bytes) -> Any:
    try:
        value, end = _item(data, 0, 0)
    except (IndexError, struct.error, UnicodeDecodeError) as error:
        raise Refused("not_cbor") from error
    if end != len(data):
        raise Refused("not_cbor")
    return value


def _take(data: bytes, at: int, size: int) -> bytes:
    if at + size > len(data):
        raise Refused("not_cbor")
    return data[at : at + size]


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info > 27:
        raise Refused("not_cbor")
    width = 1 << (info - 24) if info >= 24 else 0
    number = int.from_bytes(_take(data, at, width), "big") if width else info
    at += width
    match major:
        case 0 | 1:
            return (number if major == 0 else -1 - number), at
        case 2 | 3:
            found = _take(data, at, number)
            return (found if major == 2 else found.decode()), at + number
        case 4 | 5:
            if depth == limit("MAX_NESTING"):
                raise Refused("not_cbor")
            return (_array if major == 4 else _map)(data, at, number, depth + 1)
        case 7:
            return _simple(info, number, width), at
    raise Refused("not_cbor")


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    found = []
    for _ in range(count):
        value, at = _item(data, at, depth)
        found.append(value)
    return found, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[Any, Any], int]:
    found: dict[Any, Any] = {}
    for _ in range(count):
        key, at = _item(data, at, depth)
        if type(key) not in (str, int) or key in found:
            raise Refused("not_cbor")
        found[key], at = _item(data, at, depth)
    return found, at


def _simple(info: int, number: int, width: int) -> Any:
    if info in (20, 21, 22):
        return {20: False, 21: True, 22: None}[info]
    if info not in (25, 26, 27):
        raise Refused("not_cbor")
    value = struct.unpack({2: ">e", 4: ">f", 8: ">d"}[width], number.to_bytes(width, "big"))[0]
    if not math.isfinite(value):
        raise Refused("not_cbor")
    return value


# ── schemas ──


def conform(value: Any, schema: dict[str, Any]) -> None:
    if "$ref" in schema:
        conform(value, SCHEMAS[schema["$ref"].rsplit("/", 1)[1]])
    for part in schema.get("allOf", ()):
        conform(value, part)
    if "const" in schema and (value != schema["const"] or type(value) is not type(schema["const"])):
        raise Refused("bad_field")
    if "enum" in schema and value not in schema["enum"]:
        raise Refused("bad_field")
    kind = schema.get("type")
    binary = schema.get("format") == "binary"
    wanted: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": bytes if binary else str,
        "boolean": bool,
        "integer": int,
        "number": (int, float),
    }
    if kind and (
        not isinstance(value, wanted[kind]) or isinstance(value, bool) != (kind == "boolean")
    ):
        raise Refused("bad_field")
    _bounds(value, schema)
    for name in schema.get("required", ()):
        if name not in value:
            raise Refused("bad_field")
    for name, inner in schema.get("properties", {}).items():
        if name in value:
            conform(value[name], inner)
    if kind == "object" and any(not isinstance(name, str) for name in value):
        raise Refused("bad_field")
    if kind == "array":
        items = schema["items"]
        for number, item in enumerate(value):
            conform(item, items[number] if isinstance(items, list) else items)


def _bounds(value: Any, schema: dict[str, Any]) -> None:
    if not all(
        (
            value >= schema.get("minimum", value),
            value <= schema.get("maximum", value),
            "exclusiveMinimum" not in schema or value > schema["exclusiveMinimum"],
            "exclusiveMaximum" not in schema or value < schema["exclusiveMaximum"],
        )
        if isinstance(value, int | float)
        else (
            not hasattr(value, "__len__")
            or schema.get("minLength", schema.get("minItems", 0))
            <= len(value)
            <= schema.get("maxLength", schema.get("maxItems", len(value))),
        )
    ):
        raise Refused("bad_field")
    pattern = schema.get("pattern")
    # ECMAScript's `$` is the very end; Python's would let a line feed pass.
    if pattern and not re.search(pattern.removesuffix("$") + r"\Z", value):
        raise Refused("bad_field")


# ── COSE ──


def sign(payload: bytes, key: Key) -> bytes:
    protected = encode({1: key["cose_alg"], 4: bytes.fromhex(key["kid"])})
    signed = encode(["Signature1", protected, b"", payload])
    secret = bytes.fromhex(key["secret"])
    if key["cose_alg"] == -8:
        signature = ed25519.Ed25519PrivateKey.from_private_bytes(secret).sign(signed)
    else:
        private = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        method = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(private.sign(signed, method))
        signature = r.to_bytes(32, "big") + min(s, ORDER - s).to_bytes(32, "big")
    return b"\xd2" + encode([protected, {}, payload, signature])


def take_apart(raw: bytes) -> tuple[bytes, int, bytes, bytes, bytes]:
    if raw[:1] != b"\xd2":
        decode(raw)
        raise Refused("not_cose")
    parts = decode(raw[1:])
    if not isinstance(parts, list) or len(parts) != 4 or parts[1] != {}:
        raise Refused("not_cose")
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise Refused("not_cose")
    if raw != b"\xd2" + encode(parts):
        raise Refused("not_cose")
    header = decode(protected)
    if not isinstance(header, dict) or set(header) != {1, 4}:
        raise Refused("not_cose")
    if header[1] not in (-7, -8):
        raise Refused("unknown_algorithm")
    if not isinstance(header[4], bytes) or len(header[4]) != 8:
        raise Refused("not_cose")
    return protected, header[1], header[4], payload, signature


def verify(raw: bytes, keys: Iterable[Key]) -> Key:
    protected, alg, kid, payload, signature = take_apart(raw)
    named = [key for key in keys if key["kid"] == kid.hex()]
    if not named:
        raise Refused("unknown_key")
    (key,) = named
    if key["cose_alg"] != alg:
        raise Refused("unknown_algorithm")
    signed = encode(["Signature1", protected, b"", payload])
    public = bytes.fromhex(key["public"])
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if len(signature) != 64 or (alg == -7 and s > ORDER // 2):
        raise Refused("bad_signature")
    try:
        if alg == -8:
            ed25519.Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
        else:
            point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
            point.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Refused("bad_signature") from error
    return key


# ── messages ──


def parse_topic(topic: str) -> tuple[str, str, str]:
    found = re.fullmatch(
        r"seal/v1/([A-Za-z0-9][A-Za-z0-9_-]{2,31})/(?:(up|down)/([a-z][a-z_]{1,31})|state)", topic
    )
    if found is None:
        raise Refused("bad_topic")
    return found[1], found[2] or "state", found[3] or "state"


def _read(raw: bytes, channel: str) -> dict[str, Any]:
    payload = decode(take_apart(raw)[3])
    if not isinstance(payload, dict):
        raise Refused("bad_field")
    if payload.get("v") != 1:
        raise Refused("unknown_version")
    head = "DownEnvelope" if channel == "down" else "HeartbeatEnvelope"
    conform(payload, SCHEMAS[head] | {"required": ["v", "device", "time", "type", "body"]})
    if payload["type"] not in API["channels"][channel]["messages"]:
        raise Refused("unknown_type")
    conform(payload, MESSAGES[payload["type"]]["payload"])
    return payload


def read_up(raw: bytes, topic: str, keys: Iterable[Key]) -> dict[str, Any]:
    if len(raw) > limit("MAX_EVENT_BYTES"):
        raise Refused("too_large")
    device, direction, kind = parse_topic(topic)
    if direction != "up":
        raise Refused("bad_topic")
    payload = _read(raw, "up")
    if payload["type"] == "heartbeat" and payload.get("counter"):
        raise Refused("bad_field")
    if payload["type"] == "key_rotated":
        rotated_key(payload["body"])
    if payload["device"] != device:
        raise Refused("wrong_device")
    if payload["type"] != kind:
        raise Refused("bad_topic")
    verify(raw, keys)
    return payload


def rotated_key(body: dict[str, Any]) -> Key:
    public = body["public"]
    if len(public) != {-8: 32, -7: 65}[body["alg"]]:
        raise Refused("bad_field")
    if body["alg"] == -7:
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public)
        except ValueError as error:
            raise Refused("bad_field") from error
    return {"cose_alg": body["alg"], "public": public.hex(), "kid": sha256(public)[:8].hex()}


def read_down(raw: bytes, topic: str, grant: Key, receipt: Key) -> dict[str, Any]:
    if len(raw) > limit("MAX_EVENT_BYTES"):
        raise Refused("too_large")
    device, _, kind = parse_topic(topic)
    key = verify(raw, [grant, receipt])
    payload = decode(take_apart(raw)[3])
    if payload.get("v") != 1:
        raise Refused("unknown_version")
    if payload["device"] != device:
        raise Refused("wrong_device")
    payload = _read(raw, "down")
    if key is not (receipt if payload["type"] == "receipt" else grant):
        raise Refused("unknown_key")
    assert payload["type"] == kind
    return payload


def follow_keys(vector: dict[str, Any], grant: Key, receipt: Key) -> list[tuple[str, int]]:
    """What a sleeve makes of each message: the verdict, and the serial in force afterwards."""
    serial = 0
    lists: dict[str, list[tuple[Key, int | None]]] = {
        "grant": [(grant, None)],
        "receipt": [(receipt, None)],
    }
    found = []
    for step in vector["steps"]:
        believed = {
            name: [key for key, until in keys if until is None or step["least_now"] <= until]
            for name, keys in lists.items()
        }
        try:
            raw = bytes.fromhex(step["raw"])
            key = verify(raw, [*believed["grant"], *believed["receipt"]])
            payload = decode(take_apart(raw)[3])
            if payload["device"] != vector["device"]:
                raise Refused("wrong_device")
            payload = _read(raw, "down")
            kind = "receipt" if payload["type"] == "receipt" else "grant"
            if key not in believed[kind]:
                raise Refused("unknown_key")
            body = payload["body"]
            if payload["type"] == "keys":
                named = {name: _spans(body[name]) for name in ("grant", "receipt")}
                if body["serial"] > serial:
                    serial, lists = body["serial"], named
        except Refused as refused:
            found.append((str(refused), serial))
        else:
            found.append(("ok", serial))
    return found


def _spans(keys: list[dict[str, Any]]) -> list[tuple[Key, int | None]]:
    if "until" in keys[-1]:
        raise Refused("bad_field")
    return [(rotated_key(key), key.get("until")) for key in keys]


def read_unsigned(raw: bytes, topic: str) -> dict[str, Any]:
    kind = parse_topic(topic)[2]
    if len(raw) > MESSAGES[kind]["x-max-bytes"]:
        raise Refused("too_large")
    value: dict[str, Any] = decode(raw)
    conform(value, MESSAGES[kind]["payload"])
    return value


def follow(raws: list[bytes], key: Key) -> tuple[int, bytes, list[list[int]]]:
    """The chain rules: through, tip and gaps."""
    events: dict[int, bytes] = {}
    for raw in raws:
        counter = _read(raw, "up")["counter"]
        if events.setdefault(counter, raw) != raw:
            raise Refused("fork")
    last, tip, end, gaps = 0, bytes(32), (0, bytes(32)), []
    for counter, raw in sorted(events.items()):
        payload = _read(raw, "up")
        if counter > last + 1:
            gaps.append([last + 1, counter - 1])
        elif payload["prev"] != tip:
            raise Refused("bad_chain")
        verify(raw, [key])
        if payload["type"] == "key_rotated":
            key = rotated_key(payload["body"])
        last, tip = counter, sha256(raw)
        if not gaps:
            end = (last, tip)
    return *end, gaps


# ── pictures ──


def open_sealed(sealed: bytes, secret: bytes, info: bytes) -> bytes:
    try:
        key = x25519.X25519PrivateKey.from_private_bytes(secret)
        return HPKE.decrypt(sealed, key, info=info)
    except (InvalidTag, ValueError) as error:
        raise Refused("bad_field") from error


def open_picture(vector: dict[str, Any], secret: bytes) -> tuple[bytes, bytes]:
    sealed, commit = bytes.fromhex(vector["ciphertext"]), bytes.fromhex(vector["commit"])
    if len(sealed) != vector["ref"]["size"]:
        raise Refused("bad_field")
    info = b"zhiyin picture v1\0" + vector["device"].encode() + b"\0" + commit
    clear = open_sealed(sealed, secret, info)
    if len(clear) < 32 or sha256(clear) != commit:
        raise Refused("bad_field")
    return clear[:32], clear[32:]
