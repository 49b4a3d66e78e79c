"""A person's own signature over a 32-byte challenge, and the reading of it without a server.

Two forms: ``raw`` signs the challenge itself; ``webauthn`` is the assertion of a passkey (W3C Web
Authentication Level 2 §7.2): it signs authenticator data and the hash of a client data that names
the challenge and the site. Keys are ES256 (P-256, an uncompressed point) or EdDSA (Ed25519).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

ES256: Final = "ES256"
EDDSA: Final = "EdDSA"
RAW: Final = "raw"
PASSKEY: Final = "webauthn"
_BYTES: Final = {ES256: 65, EDDSA: 32}
_PRESENT, _VERIFIED, _ATTESTED, _EXTENDED = 0x01, 0x04, 0x40, 0x80
_HEAD: Final = 37
"""Authenticator data without extensions: hash of the site, flags, counter (§6.1)."""
_MAX_FIELD: Final = 4096
_URL_SAFE: Final = re.compile("[A-Za-z0-9_-]*")


class SignatureError(ValueError):
    """The person did not sign this."""


@dataclass(frozen=True, slots=True)
class PersonKey:
    """A public key: 65 bytes (ES256) or 32 (EdDSA).

    Raises:
        SignatureError: for another algorithm, a wrong size or no point of the curve.
    """

    alg: str
    public: bytes

    def __post_init__(self) -> None:
        if len(self.public) != _BYTES.get(self.alg):
            raise SignatureError("a key is ES256 (65 bytes) or EdDSA (32 bytes)")
        if self.alg == ES256:
            self._point()

    def verify(self, signature: bytes, message: bytes, *, der: bool) -> None:
        """Check ``signature``; an ES256 one is ``der`` or the 64 bytes of r and s.

        Raises:
            SignatureError: when it is not this key's over ``message``.
        """
        try:
            if self.alg == EDDSA:
                Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
                return
            if not der:
                if len(signature) != 64:
                    raise SignatureError("r and s have 64 bytes")
                r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
                signature = encode_dss_signature(r, s)
            self._point().verify(signature, message, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature as error:
            raise SignatureError("the signature does not verify") from error

    def _point(self) -> ec.EllipticCurvePublicKey:
        try:
            return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), self.public)
        except ValueError as error:
            raise SignatureError("not a point of P-256") from error


@dataclass(frozen=True, slots=True)
class PersonalSignature:
    """What was signed with, as it is kept. ``authenticator_data`` and ``client_data`` are a
    passkey's, exactly as it gave them."""

    form: str
    value: bytes
    authenticator_data: bytes = b""
    client_data: bytes = b""

    def plain(self) -> dict[str, str]:
        """As JSON can carry it: base64url without padding."""
        kept = {"form": self.form, "value": encode(self.value)}
        if self.form == PASSKEY:
            kept["authenticator_data"] = encode(self.authenticator_data)
            kept["client_data"] = encode(self.client_data)
        return kept

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> PersonalSignature:
        """Read what :meth:`plain` made.

        Raises:
            SignatureError: for anything else.
        """
        parts = [
            decode(plain.get(name, "")) for name in ("value", "authenticator_data", "client_data")
        ]
        return cls(str(plain.get("form")), *parts)


@dataclass(frozen=True, slots=True)
class Ceremony:
    """What a passkey says of the moment: the page's ``origin``, ``site`` (SHA-256 of the site's
    name), whether the person was ``verified``, and its ``counter``."""

    origin: str
    site: bytes
    verified: bool
    counter: int


def check(signature: PersonalSignature, key: PersonKey, challenge: bytes) -> Ceremony | None:
    """Check that ``key`` signed ``challenge``; what a passkey adds, or None for the raw form.

    Raises:
        SignatureError: when it did not.
    """
    if signature.form == RAW:
        key.verify(signature.value, challenge, der=False)
        return None
    if signature.form != PASSKEY:
        raise SignatureError("a form that is not known")
    ceremony = _ceremony(signature, challenge)
    signed = signature.authenticator_data + hashlib.sha256(signature.client_data).digest()
    key.verify(signature.value, signed, der=True)
    return ceremony


def _ceremony(signature: PersonalSignature, challenge: bytes) -> Ceremony:
    said = _client_data(signature.client_data)
    if said.get("type") != "webauthn.get":
        raise SignatureError("not an assertion")
    if not hmac.compare_digest(str(said.get("challenge")).encode(), encode(challenge).encode()):
        raise SignatureError("another challenge")
    if said.get("crossOrigin", False) is not False:
        raise SignatureError("given inside another site's page")
    data = signature.authenticator_data
    if len(data) < _HEAD:
        raise SignatureError("authenticator data is cut")
    flags = data[32]
    if not flags & _PRESENT:
        raise SignatureError("nobody was present")
    if len(data) > _HEAD and not flags & (_ATTESTED | _EXTENDED):
        raise SignatureError("authenticator data with something behind it")
    return Ceremony(
        origin=str(said.get("origin")),
        site=data[:32],
        verified=bool(flags & _VERIFIED),
        counter=int.from_bytes(data[33:37], "big"),
    )


def _client_data(data: bytes) -> dict[str, Any]:
    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len({name for name, _ in pairs}) != len(pairs):
            raise SignatureError("client data says something twice")
        return dict(pairs)

    try:
        said = json.loads(data.decode(), object_pairs_hook=once)
    except SignatureError:
        raise
    except (ValueError, RecursionError) as error:
        raise SignatureError("client data is not JSON") from error
    if not isinstance(said, dict):
        raise SignatureError("client data is an object")
    return said


def encode(data: bytes) -> str:
    """Base64url without padding (RFC 4648 §5), as WebAuthn writes bytes."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: object) -> bytes:
    """Bytes of base64url, with or without padding.

    Raises:
        SignatureError: for anything else.
    """
    if not isinstance(text, str) or len(text) > _MAX_FIELD:
        raise SignatureError("not base64url")
    bare = text.rstrip("=")
    if len(bare) % 4 == 1 or not _URL_SAFE.fullmatch(bare):
        raise SignatureError("not base64url")
    return base64.urlsafe_b64decode(bare + "=" * (-len(bare) % 4))
