"""CBOR from outside: what it refuses, and that nothing but ProtocolError ever comes out."""

import struct

import cbor2
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.protocol import cbor, vectors_refused
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_NESTING
from tests.unit.gateway.protocol.strategies import outcome, plain


@given(plain)
def test_what_is_encoded_decodes_to_the_same(value: object) -> None:
    assert cbor.decode(cbor.encode(value)) == value


@given(st.binary(max_size=200))
@example(bytes.fromhex("c249" + "ff" * 9))
@example(b"\xd8\x1c\x81\xd8\x1d\x00")  # shared references into themselves
@example(b"\xbf" * 50)
@example(b"\x81" * 5000)
@example(b"\xfb\x7f\xf8" + bytes(6))
def test_hostile_bytes_raise_nothing_but_protocol_error(data: bytes) -> None:
    value = outcome(cbor.decode, data)
    if value is not Reason.NOT_CBOR:
        assert cbor.decode(cbor.encode(value)) == value


@given(plain, st.data())
def test_mutated_payloads_raise_nothing_but_protocol_error(
    value: object, data: st.DataObject
) -> None:
    raw = bytearray(cbor.encode(value))
    for _ in range(data.draw(st.integers(1, 3))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    value = outcome(cbor.decode, bytes(raw))
    if value is not Reason.NOT_CBOR:
        assert cbor.decode(cbor.encode(value)) == value


@given(plain, st.binary(min_size=1, max_size=5))
def test_bytes_after_the_item_are_refused(value: object, tail: bytes) -> None:
    with pytest.raises(ProtocolError, match="after the item"):
        cbor.decode(cbor.encode(value) + tail)


@given(plain)
def test_every_truncation_is_refused(value: object) -> None:
    raw = cbor.encode(value)
    for end in range(len(raw)):
        with pytest.raises(ProtocolError):
            cbor.decode(raw[:end])


@pytest.mark.parametrize("name", vectors_refused.NOT_CBOR)
def test_what_the_contract_excludes_is_refused(name: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        cbor.decode(bytes.fromhex(vectors_refused.NOT_CBOR[name]))
    assert caught.value.reason is Reason.NOT_CBOR


@pytest.mark.parametrize("item", [b"\x00", b"\x40", b"\x60", b"\x80", b"\x82\x00\x01", b"\xa0"])
def test_no_tag_at_all_slips_through(item: bytes) -> None:
    # 43000 (complex numbers) and 55799 (self-described) once did: cbor2 knows them by itself.
    for tag in (
        *range(600),
        1004,
        *range(42_990, 43_010),
        *range(55_790, 55_810),
        2**32,
        2**64 - 1,
    ):
        with pytest.raises(ProtocolError):
            cbor.decode(b"\xdb" + struct.pack(">Q", tag) + item)


def test_depth_ends_at_the_limit() -> None:
    assert cbor.decode(b"\x81" * MAX_NESTING + b"\x00")
    with pytest.raises(ProtocolError):
        cbor.decode(b"\x81" * (MAX_NESTING + 1) + b"\x00")


@pytest.mark.parametrize("key", [True, 1.5, None, b"a", (1, 2)])
def test_keys_are_text_or_integers(key: object) -> None:
    with pytest.raises(ProtocolError, match="keys"):
        cbor.decode(cbor2.dumps({"deep": [{key: 0}]}))


def test_keys_are_sorted_and_numbers_shortest() -> None:
    assert cbor.encode({"bb": 1, "a": 1.5, "c": 2**33}).hex() == (
        "a36161f93e0061631b000000020000000062626201"
    )
