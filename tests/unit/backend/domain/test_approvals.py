"""What an approver signs."""

from dataclasses import replace
from typing import Any

import pytest

from backend.domain.application import Document, DocumentKind, Kind, Status
from backend.domain.application_commands import Approve
from backend.domain.application_life import decide
from backend.domain.approval import approval_digest, canonical_approval_bytes, paper_hashes
from backend.domain.errors import DomainError
from tests.support.life import APPROVER, NOW, PAGE, facts, submitted


@pytest.mark.parametrize(
    "change",
    [
        {"copies": 2},
        {"stamps_per_copy": 2},
        {"seal_id": "other"},
        {"operator_id": "other"},
        {"alternates": ("other",)},
        {"title": "别的文件"},
        {"amount_fen": 50_000_000},
        {"counterparty": "某公司"},
        {"beneficiary": "别人"},
        {"kind": Kind.BATCH},
        {"matter_version": 2},
        {"wanted_until": NOW + 1},
        {"details": {"zones": {"P1": [[0, 500, 800, 300, 60]]}}},
        {"documents": (replace(PAGE, sha256=b"\1" * 32),)},
        {"documents": (PAGE, replace(PAGE, id="e", kind=DocumentKind.ATTACHMENT))},
    ],
)
def test_whatever_is_changed_afterwards_changes_what_was_signed(change: dict[str, Any]) -> None:
    item = submitted()
    assert approval_digest(replace(item, **change)) != approval_digest(item)


def test_every_approver_signs_the_same() -> None:
    item = submitted()
    passed = decide(item, Approve(APPROVER), facts(), NOW + 1).application
    assert approval_digest(passed) == approval_digest(item)


def test_a_matter_may_ask_for_the_approvers_own_signature() -> None:
    item = submitted()
    strict = replace(facts(), matter=replace(facts().matter, signed=True))
    with pytest.raises(DomainError) as refused:
        decide(item, Approve(APPROVER), strict, NOW + 1)
    assert refused.value.code == "signature_required"
    signed = Approve(APPROVER, signature=b"s", signature_info={"key": "K"})
    assert decide(item, signed, strict, NOW + 1).application.steps[0].signature == b"s"
    urgent = submitted(kind=Kind.EMERGENCY, details={"emergency": "抢险"})
    confirmed = decide(urgent, Approve(APPROVER), strict, NOW + 1).application
    assert confirmed.status is Status.APPROVED


def test_the_bytes_hold_the_pages_given() -> None:
    item = submitted()
    assert bytes(32) in canonical_approval_bytes(item, paper_hashes(item))
    assert canonical_approval_bytes(item, []) != canonical_approval_bytes(item, [bytes(32)])


def test_the_order_of_papers_is_fixed() -> None:
    first = Document("1", DocumentKind.PAGE, "p1", "image/png", 1, b"\1" * 32, position=1)
    second = replace(first, id="2", sha256=b"\2" * 32, position=2)
    item = submitted(documents=(second, first))
    assert paper_hashes(item) == (b"\1" * 32, b"\2" * 32)
