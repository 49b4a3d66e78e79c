"""What a sleeve itself signed: COSE_Sign1 (RFC 9052 §4.2) over one event of its chain.

This is a second, small reader of the device contract (docs/protocol.md), because the verifier must
stand alone.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from backend.ledger.disclosure import SleeveKey

ES256: Final = -7
EDDSA: Final = -8
GENESIS: Final = bytes(32)
"""``prev`` of a sleeve's first event."""

_ALG: Final = 1
_SIGN1: Final = 18
_MAX_DEPTH: Final = 32


class EvidenceError(ValueError):
    """Bytes that the sleeve did not sign, or that are no event."""


@dataclass(frozen=True, slots=True)
class SleeveEvent:
    """A verified event. ``digest`` is SHA-256 over its complete signed bytes."""

    device: str
    counter: int
    prev: bytes
    time: int | None
    type: str | None
    digest: bytes


def read_evidence(evidence: bytes, keys: dict[str, list[SleeveKey]]) -> SleeveEvent:
    """Take an event apart and check its signature with the keys of the sleeve that it names.

    Raises:
        EvidenceError: when it is malformed, no key may sign this counter, or none verifies.
    """
    protected, payload, signature, algorithm = _open(evidence)
    event = _event(payload, hashlib.sha256(evidence).digest())
    fitting = [
        key
        for key in keys.get(event.device, [])
        if key.alg == algorithm
        and key.from_counter <= event.counter
        and (key.until_counter is None or event.counter <= key.until_counter)
    ]
    if not fitting:
        raise EvidenceError(f"no key of sleeve {event.device} for event {event.counter}")
    message = cbor2.dumps(["Signature1", protected, b"", payload])
    if not _signed_by_one_of(fitting, signature, message):
        raise EvidenceError(f"the signature of sleeve {event.device} does not verify")
    return event


def decode_item(data: bytes) -> Any:
    """Exactly one CBOR item.

    Raises:
        EvidenceError: for anything else.
    """
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(stream, max_depth=_MAX_DEPTH, allow_duplicate_keys=False, read_size=1)
    except Exception as error:  # hostile bytes make a decoder raise many things
        raise EvidenceError(f"not CBOR: {error}"[:120]) from error
    if stream.tell() != len(data):
        raise EvidenceError("bytes after the CBOR item")
    return value


def _open(evidence: bytes) -> tuple[bytes, bytes, bytes, int]:
    item = decode_item(evidence)
    if isinstance(item, cbor2.CBORTag) and item.tag == _SIGN1:
        item = item.value
    if not isinstance(item, list | tuple) or len(item) != 4:
        raise EvidenceError("not a COSE_Sign1")
    protected, _, payload, signature = item
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise EvidenceError("not a COSE_Sign1")
    header = decode_item(protected)
    algorithm = header.get(_ALG) if isinstance(header, dict) else None
    if not isinstance(algorithm, int):
        raise EvidenceError("a COSE_Sign1 without an algorithm")
    return protected, payload, signature, algorithm


def _event(payload: bytes, digest: bytes) -> SleeveEvent:
    value = decode_item(payload)
    if not isinstance(value, dict):
        raise EvidenceError("an event is a map")
    device, counter, prev = value.get("device"), value.get("counter"), value.get("prev", GENESIS)
    if not (isinstance(device, str) and isinstance(counter, int) and counter >= 1):
        raise EvidenceError("an event names its sleeve and counter")
    if not (isinstance(prev, bytes) and len(prev) == 32):
        raise EvidenceError("an event names the hash of the one before")
    time, kind = value.get("time"), value.get("type")
    return SleeveEvent(
        device,
        counter,
        prev,
        time if isinstance(time, int) else None,
        kind if isinstance(kind, str) else None,
        digest,
    )


def _signed_by_one_of(keys: Iterable[SleeveKey], signature: bytes, message: bytes) -> bool:
    if len(signature) != 64:
        return False
    for key in keys:
        try:
            if key.alg == EDDSA:
                Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
            else:
                point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.public)
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                point.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, ValueError):
            continue
        return True
    return False
