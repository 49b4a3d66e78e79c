"""HPKE (RFC 9180, base mode) with a chosen ephemeral key and its steps laid open, for test vectors.

A sleeve must draw a fresh ephemeral key for each message; the library in
:mod:`gateway.protocol.pictures` does. Test vectors need the same bytes each time, and a maker who
writes HPKE for a small processor needs to see where a step goes wrong.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEM: Final = b"KEM\x00\x20"  # DHKEM(X25519, HKDF-SHA256)
_HPKE: Final = b"HPKE\x00\x20\x00\x01\x00\x02"  # with HKDF-SHA256 and AES-256-GCM


@dataclass(frozen=True, slots=True)
class Steps:
    """What RFC 9180 computes on the way; ``sealed`` is ``enc`` followed by the AEAD output."""

    enc: bytes
    shared_secret: bytes
    key: bytes
    nonce: bytes
    sealed: bytes


def seal(clear: bytes, *, recipient: bytes, info: bytes, ephemeral: bytes) -> Steps:
    """Encrypt to the X25519 public key ``recipient`` with the secret ``ephemeral``, no AAD."""
    secret = x25519.X25519PrivateKey.from_private_bytes(ephemeral)
    enc = secret.public_key().public_bytes_raw()
    exchanged = secret.exchange(x25519.X25519PublicKey.from_public_bytes(recipient))
    prk = _extract(_KEM, b"", b"eae_prk", exchanged)
    shared = _expand(_KEM, prk, b"shared_secret", enc + recipient, 32)
    context = (
        b"\x00"
        + _extract(_HPKE, b"", b"psk_id_hash", b"")
        + _extract(_HPKE, b"", b"info_hash", info)
    )
    scheduled = _extract(_HPKE, shared, b"secret", b"")
    key = _expand(_HPKE, scheduled, b"key", context, 32)
    nonce = _expand(_HPKE, scheduled, b"base_nonce", context, 12)
    return Steps(enc, shared, key, nonce, enc + AESGCM(key).encrypt(nonce, clear, b""))


def _extract(suite: bytes, salt: bytes, label: bytes, material: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), b"HPKE-v1" + suite + label + material, hashlib.sha256)


def _expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    # At most one block is ever asked for, so the loop of RFC 5869 §2.3 is not needed.
    labelled = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return hmac.digest(prk, labelled + b"\x01", hashlib.sha256)[:length]
