"""Web push on the wire: message encryption (RFC 8291 with RFC 8188) and who sends it (RFC 8292)."""

from __future__ import annotations

import base64
import json
import struct
from typing import Final
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LONGEST: Final = 3000
"""Bytes of a payload: push services take 4096 of ciphertext at least (RFC 8030 §7.2)."""

TOKEN_S: Final = 12 * 3600
"""A token lives half as long as RFC 8292 §2 allows."""

_RECORD: Final = 4096
_CURVE: Final = ec.SECP256R1()


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The reverse of :func:`encode`.

    Raises:
        ValueError: it is none.
    """
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """The key whose 32 secret bytes are ``text`` (base64url).

    Raises:
        ValueError: it is none.
    """
    raw = decode(text)
    if len(raw) != 32:
        raise ValueError("a P-256 key has 32 bytes")
    return ec.derive_private_key(int.from_bytes(raw, "big"), _CURVE)


def public_bytes(key: ec.EllipticCurvePrivateKey | ec.EllipticCurvePublicKey) -> bytes:
    """The public point, uncompressed: what a browser calls ``applicationServerKey``."""
    public = key.public_key() if isinstance(key, ec.EllipticCurvePrivateKey) else key
    return public.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encrypt(
    payload: bytes,
    receiver: bytes,
    secret: bytes,
    *,
    sender: ec.EllipticCurvePrivateKey,
    salt: bytes,
) -> bytes:
    """The body of a push message for a browser's ``p256dh`` (``receiver``) and ``auth``
    (``secret``). ``sender`` and ``salt`` (16 bytes) are fresh for each message.

    Raises:
        ValueError: ``receiver`` is no point of the curve, or the payload is too long.
    """
    if len(payload) > LONGEST:
        raise ValueError("the payload is too long")
    point = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, receiver)
    own = public_bytes(sender)
    shared = sender.exchange(ec.ECDH(), point)
    material = HKDF(hashes.SHA256(), 32, secret, b"WebPush: info\0" + receiver + own)
    prk = _extract(salt, material.derive(shared))
    key = HKDFExpand(hashes.SHA256(), 16, b"Content-Encoding: aes128gcm\0").derive(prk)
    nonce = HKDFExpand(hashes.SHA256(), 12, b"Content-Encoding: nonce\0").derive(prk)
    head = salt + struct.pack("!IB", _RECORD, len(own)) + own
    # One record, hence the last: its delimiter is 2 (RFC 8188 §2).
    return head + AESGCM(key).encrypt(nonce, payload + b"\x02", None)


def authorization(endpoint: str, key: ec.EllipticCurvePrivateKey, subject: str, now_ms: int) -> str:
    """The ``Authorization`` header for ``endpoint``; ``subject`` is a mailto: or https: address
    under which the push service reaches whoever runs this. ``now_ms`` is wall time."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": now_ms // 1000 + TOKEN_S,
        "sub": subject,
    }
    signed = ".".join(
        encode(json.dumps(one, separators=(",", ":")).encode())
        for one in ({"typ": "JWT", "alg": "ES256"}, claims)
    )
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
    token = f"{signed}.{encode(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"
    return f"vapid t={token}, k={encode(public_bytes(key))}"


def _extract(salt: bytes, material: bytes) -> bytes:
    return HKDF.extract(hashes.SHA256(), salt, material)
