"""Identifiers: UUIDv7 (RFC 9562 §5.7), so that new rows land at the end of every index."""

from __future__ import annotations

import uuid


def uuid7(now: int, random: bytes) -> str:
    """A UUIDv7 as 36 characters, from ``now`` (ms since the epoch) and at least 10 random bytes."""
    value = (now & (2**48 - 1)) << 80 | int.from_bytes(random[:10], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))
