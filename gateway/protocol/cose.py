"""COSE_Sign1 (RFC 9052 §4.2) with ES256 (RFC 9053 §2.1) or EdDSA/Ed25519 (RFC 9053 §2.2).

Secure elements of real sleeves speak P-256; the simulator and the server use Ed25519 by libsodium,
which verifies without holding the interpreter's lock.

A signed message has exactly one valid form in bytes under one key, because events are chained by
the hash of those bytes: nobody between sleeve and server may be able to make a second form, which
would look like a fork. So the outer array has its shortest encoding, and an ES256 signature has the
smaller of its two possible ``s`` (Ed25519 as libsodium verifies it has no second form).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Literal, Protocol

import nacl.exceptions
import nacl.signing
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from gateway.protocol import cbor
from gateway.protocol.errors import ProtocolError, Reason

ES256: Final = -7
EDDSA: Final = -8
Algorithm = Literal[-7, -8]

_SIGN1_TAG: Final = b"\xd2"  # tag 18, the only tag of the contract, so it is read by hand
_ALG: Final = 1
_KID: Final = 4
_KEY_BYTES: Final = {EDDSA: 32, ES256: 65}
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_HALF_ORDER: Final = _P256_ORDER // 2


def key_id(public: bytes) -> bytes:
    """Eight bytes that name a public key: the start of SHA-256 over its raw form."""
    return hashlib.sha256(public).digest()[:8]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verifying key. ``raw`` is 32 bytes (Ed25519) or a 65-byte uncompressed point (P-256).

    Raises:
        ProtocolError: ``unknown_algorithm``; ``bad_field`` for a wrong size or no point of P-256.
    """

    alg: Algorithm
    raw: bytes
    kid: bytes = field(init=False)

    def __post_init__(self) -> None:
        expected = _KEY_BYTES.get(self.alg)
        if expected is None:
            raise ProtocolError(Reason.UNKNOWN_ALGORITHM, str(self.alg)[:40])
        if len(self.raw) != expected:
            raise ProtocolError(Reason.BAD_FIELD, f"public key must have {expected} bytes")
        if self.alg == ES256:
            _p256(self.raw)
        object.__setattr__(self, "kid", key_id(self.raw))

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check ``signature`` over ``message``.

        Raises:
            ProtocolError: ``bad_signature``.
        """
        if len(signature) != 64:
            raise ProtocolError(Reason.BAD_SIGNATURE, "signature must have 64 bytes")
        try:
            if self.alg == EDDSA:
                _ed25519(self.raw).verify(message, signature)
            else:
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                if s > _HALF_ORDER:
                    raise ProtocolError(Reason.BAD_SIGNATURE, "s must be in the lower half")
                der = encode_dss_signature(r, s)
                _p256(self.raw).verify(der, message, ec.ECDSA(hashes.SHA256()))
        except (InvalidSignature, nacl.exceptions.BadSignatureError) as error:
            raise ProtocolError(Reason.BAD_SIGNATURE) from error

    @classmethod
    def from_pem(cls, pem: bytes) -> PublicKey:
        """Read a SubjectPublicKeyInfo PEM (RFC 7468).

        Raises:
            ProtocolError: ``bad_field`` when it is no such PEM, ``unknown_algorithm`` when the key
                is neither Ed25519 nor P-256.
        """
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm) as error:
            raise ProtocolError(Reason.BAD_FIELD, "not a PEM public key") from error
        return public_from(key)


@lru_cache(maxsize=100_000)
def _ed25519(raw: bytes) -> nacl.signing.VerifyKey:
    return nacl.signing.VerifyKey(raw)


@lru_cache(maxsize=100_000)
def _p256(raw: bytes) -> ec.EllipticCurvePublicKey:
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
    except ValueError as error:
        raise ProtocolError(Reason.BAD_FIELD, "not a point of P-256") from error


def public_from(key: object) -> PublicKey:
    """The verifying key of a ``cryptography`` public key object.

    Raises:
        ProtocolError: ``unknown_algorithm`` when it is neither Ed25519 nor P-256.
    """
    if isinstance(key, ed25519.Ed25519PublicKey):
        return PublicKey(EDDSA, key.public_bytes_raw())
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        point = key.public_bytes(
            serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
        )
        return PublicKey(ES256, point)
    raise ProtocolError(Reason.UNKNOWN_ALGORITHM, type(key).__name__)


class Signer(Protocol):
    """Something that signs: a key in memory, a secure element, a certified module."""

    @property
    def public(self) -> PublicKey:
        """The verifying key that belongs to it."""
        ...

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature over ``message``."""
        ...


