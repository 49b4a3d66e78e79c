"""The key with which a sleeve enrols: a public key or a signing request, and its proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from backend.domain.errors import DomainError
from gateway.protocol.cose import PublicKey, public_from
from gateway.protocol.errors import ProtocolError

Proof = Literal["signing_request", "signature", "none"]
"""How the sleeve showed that it holds the private key. ``none``: its first event will."""

_MAX_PEM: Final = 8192
_PROOF_CONTEXT: Final = b"zhiyin enrol v1\0"


@dataclass(frozen=True, slots=True)
class SubmittedKey:
    """A verifying key that may be registered."""

    public: PublicKey
    proof: Proof


def proof_message(device_id: str) -> bytes:
    """What a sleeve signs to show that it holds the key of the public key it hands in."""
    return _PROOF_CONTEXT + device_id.encode()


def read_key(pem: str, device_id: str, signature: bytes | None = None) -> SubmittedKey:
    """Read a PEM public key (RFC 7468) or PKCS #10 signing request (RFC 2986), Ed25519 or P-256.

    A signing request proves itself and, when it has a common name, names the sleeve. ``signature``
    (64 bytes over :func:`proof_message`) may come with a public key.

    Raises:
        DomainError: ``bad_key``, ``bad_proof``.
    """
    data = pem.strip().encode()
    if len(data) > _MAX_PEM:
        raise _bad_key("too long")
    try:
        if b"CERTIFICATE REQUEST-----" in data:
            return _request(data, device_id)
        public = PublicKey.from_pem(data)
    except (ProtocolError, ValueError, UnsupportedAlgorithm) as error:
        raise _bad_key(str(error)) from error
    if signature is None:
        return SubmittedKey(public, "none")
    try:
        public.verify(signature, proof_message(device_id))
    except ProtocolError as error:
        raise _bad_proof() from error
    return SubmittedKey(public, "signature")


def _request(data: bytes, device_id: str) -> SubmittedKey:
    request = x509.load_pem_x509_csr(data)
    public = public_from(request.public_key())
    if not request.is_signature_valid:
        raise _bad_proof()
    names = [str(one.value) for one in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names and names != [device_id]:
        raise DomainError(
            "bad_proof",
            f"签名请求是为“{names[0][:40]}”生成的，与套筒编号 {device_id} 不一致",
            f"the signing request was made for {names[0][:40]!r}, not for sleeve {device_id}",
        )
    return SubmittedKey(public, "signing_request")


def _bad_key(detail: str) -> DomainError:
    return DomainError(
        "bad_key",
        "公钥或签名请求无法识别：须为 PEM 格式的 Ed25519 或 P-256 公钥，或 PKCS#10 签名请求",
        "not a usable key: give a PEM public key (Ed25519 or P-256) or PKCS #10 request"
        f" ({detail[:120]})",
    )


def _bad_proof() -> DomainError:
    return DomainError(
        "bad_proof",
        "签名验证失败：提交者没有证明持有对应的私钥",
        "the proof does not verify: whoever hands this in has not shown the private key",
    )
