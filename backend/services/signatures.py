"""Verifies a person's own signature: of an approver over an application and its papers, and of
whoever registers a key, with that key.

What is signed is always a SHA-256: :func:`backend.domain.approval.approval_digest` of the
application's terms and the hashes of its papers, or :func:`enrolment_challenge`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set as AbstractSet
from typing import Final
from urllib.parse import urlsplit

import cbor2

from backend.domain.errors import DomainError
from backend.ledger.personal import PersonalSignature, PersonKey, SignatureError, check

_ENROLMENT: Final = "zhiyin/signing-key/v1"


def enrolment_challenge(person_id: str, key: PersonKey) -> bytes:
    """What a person signs with a key to show that they hold it. It names them, so that nobody can
    register somebody else's key; a key is registered once and for all, so it needs no nonce."""
    terms = {"purpose": _ENROLMENT, "person": person_id, "alg": key.alg, "key": key.public}
    return hashlib.sha256(cbor2.dumps(terms, canonical=True)).digest()


def verify(
    signature: PersonalSignature, key: PersonKey, challenge: bytes, origins: AbstractSet[str]
) -> int:
    """Check ``signature``; returns a passkey's counter (0 where it keeps none, and in raw form).

    A passkey must have been used on a page of ``origins``, belong to that page's host, and have
    verified the person (W3C Web Authentication Level 2 §7.2, steps 11–17).

    Raises:
        DomainError: ``bad_signature``.
    """
    try:
        ceremony = check(signature, key, challenge)
        if ceremony is None:
            return 0
        if ceremony.origin not in origins:
            raise SignatureError("given on another site")
        host = urlsplit(ceremony.origin).hostname or ""
        if ceremony.site != hashlib.sha256(host.encode()).digest():
            raise SignatureError("a passkey of another site")
        if not ceremony.verified:
            raise SignatureError("the person was not verified")
    except SignatureError as error:
        raise DomainError(
            "bad_signature",
            "签名与要签的内容不符，请刷新后重新签名",
            "the signature does not fit what was to be signed; look again and sign anew",
        ) from error
    return ceremony.counter
