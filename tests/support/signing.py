"""A person's keys in software: one that signs raw, and a passkey on a page."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.ledger.personal import PASSKEY, RAW, PersonalSignature, encode

SITE = "yin.example.cn"
ORIGIN = f"https://{SITE}"


@dataclass
class RawKey:
    """Ed25519, without a browser."""

    seed: int = 1

    @property
    def _key(self) -> ed25519.Ed25519PrivateKey:
        return ed25519.Ed25519PrivateKey.from_private_bytes(bytes([self.seed]) * 32)

    @property
    def public(self) -> bytes:
        """As it is registered."""
        return self._key.public_key().public_bytes_raw()

    def sign(self, challenge: bytes) -> PersonalSignature:
        """Over the challenge itself."""
        return PersonalSignature(RAW, self._key.sign(challenge))


@dataclass
class Passkey:
    """P-256, as an authenticator and a browser use it. Fields other than ``seed`` are what a
    thief, or a careless one, would change."""

    seed: int = 1
    counter: int = 0
    flags: int = 0x05
    site: str = SITE
    behind: bytes = b""
    client: dict[str, Any] = field(default_factory=dict)

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        return ec.derive_private_key(1000 + self.seed, ec.SECP256R1())

    @property
    def public(self) -> bytes:
        """The raw point."""
        form = PublicFormat.UncompressedPoint
        return self._key.public_key().public_bytes(Encoding.X962, form)

    @property
    def spki(self) -> bytes:
        """As ``getPublicKey()`` gives it."""
        form = PublicFormat.SubjectPublicKeyInfo
        return self._key.public_key().public_bytes(Encoding.DER, form)

    def sign(self, challenge: bytes) -> PersonalSignature:
        """An assertion."""
        said = {"type": "webauthn.get", "challenge": encode(challenge), "origin": ORIGIN}
        client = json.dumps(said | self.client).encode()
        head = hashlib.sha256(self.site.encode()).digest() + bytes([self.flags])
        data = head + self.counter.to_bytes(4, "big") + self.behind
        signed = data + hashlib.sha256(client).digest()
        value = self._key.sign(signed, ec.ECDSA(hashes.SHA256()))
        return PersonalSignature(PASSKEY, value, data, client)

    def sign_raw(self, challenge: bytes) -> PersonalSignature:
        """r and s over the challenge itself."""
        r, s = decode_dss_signature(self._key.sign(challenge, ec.ECDSA(hashes.SHA256())))
        return PersonalSignature(RAW, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def parts(signature: PersonalSignature) -> dict[str, str]:
    """As a request carries it, apart from its form."""
    return {name: text for name, text in signature.plain().items() if name != "form"}
