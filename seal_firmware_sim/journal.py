"""The flash journal: append-only frames that survive the loss of power at any byte.

A frame is ``"ZJ" ‖ length (4) ‖ sequence (8) ‖ CBOR list of entries ‖ CRC-32 (4)``, numbers in
network order. All entries of one frame become true together or not at all. A torn end is told by
its CRC; damage in the middle is skipped to the next sound frame and shows as a jump in the
sequence, so that the sleeve can report what it lost instead of hiding it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from typing import Final

import msgspec

from gateway.protocol import cbor
from gateway.protocol.errors import ProtocolError
from seal_firmware_sim.state import Entry, Memory, apply, snapshot

_HEAD: Final = struct.Struct(">2sIQ")
_CRC: Final = struct.Struct(">I")
_MAGIC: Final = b"ZJ"

COMPACT_ABOVE_BYTES: Final = 64 * 1024
"""A journal below this size is never compacted."""

COMPACT_RATIO: Final = 3
"""A journal is compacted when it is this many times as large as what it must keep."""


class Journal:
    """The lasting :class:`Memory` and the bytes that make it last.

    ``lost`` counts frames that could not be read; then :attr:`damaged` is true and the caller must
    write :meth:`compacted` before it appends, for nothing behind a torn frame would be found again.
    """

    def __init__(self, image: bytes = b"") -> None:
        self.memory = Memory()
        self.lost = 0
        self.damaged = False
        self.size = len(image)
        self._sequence = 0
        self._waiting: list[Entry] = []
        self._load(image)

    def note(self, entry: Entry) -> None:
        """Apply ``entry`` and keep it for the next frame."""
        apply(self.memory, entry)
        self._waiting.append(entry)

    def frame(self) -> bytes:
        """The frame of all entries noted since the last one; empty when there are none."""
        if not self._waiting:
            return b""
        data = self._frame(self._waiting)
        self._waiting = []
        self.size += len(data)
        return data

    def compacted(self, *, trusted_now: int = 0) -> bytes:
        """The whole journal written anew, with what was noted; see :func:`state.snapshot`."""
        self._waiting = []
        data = b"".join(
            self._frame([entry]) for entry in snapshot(self.memory, trusted_now=trusted_now)
        )
        self.size = len(data)
        self.damaged = False
        return data

    @property
    def wants_compaction(self) -> bool:
        """Whether most of the journal is of no more use."""
        kept = self.memory.event_bytes + sum(map(len, self.memory.grants.values()))
        return self.size > max(COMPACT_ABOVE_BYTES, COMPACT_RATIO * kept)

    def _frame(self, entries: Iterable[Entry]) -> bytes:
        self._sequence += 1
        body = cbor.encode(msgspec.to_builtins(list(entries), builtin_types=(bytes,)))
        head = _HEAD.pack(_MAGIC, len(body), self._sequence)
        return head + body + _CRC.pack(zlib.crc32(head + body))

    def _load(self, image: bytes) -> None:
        at = 0
        while at < len(image):
            found = _read(image, at)
            if found is None:
                self.damaged = True
                at = image.find(_MAGIC, at + 1)
                if at < 0:
                    self.lost += 1
                    return
                continue
            entries, sequence, at = found
            if self._sequence:
                self.lost += max(0, sequence - self._sequence - 1)
            elif self.damaged:
                self.lost += 1  # the start is gone, and with it how many frames it had
            self._sequence = sequence
            for entry in entries:
                apply(self.memory, entry)


def _read(image: bytes, at: int) -> tuple[list[Entry], int, int] | None:
    """The sound frame that starts at ``at``: its entries, its sequence and where it ends."""
    start = at + _HEAD.size
    if start > len(image):
        return None
    magic, length, sequence = _HEAD.unpack_from(image, at)
    end = start + length
    if magic != _MAGIC or end + _CRC.size > len(image):
        return None
    if _CRC.unpack_from(image, end)[0] != zlib.crc32(image[at:end]):
        return None
    try:
        entries = msgspec.convert(
            cbor.decode(image[start:end]), list[Entry], builtin_types=(bytes,)
        )
    except (ProtocolError, msgspec.ValidationError):
        return None
    return entries, sequence, end + _CRC.size
