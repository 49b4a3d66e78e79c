"""Hypothesis strategies for every message type, made from the types' own bounds, and a helper."""

from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as types

from gateway.protocol import messages as m
from gateway.protocol import schema
from gateway.protocol.cose import Ed25519Signer, Es256Signer, PublicKey
from gateway.protocol.errors import ProtocolError
from gateway.protocol.limits import MAX_INT, MAX_TIME_MS

_DIGITS = "0123456789"
_PLAIN = st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"))


def message(kind: type[m.Wire]) -> st.SearchStrategy[Any]:
    """Any valid message of a type."""
    if kind is m.KeyRotated:
        return _keys.map(lambda key: m.KeyRotated(alg=key.alg, public=key.raw))
    if kind is m.Keys:
        return lists_of_keys()
    return _struct(kind)


# Real keys, which no strategy finds by luck.
_seeds = st.binary(min_size=32, max_size=32).filter(lambda seed: any(seed[1:]))
_keys: st.SearchStrategy[PublicKey] = st.one_of(
    _seeds.map(lambda seed: Ed25519Signer(seed).public),
    # A scalar below the curve's order.
    _seeds.map(lambda seed: Es256Signer(b"\x00" + seed[1:]).public),
)


def lists_of_keys() -> st.SearchStrategy[m.Keys]:
    """The last key of each list has no end."""
    ends = st.none() | st.integers(0, MAX_TIME_MS)
    ending = st.tuples(_keys, ends).map(lambda pair: _server_key(*pair))
    listed = st.tuples(st.lists(ending, max_size=2), _keys.map(_server_key)).map(
        lambda pair: [*pair[0], pair[1]]
    )
    return st.builds(
        m.Keys,
        serial=st.integers(1, MAX_INT),
        grant=listed,
        receipt=listed,
        picture=st.binary(min_size=32, max_size=32),
    )


def _server_key(key: PublicKey, until: int | None = None) -> m.ServerKey:
    return m.ServerKey(alg=key.alg, public=key.raw, until=until)


plain: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**64), max_value=2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.binary(max_size=40),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
"""Any value that the contract's CBOR can hold."""


def outcome(function: Callable[..., Any], *given: Any, **named: Any) -> Any:
    """What a function returns, or the reason of the ProtocolError that it raises; any other
    exception passes."""
    try:
        return function(*given, **named)
    except ProtocolError as error:
        return error.reason


def _struct(kind: type[msgspec.Struct]) -> st.SearchStrategy[Any]:
    needed: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for field in schema.fields(kind):
        (needed if field.required else optional)[field.name] = _value(field.type)
    return st.fixed_dictionaries(needed, optional=optional).map(lambda found: kind(**found))


def _value(described: types.Type) -> st.SearchStrategy[Any]:
    match described:
        case types.StructType():
            return _struct(described.cls)
        case types.UnionType():
            return st.one_of([_value(one) for one in described.types])
        case types.NoneType():
            return st.none()
        case types.LiteralType():
            return st.sampled_from(described.values)
        case types.BoolType():
            return st.booleans()
        case types.IntType():
            high = described.lt - 1 if described.lt is not None else described.le
            return st.integers(min_value=described.ge, max_value=high)
        case types.FloatType():
            low = described.ge if described.ge is not None else described.gt
            return st.floats(
                min_value=low, max_value=described.le, exclude_min=described.gt is not None
            )
        case types.StrType() if described.pattern and "[0-9]" in described.pattern:
            return st.text(_DIGITS, min_size=6, max_size=10)
        case types.StrType():
            return st.text(
                _PLAIN,
                min_size=described.min_length or 0,
                max_size=min(described.max_length or 64, 64),
            )
        case types.BytesType():
            return st.binary(
                min_size=described.min_length or 0, max_size=min(described.max_length or 64, 512)
            )
        case types.ListType():
            return st.lists(
                _value(described.item_type),
                min_size=described.min_length or 0,
                max_size=min(described.max_length or 4, 4),
            )
        case types.TupleType():
            return st.tuples(*(_value(item) for item in described.item_types))
        case _:
            raise TypeError(str(described))


events = st.one_of([message(kind) for kind in m.EVENTS])
heartbeats = message(m.Heartbeat)
downs = st.one_of([message(kind) for kind in m.DOWNS])
