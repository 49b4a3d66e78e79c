"""The test vectors of the device contract, as ``docs/vectors`` holds them.

Every run makes the same files: Ed25519 is deterministic, ES256 follows RFC 6979, HPKE has its
ephemeral keys chosen. Byte strings are ``{"hex": …}`` inside message bodies, plain hex elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import x25519

from gateway.protocol import (
    cbor,
    envelope,
    pictures,
    samples,
    topics,
    vectors_keys,
    vectors_refused,
)
from gateway.protocol.cose import EDDSA, Ed25519Signer, Es256Signer, PublicKey, Signer
from gateway.protocol.envelope import GENESIS
from gateway.protocol.hpke_fixed import seal
from gateway.protocol.limits import MAX_PIECE_DATA
from gateway.protocol.messages import Event, PictureRef, Piece, State, Wire

Vector = dict[str, Any]

_BOOT: Final = 12
_STEP_MS: Final = 1_500


def files() -> dict[str, str]:
    """Every file by name, as text."""
    made: dict[str, Sequence[Vector]] = {
        "keys.json": _keys(),
        "events.json": _events(),
        "heartbeats.json": _heartbeats(),
        "chains.json": _chains(),
        "downs.json": _downs(),
        "server_keys.json": vectors_keys.build(),
        "unsigned.json": _unsigned(),
        "pictures.json": _pictures(),
        "refused.json": vectors_refused.build(),
        "cbor.json": _cbor(),
    }
    return {
        name: json.dumps(vectors, ensure_ascii=False, indent=1) + "\n"
        for name, vectors in made.items()
    }


def shown(value: object) -> object:
    """Plain CBOR values as JSON: byte strings become ``{"hex": …}``."""
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, dict):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value


def chain(bodies: Iterable[Event], signer: Signer, *, start: int = 1) -> list[bytes]:
    """The bodies as one sleeve's signed chain; after a rotation the new key goes on."""
    prev, raws = GENESIS, []
    for counter, body in enumerate(bodies, start):
        raw = envelope.seal_event(
            body,
            signer,
            device=samples.DEVICE,
            boot=_BOOT,
            time=samples.NOW + counter * _STEP_MS,
            counter=counter,
            prev=prev,
        )
        if body.type == "key_rotated":
            signer = samples.SLEEVE_NEXT
        prev = envelope.digest(raw)
        raws.append(raw)
    return raws


def _keys() -> list[Vector]:
    def pair(name: str, secret: bytes, key: PublicKey) -> Vector:
        alg = "EdDSA" if key.alg == EDDSA else "ES256"
        return {
            "name": name,
            "alg": alg,
            "cose_alg": key.alg,
            "secret": secret.hex(),
            "public": key.raw.hex(),
            "kid": key.kid.hex(),
        }

    def signing(name: str, label: str, signer: Ed25519Signer | Es256Signer) -> Vector:
        return pair(name, samples.pseudo(label), signer.public)

    picture = x25519.X25519PrivateKey.from_private_bytes(samples.PICTURE_SECRET)
    return [
        signing("sleeve-ed25519", "sleeve ed25519", samples.SLEEVE_ED25519),
        signing("sleeve-es256", "sleeve es256", samples.SLEEVE_ES256),
        signing("sleeve-next", "sleeve after rotation", samples.SLEEVE_NEXT),
        signing("stranger", "stranger", samples.STRANGER),
        signing("grant", "server grant key", samples.GRANT_KEY),
        signing("receipt", "server receipt key", samples.RECEIPT_KEY),
        signing("grant-next", "server grant key after rotation", samples.NEXT_GRANT_KEY),
        signing("receipt-next", "server receipt key after rotation", samples.NEXT_RECEIPT_KEY),
        {
            "name": "picture",
            "alg": "X25519",
            "secret": samples.PICTURE_SECRET.hex(),
            "public": picture.public_key().public_bytes_raw().hex(),
        },
    ]


def _signed(name: str, key: str, topic: str, raw: bytes) -> Vector:
    payload = cbor.decode(cbor.decode(raw[1:])[2])
    body = payload.pop("body")
    return {
        "name": name,
        "topic": topic,
        "key": key,
        "raw": raw.hex(),
        "hash": envelope.digest(raw).hex(),
        "envelope": shown(payload),
        "body": shown(body),
        "verdict": "ok",
    }


def _events() -> list[Vector]:
    found = []
    for key, signer, bodies in (
        ("sleeve-ed25519", samples.SLEEVE_ED25519, samples.EVENTS),
        ("sleeve-es256", samples.SLEEVE_ES256, samples.BARE_EVENTS),
    ):
        for counter, (body, raw) in enumerate(zip(bodies, chain(bodies, signer), strict=True), 1):
            topic = topics.up(samples.DEVICE, body.type)
            found.append(_signed(f"{key} {counter} {body.type}", key, topic, raw))
    return found


