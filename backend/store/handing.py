"""Which keys each part is given, and their handing out: nothing but what it needs.

The installation's own folder has every key and is for commands only (``migrate``, ``init``,
``keys``). A part gets a folder of its own with copies of the secret keys that it uses and, where it
only has to name a key, the public half.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from backend.store.keyfiles import (
    Purpose,
    key_files,
    key_text,
    public_name,
    public_text,
    read_key,
    refuse_open_folder,
    sync_folder,
)
from gateway.protocol import cose


@dataclass(frozen=True, slots=True)
class Needs:
    """The keys of a part: those whose ``secret`` it uses, and those it only names (``public``)."""

    secret: frozenset[Purpose] = frozenset()
    public: frozenset[Purpose] = frozenset()


NEEDS: Final[Mapping[str, Needs]] = {
    # Answers and receipts; PINs and pictures off the wire, pictures to rest; enrolled faces.
    "gateway": Needs(
        frozenset(
            {
                Purpose.GRANT,
                Purpose.RECEIPT,
                Purpose.PICTURE_WIRE,
                Purpose.PICTURE_REST,
                Purpose.TEMPLATE,
            }
        )
    ),
    # Grants pushed ahead, orders; papers and pictures that are looked at; faces; sessions. It tells
    # new sleeves whom to believe, and signs no receipt, opens no PIN.
    "api": Needs(
        frozenset({Purpose.GRANT, Purpose.PICTURE_REST, Purpose.TEMPLATE, Purpose.WEB}),
        frozenset({Purpose.RECEIPT, Purpose.PICTURE_WIRE}),
    ),
    # Signs the log's checkpoints.
    "alerts": Needs(frozenset({Purpose.LOG})),
    # Looks at the pictures of papers.
    "eyes": Needs(frozenset({Purpose.PICTURE_REST})),
    # Enrols simulated sleeves.
    "enrol": Needs(frozenset({Purpose.GRANT}), frozenset({Purpose.RECEIPT, Purpose.PICTURE_WIRE})),
}
"""A part that is not named here is given nothing."""


def hand_out(keys: Path, parts: Path) -> None:
    """Put into ``parts/<part>`` what that part needs of the folder ``keys``: all generations, and
    nothing that it does not need. Safe to repeat.

    Raises:
        KeyRingError: when a folder is open to others, or a key is damaged.
    """
    parts.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part, needs in NEEDS.items():
        folder = parts / part
        folder.mkdir(mode=0o700, exist_ok=True)
        refuse_open_folder(folder)
        wanted: dict[str, str] = {}
        for purpose, generation, path in key_files(keys):
            secret = read_key(path, purpose, generation)
            if purpose in needs.secret:
                wanted[path.name] = key_text(purpose, generation, secret)
            elif purpose in needs.public:
                name = public_name(purpose, generation)
                wanted[name] = public_text(purpose, generation, _public(purpose, secret))
        for old in folder.iterdir():
            if old.name not in wanted:
                old.unlink()
        for name, text in wanted.items():
            _write(folder / name, text)
        sync_folder(folder)


def _public(purpose: Purpose, secret: bytes) -> bytes:
    if purpose is Purpose.PICTURE_WIRE:
        return X25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    return cose.Ed25519Signer(secret).public.raw


def _write(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="ascii") == text:
        return
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
