"""The signed envelope: COSE_Sign1 over CBOR ``{v, device, boot, counter, prev, time, type, body}``.

``counter`` grows by one with each event over the whole life of the sleeve and ``prev`` is the
SHA-256 of the complete signed bytes of the event before it (32 zero bytes before the first), so a
missing, reordered or replaced event shows. Heartbeats have counter 0 and no ``prev``.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final, TypeVar

import msgspec

from gateway.protocol import cbor, cose
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_EVENT_BYTES, MAX_PIECE_BYTES, VERSION
from gateway.protocol.messages import (
    DOWNS,
    EVENTS,
    DeviceId,
    Down,
    Event,
    Hash,
    Heartbeat,
    Millis,
    Natural,
    Piece,
    Receipt,
    State,
    Wire,
)
from gateway.protocol.topics import Topic

GENESIS: Final = bytes(32)
"""``prev`` of a sleeve's first event."""

_EVENT_TYPES: Final[dict[str, type[Event] | type[Heartbeat]]] = {
    **{kind.type: kind for kind in EVENTS},
    Heartbeat.type: Heartbeat,
}
_DOWN_TYPES: Final[dict[str, type[Down]]] = {kind.type: kind for kind in DOWNS}

_T = TypeVar("_T")


class Header(msgspec.Struct, frozen=True):
    """The signed map around a body. Events have all of it, heartbeats no ``counter`` and no
    ``prev``, messages down neither these nor ``boot``."""

    v: int
    device: DeviceId
    time: Millis
    type: str
    body: dict[str, Any]
    boot: Natural = 0
    counter: Natural = 0
    prev: Hash = GENESIS


class Message(msgspec.Struct, frozen=True):
    """A decoded up message. ``raw`` is the signed bytes, kept verbatim; ``signed`` proves it.

    ``counter`` 0 means outside the chain (a heartbeat). ``fields`` is the body as plain values.
    """

    device: str
    boot: int
    counter: int
    prev: bytes
    time: int
    body: Event | Heartbeat
    fields: dict[str, Any]
    raw: bytes
    signed: cose.Signed

    @property
    def hash(self) -> bytes:
        """SHA-256 over the complete signed bytes: the next event's ``prev``."""
        return digest(self.raw)


