"""Pictures on their way to the server, in pieces, never before what unlocks.

Pictures that an answer waits for (a face burst, a page that is checked before the press) go first;
all others wait while an event is unsent or an answer is awaited. Only few pieces are under way at
a time, so an event never queues behind more than those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from gateway.protocol.limits import RESEND_AFTER_MS, RESEND_JITTER_MS
from gateway.protocol.messages import PiecesHeld
from seal_firmware_sim.core import Core
from seal_firmware_sim.effects import DropPicture, PublishPiece
from seal_firmware_sim.outbox import Outbox
from seal_firmware_sim.state import PictureDoneEntry

PIECES_UNDER_WAY: Final = 2
"""Pieces not yet taken over by the broker, for pictures that nobody waits for."""

PIECES_AWAITED: Final = 8
"""The same while an answer waits for the picture."""

_MOST_TRIES: Final = 3


@dataclass(slots=True)
class _Upload:
    commit: bytes
    pieces: int
    counter: int
    todo: list[int]
    under_way: set[int] = field(default_factory=set)
    due: int | None = None
    tries: int = 0


class Uploads:
    """One upload a picture; resumes where the server says that pieces are missing."""

    def __init__(self, core: Core, outbox: Outbox) -> None:
        self._core = core
        self._outbox = outbox
        self._uploads: dict[bytes, _Upload] = {}
        self._awaited: frozenset[bytes] = frozenset()
        self.held_back = False
        """Set while an answer is awaited."""

    def connected(self) -> None:
        """A new connection: what was under way is not; what was sent may be lost."""
        for upload in self._uploads.values():
            upload.todo = sorted({*upload.todo, *upload.under_way})
            upload.under_way.clear()
            if upload.due is not None:
                upload.due = self._core.moment.link + RESEND_AFTER_MS

    def await_(self, commits: Iterable[bytes]) -> None:
        """An answer waits for these pictures: they go first."""
        self._awaited = frozenset(commits)

    @property
    def due(self) -> int | None:
        """When (link) an upload that nobody answered starts again."""
        if not self._core.connected:
            return None
        waits = (upload.due for upload in self._uploads.values() if upload.due is not None)
        return min(waits, default=None)

    def delivered(self, commit: bytes, index: int) -> None:
        """The broker took over a piece."""
        upload = self._uploads.get(commit)
        if upload is None:
            return
        upload.under_way.discard(index)
        self._wait_if_all_sent(upload)

    def held(self, message: PiecesHeld) -> None:
        """The server says what it holds."""
        if message.commit not in self._core.memory.pictures:
            return
        if message.complete or message.failure:
            self._core.note(PictureDoneEntry(message.commit))
            self._core.act(DropPicture(message.commit))
            self._uploads.pop(message.commit, None)
            return
        upload = self._uploads.get(message.commit)
        if upload is None or upload.todo or upload.under_way:
            return  # pieces are still coming, so what the server misses now says nothing
        upload.todo = [
            index
            for first, last in message.missing
            for index in range(first, min(last, upload.pieces - 1) + 1)
        ]
        upload.due = None
        self._wait_if_all_sent(upload)

    def pump(self) -> None:
        """Send the next pieces."""
        core = self._core
        if not core.connected or not core.memory.pictures:
            return
        for commit, entry in core.memory.pictures.items():
            if commit not in self._uploads:
                todo = list(range(entry.pieces))
                self._uploads[commit] = _Upload(commit, entry.pieces, entry.counter, todo)
        for upload in self._uploads.values():
            if upload.due is not None and upload.due <= core.moment.link:
                upload.todo, upload.due = list(range(upload.pieces)), None
        self._send((self._uploads[c] for c in self._awaited if c in self._uploads), PIECES_AWAITED)
        if not self.held_back and not self._outbox.unsent:
            self._send(self._uploads.values(), PIECES_UNDER_WAY)

    def _send(self, uploads: Iterable[_Upload], window: int) -> None:
        under_way = sum(len(upload.under_way) for upload in self._uploads.values())
        for upload in uploads:
            if under_way >= window:
                return
            if not upload.todo or not self._outbox.was_sent(upload.counter):
                continue
            now, upload.todo = (
                upload.todo[: window - under_way],
                upload.todo[window - under_way :],
            )
            for index in now:
                upload.under_way.add(index)
                self._core.act(PublishPiece(upload.commit, index))
            under_way += len(now)

    def _wait_if_all_sent(self, upload: _Upload) -> None:
        if upload.todo or upload.under_way or upload.due is not None:
            return
        wait = RESEND_AFTER_MS << min(upload.tries, _MOST_TRIES)
        upload.due = self._core.moment.link + wait + self._core.jitter(RESEND_JITTER_MS)
        upload.tries += 1
