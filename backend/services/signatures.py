"""Verifies the approver's own signature over an application and its papers.

Two forms: ``raw`` over the canonical bytes, and ``webauthn`` (W3C Web Authentication Level 2 §7.2),
where a passkey signs authenticator data and a client data whose challenge is their SHA-256. That
the key is the approver's is for whoever registers keys to know: the record names its fingerprint.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final, Literal

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from backend.domain.application import Application
from backend.domain.approval import approval_digest, canonical_approval_bytes, paper_hashes
from backend.domain.errors import DomainError
from gateway.protocol.cose import EDDSA, ES256, PublicKey
from gateway.protocol.errors import ProtocolError

_ALGORITHMS: Final[Mapping[str, Literal[-7, -8]]] = {"EdDSA": EDDSA, "ES256": ES256}
_PRESENT_AND_VERIFIED: Final = 0x05  # flags UP and UV
_MAX_FIELD: Final = 4096
_P256_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""FIPS 186-5, SP 800-186 §3.2.1.3."""


def verify_approval(
    application: Application, signature: bytes, info: Mapping[str, Any], rp_id: str | None = None
) -> dict[str, Any]:
    """Check ``signature``; returns what is kept beside it.

    ``info``: ``alg`` (``EdDSA``, ``ES256``), ``public_key`` (base64url; 32 bytes or a 65-byte
    point), ``form`` (``raw``, ``webauthn``), and for a passkey ``authenticator_data``,
    ``client_data`` (base64url) and ``credential``. ``rp_id``: the site that the passkey must be of.

    Raises:
        DomainError: ``bad_signature``.
    """
    try:
        key = PublicKey(_ALGORITHMS[str(info["alg"])], _bytes(info, "public_key"))
        if info.get("form", "raw") == "webauthn":
            message = _webauthn_message(application, info, rp_id)
            if key.alg == ES256:
                signature = _from_der(signature)
        else:
            message = canonical_approval_bytes(application, paper_hashes(application))
        key.verify(signature, message)
    except (KeyError, ValueError, TypeError, OverflowError, ProtocolError) as error:
        raise DomainError(
            "bad_signature",
            "签名与本申请内容不符，请刷新后重新签名",
            "the signature does not fit this application; look again and sign anew",
        ) from error
    kept = ("alg", "public_key", "form", "authenticator_data", "client_data", "credential")
    return {name: str(info[name]) for name in kept if name in info} | {"kid": key.kid.hex()}


def _webauthn_message(
    application: Application, info: Mapping[str, Any], rp_id: str | None
) -> bytes:
    client, authenticator = _bytes(info, "client_data"), _bytes(info, "authenticator_data")
    said = json.loads(client)
    challenge = base64.urlsafe_b64encode(approval_digest(application)).rstrip(b"=").decode()
    if said["type"] != "webauthn.get" or said["challenge"] != challenge:
        raise ValueError("another challenge")
    if len(authenticator) < 37:
        raise ValueError("authenticator data is cut")
    if authenticator[32] & _PRESENT_AND_VERIFIED != _PRESENT_AND_VERIFIED:
        raise ValueError("the person was not verified")
    if rp_id is not None and authenticator[:32] != hashlib.sha256(rp_id.encode()).digest():
        raise ValueError("a passkey of another site")
    return authenticator + hashlib.sha256(client).digest()


def _from_der(signature: bytes) -> bytes:
    r, s = decode_dss_signature(signature)
    # The device contract takes the lower of the two equal halves only; passkeys give either.
    s = min(s, _P256_ORDER - s)
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _bytes(info: Mapping[str, Any], name: str) -> bytes:
    text = info[name]
    if not isinstance(text, str) or len(text) > _MAX_FIELD:
        raise ValueError(name)
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError(name) from error