def _heartbeats() -> list[Vector]:
    return [
        _signed(
            f"{key} through {body.through}",
            key,
            topics.up(samples.DEVICE, body.type),
            envelope.seal_event(body, signer, device=samples.DEVICE, boot=_BOOT, time=samples.NOW),
        )
        for key, signer, body in (
            ("sleeve-ed25519", samples.SLEEVE_ED25519, samples.HEARTBEATS[0]),
            ("sleeve-es256", samples.SLEEVE_ES256, samples.HEARTBEATS[1]),
        )
    ]


def _downs() -> list[Vector]:
    return [
        _signed(
            f"{body.type} {kind}",
            "receipt" if samples.signer(body) is samples.RECEIPT_KEY else "grant",
            topics.down(samples.DEVICE, body.type),
            envelope.seal_down(body, samples.signer(body), device=samples.DEVICE, time=samples.NOW),
        )
        for kind, bodies in (("full", samples.DOWNS), ("bare", samples.BARE_DOWNS))
        for body in bodies
    ]


def _chains() -> list[Vector]:
    whole = chain(samples.EVENTS[:8], samples.SLEEVE_ED25519)
    es256 = chain(samples.BARE_EVENTS, samples.SLEEVE_ES256)
    rotated = chain([*samples.EVENTS[-2:], *samples.EVENTS[12:15]], samples.SLEEVE_ED25519)
    other = chain([samples.BARE_EVENTS[0], *samples.EVENTS[1:4]], samples.SLEEVE_ED25519)
    rotation = chain(samples.EVENTS[-1:], samples.SLEEVE_ED25519)[0]
    unaware = envelope.seal_event(
        samples.EVENTS[12],
        samples.SLEEVE_ED25519,
        device=samples.DEVICE,
        boot=_BOOT,
        time=samples.NOW,
        counter=2,
        prev=envelope.digest(rotation),
    )
    ed, es = "sleeve-ed25519", "sleeve-es256"
    return [
        _chain("whole, Ed25519", ed, whole, through=8, tip=whole[7]),
        _chain("whole, ES256", es, es256, through=len(es256), tip=es256[-1]),
        _chain("any order of arrival", ed, whole[::-1], through=8, tip=whole[7]),
        _chain("one event sent twice", ed, [*whole, whole[3]], through=8, tip=whole[7]),
        _chain("key rotated within", ed, rotated, through=5, tip=rotated[4]),
        _chain("two gaps", ed, [*whole[:2], whole[3], *whole[6:]], 2, whole[1], [[3, 3], [5, 6]]),
        _chain("the first event missing", ed, whole[1:], 0, None, [[1, 1]]),
        _chain("prev of another event", ed, [whole[0], other[1], *whole[2:]], verdict="bad_chain"),
        _chain("two events with counter 3", ed, [*whole[:3], other[2]], verdict="fork"),
        _chain("old key after its rotation", ed, [rotation, unaware], verdict="unknown_key"),
        _chain("key of another sleeve", es, whole, verdict="unknown_key"),
        _chain("key of a stranger", "stranger", whole, verdict="unknown_key"),
    ]


def _chain(
    name: str,
    key: str,
    events: list[bytes],
    through: int = 0,
    tip: bytes | None = None,
    gaps: list[list[int]] | None = None,
    verdict: str = "ok",
) -> Vector:
    vector: Vector = {"name": name, "key": key, "events": [raw.hex() for raw in events]}
    if verdict == "ok":
        hashed = GENESIS if tip is None else envelope.digest(tip)
        vector |= {"through": through, "tip": hashed.hex(), "gaps": gaps or []}
    return vector | {"verdict": verdict}


def _unsigned() -> list[Vector]:
    def one(name: str, topic: str, body: Wire, raw: bytes) -> Vector:
        return {
            "name": name,
            "topic": topic,
            "raw": raw.hex(),
            "body": shown(envelope.plain(body)),
            "verdict": "ok",
        }

    state = topics.state(samples.DEVICE)
    piece = Piece(commit=samples.pseudo("face"), index=2, data=b"piece " * 10)
    alive, will = State(online=True, boot=_BOOT), State(online=False, boot=_BOOT)
    return [
        one("state on connecting", state, alive, envelope.encode_state(alive)),
        one("state as last will", state, will, envelope.encode_state(will)),
        one("piece", topics.up(samples.DEVICE, "piece"), piece, envelope.encode_piece(piece)),
    ]


