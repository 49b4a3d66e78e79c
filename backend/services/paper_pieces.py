"""Papers that arrive in pieces over a bad line: what is held, what is missing, when all is there.

A piece waits encrypted like any picture, under an id made of the application and the paper's own
digest, so that a phone that lost its connection (or its battery) goes on where it stopped, on any
web server.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, delete, select

from backend.domain.application import DocumentKind
from backend.domain.errors import DomainError
from backend.store.dialect import insert_or_ignore
from backend.store.pictures import PictureStore
from backend.store.tables import picture_piece

PIECE_BYTES: Final = 128 * 1024
"""Every piece but the last is of this size: under a second at 1.6 Mbit/s."""

KEPT_MS: Final = 24 * 3_600_000
"""Pieces of a paper that was never finished go after a day."""

_PREFIX: Final = "paper-"
_PAST_PREFIX: Final = "paper."
_DIGEST: Final = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class PaperComing:
    """A paper that is being sent: ``digest`` is its SHA-256 in hex, ``size`` its bytes."""

    kind: DocumentKind
    name: str
    digest: str
    size: int

    def checked(self, most: int) -> PaperComing:
        """Itself, if it can be a paper of at most ``most`` bytes.

        Raises:
            DomainError: ``bad_upload``, ``paper_too_large``.
        """
        if not _DIGEST.match(self.digest) or self.size < 1:
            raise bad_upload()
        if self.size > most:
            raise DomainError(
                "paper_too_large",
                f"文件太大，请控制在{most // 1_048_576}MB以内",
                f"the file is too large; at most {most // 1_048_576} MiB",
            )
        return self

    @property
    def pieces(self) -> int:
        """How many pieces make it up."""
        return -(-self.size // PIECE_BYTES)

    def length(self, position: int) -> int:
        """How long the piece at ``position`` (from 0) must be; 0 where there is none."""
        if not 0 <= position < self.pieces:
            return 0
        return min(PIECE_BYTES, self.size - position * PIECE_BYTES)

    def key(self, application_id: str) -> str:
        """Under which id its pieces wait."""
        words = f"{application_id}\n{self.kind.value}\n{self.name}\n{self.digest}\n{self.size}"
        return _PREFIX + hashlib.sha256(words.encode()).hexdigest()[:48]


def bad_upload() -> DomainError:
    """The refusal of pieces that do not make up what was announced."""
    return DomainError(
        "bad_upload", "上传的内容不完整，请重新选择文件", "the upload does not fit together"
    )


def held(conn: Connection, key: str) -> tuple[int, ...]:
    """Positions of the pieces that are there."""
    query = (
        select(picture_piece.c.position)
        .where(picture_piece.c.picture_id == key)
        .order_by(picture_piece.c.position)
    )
    return tuple(conn.execute(query).scalars())


def keep(
    conn: Connection, store: PictureStore, key: str, position: int, data: bytes, now: int
) -> tuple[int, ...]:
    """Keep a piece, any number of times; the positions then held. ``now`` is ms UTC."""
    if not held(conn, key):
        conn.execute(
            delete(picture_piece).where(
                picture_piece.c.picture_id >= _PREFIX,
                picture_piece.c.picture_id < _PAST_PREFIX,
                picture_piece.c.at < now - KEPT_MS,
            )
        )
    sealed = store.seal_piece(f"{key}/{position}", data)
    row = {"picture_id": key, "position": position, "data": sealed, "at": now}
    conn.execute(insert_or_ignore(conn, picture_piece), row)
    return held(conn, key)


def whole(conn: Connection, store: PictureStore, key: str) -> bytes:
    """All pieces in their order, in the clear."""
    query = (
        select(picture_piece.c.position, picture_piece.c.data)
        .where(picture_piece.c.picture_id == key)
        .order_by(picture_piece.c.position)
    )
    return b"".join(
        store.open_piece(f"{key}/{position}", data) for position, data in conn.execute(query)
    )
