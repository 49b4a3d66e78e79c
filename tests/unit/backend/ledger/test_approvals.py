"""Whoever checks an export sees who really signed an approval, without asking the server."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.domain.record import Record
from backend.ledger.disclosure import Scope
from backend.ledger.personal import encode
from tests.support.ledger_world import START, LedgerWorld
from tests.support.signing import Passkey

ORG = "/330109/330109103/330109103201/"
DIGEST = bytes(range(32))
PHONE = Passkey()


def said(kind: str, person: str, **data: Any) -> Record:
    return Record(kind, ORG, START, START, person=person, application="a", data=data)


def added(person: str = "approver", key: Passkey = PHONE) -> Record:
    return said(
        "person.signing_key_added",
        person,
        subject=person,
        key="k1",
        alg="ES256",
        form="webauthn",
        public_key=encode(key.public),
    )


def approved(person: str = "approver", key: Passkey = PHONE, **changes: Any) -> Record:
    signature = key.sign(DIGEST).plain()
    signature |= {"key": "k1", "alg": "ES256", "public_key": encode(key.public)}
    data: dict[str, Any] = {"signed": True, "approval": DIGEST, "signature": signature}
    return said("application.step_approved", person, **data | changes)


REVOKED = said("person.signing_key_revoked", "approver", subject="approver", key="k1")


def codes(world: LedgerWorld, path: Path, scope: Scope | None = None) -> set[str]:
    world.checkpoint()
    world.export(path / "e.zip", scope)
    report = world.verify(path / "e.zip")
    return {one.code for one in report.findings if one.code.startswith(("approv", "evidence"))}


def test_an_approval_that_its_approver_signed(world: LedgerWorld, tmp_path: Path) -> None:
    world.add(added(), approved(), REVOKED)
    assert codes(world, tmp_path) == set()


def test_an_approval_without_a_signature_claims_none(world: LedgerWorld, tmp_path: Path) -> None:
    world.add(replace(approved(), data={"signed": False, "approval": DIGEST}))
    assert codes(world, tmp_path) == set()


@pytest.mark.parametrize(
    ("records", "found"),
    [
        ([added(), approved(approval=bytes(32))], "approval_signature_bad"),
        ([added(), approved(signature=None)], "approval_signature_bad"),
        ([added(), approved(signature={"alg": "ES256"})], "approval_signature_bad"),
        ([approved()], "approver_key_missing"),
        ([approved(), added()], "approver_key_missing"),
        ([added("somebody"), approved()], "approver_key_other"),
        ([added(key=Passkey(seed=2)), approved()], "approver_key_other"),
        ([added(), REVOKED, approved()], "approver_key_revoked"),
        ([replace(added(), data={"subject": "approver", "key": "k1"})], "approver_key_bad"),
    ],
)
def test_an_approval_that_was_minted_or_altered(
    world: LedgerWorld, tmp_path: Path, records: list[Record], found: str
) -> None:
    world.add(*records)
    assert codes(world, tmp_path) == {found}


def test_a_registration_that_is_not_shown_limits_what_can_be_said(
    world: LedgerWorld, tmp_path: Path
) -> None:
    world.add(replace(added(), org_path="/330109/330109104/"), approved())
    assert codes(world, tmp_path, Scope.organisation("/330109/330109103/")) == {
        "approver_key_unlogged"
    }
