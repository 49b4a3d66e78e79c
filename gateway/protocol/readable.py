"""Any payload of the contract as a person reads it: Chinese names, units, times, signature."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, Literal

import msgspec

from gateway.protocol import cbor, cose, envelope, labels, schema
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Wire
from gateway.protocol.vectors import shown

SHANGHAI: Final = timezone(timedelta(hours=8))
_INSTANT: Final = "ms since 1970 UTC"
_UNITS: Final = {"ms": "毫秒", "m": "米", "bytes": "字节", "degrees": "°"}


@dataclass(frozen=True, slots=True)
class Payload:
    """A payload taken apart. ``signed`` is None for pieces and states, which nobody signs.

    ``refusal`` says why the signature does not hold, None when it does or no key was given.
    """

    direction: Literal["up", "down", "piece", "state"]
    header: dict[str, Any]
    body: Wire
    raw: bytes
    signed: cose.Signed | None
    key_given: bool = False
    refusal: ProtocolError | None = None

    @property
    def verified(self) -> bool | None:
        """Whether the signature holds; None when there is none or no key was given."""
        return None if self.signed is None or not self.key_given else self.refusal is None


def read(raw: bytes, key: cose.PublicKey | None = None) -> Payload:
    """Take any payload apart, and check its signature when ``key`` is given.

    Raises:
        ProtocolError: when it is none of the contract's.
    """
    if raw[:1] != b"\xd2":
        return _unsigned(raw)
    signed = cose.parse(raw)
    refusal = None
    if key is not None:
        try:
            signed.verify(key)
        except ProtocolError as error:
            refusal = error
    header = envelope.read_header(signed.payload)
    known: dict[str, Any] = {"v": header.v, "device": header.device}
    body: Wire
    direction: Literal["up", "down"]
    try:
        body = envelope.convert(header.body, envelope.down_type(header))
        direction = "down"
    except ProtocolError as error:
        if error.reason is not error.reason.UNKNOWN_TYPE:
            raise
        message = envelope.open_event(raw)
        body, direction = message.body, "up"
        known["boot"] = message.boot
        if message.counter:
            known |= {"counter": message.counter, "prev": message.prev}
    known |= {"time": header.time, "type": header.type}
    return Payload(direction, known, body, raw, signed, key is not None, refusal)


def _unsigned(raw: bytes) -> Payload:
    value = cbor.decode(raw)
    if isinstance(value, dict) and "online" in value:
        return Payload("state", {}, envelope.decode_state(raw), raw, None)
    if isinstance(value, dict) and "commit" in value:
        return Payload("piece", {}, envelope.decode_piece(raw), raw, None)
    cose.parse(raw)  # says what is missing
    raise AssertionError("a payload without tag 18 was taken for signed")


def as_json(payload: Payload) -> dict[str, Any]:
    """The payload as JSON values, byte strings as ``{"hex": …}``."""
    signature = None
    if payload.signed is not None:
        signature = {
            "alg": payload.signed.alg,
            "kid": payload.signed.kid.hex(),
            "verified": payload.verified,
            "reason": payload.refusal.reason.value if payload.refusal else None,
        }
    return {
        "direction": payload.direction,
        "type": labels.owner(type(payload.body)),
        "bytes": len(payload.raw),
        "hash": envelope.digest(payload.raw).hex(),
        "signature": signature,
        "envelope": shown(payload.header),
        "body": shown(envelope.plain(payload.body)),
    }


def as_lines(payload: Payload) -> Iterator[str]:
    """The payload as lines for a terminal, Chinese first."""
    name = labels.owner(type(payload.body))
    ways = {"up": "上行", "down": "下行", "piece": "上行", "state": "保留消息"}
    yield f"{labels.TYPES[name]} {name}（{ways[payload.direction]}，{len(payload.raw)} 字节）"
    yield f"  签名: {_signature(payload)}"
    yield f"  本条哈希: {envelope.digest(payload.raw).hex()}"
    for field, value in payload.header.items():
        label = labels.ENVELOPE[field]
        yield f"  {label.zh} {field}: {_text(value, label.unit)}"
    yield "  内容 body:"
    yield from _struct_lines(payload.body, "    ")


def _signature(payload: Payload) -> str:
    if payload.signed is None:
        return "无（分片与在线状态不签名）"
    who = f"{labels.value(payload.signed.alg)}，密钥 {payload.signed.kid.hex()}"
    if payload.refusal is not None:
        return f"✗ {payload.refusal.zh} [{payload.refusal}]，{who}"
    return f"✓ 有效，{who}" if payload.key_given else f"未核验（用 --key 给出公钥），{who}"


def _struct_lines(struct: msgspec.Struct, indent: str) -> Iterator[str]:
    owner = labels.owner(type(struct))
    for field in schema.fields(type(struct)):
        value = getattr(struct, field.name)
        if value is None:
            continue
        label = labels.field(owner, field.encode_name)
        head = f"{indent}{label.zh} {field.encode_name}:"
        if isinstance(value, msgspec.Struct):
            yield head
            yield from _struct_lines(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], msgspec.Struct):
            for number, item in enumerate(value, 1):
                yield f"{head} {number}"
                yield from _struct_lines(item, indent + "  ")
        else:
            closed = "enum" in schema.of(field.type)
            meaning = f"（{labels.value(value)}）" if closed else ""
            yield f"{head} {_text(value, label.unit)}{meaning}"


def _text(value: object, unit: str) -> str:
    match value:
        case bool():
            return "是" if value else "否"
        case int() if unit == _INSTANT:
            moment = datetime.fromtimestamp(value // 1000, UTC).astimezone(SHANGHAI)
            return f"{moment:%Y-%m-%d %H:%M:%S}.{value % 1000:03d} 北京时间（{value}）"
        case bytes():
            return value.hex() if len(value) <= 80 else f"{value[:16].hex()}…（{len(value)} 字节）"
        case list():
            return "、".join(_range(item) for item in value) or "无"
        case str():
            # What a hostile sleeve wrote must not steer the terminal.
            printable = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in value)
            return printable or "（空）"
        case _:
            return f"{value} {_UNITS.get(unit, unit)}".rstrip()


def _range(item: object) -> str:
    if isinstance(item, tuple):
        return "–".join(str(end) for end in item)
    return _text(item, "")
