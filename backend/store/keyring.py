"""The installation's own keys: one file each, outside the database, several generations.

The newest generation signs and wraps, every older one still verifies and unwraps; so a key is
rotated by adding a file, never by replacing one. Whoever copies the database gets none of them, and
a part that runs alone (a gateway) is given only the files it needs.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NoReturn

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.keywrap import (
    InvalidUnwrap,
    aes_key_unwrap,
    aes_key_wrap,
)

from backend.ledger import note
from backend.store.keyfiles import (
    KEY_BYTES,
    KeyRingError,
    Purpose,
    file_name,
    key_damaged,
    key_files,
    key_missing,
    public_files,
    read_key,
    read_public,
    refuse_open_folder,
    write_key,
)
from gateway.protocol import cose

NONCE_BYTES: Final = 12
"""Of AES-GCM (NIST SP 800-38D §8.2.2: random, 96 bits)."""

_KEY_ID_BYTES: Final = 8


@dataclass(frozen=True, slots=True, repr=False)
class _Key:
    generation: int
    secret: bytes

    @property
    def id(self) -> bytes:
        """Names the key without telling anything about it."""
        return hmac.digest(self.secret, b"zhiyin key id", hashlib.sha256)[:_KEY_ID_BYTES]


class KeyRing:
    """The keys found in one folder. Nothing of it is ever printed, pickled or logged.

    A purpose without a file is no error until it is used. A part may be given only the public half
    of a key that it has to name (:mod:`backend.store.handing`).
    """

    def __init__(
        self,
        keys: Mapping[Purpose, Iterable[tuple[int, bytes]]],
        public: Mapping[Purpose, Iterable[tuple[int, bytes]]] | None = None,
    ) -> None:
        self._public: dict[Purpose, tuple[bytes, ...]] = {
            purpose: tuple(raw for _, raw in sorted(pairs, reverse=True))
            for purpose, pairs in (public or {}).items()
        }
        self._keys: dict[Purpose, tuple[_Key, ...]] = {
            purpose: tuple(_Key(*pair) for pair in sorted(pairs, reverse=True))
            for purpose, pairs in keys.items()
        }

    # ── files ────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def create(
        cls,
        folder: Path,
        random: Callable[[int], bytes] = os.urandom,
        purposes: Iterable[Purpose] = tuple(Purpose),
    ) -> KeyRing:
        """Make the first generation of each key that ``folder`` has none of; never overwrites.

        Raises:
            KeyRingError: when the folder is open to others, or a key in it is damaged.
        """
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        refuse_open_folder(folder)
        present = {purpose for purpose, _generation, _path in key_files(folder)}
        for purpose in purposes:
            if purpose not in present:
                write_key(folder, purpose, 1, random(KEY_BYTES))
        return cls.load(folder)

    @classmethod
    def load(cls, folder: Path, required: Iterable[Purpose] = ()) -> KeyRing:
        """Read every key in ``folder``.

        Raises:
            KeyRingError: ``keys_missing`` (no folder, or one of ``required`` has no file),
                ``keys_exposed`` (others may read a file or write the folder) or ``keys_damaged``.
        """
        if not folder.is_dir():
            raise key_missing(f"{folder}")
        refuse_open_folder(folder)
        keys: dict[Purpose, list[tuple[int, bytes]]] = {}
        for purpose, generation, path in key_files(folder):
            keys.setdefault(purpose, []).append((generation, read_key(path, purpose, generation)))
        for purpose in required:
            if purpose not in keys:
                raise key_missing(f"{folder / file_name(purpose, 1)}")
        public: dict[Purpose, list[tuple[int, bytes]]] = {}
        for purpose, generation, path in public_files(folder):
            found = read_public(path, purpose, generation)
            public.setdefault(purpose, []).append((generation, found))
        return cls(keys, public)

    @staticmethod
    def rotate(folder: Path, purpose: Purpose, random: Callable[[int], bytes] = os.urandom) -> int:
        """Add a generation of one key; returns its number. Takes effect with the next :meth:`load`.

        Raises:
            KeyRingError: as :meth:`load`.
        """
        KeyRing.load(folder, [purpose])
        newest = max(number for found, number, _path in key_files(folder) if found == purpose)
        write_key(folder, purpose, newest + 1, random(KEY_BYTES))
        return newest + 1

    # ── signing ──────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def grant(self) -> cose.Signer:
        """Signs everything that is said to a sleeve, receipts excepted."""
        return cose.Ed25519Signer(self._newest(Purpose.GRANT).secret)

    @cached_property
    def grant_all(self) -> tuple[cose.Signer, ...]:
        """Every generation of :attr:`grant`, oldest first: a sleeve that was off line for long
        believes an older one only."""
        return tuple(cose.Ed25519Signer(key.secret) for key in reversed(self._all(Purpose.GRANT)))

    @cached_property
    def receipt(self) -> cose.Signer:
        """Signs receipts."""
        return cose.Ed25519Signer(self._newest(Purpose.RECEIPT).secret)

    @property
    def grant_keys(self) -> dict[bytes, cose.PublicKey]:
        """Public keys of every generation of :attr:`grant`, by key id: what a sleeve is given."""
        return self._public_keys(Purpose.GRANT)

    @property
    def receipt_keys(self) -> dict[bytes, cose.PublicKey]:
        """Public keys of every generation of :attr:`receipt`, by key id."""
        return self._public_keys(Purpose.RECEIPT)

    def log_signer(self, origin: str) -> note.Ed25519Signer:
        """Signs the checkpoints of the log ``origin`` (the key's name is the log's origin)."""
        return note.Ed25519Signer(origin, self._newest(Purpose.LOG).secret)

    def log_keys(self, origin: str) -> tuple[note.VerifierKey, ...]:
        """Public keys of every generation, newest first, with which checkpoints may be signed."""
        return tuple(note.Ed25519Signer(origin, key.secret).key for key in self._all(Purpose.LOG))

    # ── pictures on the wire ─────────────────────────────────────────────────────────────────────

    @property
    def picture_wire(self) -> X25519PrivateKey:
        """To which sleeves encrypt pictures and PINs."""
        return self.picture_wire_all[0]

    @property
    def picture_wire_public(self) -> bytes:
        """The public half of :attr:`picture_wire`: what a sleeve is given."""
        if Purpose.PICTURE_WIRE not in self._keys and Purpose.PICTURE_WIRE in self._public:
            return self._public[Purpose.PICTURE_WIRE][0]
        return self.picture_wire.public_key().public_bytes_raw()

    @cached_property
    def picture_wire_all(self) -> tuple[X25519PrivateKey, ...]:
        """Newest first: a sleeve may still encrypt to an older one."""
        return tuple(
            X25519PrivateKey.from_private_bytes(key.secret)
            for key in self._all(Purpose.PICTURE_WIRE)
        )

    # ── at rest ──────────────────────────────────────────────────────────────────────────────────

    def wrap(self, data_key: bytes) -> tuple[str, bytes]:
        """Encrypt a picture's data key (RFC 3394, AES-256); returns ``(key id, wrapped)``.

        Key wrap needs no nonce, so one key may wrap any number of data keys.
        """
        key = self._newest(Purpose.PICTURE_REST)
        return key.id.hex(), aes_key_wrap(key.secret, data_key)

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The data key again.

        Raises:
            KeyRingError: ``key_unknown`` when no generation has that id, ``keys_damaged`` when the
                wrapped bytes were changed.
        """
        key = self._by_id(Purpose.PICTURE_REST, key_id)
        try:
            return aes_key_unwrap(key.secret, wrapped)
        except InvalidUnwrap as error:
            raise key_damaged("wrapped picture key") from error

    def seal_template(self, template: bytes, context: str, nonce: bytes) -> bytes:
        """Encrypt a face template, bound to ``context`` (whose, which engine).

        ``nonce``: 12 fresh random bytes. Result: key id ‖ nonce ‖ AES-256-GCM ciphertext.
        """
        key = self._newest(Purpose.TEMPLATE)
        return key.id + nonce + AESGCM(key.secret).encrypt(nonce, template, context.encode())

    def open_template(self, sealed: bytes, context: str) -> bytes:
        """The template again.

        Raises:
            KeyRingError: ``key_unknown``, or ``keys_damaged`` when it was changed or belongs to
                another ``context``.
        """
        key = self._by_id(Purpose.TEMPLATE, sealed[:_KEY_ID_BYTES].hex())
        nonce = sealed[_KEY_ID_BYTES : _KEY_ID_BYTES + NONCE_BYTES]
        body = sealed[_KEY_ID_BYTES + NONCE_BYTES :]
        try:
            return AESGCM(key.secret).decrypt(nonce, body, context.encode())
        except (InvalidTag, ValueError) as error:
            raise key_damaged("face template") from error

    # ── web ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def web(self) -> tuple[bytes, ...]:
        """Secrets of the session cookies, **oldest first** as itsdangerous wants them."""
        return tuple(key.secret for key in reversed(self._all(Purpose.WEB)))

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def generations(self) -> dict[str, int]:
        """How many generations there are of each purpose: all that may be shown."""
        return {str(purpose): len(keys) for purpose, keys in self._keys.items()}

    def _public_keys(self, purpose: Purpose) -> dict[bytes, cose.PublicKey]:
        if purpose in self._keys or purpose not in self._public:
            keys = [cose.Ed25519Signer(key.secret).public for key in self._all(purpose)]
        else:
            keys = [cose.PublicKey(cose.EDDSA, raw) for raw in self._public[purpose]]
        return {key.kid: key for key in keys}

    def _all(self, purpose: Purpose) -> tuple[_Key, ...]:
        try:
            return self._keys[purpose]
        except KeyError:
            raise key_missing(file_name(purpose, 1)) from None

    def _newest(self, purpose: Purpose) -> _Key:
        return self._all(purpose)[0]

    def _by_id(self, purpose: Purpose, key_id: str) -> _Key:
        for key in self._all(purpose):
            if key.id.hex() == key_id:
                return key
        raise KeyRingError(
            "key_unknown",
            f"找不到密钥 {purpose}（编号 {key_id}），请从备份恢复该代密钥文件",
            f"no generation of key {purpose} has id {key_id}; restore its file from the backup",
        )

    def __repr__(self) -> str:
        return f"KeyRing({self.generations()})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("keys do not travel between processes; load them where they are needed")
