"""Pictures on the wire: encrypted by the sleeve, committed to by a signed event, sent in pieces.

The sleeve draws a 32-byte salt; the event carries ``SHA-256(salt ‖ picture)``; the upload is HPKE
(RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM) over ``salt ‖ picture``
to the server's picture key, with ``info`` naming sleeve and commitment. Destroying picture and salt
later leaves the commitment, and with it every proof, valid.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import x25519
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.protocol import cbor
from gateway.protocol.errors import ProtocolError, Reason
from gateway.protocol.limits import MAX_PICTURE_BYTES, MAX_PIECE_DATA
from gateway.protocol.messages import PictureRef, Piece

SALT_BYTES: Final = 32
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)


@dataclass(frozen=True, slots=True)
class SealedPicture:
    """An encrypted picture ready to be sent: its reference for the event, and the ciphertext."""

    ref: PictureRef
    ciphertext: bytes


def commitment(salt: bytes, picture: bytes) -> bytes:
    """``SHA-256(salt ‖ picture)``, 32 bytes."""
    return hashlib.sha256(salt + picture).digest()


def seal(picture: bytes, *, device: str, server_key: bytes, salt: bytes) -> SealedPicture:
    """Encrypt ``picture`` to the server's 32-byte X25519 picture key; ``salt`` is 32 fresh bytes.

    Raises:
        ProtocolError: ``too_large`` beyond :data:`MAX_PICTURE_BYTES`; ``bad_field`` for a salt of
            another size or a key that is no good point (RFC 7748 §6.1).
    """
    if len(salt) != SALT_BYTES:
        raise ProtocolError(Reason.BAD_FIELD, f"salt must have {SALT_BYTES} bytes")
    commit = commitment(salt, picture)
    ciphertext = _encrypt(salt + picture, server_key, picture_info(device, commit))
    if len(ciphertext) > MAX_PICTURE_BYTES:
        raise ProtocolError(Reason.TOO_LARGE, f"picture of {len(ciphertext)} bytes")
    count = -(-len(ciphertext) // MAX_PIECE_DATA)
    return SealedPicture(PictureRef(commit=commit, size=len(ciphertext), pieces=count), ciphertext)


def open_sealed(
    ciphertext: bytes, ref: PictureRef, *, device: str, secret: x25519.X25519PrivateKey
) -> tuple[bytes, bytes]:
    """Decrypt an upload; returns ``(salt, picture)``.

    Raises:
        ProtocolError: ``bad_field`` when it does not decrypt or is not what the event committed to.
    """
    if len(ciphertext) != ref.size:
        raise ProtocolError(Reason.BAD_FIELD, f"{len(ciphertext)} bytes, event said {ref.size}")
    try:
        clear = _SUITE.decrypt(ciphertext, secret, info=picture_info(device, ref.commit))
    except (InvalidTag, ValueError) as error:
        raise ProtocolError(Reason.BAD_FIELD, "picture does not decrypt") from error
    salt, picture = clear[:SALT_BYTES], clear[SALT_BYTES:]
    if len(salt) != SALT_BYTES or commitment(salt, picture) != ref.commit:
        raise ProtocolError(Reason.BAD_FIELD, "picture is not the one its event committed to")
    return salt, picture


def seal_pins(
    operator_pin: str, witness_pin: str, *, device: str, use: int, server_key: bytes
) -> bytes:
    """Encrypt both PINs of the non-face path; bound to the sleeve and its use.

    Raises:
        ProtocolError: ``bad_field`` for a key that is no good point.
    """
    clear = cbor.encode({"operator_pin": operator_pin, "witness_pin": witness_pin})
    return _encrypt(clear, server_key, pin_info(device, use))


def open_pins(
    sealed: bytes, *, device: str, use: int, secret: x25519.X25519PrivateKey
) -> tuple[str, str]:
    """Decrypt ``(operator_pin, witness_pin)``.

    Raises:
        ProtocolError: ``bad_field`` when it is not what a sleeve seals.
    """
    try:
        clear = cbor.decode(_SUITE.decrypt(sealed, secret, info=pin_info(device, use)))
        operator_pin, witness_pin = clear["operator_pin"], clear["witness_pin"]
    except (InvalidTag, ValueError, KeyError, TypeError) as error:
        raise ProtocolError(Reason.BAD_FIELD, "PINs do not decrypt") from error
    if not (isinstance(operator_pin, str) and isinstance(witness_pin, str)):
        raise ProtocolError(Reason.BAD_FIELD, "PINs must be text")
    return operator_pin, witness_pin


def split(picture: SealedPicture) -> list[Piece]:
    """The pieces of an upload, in order."""
    return [
        Piece(
            commit=picture.ref.commit,
            index=index,
            data=picture.ciphertext[index * MAX_PIECE_DATA : (index + 1) * MAX_PIECE_DATA],
        )
        for index in range(picture.ref.pieces)
    ]


def picture_info(device: str, commit: bytes) -> bytes:
    """HPKE ``info`` of a picture: binds the ciphertext to its sleeve and its commitment."""
    return b"zhiyin picture v1\0" + device.encode() + b"\0" + commit


def pin_info(device: str, use: int) -> bytes:
    """HPKE ``info`` of sealed PINs: binds them to the sleeve and the use."""
    return b"zhiyin pin v1\0" + device.encode() + b"\0" + str(use).encode()


def _encrypt(clear: bytes, server_key: bytes, info: bytes) -> bytes:
    try:
        public = x25519.X25519PublicKey.from_public_bytes(server_key)
        return _SUITE.encrypt(clear, public, info=info)
    except ValueError as error:
        raise ProtocolError(Reason.BAD_FIELD, "not a usable X25519 public key") from error