def _pictures() -> list[Vector]:
    recipient = x25519.X25519PrivateKey.from_private_bytes(samples.PICTURE_SECRET).public_key()
    public = recipient.public_bytes_raw()
    found = []
    # In place of JPEG: a receiver of pieces does not look inside. One piece, and two.
    for name, picture in (("one piece", b"picture " * 9), ("two pieces", bytes(MAX_PIECE_DATA))):
        salt = samples.pseudo(f"salt {name}")
        commit = pictures.commitment(salt, picture)
        info = pictures.picture_info(samples.DEVICE, commit)
        ephemeral = samples.pseudo(f"ephemeral {name}")
        steps = seal(salt + picture, recipient=public, info=info, ephemeral=ephemeral)
        count = -(-len(steps.sealed) // MAX_PIECE_DATA)
        ref = PictureRef(commit=commit, size=len(steps.sealed), pieces=count)
        pieces = pictures.split(pictures.SealedPicture(ref, steps.sealed))
        found.append(
            {
                "name": f"picture in {name}",
                "device": samples.DEVICE,
                "salt": salt.hex(),
                "picture": picture.hex(),
                "commit": commit.hex(),
                **_steps(info, ephemeral, steps.enc, steps.shared_secret, steps.key, steps.nonce),
                "ciphertext": steps.sealed.hex(),
                "ref": shown(envelope.plain(ref)),
                "pieces": [envelope.encode_piece(piece).hex() for piece in pieces],
                "verdict": "ok",
            }
        )
    first = found[0]
    flipped = bytearray.fromhex(first["ciphertext"])
    flipped[40] ^= 1
    low_order = bytes(32) + bytes.fromhex(first["ciphertext"])[32:]
    keep = {key: first[key] for key in ("device", "commit", "ref")}
    for name, change in (
        ("one bit flipped", {"ciphertext": flipped.hex()}),
        ("one byte missing", {"ciphertext": first["ciphertext"][:-2]}),
        ("from another sleeve", {"device": samples.OTHER_DEVICE}),
        ("low-order ephemeral key (RFC 7748 §6.1)", {"ciphertext": low_order.hex()}),
    ):
        sealed = {"ciphertext": first["ciphertext"]}
        found.append({"name": name, **keep, **sealed, **change, "verdict": "bad_field"})
    return [*found, _pins(public), _pin_check()]


def _pins(recipient: bytes) -> Vector:
    clear = cbor.encode({"operator_pin": "135790", "witness_pin": "246801"})
    info = pictures.pin_info(samples.DEVICE, 4)
    ephemeral = samples.pseudo("ephemeral pins")
    steps = seal(clear, recipient=recipient, info=info, ephemeral=ephemeral)
    return {
        "name": "PINs of operator and witness",
        "device": samples.DEVICE,
        "use": 4,
        "operator_pin": "135790",
        "witness_pin": "246801",
        "clear": clear.hex(),
        **_steps(info, ephemeral, steps.enc, steps.shared_secret, steps.key, steps.nonce),
        "sealed": steps.sealed.hex(),
        "verdict": "ok",
    }


def _steps(
    info: bytes, ephemeral: bytes, enc: bytes, shared: bytes, key: bytes, nonce: bytes
) -> Vector:
    return {
        "info": info.hex(),
        "ephemeral_secret": ephemeral.hex(),
        "enc": enc.hex(),
        "shared_secret": shared.hex(),
        "aead_key": key.hex(),
        "aead_nonce": nonce.hex(),
    }


def _pin_check() -> Vector:
    check = shown(envelope.plain(samples.DOWNS[0])["pin"])
    return {"name": "PIN checked off line", "pin": "135790", "check": check, "verdict": "ok"}


def _cbor() -> list[Vector]:
    good: list[object] = [
        *(0, 23, 24, 255, 256, 65_536, 2**32, 2**53, -1, -7, -8),
        *(0.0, 1.5, 30.1234567, -10.0, 1e300, "", "印章", b"\x00\xff", [], {}, None, True, False),
        {"v": 1, "time": 0, "boot": 0, "body": {}, "prev": b"", "type": "", "device": ""},
        [[1, 2], {"b": 1, "a": 2, "aa": 3}],
    ]
    encoded = [
        {
            "name": f"value {number}",
            "value": shown(value),
            "raw": cbor.encode(value).hex(),
            "verdict": "ok",
        }
        for number, value in enumerate(good, 1)
    ]
    refused = [
        {"name": name, "raw": raw, "verdict": "not_cbor"}
        for name, raw in vectors_refused.NOT_CBOR.items()
    ]
    return [*encoded, *refused]
