"""Signed notes and verifier keys (c2sp.org/signed-note), with Ed25519 (RFC 8032).

Two kinds of signature are known: plain ones over the note's text, and the timestamped
``cosignature/v1`` of witnesses (c2sp.org/tlog-cosignature). Signatures by other keys are kept and
otherwise ignored.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import load_pem_private_key

ED25519: Final = 0x01
COSIGNATURE: Final = 0x04
MAX_NOTE_CHARACTERS: Final = 200_000
MAX_SIGNATURES: Final = 100
_MAX_SECONDS: Final = 2**63 - 1


class NoteError(ValueError):
    """Text that is no signed note, or a signature by a known key that does not verify."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with a name. ``algorithm`` is the type byte of c2sp.org/signed-note."""

    name: str
    algorithm: int
    public_key: bytes

    def __post_init__(self) -> None:
        if not self.name or "+" in self.name or any(letter.isspace() for letter in self.name):
            raise NoteError(f"not a key name: {self.name!r}")
        if not 0 <= self.algorithm <= 0xFF:
            raise NoteError(f"not a signature type: {self.algorithm}")
        if self.algorithm in (ED25519, COSIGNATURE) and len(self.public_key) != 32:
            raise NoteError("an Ed25519 public key has 32 bytes")

    @property
    def key_id(self) -> bytes:
        """Four bytes that stand before each signature by this key."""
        material = self.name.encode() + b"\n" + bytes([self.algorithm]) + self.public_key
        return hashlib.sha256(material).digest()[:4]

    @property
    def text(self) -> str:
        """The one-line form ``name+id+base64(type ‖ key)``."""
        material = bytes([self.algorithm]) + self.public_key
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(material).decode()}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read the one-line form.

        Raises:
            NoteError: when it is malformed or the id does not belong to name and key.
        """
        parts = text.strip().split("+", 2)
        if len(parts) != 3:
            raise NoteError("a verifier key is name+id+key")
        name, key_id, encoded = parts
        material = decode_base64(encoded)
        if not material:
            raise NoteError("a verifier key without a key")
        key = cls(name, material[0], material[1:])
        if key.key_id.hex() != key_id:
            raise NoteError(f"the id of verifier key {name!r} is not {key_id}")
        return key

    def verify(self, body: str, signature: bytes) -> int | None:
        """Check a signature over a note's text.

        Returns:
            The time in ms that a cosignature states, ``None`` for a plain signature.

        Raises:
            NoteError: when it does not verify, or the key's type is not known here.
        """
        if self.algorithm == ED25519:
            message, seconds = body.encode(), None
        elif self.algorithm == COSIGNATURE:
            seconds = int.from_bytes(signature[:8], "big")
            message, signature = cosigned_message(body, seconds), signature[8:]
        else:
            raise NoteError(f"signature type {self.algorithm:#04x} is not known here")
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except (InvalidSignature, ValueError) as error:
            raise NoteError(f"the signature of {self.name} does not verify") from error
        return None if seconds is None else seconds * 1000


class Signer(Protocol):
    """Who signs the log's checkpoints: a key in memory, or a certified module behind this door."""

    @property
    def key(self) -> VerifierKey:
        """Its public side."""
        ...

    def sign(self, message: bytes) -> bytes:
        """The raw signature over ``message``."""
        ...


class Ed25519Signer:
    """A signer with its key in memory.

    ``seed`` has 32 bytes; ``algorithm`` is :data:`ED25519` for a log, :data:`COSIGNATURE` for a
    witness.
    """

    __slots__ = ("_private", "key")

    def __init__(self, name: str, seed: bytes, algorithm: int = ED25519) -> None:
        self._private = Ed25519PrivateKey.from_private_bytes(seed)
        public = self._private.public_key().public_bytes_raw()
        self.key: VerifierKey = VerifierKey(name, algorithm, public)

    @classmethod
    def from_pem(
        cls, name: str, pem: bytes, password: bytes | None = None, algorithm: int = ED25519
    ) -> Ed25519Signer:
        """Read a PKCS #8 private key.

        Raises:
            NoteError: when it is not an Ed25519 key, or the password does not fit.
        """
        try:
            private = load_pem_private_key(pem, password)
        except (ValueError, TypeError) as error:
            raise NoteError(f"not a readable private key: {error}") from error
        if not isinstance(private, Ed25519PrivateKey):
            raise NoteError("the log signs with Ed25519; this is another kind of key")
        return cls(name, private.private_bytes_raw(), algorithm)

    def sign(self, message: bytes) -> bytes:
        """64 bytes of signature."""
        return self._private.sign(message)


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, not yet verified."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """As it stands in a note, without the newline."""
        return f"— {self.name} {base64.b64encode(self.key_id + self.signature).decode()}"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a signature line.

        Raises:
            NoteError: when it is malformed.
        """
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if mark != "—" or not name or "+" in name or any(letter.isspace() for letter in name):
            raise NoteError("a signature line is “— name signature”")
        packed = decode_base64(encoded)
        if len(packed) < 5:
            raise NoteError("a signature line without a signature")
        return cls(name, packed[:4], packed[4:])


