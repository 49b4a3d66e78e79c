"""What a leaf of the log holds, and how it commits to a record without telling it.

A leaf is deterministic CBOR (RFC 8949 §4.2.1) of ``{"v": 1, "at": ms, "kind": text, "commit":
32 bytes}``; ``commit`` is SHA-256(salt ‖ body). Who destroys body and salt erases the record, and
the leaf, hence every proof, stays valid. This module is the one place that knows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import cbor2

VERSION: Final = 1
SALT_BYTES: Final = 32
"""Fixed, so that salt ‖ body can be cut in one way only; drawn anew at random for each record."""
COMMITMENT_BYTES: Final = 32
MAX_KIND_BYTES: Final = 200


class EntryError(ValueError):
    """Bytes that are not a leaf of this log."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A leaf, read. ``at`` is the server's time in ms since the epoch (UTC)."""

    kind: str
    at: int
    commit: bytes


def commitment(salt: bytes, body: bytes) -> bytes:
    """SHA-256(salt ‖ body).

    Raises:
        ValueError: when the salt has not :data:`SALT_BYTES` bytes.
    """
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return hashlib.sha256(salt + body).digest()


def encode_entry(kind: str, at: int, commit: bytes) -> bytes:
    """The bytes of a leaf.

    Raises:
        ValueError: when a field is out of range.
    """
    if len(commit) != COMMITMENT_BYTES:
        raise ValueError(f"a commitment has {COMMITMENT_BYTES} bytes, not {len(commit)}")
    if not 0 <= at < 1 << 63:
        raise ValueError(f"not a time in ms: {at}")
    if not kind or len(kind.encode()) > MAX_KIND_BYTES:
        raise ValueError("a kind is a short text")
    # Written in the order that deterministic CBOR asks for, so that nothing need be sorted.
    return cbor2.dumps({"v": VERSION, "at": at, "kind": kind, "commit": commit})


def decode_entry(data: bytes) -> Entry:
    """Read a leaf; exactly one encoding of it is accepted.

    Raises:
        EntryError: for anything that :func:`encode_entry` would not have written.
    """
    try:
        value = cbor2.loads(data)
        entry = Entry(value["kind"], value["at"], value["commit"])
        # 1.0 would be written again as 1.0, and True as 1.
        if type(entry.at) is not int:
            raise EntryError(f"not a time in ms: {entry.at!r}")
        same = encode_entry(entry.kind, entry.at, entry.commit) == data
    except Exception as error:  # hostile bytes make a decoder raise many things
        raise EntryError(f"not a leaf: {error}"[:200]) from error
    if not same:
        raise EntryError("not a leaf in its one deterministic form")
    return entry
