"""The approver's own signature: by a key that is registered to them, and kept as evidence."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.domain.actor import Role
from backend.domain.approval import approval_digest
from backend.domain.errors import DomainError
from backend.ledger.personal import PersonalSignature, PersonKey, check, decode
from backend.services.signing_keys import MOST, Signing, SigningKey, SigningKeyService
from backend.store import applications
from backend.store.tables import application_step
from tests.support.api import PASSWORD, QUICK
from tests.support.office import Office
from tests.support.signing import ORIGIN, Passkey, RawKey
from tests.support.world import OTHER_VILLAGE, World

HERE = frozenset({ORIGIN})
HASH = QUICK.hash(PASSWORD)


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    made = Office.open(world)
    with world.db.write() as conn:
        conn.exec_driver_sql("update person set password_hash = ?", (HASH,))
    yield made
    world.close()


@pytest.fixture
def keys(office: Office) -> SigningKeyService:
    return SigningKeyService(office.world.context, QUICK)


def register(keys: SigningKeyService, actor: Any, key: Passkey | RawKey, **more: Any) -> SigningKey:
    given: dict[str, Any] = {"label": "我的手机", "origins": HERE, "password": PASSWORD} | more
    proof = given.pop("proof", None) or key.sign(keys.challenge(actor, key.public))
    return keys.add(
        actor, given["label"], key.public, proof, given["password"], origins=given["origins"]
    )


def signing(key: SigningKey, signature: PersonalSignature) -> Signing:
    return Signing(
        key.id, signature.value, signature.authenticator_data, signature.client_data, HERE
    )


def code(error: pytest.ExceptionInfo[DomainError]) -> str:
    return error.value.code


def test_an_approval_signed_with_ones_own_key_is_kept_as_evidence(
    office: Office, keys: SigningKeyService
) -> None:
    phone = Passkey()
    registered = register(keys, office.approver, phone)
    made = office.submitted()
    with office.world.db.read() as conn:
        item = applications.load(conn, made.row.id)
    assert item is not None
    digest = approval_digest(item)
    assert made.approval_digest == digest.hex()
    done = office.applications.approve(
        office.approver,
        made.row.id,
        made.row.version,
        signing=signing(registered, phone.sign(digest)),
    )
    assert done.steps[0].signed
    (record,) = office.world.records("application.step_approved")
    kept = record.data["signature"]
    assert (record.data["signed"], kept["key"]) == (True, registered.id)
    # What is kept verifies again, by anybody, without us.
    public = PersonKey(kept["alg"], decode(kept["public_key"]))
    assert check(PersonalSignature.of(kept), public, record.data["approval"]) is not None
    with office.world.db.read() as conn:
        row = conn.execute(application_step.select()).one()
    assert row.signature == decode(kept["value"])
    (seen,) = keys.find(office.approver)
    assert seen.last_used_at == office.world.clock()


def test_an_approval_without_a_signature_says_so(office: Office) -> None:
    made = office.submitted()
    office.applications.approve(office.approver, made.row.id, made.row.version)
    (record,) = office.world.records("application.step_approved")
    assert record.data["signed"] is False
    assert "signature" not in record.data


def test_nobody_approves_with_a_key_that_is_not_theirs(
    office: Office, keys: SigningKeyService
) -> None:
    stolen, revoked = RawKey(1), RawKey(2)
    theirs = register(keys, office.supervisor, stolen)
    old = register(keys, office.approver, revoked)
    keys.revoke(office.approver, old.id, "手机丢失")
    made = office.submitted()
    digest = bytes.fromhex(made.approval_digest)
    nowhere = SigningKey(**{**_fields(old), "id": "no-such-key"})
    for key, given in ((theirs, stolen), (old, revoked), (nowhere, revoked)):
        with pytest.raises(DomainError) as refused:
            office.applications.approve(
                office.approver,
                made.row.id,
                made.row.version,
                signing=signing(key, given.sign(digest)),
            )
        assert code(refused) == "signing_key_unknown"
    assert office.reader.get(office.applicant, made.row.id).row.status == "submitted"
    assert office.world.records("application.step_approved") == []


def _fields(key: SigningKey) -> dict[str, Any]:
    return {name: getattr(key, name) for name in SigningKey.__slots__}


@pytest.mark.parametrize(
    "wrong",
    [
        Passkey(client={"origin": "https://evil.example"}),
        Passkey(client={"origin": "http://yin.example.cn"}),
        Passkey(site="evil.example"),
        Passkey(flags=0x01),  # present, but not verified
        Passkey(flags=0x04),
        Passkey(seed=9),
    ],
)
def test_a_passkey_that_was_used_elsewhere_or_by_nobody_approves_nothing(
    office: Office, keys: SigningKeyService, wrong: Passkey
) -> None:
    registered = register(keys, office.approver, Passkey())
    made = office.submitted()
    with pytest.raises(DomainError) as refused:
        office.applications.approve(
            office.approver,
            made.row.id,
            made.row.version,
            signing=signing(registered, wrong.sign(bytes.fromhex(made.approval_digest))),
        )
    assert code(refused) == "bad_signature"
    assert office.reader.get(office.applicant, made.row.id).row.status == "submitted"


def test_a_signature_over_another_application_or_other_pages_is_refused(
    office: Office, keys: SigningKeyService
) -> None:
    phone = Passkey()
    registered = register(keys, office.approver, phone)
    made, other = office.submitted(), office.submitted(office.form(copies=3))
    assert made.approval_digest != other.approval_digest
    with pytest.raises(DomainError) as refused:
        office.applications.approve(
            office.approver,
            made.row.id,
            made.row.version,
            signing=signing(registered, phone.sign(bytes.fromhex(other.approval_digest))),
        )
    assert code(refused) == "bad_signature"


def test_a_passkey_whose_counter_does_not_grow_may_be_a_clone(
    office: Office, keys: SigningKeyService
) -> None:
    phone = Passkey(counter=5)
    registered = register(keys, office.approver, phone)
    made = office.submitted()
    digest = bytes.fromhex(made.approval_digest)
    with pytest.raises(DomainError) as refused:
        office.applications.approve(
            office.approver,
            made.row.id,
            made.row.version,
            signing=signing(registered, phone.sign(digest)),
        )
    assert code(refused) == "signing_key_cloned"
    phone.counter = 6
    office.applications.approve(
        office.approver,
        made.row.id,
        made.row.version,
        signing=signing(registered, phone.sign(digest)),
    )


# ── registering ──────────────────────────────────────────────────────────────────────────────────


def test_a_key_is_registered_listed_and_revoked_on_the_record(
    office: Office, keys: SigningKeyService
) -> None:
    key = RawKey()
    made = register(keys, office.approver, key)
    gone = keys.revoke(office.approver, made.id, "换手机")
    assert (made.revoked_at, gone.revoked_at) == (None, office.world.clock())
    assert [one.id for one in keys.find(office.approver)] == [made.id]
    added, revoked = office.world.records()[-2:]
    assert (added.kind, revoked.kind) == (
        "person.signing_key_added",
        "person.signing_key_revoked",
    )
    assert added.data == {
        "subject": office.approver.person_id,
        "key": made.id,
        "alg": "EdDSA",
        "form": "raw",
        "public_key": made.public_key,
    }
    assert revoked.data["reason"] == "换手机"
    with pytest.raises(DomainError) as twice:
        keys.revoke(office.approver, made.id, "再次")
    assert code(twice) == "signing_key_revoked"
    for actor in (office.approver, office.supervisor):
        with pytest.raises(DomainError) as again:
            register(keys, actor, key)
        assert code(again) == "signing_key_known"


def test_only_who_holds_a_key_registers_it_for_themselves(
    office: Office, keys: SigningKeyService
) -> None:
    key = Passkey()
    theirs = key.sign(keys.challenge(office.supervisor, key.public))
    for proof in (theirs, Passkey(seed=2).sign(keys.challenge(office.approver, key.public))):
        with pytest.raises(DomainError) as refused:
            register(keys, office.approver, key, proof=proof)
        assert code(refused) == "bad_signature"
    with pytest.raises(DomainError) as elsewhere:
        register(keys, office.approver, key, origins=frozenset({"https://other.example"}))
    assert code(elsewhere) == "bad_signature"
    with pytest.raises(DomainError) as wrong:
        register(keys, office.approver, key, password="猜的")
    assert code(wrong) == "wrong_password"
    assert office.world.records("person.signing_key_added") == []


def test_what_browsers_call_a_public_key_is_understood(
    office: Office, keys: SigningKeyService
) -> None:
    key = Passkey()
    assert keys.challenge(office.approver, key.spki) == keys.challenge(office.approver, key.public)
    for nonsense in (b"", b"x" * 64, b"0" * 90):
        with pytest.raises(DomainError) as refused:
            keys.challenge(office.approver, nonsense)
        assert code(refused) == "bad_signing_key"


def test_nobody_gathers_keys_without_end(office: Office, keys: SigningKeyService) -> None:
    first, *_ = [register(keys, office.approver, RawKey(seed)) for seed in range(1, MOST + 1)]
    with pytest.raises(DomainError) as full:
        register(keys, office.approver, RawKey(99))
    assert code(full) == "too_many_signing_keys"
    keys.revoke(office.approver, first.id, "不用了")
    register(keys, office.approver, RawKey(99))


def test_promise_6_keys_are_seen_and_revoked_within_the_branch_only(
    office: Office, keys: SigningKeyService
) -> None:
    made = register(keys, office.approver, RawKey())
    owner = office.approver.person_id
    assert len(keys.find(office.supervisor, owner)) == 1
    stranger = office.world.actor(Role.ADMIN, OTHER_VILLAGE)
    for act in (
        lambda: keys.find(stranger, owner),
        lambda: keys.revoke(stranger, made.id, "不该我管"),
        lambda: keys.revoke(office.supervisor, made.id, "监督员不注销"),
        lambda: keys.revoke(stranger, "no-such-key", "没有"),
    ):
        with pytest.raises(DomainError) as refused:
            act()
        assert code(refused) == "not_found"
    admin = office.world.actor(Role.ADMIN)
    assert keys.revoke(admin, made.id, "离任").revoked_at is not None