@dataclass(frozen=True, slots=True)
class Verified:
    """A signature that verified. ``at`` is a witness's time in ms, ``None`` for a plain one."""

    key: VerifierKey
    at: int | None


@dataclass(frozen=True, slots=True)
class Note:
    """A text, newline included, with the signatures below it."""

    body: str
    signatures: tuple[Signature, ...]

    @property
    def text(self) -> str:
        """The whole note."""
        return self.body + "\n" + "".join(f"{signature.line}\n" for signature in self.signatures)

    @classmethod
    def parse(cls, text: str) -> Note:
        """Take a note apart; nothing is verified.

        Raises:
            NoteError: when it is malformed or unreasonably long.
        """
        if len(text) > MAX_NOTE_CHARACTERS:
            raise NoteError("the note is too long")
        if any(letter < " " and letter != "\n" for letter in text):
            raise NoteError("a note holds no control characters")
        body, blank, below = text.rpartition("\n\n")
        if not blank or not below.endswith("\n"):
            raise NoteError("a note is a text, an empty line and signature lines")
        lines = below[:-1].split("\n")
        if len(lines) > MAX_SIGNATURES:
            raise NoteError(f"more than {MAX_SIGNATURES} signatures")
        return cls(body + "\n", tuple(Signature.parse(line) for line in lines))

    def verify(self, keys: Iterable[VerifierKey]) -> tuple[Verified, ...]:
        """The signatures by ``keys``; those by other keys are passed over.

        A witness may have signed more than once, at different times.

        Raises:
            NoteError: when a signature by one of ``keys`` does not verify.
        """
        known = {(key.name, key.key_id): key for key in keys}
        verified = []
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is not None:
                verified.append(Verified(key, key.verify(self.body, signature.signature)))
        return tuple(verified)

    def merged(self, other: Note) -> Note:
        """This note with the further signatures that ``other`` carries over the same text.

        Of each key the first and the newest are kept: the one says since when, the other until
        when the text was seen, and the note does not grow without end.

        Raises:
            NoteError: when the texts differ.
        """
        if other.body != self.body:
            raise NoteError("the signatures belong to another text")
        kept: dict[tuple[str, bytes], list[Signature]] = {}
        for signature in self.signatures + other.signatures:
            of_key = kept.setdefault((signature.name, signature.key_id), [])
            if signature not in of_key:
                kept[signature.name, signature.key_id] = [*of_key[:1], signature]
        return Note(self.body, tuple(one for of_key in kept.values() for one in of_key))


def sign(body: str, signer: Signer) -> Note:
    """A note with one plain signature. ``body`` ends with a newline."""
    signature = Signature(signer.key.name, signer.key.key_id, signer.sign(body.encode()))
    return Note.parse(Note(body, (signature,)).text)


def cosign(note: Note, signer: Signer, now: int) -> Signature:
    """A witness's signature over a note's text at ``now`` (ms; the format keeps whole seconds).

    Raises:
        NoteError: when the signer's key is not of type :data:`COSIGNATURE`.
    """
    if signer.key.algorithm != COSIGNATURE:
        raise NoteError("a witness needs a key of the cosignature type")
    seconds = now // 1000
    raw = signer.sign(cosigned_message(note.body, seconds))
    return Signature(signer.key.name, signer.key.key_id, seconds.to_bytes(8, "big") + raw)


def cosigned_message(body: str, seconds: int) -> bytes:
    """What a ``cosignature/v1`` signs: header, time and the note's text.

    Raises:
        NoteError: when the time is out of range.
    """
    if not 0 <= seconds <= _MAX_SECONDS:
        raise NoteError("the time of a cosignature is out of range")
    return f"cosignature/v1\ntime {seconds}\n{body}".encode()


def decode_base64(text: str) -> bytes:
    """Standard base64 in its one canonical form (RFC 4648 §4).

    Raises:
        NoteError: for anything else.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise NoteError("not base64") from error
    if base64.b64encode(data).decode() != text:
        raise NoteError("not canonical base64")
    return data
