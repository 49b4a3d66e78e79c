"""What an approver signs: the application's terms and the hashes of its papers, in one fixed form.

Signed is the SHA-256 of deterministic CBOR (RFC 8949 §4.2.1). Whoever runs the server can therefore
not pass one approval off for another: a changed count, seal, person or page changes it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import cbor2

from backend.domain import zones
from backend.domain.application import Application

PURPOSE: Final = "zhiyin/approval/v1"


def canonical_approval_bytes(application: Application, pages: Sequence[bytes]) -> bytes:
    """What is hashed and signed for approving ``application`` over ``pages`` (SHA-256 of each
    paper, in order). No step changes it, so every approver signs the same thing."""
    return cbor2.dumps(terms(application) | {"pages": list(pages)}, canonical=True)


def approval_digest(application: Application) -> bytes:
    """SHA-256 of the canonical bytes over all of the application's papers: a passkey's challenge,
    and the commitment to the details that a record carries instead of names."""
    return hashlib.sha256(canonical_approval_bytes(application, paper_hashes(application))).digest()


def paper_hashes(application: Application) -> tuple[bytes, ...]:
    """The hashes of all papers: pages, resolution, attachments, in the order of upload."""
    ordered = sorted(application.documents, key=lambda one: (one.kind, one.position, one.id))
    return tuple(one.sha256 for one in ordered)


def terms(application: Application) -> dict[str, Any]:
    """What an approval is about, without its papers."""
    return zones.approved(application.details) | {
        "purpose": PURPOSE,
        "application": application.id,
        "number": application.number,
        "org": application.org_path,
        "matter": [application.matter_id, application.matter_version],
        "kind": application.kind.value,
        "extends": application.extends_id,
        "seal": application.seal_id,
        "applicant": application.applicant_id,
        "operator": application.operator_id,
        "alternates": list(application.alternates),
        "title": application.title,
        "for": [application.purpose, application.beneficiary, application.counterparty],
        "amount_fen": application.amount_fen,
        "copies": application.copies,
        "stamps": application.stamps,
        "resolution": application.resolution,
        "wanted": [application.wanted_from, application.wanted_until],
        "submitted_at": application.submitted_at,
    }
