"""The keys that people sign approvals with: each person's own, shown to be held, revocable.

A key is registered once: after it was revoked nobody, its owner neither, registers it again.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Annotated, Any, Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from pydantic import Field
from sqlalchemy import Connection, Row

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, missing
from backend.domain.record import Record
from backend.ledger.approvals import ADDED, REVOKED
from backend.ledger.personal import (
    EDDSA,
    ES256,
    PASSKEY,
    PersonalSignature,
    PersonKey,
    SignatureError,
    encode,
)
from backend.services.context import ServiceContext
from backend.services.passwords import Passwords
from backend.services.people_rows import person_row
from backend.services.signatures import enrolment_challenge, verify
from backend.store import signing_keys
from gateway.protocol.cose import public_from
from gateway.protocol.errors import ProtocolError

MOST: Final = 10
"""Keys in force of one person."""

_ALGORITHMS: Final = {-7: ES256, -8: EDDSA}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A registered key. Times are ms UTC."""

    id: Annotated[str, Field(description="密钥编号 · id")]
    person_id: Annotated[str, Field(description="属于谁 · whose it is")]
    label: Annotated[str, Field(description="名称，如“我的手机” · its name")]
    alg: Annotated[str, Field(description="算法 · ES256, EdDSA")]
    public_key: Annotated[str, Field(description="公钥，base64url · raw public key")]
    form: Annotated[str, Field(description="签名形式 · raw, webauthn")]
    credential: Annotated[str | None, Field(description="通行密钥的编号 · a passkey's id")]
    created_at: Annotated[int, Field(description="登记时间 · registered at, ms UTC")]
    last_used_at: Annotated[int | None, Field(description="最近签名 · signed last at, ms UTC")]
    revoked_at: Annotated[int | None, Field(description="注销时间 · revoked at, ms UTC")]


