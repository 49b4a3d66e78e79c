"""Mosquitto's own password form, so that its password file can be written from our accounts."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Final

SALT_BYTES: Final = 12
ROUNDS: Final = 20_000
"""A broker password is 16 random characters: rounds only guard against a careless choice."""


def mosquitto_hash(password: str, salt: bytes, rounds: int = ROUNDS) -> str:
    """``$7$rounds$salt$digest``: PBKDF2-HMAC-SHA512 with 64 bytes, as Mosquitto 2 reads it."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds)
    return f"$7${rounds}${b64encode(salt).decode()}${b64encode(digest).decode()}"
