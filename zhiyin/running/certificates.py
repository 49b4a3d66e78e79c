"""Certificates for a try and for a closed network: a small authority of our own, and servers' ones.

P-256 with SHA-256 throughout. A real installation takes its certificates from a public or
government authority instead.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_DAYS: Final = 3650
SERVER_DAYS: Final = 397
"""The longest that browsers accept (CA/Browser Forum, Baseline Requirements 6.3.2)."""
_BACKDATED: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, repr=False)
class Pair:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    def pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        """The private key as PEM, not encrypted."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def authority(now: int, name: str = "智印 Zhiyin") -> Pair:
    """A new certificate authority; ``now`` in ms UTC."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        _begun(subject, subject, key, now, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(identifier, critical=False)
        .sign(key, hashes.SHA256())
    )
    return Pair(certificate, key)


def server(signed_by: Pair, names: Sequence[str], now: int) -> Pair:
    """A server's certificate for ``names`` (host names or addresses); ``now`` in ms UTC.

    Raises:
        ValueError: when there is no name.
    """
    if not names:
        raise ValueError("a certificate needs a name")
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0][:64])])
    issuer = signed_by.certificate
    certificate = (
        _begun(subject, issuer.subject, key, now, SERVER_DAYS)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([_name(item) for item in names]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.key.public_key()),
            critical=False,
        )
        .sign(signed_by.key, hashes.SHA256())
    )
    return Pair(certificate, key)


def make_server(folder: Path, file: str, names: Sequence[str], now: int) -> list[Path]:
    """Write ``<file>.crt`` and ``<file>.key`` into ``folder``, signed by the authority there
    (``ca.crt``, ``ca.key``), which is made first if there is none. Returns what was written.

    Raises:
        FileExistsError: when the certificate is there already.
        OSError: when the folder cannot be used.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made: list[Path] = []

    def put(name: str, data: bytes, *, secret: bool) -> None:
        write(folder / name, data, secret=secret)
        made.append(folder / name)

    if (folder / "ca.key").exists():
        signer = _read_authority(folder)
    else:
        signer = authority(now)
        put("ca.crt", signer.pem(), secret=False)
        put("ca.key", signer.key_pem(), secret=True)
    pair = server(signer, names, now)
    put(f"{file}.crt", pair.pem(), secret=False)
    put(f"{file}.key", pair.key_pem(), secret=True)
    return made


def _read_authority(folder: Path) -> Pair:
    key = serialization.load_pem_private_key((folder / "ca.key").read_bytes(), None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise ValueError(f"{folder / 'ca.key'} is no P-256 key")
    return Pair(x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes()), key)


def write(path: Path, data: bytes, *, secret: bool) -> None:
    """Write a new file; a secret one for its owner only.

    Raises:
        FileExistsError: rather than ever replacing a certificate or key.
    """
    mode = 0o600 if secret else 0o644
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _begun(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: int, days: int
) -> x509.CertificateBuilder:
    begins = datetime.fromtimestamp(now / 1000, UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins - _BACKDATED)  # clocks of phones and sleeves differ a little
        .not_valid_after(begins + timedelta(days=days))
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)