class SigningKeyService:
    """Registers, lists and revokes the keys of people."""

    def __init__(self, context: ServiceContext, passwords: Passwords) -> None:
        self._context = context
        self._passwords = passwords

    def challenge(self, actor: Actor, public_key: bytes) -> bytes:
        """What the actor signs with a new key to register it; ``public_key`` as :func:`read_key`
        takes it.

        Raises:
            DomainError: ``bad_signing_key``.
        """
        return enrolment_challenge(actor.person_id, read_key(public_key))

    def add(
        self,
        actor: Actor,
        label: str,
        public_key: bytes,
        proof: PersonalSignature,
        password: str,
        *,
        origins: AbstractSet[str],
        credential: str | None = None,
    ) -> SigningKey:
        """Register a key of one's own. ``proof`` is its signature over :meth:`challenge`, in the
        form in which it will sign; the password is asked again. ``origins``: see
        :func:`backend.services.signatures.verify`.

        Raises:
            DomainError: ``bad_signing_key``, ``bad_signature``, ``wrong_password``,
                ``signing_key_known``, ``too_many_signing_keys``.
        """
        key = read_key(public_key)
        counter = verify(proof, key, enrolment_challenge(actor.person_id, key), origins)
        now = self._context.now()
        with self._context.db.read() as conn:
            person = person_row(conn, actor.person_id)
        if not self._passwords.verify(person.password_hash, password):
            raise DomainError("wrong_password", "口令不正确", "the password is not right", "denied")
        row = {
            "id": self._context.new_id(),
            "person_id": actor.person_id,
            "label": label.strip()[:100] or "签名密钥",
            "alg": key.alg,
            "public": key.public,
            "form": proof.form,
            "credential": credential if proof.form == PASSKEY else None,
            "counter": counter,
            "created_at": now,
        }
        with self._context.db.write() as conn:
            signing_keys.lock_owner(conn, actor.person_id)  # two at once are counted one by one
            if signing_keys.is_known(conn, key.public):
                raise conflict(
                    "signing_key_known",
                    "这把密钥登记过（可能已注销），请新建一把再登记",
                    "this key was registered before; make a new one",
                )
            if signing_keys.in_force(conn, actor.person_id) >= MOST:
                raise conflict(
                    "too_many_signing_keys",
                    f"每人最多{MOST}把签名密钥，请先注销不用的",
                    f"at most {MOST} keys; revoke one first",
                )
            said = {name: row[name] for name in ("alg", "form")}
            said |= {"key": row["id"], "public_key": encode(key.public)}
            seq = self._record(conn, actor, ADDED, person.org_path, actor.person_id, said)
            signing_keys.insert(conn, row | {"record_seq": seq})
            made = signing_keys.lock(conn, str(row["id"]))
        assert made is not None  # just inserted
        return _shown(made)

    def find(self, actor: Actor, person_id: str | None = None) -> Sequence[SigningKey]:
        """A person's keys, revoked ones too, newest first: one's own, or of somebody of a branch
        that one administers or supervises.

        Raises:
            DomainError: ``not_found``.
        """
        owner = person_id or actor.person_id
        with self._context.db.read() as conn:
            self._concerned(conn, actor, owner, (Role.ADMIN, Role.SUPERVISOR))
            return [_shown(row) for row in signing_keys.of_person(conn, owner)]

    def revoke(self, actor: Actor, key_id: str, reason: str) -> SigningKey:
        """Make a key void from now on: by its owner, or by who administers them. What it signed
        stays good.

        Raises:
            DomainError: ``not_found``, ``signing_key_revoked``.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            row = signing_keys.lock(conn, key_id)
            if row is None:
                raise missing("该签名密钥", "signing key")
            path = self._concerned(conn, actor, row.person_id, (Role.ADMIN,))
            if row.revoked_at is not None:
                raise conflict("signing_key_revoked", "该密钥已注销", "the key is revoked already")
            signing_keys.change(conn, key_id, revoked_at=now, revoked_by=actor.person_id)
            said = {"key": key_id, "reason": reason.strip()[:500]}
            self._record(conn, actor, REVOKED, path, row.person_id, said)
            changed = signing_keys.lock(conn, key_id)
        assert changed is not None  # it was there a moment ago
        return _shown(changed)

    def _record(
        self, conn: Connection, actor: Actor, kind: str, path: str, owner: str, said: dict[str, Any]
    ) -> int:
        now = self._context.now()
        data = {"subject": owner, **said}
        record = Record(kind, path, now, now, person=actor.person_id, data=data)
        (written,) = self._context.journal.append(conn, [record])
        return written.seq

    @staticmethod
    def _concerned(conn: Connection, actor: Actor, owner: str, roles: tuple[Role, ...]) -> str:
        path = signing_keys.owner_path(conn, owner)
        if path is None or not (owner == actor.person_id or actor.may_any(roles, path)):
            raise missing("该人员", "person")
        return path


@dataclass(frozen=True, slots=True)
class Signing:
    """A person's signature with their registered ``key``, given on a page of ``origins``. The
    form is the key's: ``authenticator_data`` and ``client_data`` are a passkey's."""

    key: str
    value: bytes
    authenticator_data: bytes
    client_data: bytes
    origins: AbstractSet[str]


def signed_by(
    conn: Connection, person_id: str, signing: Signing, challenge: bytes, now: int
) -> dict[str, Any]:
    """Check that ``person_id`` signed ``challenge`` with a key of theirs, in the caller's
    transaction; returns what is kept of it as evidence.

    Raises:
        DomainError: ``signing_key_unknown`` for a key that is not theirs or was revoked;
            ``bad_signature``; ``signing_key_cloned`` when a passkey's counter did not grow
            (W3C Web Authentication Level 2 §7.2, step 21).
    """
    row = signing_keys.lock(conn, signing.key)
    if row is None or row.person_id != person_id or row.revoked_at is not None:
        raise DomainError(
            "signing_key_unknown",
            "这把签名密钥不是您登记的，或已注销",
            "this signing key is not yours, or was revoked",
        )
    signature = PersonalSignature(
        row.form, signing.value, signing.authenticator_data, signing.client_data
    )
    counter = verify(signature, PersonKey(row.alg, row.public), challenge, signing.origins)
    if (counter or row.counter) and counter <= row.counter:
        raise DomainError(
            "signing_key_cloned",
            "这把通行密钥的计数没有增长，可能被复制，请注销后重新登记",
            "the counter of this passkey did not grow; it may have been cloned",
        )
    signing_keys.change(conn, signing.key, counter=counter, last_used_at=now)
    return signature.plain() | {
        "key": signing.key,
        "alg": row.alg,
        "public_key": encode(row.public),
    }


def read_key(public_key: bytes) -> PersonKey:
    """A public key: raw (32 bytes of Ed25519, a 65-byte point of P-256) or SubjectPublicKeyInfo in
    DER, as a browser's ``getPublicKey()`` gives it.

    Raises:
        DomainError: ``bad_signing_key``.
    """
    try:
        if len(public_key) in (32, 65):
            return PersonKey(EDDSA if len(public_key) == 32 else ES256, public_key)
        found = public_from(serialization.load_der_public_key(public_key))
        return PersonKey(_ALGORITHMS[found.alg], found.raw)
    except (SignatureError, ProtocolError, UnsupportedAlgorithm, ValueError) as error:
        raise DomainError(
            "bad_signing_key",
            "公钥须为 P-256（ES256）或 Ed25519（EdDSA）",
            "the public key must be P-256 (ES256) or Ed25519 (EdDSA)",
        ) from error


def _shown(row: Row[Any]) -> SigningKey:
    return SigningKey(
        id=row.id,
        person_id=row.person_id,
        label=row.label,
        alg=row.alg,
        public_key=encode(row.public),
        form=row.form,
        credential=row.credential,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
    )
