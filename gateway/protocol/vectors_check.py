"""Runs the test vectors of a folder through this implementation and compares every result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import x25519

from gateway.protocol import cbor, chain, cose, envelope, messages, pictures, topics
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import PictureRef, PinCheck, Wire
from gateway.protocol.trust import Trust
from gateway.protocol.vectors import shown

Vector = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One vector run: ``problem`` is empty when everything came out as the file says."""

    file: str
    name: str
    problem: str


class Keys:
    """The keys of ``keys.json`` by name."""

    def __init__(self, vectors: list[Vector]) -> None:
        signing = [vector for vector in vectors if "cose_alg" in vector]
        self.by_name: Final = {
            vector["name"]: cose.PublicKey(vector["cose_alg"], bytes.fromhex(vector["public"]))
            for vector in signing
        }
        (picture,) = (vector for vector in vectors if vector["name"] == "picture")
        secret = bytes.fromhex(picture["secret"])
        self.picture: Final = x25519.X25519PrivateKey.from_private_bytes(secret)

    def named(self, name: str) -> dict[bytes, cose.PublicKey]:
        """One key, by key id."""
        key = self.by_name[name]
        return {key.kid: key}


def check(folder: Path) -> list[Outcome]:
    """Run every vector of the folder.

    Raises:
        OSError, ValueError, KeyError: when the folder does not hold such vectors.
    """
    keys = Keys(_read(folder, "keys.json"))
    outcomes = [
        _run("keys.json", vector, _check_key, keys) for vector in _read(folder, "keys.json")
    ]
    for name, runner in _RUNNERS.items():
        outcomes += [_run(name, vector, runner, keys) for vector in _read(folder, name)]
    return outcomes


def _read(folder: Path, name: str) -> list[Vector]:
    vectors: list[Vector] = json.loads((folder / name).read_text(encoding="utf-8"))
    return vectors


def _run(
    file: str, vector: Vector, runner: Callable[[Vector, Keys], Vector], keys: Keys
) -> Outcome:
    try:
        found = runner(vector, keys) | {"verdict": "ok"}
    except ProtocolError as error:
        found = {"verdict": error.reason.value}
    except Exception as error:  # whatever it is, it is the verdict on this vector, not on the run
        return Outcome(file, vector["name"], f"{type(error).__name__}: {error}")
    expected = {key: vector.get(key) for key in found}
    if "verdict" not in vector:  # keys are only said, not judged
        expected["verdict"] = "ok"
    problems = [
        f"{key}: {found[key]} instead of {expected[key]}"
        for key in found
        if found[key] != expected[key]
    ]
    return Outcome(file, vector["name"], "; ".join(problems))


def _check_key(vector: Vector, _keys: Keys) -> Vector:
    secret = bytes.fromhex(vector["secret"])
    if vector["alg"] == "X25519":
        public = x25519.X25519PrivateKey.from_private_bytes(secret).public_key()
        return {"public": public.public_bytes_raw().hex()}
    signer = (cose.Ed25519Signer if vector["cose_alg"] == cose.EDDSA else cose.Es256Signer)(secret)
    return {"public": signer.public.raw.hex(), "kid": signer.public.kid.hex()}


def _check_signed_up(vector: Vector, keys: Keys) -> Vector:
    raw = bytes.fromhex(vector["raw"])
    topic = topics.parse(vector["topic"])
    message = envelope.open_event(raw)
    envelope.check_topic(message, topic)
    message.signed.verify(keys.by_name[vector["key"]])
    head = {"v": 1, "device": message.device, "boot": message.boot, "time": message.time}
    head["type"] = message.body.type
    if message.counter:
        head |= {"counter": message.counter, "prev": shown(message.prev)}
    return {
        "hash": message.hash.hex(),
        "envelope": head,
        "body": shown(envelope.plain(message.body)),
    }


def _check_down(vector: Vector, keys: Keys) -> Vector:
    topic = topics.parse(vector["topic"])
    raw = bytes.fromhex(vector["raw"])
    body = envelope.open_down(
        raw,
        device=topic.device,
        keys=keys.named("grant"),
        receipt_keys=keys.named("receipt"),
    )
    return {"hash": envelope.digest(raw).hex(), "body": shown(envelope.plain(body))}


