"""Key files: how a secret of 32 bytes is kept on disk, and when a file is refused.

A file ``grant.0001.key`` holds two lines: what it is, and 32 bytes in base64. Files are 0600 in a
folder 0700; anything that others could read is refused.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import stat
from enum import StrEnum
from pathlib import Path
from typing import Final

from backend.domain.errors import DomainError

KEY_BYTES: Final = 32

_NAME = re.compile(r"^([a-z_]+)\.([0-9]{4})\.(key|pub)$")


class Purpose(StrEnum):
    """What a key is for. No key serves two."""

    GRANT = "grant"
    RECEIPT = "receipt"
    LOG = "log"
    PICTURE_WIRE = "picture_wire"
    PICTURE_REST = "picture_rest"
    TEMPLATE = "template"
    WEB = "web"


class KeyRingError(DomainError):
    """Keys are missing, readable by others, or damaged; it says which file and what to do."""


def file_name(purpose: Purpose, generation: int) -> str:
    """Where a generation lives within the folder."""
    return f"{purpose}.{generation:04d}.key"


def public_name(purpose: Purpose, generation: int) -> str:
    """Where the public half of a generation lives, for a part that is not given the secret."""
    return f"{purpose}.{generation:04d}.pub"


def key_files(folder: Path) -> list[tuple[Purpose, int, Path]]:
    """Every file with a secret key in the folder, by name."""
    return _files(folder, "key")


def public_files(folder: Path) -> list[tuple[Purpose, int, Path]]:
    """Every file with a public key only, by name."""
    return _files(folder, "pub")


def _files(folder: Path, kind: str) -> list[tuple[Purpose, int, Path]]:
    found: list[tuple[Purpose, int, Path]] = []
    for path in sorted(folder.iterdir()):
        match = _NAME.match(path.name)
        if match and match[1] in set(Purpose) and match[3] == kind:
            found.append((Purpose(match[1]), int(match[2]), path))
    return found


def refuse_open_folder(folder: Path) -> None:
    """Refuse a folder that others may enter.

    Raises:
        KeyRingError: ``keys_exposed``.
    """
    _refuse_exposed(folder.stat(), folder, "700")


def _refuse_exposed(status: os.stat_result, path: Path, mode: str) -> None:
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise KeyRingError(
            "keys_exposed",
            f"密钥 {path} 可被其他用户读取，已拒绝使用；请执行 chmod {mode} {path}，"
            "并考虑更换该密钥",
            f"others may read {path}, so it is refused; run chmod {mode} {path} and consider "
            "rotating the key",
        )
    if status.st_uid not in (os.geteuid(), 0):
        raise KeyRingError(
            "keys_exposed",
            f"密钥 {path} 属于其他用户，已拒绝使用；请将其所有者改为运行本程序的用户",
            f"{path} belongs to another user, so it is refused; make the user who runs this "
            "program its owner",
        )


def key_text(purpose: Purpose, generation: int, secret: bytes) -> str:
    """What a file with a secret key holds."""
    return _text("key", purpose, generation, secret)


def public_text(purpose: Purpose, generation: int, public: bytes) -> str:
    """What a file with a public key holds."""
    return _text("public key", purpose, generation, public)


def _text(what: str, purpose: Purpose, generation: int, data: bytes) -> str:
    return f"zhiyin {what} v1 {purpose} {generation}\n{base64.b64encode(data).decode()}\n"


def write_key(folder: Path, purpose: Purpose, generation: int, secret: bytes) -> None:
    """Write a new file, durably.

    Raises:
        FileExistsError: rather than ever replacing a key.
    """
    path = folder / file_name(purpose, generation)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key_text(purpose, generation, secret))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Make the folder's entries durable: a key that is used before its entry is on disk could be
    lost with what it wrapped."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_key(path: Path, purpose: Purpose, generation: int) -> bytes:
    """The secret in a file.

    Raises:
        KeyRingError: ``keys_exposed`` or ``keys_damaged``.
    """
    return _read("key", path, purpose, generation)


def read_public(path: Path, purpose: Purpose, generation: int) -> bytes:
    """The public key in a file.

    Raises:
        KeyRingError: as :func:`read_key`.
    """
    return _read("public key", path, purpose, generation)


def _read(what: str, path: Path, purpose: Purpose, generation: int) -> bytes:
    with path.open(encoding="ascii", errors="replace") as file:
        _refuse_exposed(os.fstat(file.fileno()), path, "600")
        lines = file.read(1000).split("\n")
    header = f"zhiyin {what} v1 {purpose} {generation}"
    if len(lines) != 3 or lines[0] != header or lines[2]:
        raise key_damaged(str(path))
    try:
        secret = base64.b64decode(lines[1], validate=True)
    except (binascii.Error, ValueError) as error:
        raise key_damaged(str(path)) from error
    if len(secret) != KEY_BYTES:
        raise key_damaged(str(path))
    return secret


def key_missing(what: str) -> KeyRingError:
    """The error for a key that is not there."""
    return KeyRingError(
        "keys_missing",
        f"缺少密钥 {what}，请先执行 zhiyin init，或从备份恢复",
        f"key {what} is missing; run zhiyin init first, or restore it from the backup",
    )


def key_damaged(what: str) -> KeyRingError:
    """The error for bytes that are not what was written."""
    return KeyRingError(
        "keys_damaged",
        f"密钥或密文已损坏：{what}，请从备份恢复",
        f"key or ciphertext is damaged: {what}; restore it from the backup",
    )
