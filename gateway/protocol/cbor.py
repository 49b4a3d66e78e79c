"""Strict CBOR (RFC 8949) for bytes from outside: no tags, no surprises, no trailing data."""

from __future__ import annotations

import io
from math import isfinite
from typing import Any, Final, NoReturn

import cbor2

from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_NESTING


def _refuse_tag(_decoder: object) -> NoReturn:
    raise ProtocolError(Reason.NOT_CBOR, "tags are not part of the contract")


def _refuse_unknown_tag(_decoder: object, _tag: object) -> NoReturn:
    raise ProtocolError(Reason.NOT_CBOR, "tags are not part of the contract")


# cbor2 turns these tags into Python objects (dates, regular expressions, complex numbers, shared
# references …) or, with 55799, silently drops them; all others reach the hook.
_TAGS: Final = dict.fromkeys(
    (
        *(0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100),
        *(256, 258, 260, 261, 1004, 43_000, 55_799),
    ),
    _refuse_tag,
)
_SCALARS: Final = frozenset({int, str, bytes, bool, type(None)})
_KEYS: Final = frozenset({int, str})


def encode(value: object) -> bytes:
    """Deterministic CBOR (RFC 8949 §4.2) of plain values."""
    return cbor2.dumps(value, canonical=True)


def decode(data: bytes) -> Any:
    """One CBOR item of plain maps, arrays, text, bytes, integers, floats, booleans and null.

    Raises:
        ProtocolError: ``not_cbor`` for anything else: tags, ``undefined`` and other simple values,
            NaN and infinities, duplicate keys, keys that are neither text nor integer, indefinite
            lengths, nesting deeper than :data:`MAX_NESTING`, truncation, trailing bytes.
    """
    stream = io.BytesIO(data)
    try:
        value = cbor2.load(
            stream,
            max_depth=MAX_NESTING,
            allow_indefinite=False,
            allow_duplicate_keys=False,
            semantic_decoders=_TAGS,
            tag_hook=_refuse_unknown_tag,
            read_size=1,
        )
    except ProtocolError:
        raise
    except Exception as error:  # cbor2 wraps most, yet not all, of what hostile bytes can cause
        raise ProtocolError(Reason.NOT_CBOR, str(error)[:120]) from error
    if stream.tell() != len(data):
        raise ProtocolError(Reason.NOT_CBOR, f"{len(data) - stream.tell()} bytes after the item")
    _refuse_oddities(value)
    return value


def _refuse_oddities(value: object) -> None:
    # Even where a field is unknown and ignored: whoever keeps, prints or encodes the whole must
    # not meet what only some languages can express.
    queue = [value]
    for item in queue:  # grows while it is walked
        if isinstance(item, dict):
            if not _KEYS.issuperset(map(type, item)):
                raise ProtocolError(Reason.NOT_CBOR, "keys must be text or integers")
            queue.extend(item.values())
        elif isinstance(item, list):
            queue.extend(item)
        elif isinstance(item, float):
            if not isfinite(item):
                raise ProtocolError(Reason.NOT_CBOR, "NaN and infinities are not allowed")
        elif type(item) not in _SCALARS:
            raise ProtocolError(Reason.NOT_CBOR, "undefined and simple values are not allowed")
