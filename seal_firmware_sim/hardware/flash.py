"""Flash: in memory, with power cuts that lose or tear what was not flushed; and in files."""

from __future__ import annotations

import os
import random
from pathlib import Path

from seal_firmware_sim.hardware.ports import FlashFailure


class MemoryFlash:
    """Flash whose unflushed writes a :meth:`cut` loses, tears or keeps, each as the dice fall."""

    def __init__(self, image: bytes = b"") -> None:
        self._kept = bytearray(image)
        self._unflushed = bytearray()
        self._pictures: dict[bytes, bytes] = {}
        self._new_pictures: dict[bytes, bytes] = {}
        self.broken = False
        """Set to make every write fail, as a worn-out or full chip does."""

    def read(self) -> bytes:
        """The journal."""
        return bytes(self._kept + self._unflushed)

    def append(self, data: bytes) -> None:
        """Write behind the journal's end."""
        self._check()
        self._unflushed += data

    def flush(self) -> None:
        """Make all writes durable."""
        self._check()
        self._kept += self._unflushed
        self._unflushed.clear()
        self._pictures |= self._new_pictures
        self._new_pictures.clear()

    def replace(self, data: bytes) -> None:
        """Put ``data`` in the journal's place, durably."""
        self._check()
        self._kept[:] = data
        self._unflushed.clear()

    def put_picture(self, commit: bytes, data: bytes) -> None:
        """Write a picture."""
        self._check()
        self._new_pictures[commit] = data

    def read_picture(self, commit: bytes) -> bytes:
        """A picture."""
        found = self._pictures.get(commit) or self._new_pictures.get(commit)
        if found is None:
            raise FlashFailure(f"no picture {commit.hex()[:16]}")
        return found

    def drop_picture(self, commit: bytes) -> None:
        """Remove a picture."""
        self._pictures.pop(commit, None)
        self._new_pictures.pop(commit, None)

    def pictures(self) -> frozenset[bytes]:
        """The pictures there are."""
        return frozenset(self._pictures) | frozenset(self._new_pictures)

    def durable(self) -> bytes:
        """What of the journal would survive a power cut for certain."""
        return bytes(self._kept)

    def cut(self, dice: random.Random) -> None:
        """The power goes. Flushed bytes stay; of the others some prefix does, its last bytes
        perhaps garbled; unflushed pictures survive, tear or vanish, each by itself."""
        torn = self._unflushed[: dice.randint(0, len(self._unflushed))]
        if torn and dice.random() < 0.5:
            torn[-1] ^= dice.randint(1, 255)
        self._kept += torn
        self._unflushed.clear()
        for commit, data in self._new_pictures.items():
            left = data[: dice.randint(0, len(data))] if dice.random() < 0.5 else data
            if left:
                self._pictures[commit] = left
        self._new_pictures.clear()

    def _check(self) -> None:
        if self.broken:
            raise FlashFailure("write failed")


class FileFlash:
    """Flash in a folder: ``journal`` and one file a picture, with fsync where it must last."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._pictures = folder / "pictures"
        self._journal = folder / "journal"
        try:
            self._pictures.mkdir(parents=True, exist_ok=True)
            for leftover in (*folder.glob("*.new"), *self._pictures.glob("*.new")):
                leftover.unlink()
            self._file = self._journal.open("ab")
            _sync_folder(folder)
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def read(self) -> bytes:
        """The journal."""
        try:
            self._file.flush()
            return self._journal.read_bytes()
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def append(self, data: bytes) -> None:
        """Write behind the journal's end."""
        try:
            self._file.write(data)
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def flush(self) -> None:
        """Make all writes durable."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def replace(self, data: bytes) -> None:
        """Put ``data`` in the journal's place, durably."""
        try:
            self._file.close()
            _write(self._journal, data)
            self._file = self._journal.open("ab")
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def put_picture(self, commit: bytes, data: bytes) -> None:
        """Write a picture; durable at once."""
        try:
            _write(self._pictures / commit.hex(), data)
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def read_picture(self, commit: bytes) -> bytes:
        """A picture."""
        try:
            return (self._pictures / commit.hex()).read_bytes()
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def drop_picture(self, commit: bytes) -> None:
        """Remove a picture."""
        try:
            (self._pictures / commit.hex()).unlink(missing_ok=True)
        except OSError as error:
            raise FlashFailure(str(error)) from error

    def pictures(self) -> frozenset[bytes]:
        """The pictures there are."""
        return frozenset(bytes.fromhex(path.name) for path in self._pictures.iterdir())

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def _write(path: Path, data: bytes) -> None:
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
