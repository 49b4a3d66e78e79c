"""Keys that people sign approvals with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from backend.api.answers import answer
from backend.api.base64url import Base64Url
from backend.api.deps import require_session, service, signing_origins
from backend.ledger.personal import PASSKEY, RAW, PersonalSignature, encode
from backend.services.identity import Authenticated
from backend.services.signing_keys import SigningKey, SigningKeyService

router = APIRouter(prefix="/api/v1/signing-keys", tags=["签名密钥 Signing keys"])

Keys = Annotated[SigningKeyService, service(SigningKeyService)]
# Not by a token: what signs for a person is registered by the person.
Asker = Annotated[Authenticated, require_session()]
KeyBytes = Annotated[
    Base64Url,
    Field(
        max_length=400,
        description="公钥，base64url：原始字节，或 getPublicKey() 的 DER · raw, or DER (SPKI)",
    ),
]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class NewKey(_Body):
    """要登记的公钥 · a public key to register."""

    public_key: KeyBytes


class ProvenKey(NewKey):
    """公钥、持有证明和登录口令 · the key, the proof of holding it, the password again."""

    label: str = Field(min_length=1, max_length=100, description="名称，如“我的手机” · its name")
    form: Literal["raw", "webauthn"] = Field(
        default=PASSKEY, description="签名形式 · a passkey's, or raw"
    )
    credential: str | None = Field(
        default=None, max_length=1024, description="通行密钥的编号，base64url · credential id"
    )
    value: Base64Url = Field(
        max_length=1024, description="对 challenge 的签名，base64url · signature over it"
    )
    authenticator_data: Base64Url | None = Field(
        default=None, max_length=4096, description="通行密钥的 authenticatorData，base64url"
    )
    client_data: Base64Url | None = Field(
        default=None, max_length=4096, description="通行密钥的 clientDataJSON，base64url"
    )
    password: SecretStr = Field(max_length=128, description="登录口令 · password, asked again")


class RevokeBody(_Body):
    """为什么注销 · why."""

    reason: str = Field(min_length=1, max_length=500, description="原因 · reason")


@dataclass(frozen=True, slots=True)
class Challenge:
    """What the new key signs."""

    challenge: Annotated[str, Field(description="要签的32字节，base64url · 32 bytes to sign")]


@router.post("/challenge", summary="登记前要签的内容 · What to sign", response_model=Challenge)
def challenge(body: NewKey, asker: Asker, keys: Keys) -> Response:
    """Signed by the new key itself (with a passkey: `navigator.credentials.get`), it shows that
    its owner holds it."""
    return answer(Challenge(encode(keys.challenge(asker.actor, body.public_key))))


@router.post(
    "", summary="登记签名密钥 · Register a key", status_code=201, response_model=SigningKey
)
def add(request: Request, body: ProvenKey, asker: Asker, keys: Keys) -> Response:
    """One's own only. A key is registered once: after it was revoked, a new one is needed."""
    proof = PersonalSignature(
        RAW if body.form == RAW else PASSKEY,
        body.value,
        body.authenticator_data or b"",
        body.client_data or b"",
    )
    made = keys.add(
        asker.actor,
        body.label,
        body.public_key,
        proof,
        body.password.get_secret_value(),
        origins=signing_origins(request, request.app.state.settings),
        credential=body.credential,
    )
    return answer(made, 201)


@router.get("", summary="签名密钥列表 · List keys", response_model=Sequence[SigningKey])
def find(
    asker: Asker,
    keys: Keys,
    person_id: Annotated[
        str | None, Query(max_length=64, description="空为本人 · oneself when empty")
    ] = None,
) -> Response:
    """Revoked ones too: what they signed stays good."""
    return answer(keys.find(asker.actor, person_id))


@router.post(
    "/{key_id}/revocation", summary="注销签名密钥 · Revoke a key", response_model=SigningKey
)
def revoke(
    key_id: Annotated[str, Path(max_length=64, description="密钥编号 · id")],
    body: RevokeBody,
    asker: Asker,
    keys: Keys,
) -> Response:
    """Void from now on; by its owner, or by who administers them."""
    return answer(keys.revoke(asker.actor, key_id, body.reason))