class Ed25519Signer:
    """A signer from a 32-byte seed (RFC 8032)."""

    __slots__ = ("_key", "public")

    def __init__(self, seed: bytes) -> None:
        self._key = nacl.signing.SigningKey(seed)
        self.public: PublicKey = PublicKey(EDDSA, bytes(self._key.verify_key))

    def sign(self, message: bytes) -> bytes:
        """Signature over ``message``, 64 bytes."""
        return self._key.sign(message).signature


class Es256Signer:
    """A signer over P-256, as secure elements have it; ``secret`` is the 32-byte scalar.

    Signs deterministically (RFC 6979): the same message gives the same bytes.
    """

    __slots__ = ("_key", "public")

    def __init__(self, secret: bytes) -> None:
        self._key = ec.derive_private_key(int.from_bytes(secret, "big"), ec.SECP256R1())
        self.public: PublicKey = public_from(self._key.public_key())

    def sign(self, message: bytes) -> bytes:
        """Signature over ``message`` as r ‖ s, 64 bytes."""
        method = ec.ECDSA(hashes.SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._key.sign(message, method))
        return r.to_bytes(32, "big") + min(s, _P256_ORDER - s).to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class Signed:
    """A COSE_Sign1 taken apart but **not yet verified**."""

    alg: int
    kid: bytes
    payload: bytes
    signature: bytes
    protected: bytes

    def verify(self, key: PublicKey) -> None:
        """Check the signature with ``key``.

        Raises:
            ProtocolError: ``unknown_key``, ``unknown_algorithm`` or ``bad_signature``.
        """
        if self.kid != key.kid:
            raise ProtocolError(Reason.UNKNOWN_KEY, self.kid.hex())
        if self.alg != key.alg:
            raise ProtocolError(Reason.UNKNOWN_ALGORITHM, f"alg {self.alg}, key has {key.alg}")
        key.verify(self.signature, _to_be_signed(self.protected, self.payload))


def _to_be_signed(protected: bytes, payload: bytes) -> bytes:
    return cbor.encode(["Signature1", protected, b"", payload])


def sign(payload: bytes, signer: Signer) -> bytes:
    """Tagged COSE_Sign1 bytes over ``payload``, with algorithm and key id protected."""
    key = signer.public
    protected = cbor.encode({_ALG: key.alg, _KID: key.kid})
    signature = signer.sign(_to_be_signed(protected, payload))
    return _SIGN1_TAG + cbor.encode([protected, {}, payload, signature])


def parse(data: bytes) -> Signed:
    """Take tagged COSE_Sign1 bytes apart without verifying.

    Raises:
        ProtocolError: ``not_cbor``, ``not_cose`` or ``unknown_algorithm``.
    """
    if data[:1] != _SIGN1_TAG:
        # An item that is not even CBOR deserves the more telling reason.
        cbor.decode(data)
        raise ProtocolError(Reason.NOT_COSE, "tag 18 is missing")
    parts = cbor.decode(data[1:])
    if not (isinstance(parts, list) and len(parts) == 4 and parts[1] == {}):
        raise ProtocolError(Reason.NOT_COSE, "not [protected, {}, payload, signature]")
    protected, _, payload, signature = parts
    if not all(isinstance(part, bytes) for part in (protected, payload, signature)):
        raise ProtocolError(Reason.NOT_COSE, "not [bytes, {}, bytes, bytes]")
    # Tag, array head and empty map take three bytes; any longer spelling of a length adds to that.
    if len(data) != 3 + sum(_shortest(part) for part in (protected, payload, signature)):
        raise ProtocolError(Reason.NOT_COSE, "lengths must have their shortest encoding")
    alg, kid = _header(protected)
    return Signed(alg, kid, payload, signature, protected)


def _shortest(part: bytes) -> int:
    size = len(part)
    return size + (1 if size < 24 else 2 if size < 256 else 3 if size < 65_536 else 5)


@lru_cache(maxsize=100_000)
def _header(protected: bytes) -> tuple[int, bytes]:
    header = cbor.decode(protected)
    if not isinstance(header, dict) or set(header) != {_ALG, _KID}:
        raise ProtocolError(Reason.NOT_COSE, "protected header must hold alg and kid, nothing else")
    alg, kid = header[_ALG], header[_KID]
    if not isinstance(alg, int) or alg not in _KEY_BYTES:
        raise ProtocolError(Reason.UNKNOWN_ALGORITHM, str(alg)[:40])
    if not isinstance(kid, bytes) or len(kid) != 8:
        raise ProtocolError(Reason.NOT_COSE, "kid must have 8 bytes")
    return alg, kid