def _check_server_keys(vector: Vector, keys: Keys) -> Vector:
    picture = keys.picture.public_key().public_bytes_raw()
    trust = Trust(keys.named("grant"), keys.named("receipt"), picture)
    steps = []
    for step in vector["steps"]:
        verdict = "ok"
        try:
            raw = bytes.fromhex(step["raw"])
            body = trust.open(raw, device=vector["device"], least_now=step["least_now"])
        except ProtocolError as error:
            verdict = error.reason.value
        else:
            if isinstance(body, messages.Keys):
                trust.take(body)
        steps.append({**step, "verdict": verdict, "serial": trust.serial})
    return {"steps": steps}


def _check_unsigned(vector: Vector, _keys: Keys) -> Vector:
    raw = bytes.fromhex(vector["raw"])
    body: Wire
    if topics.parse(vector["topic"]).direction == "state":
        body = state = envelope.decode_state(raw)
        again = envelope.encode_state(state)
    else:
        body = piece = envelope.decode_piece(raw)
        again = envelope.encode_piece(piece)
    return {"body": shown(envelope.plain(body)), "raw": again.hex()}


def _check_refused(vector: Vector, keys: Keys) -> Vector:
    topic = vector["topic"]
    if "/down/" in topic:
        return _check_down(vector, keys)
    if topic.endswith(("/state", "/up/piece")):
        return _check_unsigned(vector, keys)
    return _check_signed_up(vector, keys)


def _check_chain(vector: Vector, keys: Keys) -> Vector:
    messages = [envelope.open_event(bytes.fromhex(raw)) for raw in vector["events"]]
    found = chain.check(messages, keys.by_name[vector["key"]])
    gaps = [list(gap) for gap in found.gaps]
    return {"through": found.through, "tip": found.tip.hex(), "gaps": gaps}


def _check_picture(vector: Vector, keys: Keys) -> Vector:
    if "check" in vector:
        check = envelope.convert(_unshown(vector["check"]), PinCheck)
        digest = hashlib.pbkdf2_hmac("sha256", vector["pin"].encode(), check.salt, check.rounds)
        return {"check": vector["check"] | {"digest": shown(digest)}}
    if "sealed" in vector:
        operator_pin, witness_pin = pictures.open_pins(
            bytes.fromhex(vector["sealed"]),
            device=vector["device"],
            use=vector["use"],
            secret=keys.picture,
        )
        return {"operator_pin": operator_pin, "witness_pin": witness_pin}
    ref = envelope.convert(_unshown(vector["ref"]), PictureRef)
    ciphertext = bytes.fromhex(vector["ciphertext"])
    salt, picture = pictures.open_sealed(
        ciphertext, ref, device=vector["device"], secret=keys.picture
    )
    pieces = [envelope.decode_piece(bytes.fromhex(raw)) for raw in vector["pieces"]]
    joined = b"".join(piece.data for piece in sorted(pieces, key=lambda piece: piece.index))
    return {"salt": salt.hex(), "picture": picture.hex(), "ciphertext": joined.hex()}


def _check_cbor(vector: Vector, _keys: Keys) -> Vector:
    value = cbor.decode(bytes.fromhex(vector["raw"]))
    return {"value": shown(value), "raw": cbor.encode(value).hex()}


def _unshown(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: _unshown(item) for key, item in value.items()}
    return [_unshown(item) for item in value] if isinstance(value, list) else value


_RUNNERS: Final[dict[str, Callable[[Vector, Keys], Vector]]] = {
    "events.json": _check_signed_up,
    "heartbeats.json": _check_signed_up,
    "chains.json": _check_chain,
    "downs.json": _check_down,
    "server_keys.json": _check_server_keys,
    "unsigned.json": _check_unsigned,
    "pictures.json": _check_picture,
    "refused.json": _check_refused,
    "cbor.json": _check_cbor,
}
