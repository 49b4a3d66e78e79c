"""Leaves: one encoding, and a commitment that tells nothing."""

from __future__ import annotations

import hashlib

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.ledger.entries import (
    SALT_BYTES,
    Entry,
    EntryError,
    commitment,
    decode_entry,
    encode_entry,
)

_kinds = st.text(min_size=1, max_size=40)
_times = st.integers(0, 2**63 - 1)
_commits = st.binary(min_size=32, max_size=32)


def test_the_bytes_of_a_leaf() -> None:
    """Written by hand from RFC 8949 §4.2.1: keys sorted, shortest lengths."""
    expected = (
        b"\xa4"
        b"\x61v\x01"
        b"\x62at\x1b\x00\x00\x01\xa1\x24\x5b\x7c\x00"
        b"\x64kind\x6devent.stamped"
        b"\x66commit\x58\x20" + bytes(range(32))
    )
    at = int.from_bytes(b"\x01\xa1\x24\x5b\x7c\x00", "big")
    assert encode_entry("event.stamped", at, bytes(range(32))) == expected


@given(_kinds, _times, _commits)
def test_a_leaf_is_deterministic_and_reads_back(kind: str, at: int, commit: bytes) -> None:
    data = encode_entry(kind, at, commit)
    value = {"commit": commit, "kind": kind, "at": at, "v": 1}
    assert data == cbor2.dumps(value, canonical=True)
    assert decode_entry(data) == Entry(kind, at, commit)


@given(_kinds, _times, _commits, st.data())
def test_nothing_else_is_a_leaf(kind: str, at: int, commit: bytes, data: st.DataObject) -> None:
    """A flipped bit gives another leaf or none, never the same leaf in other bytes."""
    good = encode_entry(kind, at, commit)
    flipped = bytearray(good)
    flipped[data.draw(st.integers(0, len(good) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        other = decode_entry(bytes(flipped))
    except EntryError:
        return
    assert other != Entry(kind, at, commit)
    assert encode_entry(other.kind, other.at, other.commit) == bytes(flipped)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        cbor2.dumps([1, 2]),
        cbor2.dumps({"v": 2, "at": 1, "kind": "a", "commit": bytes(32)}),
        cbor2.dumps({"v": 1, "at": 1, "kind": "a", "commit": bytes(31)}),
        cbor2.dumps({"v": 1, "at": "1", "kind": "a", "commit": bytes(32)}),
        cbor2.dumps({"v": 1, "at": 1.0, "kind": "a", "commit": bytes(32)}),
        cbor2.dumps({"kind": "a", "v": 1, "at": 1, "commit": bytes(32)}),
        cbor2.dumps({"v": 1, "at": 1, "kind": "a", "commit": bytes(32), "more": 1}),
        encode_entry("a", 1, bytes(32)) + b"\x00",
    ],
)
def test_what_is_no_leaf_is_refused(data: bytes) -> None:
    with pytest.raises(EntryError):
        decode_entry(data)


def test_fields_out_of_range_are_refused() -> None:
    for kind, at, commit in [
        ("a", 1, bytes(33)),
        ("a", -1, bytes(32)),
        ("a", 2**63, bytes(32)),
        ("", 1, bytes(32)),
        ("印" * 80, 1, bytes(32)),
    ]:
        with pytest.raises(ValueError, match=r"commitment|time|kind"):
            encode_entry(kind, at, commit)


def test_the_commitment_is_salted_and_cut_in_one_way_only() -> None:
    salt, body = bytes(range(SALT_BYTES)), b"body"
    assert commitment(salt, body) == hashlib.sha256(salt + body).digest()
    assert commitment(bytes(SALT_BYTES), body) != commitment(salt, body)
    with pytest.raises(ValueError, match="a salt has 32 bytes"):
        commitment(salt + b"b", b"ody")
