"""The approver's own signature: raw, or by a passkey."""

import base64
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from backend.domain.application import Application
from backend.domain.approval import approval_digest, canonical_approval_bytes, paper_hashes
from backend.domain.errors import DomainError
from backend.services.signatures import verify_approval
from backend.store import applications
from backend.store.tables import application_step
from tests.support.life import submitted
from tests.support.office import Office
from tests.support.world import World

ITEM = submitted()
SITE = "yin.example.cn"


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def message(item: Application) -> bytes:
    return canonical_approval_bytes(item, paper_hashes(item))


def by_ed25519(item: Application = ITEM) -> tuple[bytes, dict[str, Any]]:
    key = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    public = key.public_key().public_bytes_raw()
    return key.sign(message(item)), {"alg": "EdDSA", "public_key": b64(public)}


def by_passkey(
    item: Application = ITEM, *, flags: int = 0x05, site: str = SITE, **client: Any
) -> tuple[bytes, dict[str, Any]]:
    key = ec.derive_private_key(12345, ec.SECP256R1())
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    said = {"type": "webauthn.get", "challenge": b64(approval_digest(item)), "origin": site}
    data = json.dumps(said | client).encode()
    authenticator = hashlib.sha256(site.encode()).digest() + bytes([flags]) + bytes(4)
    signed = authenticator + hashlib.sha256(data).digest()
    return key.sign(signed, ec.ECDSA(hashes.SHA256())), {
        "alg": "ES256",
        "public_key": b64(public),
        "form": "webauthn",
        "authenticator_data": b64(authenticator),
        "client_data": b64(data),
        "credential": "c1",
    }


def test_a_raw_signature_over_the_canonical_bytes() -> None:
    signature, info = by_ed25519()
    kept = verify_approval(ITEM, signature, info)
    assert (
        kept["kid"]
        == hashlib.sha256(base64.urlsafe_b64decode(info["public_key"] + "=")).hexdigest()[:16]
    )


def test_a_passkeys_signature_over_the_digest() -> None:
    signature, info = by_passkey()
    kept = verify_approval(ITEM, signature, info, SITE)
    assert kept["credential"] == "c1"
    assert {"authenticator_data", "client_data", "public_key", "kid"} <= set(kept)


def test_a_signature_over_another_application_is_refused() -> None:
    other = submitted(copies=5)
    for signature, info in (by_ed25519(), by_passkey()):
        with pytest.raises(DomainError, match="bad_signature"):
            verify_approval(other, signature, info)


@pytest.mark.parametrize(
    "broken",
    [
        {"flags": 0x01},
        {"site": "evil.example.cn"},
        {"type": "webauthn.create"},
        {"challenge": "AAAA"},
    ],
)
def test_a_passkey_that_proves_something_else_is_refused(broken: dict[str, Any]) -> None:
    signature, info = by_passkey(**broken)
    with pytest.raises(DomainError, match="bad_signature"):
        verify_approval(ITEM, signature, info, SITE)


@pytest.mark.parametrize(
    "change",
    [
        {"alg": "RS256"},
        {"public_key": "AAAA"},
        {"public_key": "?" * 40},
        {"public_key": None},
        {"public_key": "A" * 5000},
        {"form": "webauthn"},
        {"form": "webauthn", "client_data": b64(b"[]"), "authenticator_data": b64(bytes(37))},
        {"form": "webauthn", "client_data": b64(b"{"), "authenticator_data": b64(bytes(37))},
        {"form": "webauthn", "client_data": b64(b"{}"), "authenticator_data": "A"},
    ],
)
def test_hostile_information_is_a_refusal_not_a_crash(change: dict[str, Any]) -> None:
    signature, info = by_ed25519()
    with pytest.raises(DomainError, match="bad_signature"):
        verify_approval(ITEM, signature, info | change)


NEGATIVE = b"\x30\x06\x02\x01\xff\x02\x01\x01"
HUGE = b"\x30\x26\x02\x21\x7f" + b"\xff" * 32 + b"\x02\x01\x01"


@pytest.mark.parametrize(
    "signature", [b"", b"x" * 64, b"\x30\x06\x02\x01\x01\x02\x01\x01", NEGATIVE, HUGE]
)
def test_a_broken_signature_is_refused(signature: bytes) -> None:
    for _, info in (by_ed25519(), by_passkey()):
        with pytest.raises(DomainError, match="bad_signature"):
            verify_approval(ITEM, signature, info)


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def test_a_signed_approval_keeps_the_signature_and_says_so(office: Office) -> None:
    made = office.submitted()
    with office.world.db.read() as conn:
        item = applications.load(conn, made.row.id)
    assert item is not None
    assert made.approval_digest == approval_digest(item).hex()
    signature, info = by_passkey(item)
    done = office.applications.approve(
        office.approver,
        made.row.id,
        made.row.version,
        signature=signature,
        signature_info=info,
    )
    assert done.steps[0].signed
    assert office.world.records("application.step_approved")[0].data["signed"] is True
    with office.world.db.read() as conn:
        row = conn.execute(application_step.select()).one()
    assert row.signature == signature
    # What is kept verifies again, by anybody, without us.
    assert verify_approval(item, row.signature, row.signature_info)["kid"]


def test_a_wrong_signature_approves_nothing(office: Office) -> None:
    made = office.submitted()
    signature, info = by_ed25519()
    with pytest.raises(DomainError, match="bad_signature"):
        office.applications.approve(
            office.approver, made.row.id, made.row.version, signature=signature, signature_info=info
        )
    assert office.reader.get(office.applicant, made.row.id).row.status == "submitted"