def digest(raw: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(raw).digest()


def convert(value: object, kind: type[_T]) -> _T:
    """Plain CBOR values into a message type.

    Raises:
        ProtocolError: ``bad_field`` with the path of what is wrong.
    """
    try:
        return msgspec.convert(value, kind, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise ProtocolError(Reason.BAD_FIELD, str(error)[:200]) from error


def plain(message: Wire) -> dict[str, Any]:
    """A message as plain values, ready for CBOR; defaults are left out."""
    value: dict[str, Any] = msgspec.to_builtins(message, builtin_types=(bytes,))
    return value


def _checked(message: Wire) -> dict[str, Any]:
    # What the other side would refuse must not leave this one, least of all signed and chained.
    value = plain(message)
    convert(value, type(message))
    return value


def _sized(raw: bytes, limit: int) -> bytes:
    if len(raw) > limit:
        raise ProtocolError(Reason.TOO_LARGE, f"{len(raw)} > {limit} bytes")
    return raw


def seal_event(
    body: Event | Heartbeat,
    signer: cose.Signer,
    *,
    device: str,
    boot: int,
    time: int,
    counter: int = 0,
    prev: bytes = GENESIS,
) -> bytes:
    """Signed bytes of an event (``counter`` ≥ 1) or a heartbeat (``counter`` 0).

    Raises:
        ProtocolError: ``bad_field`` or ``too_large`` for what the server would refuse.
    """
    if (counter == 0) != isinstance(body, Heartbeat):
        raise ProtocolError(Reason.BAD_FIELD, "events have a counter, heartbeats have none")
    payload: dict[str, Any] = {
        "v": VERSION,
        "device": device,
        "boot": boot,
        "time": time,
        "type": body.type,
        "body": _checked(body),
    }
    if counter:
        payload |= {"counter": counter, "prev": prev}
    convert(payload, Header)
    return _sized(cose.sign(cbor.encode(payload), signer), MAX_EVENT_BYTES)


def open_event(raw: bytes) -> Message:
    """Decode an event or heartbeat. **The signature is not checked here**: the key is not known
    before the device is; call ``message.signed.verify(key)``.

    Raises:
        ProtocolError: with the reason.
    """
    signed = cose.parse(_sized(raw, MAX_EVENT_BYTES))
    header = read_header(signed.payload)
    kind = _EVENT_TYPES.get(header.type)
    if kind is None:
        raise ProtocolError(Reason.UNKNOWN_TYPE, repr(header.type[:40]))
    if (header.counter == 0) != (kind is Heartbeat):
        raise ProtocolError(Reason.BAD_FIELD, "events have a counter, heartbeats have none")
    body = convert(header.body, kind)
    return Message(
        header.device,
        header.boot,
        header.counter,
        header.prev,
        header.time,
        body,
        header.body,
        raw,
        signed,
    )


def check_topic(message: Message, topic: Topic) -> None:
    """Hold a message against the topic on which it came.

    Raises:
        ProtocolError: ``wrong_device`` when another sleeve signed it, ``bad_topic`` when the topic
            names another type.
    """
    if message.device != topic.device:
        raise ProtocolError(Reason.WRONG_DEVICE, f"{message.device} on the topic of {topic.device}")
    if message.body.type != topic.type:
        raise ProtocolError(Reason.BAD_TOPIC, f"{message.body.type} on the topic of {topic.type}")


def seal_down(body: Down, signer: cose.Signer, *, device: str, time: int) -> bytes:
    """Signed bytes of what the server says to ``device``.

    Raises:
        ProtocolError: ``bad_field`` or ``too_large`` for what the sleeve would refuse.
    """
    payload = {
        "v": VERSION,
        "device": device,
        "time": time,
        "type": body.type,
        "body": _checked(body),
    }
    convert(payload, Header)
    return _sized(cose.sign(cbor.encode(payload), signer), MAX_EVENT_BYTES)


def open_down(
    raw: bytes,
    *,
    device: str,
    keys: dict[bytes, cose.PublicKey],
    receipt_keys: dict[bytes, cose.PublicKey] | None = None,
) -> Down:
    """Decode **and verify** what claims to come from the server; keys by key id.

    ``keys`` are the server's grant keys. Receipts are signed by keys of their own: with
    ``receipt_keys``, they and nothing else may sign receipts; without, ``keys`` holds both kinds.

    Raises:
        ProtocolError: with the reason; ``wrong_device`` when it is meant for another sleeve,
            ``unknown_key`` also for a message signed by a key of the wrong kind.
    """
    signed = cose.parse(_sized(raw, MAX_EVENT_BYTES))
    key = keys.get(signed.kid) or (receipt_keys or {}).get(signed.kid)
    if key is None:
        raise ProtocolError(Reason.UNKNOWN_KEY, signed.kid.hex())
    signed.verify(key)
    header = read_header(signed.payload)
    if header.device != device:
        raise ProtocolError(Reason.WRONG_DEVICE, header.device)
    kind = down_type(header)
    if receipt_keys is not None and signed.kid not in (receipt_keys if kind is Receipt else keys):
        raise ProtocolError(Reason.UNKNOWN_KEY, f"{signed.kid.hex()} may not sign {header.type}")
    return convert(header.body, kind)


def down_type(header: Header) -> type[Down]:
    """Which message down a header announces.

    Raises:
        ProtocolError: ``unknown_type``.
    """
    kind = _DOWN_TYPES.get(header.type)
    if kind is None:
        raise ProtocolError(Reason.UNKNOWN_TYPE, repr(header.type[:40]))
    return kind


def encode_piece(piece: Piece) -> bytes:
    """A picture piece as CBOR."""
    return cbor.encode(_checked(piece))


def decode_piece(raw: bytes) -> Piece:
    """Read a picture piece.

    Raises:
        ProtocolError: with the reason.
    """
    return convert(cbor.decode(_sized(raw, MAX_PIECE_BYTES)), Piece)


def encode_state(state: State) -> bytes:
    """The retained state as CBOR."""
    return cbor.encode(_checked(state))


def decode_state(raw: bytes) -> State:
    """Read a retained state or last will.

    Raises:
        ProtocolError: with the reason.
    """
    return convert(cbor.decode(_sized(raw, MAX_EVENT_BYTES)), State)


def read_header(payload: bytes) -> Header:
    """The signed map around a body, its version checked, its body not yet.

    Raises:
        ProtocolError: with the reason.
    """
    value = cbor.decode(payload)
    if not isinstance(value, dict):
        raise ProtocolError(Reason.BAD_FIELD, "payload is not a map")
    # The version decides how to read the rest, so it is looked at first.
    if value.get("v") != VERSION:
        raise ProtocolError(Reason.UNKNOWN_VERSION, str(value.get("v"))[:20])
    return convert(value, Header)
