"""Pictures on their way in: which are named, which pieces are held, what is missing.

Rows of ``picture`` are locked in id order (after the sleeves' rows, before the log's head), so two
gateways that hold different pieces of one picture see each other's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, select, update

from backend.store.dialect import insert_or_ignore
from backend.store.tables import picture, picture_piece
from gateway.protocol.limits import MAX_PIECE_DATA

ANNOUNCED: Final = "announced"
COMPLETE: Final = "complete"
BROKEN: Final = "broken"
ERASED: Final = "erased"
UNKNOWN: Final = "unknown"
"""No event has named it (yet): its pieces are not kept."""

_CHUNK: Final = 500


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture that an event names.

    ``id`` is its commitment in hex, ``kind`` ``face``, ``page_before`` or ``page_after``, ``size``
    the encrypted bytes that ``pieces`` pieces carry, ``created_at`` ms UTC.
    """

    id: str
    org_path: str
    kind: str
    size: int
    pieces: int
    created_at: int
    device_id: str | None = None
    use_id: str | None = None
    person_id: str | None = None
    counter: int | None = None
    press: int | None = None
    frame: int | None = None


@dataclass(frozen=True, slots=True)
class ArrivedPiece:
    """A piece as ``device_id`` sent it. ``position`` counts from 0."""

    device_id: str
    picture_id: str
    position: int
    data: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Upload:
    """How far a picture is. ``missing`` are inclusive ranges of positions; ``failure`` a code when
    it is broken or erased and the sleeve may drop it. ``device_id`` is the sleeve that named it."""

    state: str
    missing: tuple[tuple[int, int], ...] = ()
    failure: str = ""
    device_id: str | None = field(default=None, compare=False)

    @property
    def full(self) -> bool:
        """Whether every piece is held and it waits to be completed."""
        return self.state == ANNOUNCED and not self.missing


def announce(conn: Connection, pictures: Sequence[NewPicture]) -> None:
    """Expect these pictures. One that is known already stays as it is."""
    if pictures:
        rows = [
            asdict(one) | {"state": ANNOUNCED, "tries": 0}
            for one in sorted(pictures, key=lambda one: one.id)
        ]
        conn.execute(insert_or_ignore(conn, picture), rows)


def add_pieces(conn: Connection, pieces: Sequence[ArrivedPiece]) -> dict[str, Upload]:
    """Keep pieces, in any order and any number of times; the first of a position stays.

    A piece that no event of that same sleeve named, or that is too long or out of range, is
    dropped. Returns how far each picture then is; :data:`UNKNOWN` for those not named (yet).
    """
    rows = lock_pictures(conn, {piece.picture_id for piece in pieces})
    good = [
        {
            "picture_id": piece.picture_id,
            "position": piece.position,
            "data": piece.data,
            "at": piece.at,
        }
        for piece in pieces
        if (row := rows.get(piece.picture_id)) is not None
        and row.state == ANNOUNCED
        and row.device_id == piece.device_id
        and 0 <= piece.position < row.pieces
        and 0 < len(piece.data) <= MAX_PIECE_DATA
    ]
    if good:
        conn.execute(insert_or_ignore(conn, picture_piece), good)
    states = _states(conn, rows)
    for piece in pieces:
        row = rows.get(piece.picture_id)
        if row is None:
            states[piece.picture_id] = Upload(UNKNOWN)
    return states


def uploads(conn: Connection, picture_ids: Iterable[str]) -> dict[str, Upload]:
    """How far each of these pictures is, without a lock; those not named are left out."""
    return _states(conn, _rows(conn, picture_ids, lock=False))


def missing(conn: Connection, picture_id: str) -> tuple[tuple[int, int], ...]:
    """Inclusive ranges of positions not held; empty when nothing more is wanted."""
    found = uploads(conn, [picture_id]).get(picture_id)
    return found.missing if found is not None else ()


def lock_pictures(conn: Connection, picture_ids: Iterable[str]) -> dict[str, Row[Any]]:
    """The rows of these pictures, locked in id order."""
    return _rows(conn, picture_ids, lock=True)


def pieces_of(conn: Connection, picture_id: str) -> list[bytes]:
    """The held pieces in order of position."""
    return list(
        conn.execute(
            select(picture_piece.c.data)
            .where(picture_piece.c.picture_id == picture_id)
            .order_by(picture_piece.c.position)
        ).scalars()
    )


def give_up(conn: Connection, picture_id: str, failure: str) -> None:
    """This upload can never become a picture; ``failure`` is the code that its sleeve is told."""
    drop_pieces(conn, picture_id)
    conn.execute(
        update(picture)
        .where(picture.c.id == picture_id, picture.c.state == ANNOUNCED)
        .values(state=BROKEN, failure=failure)
    )


def drop_pieces(conn: Connection, picture_id: str) -> None:
    """Forget every held piece."""
    conn.execute(delete(picture_piece).where(picture_piece.c.picture_id == picture_id))


def _rows(conn: Connection, picture_ids: Iterable[str], *, lock: bool) -> dict[str, Row[Any]]:
    ordered = sorted(set(picture_ids))
    found: dict[str, Row[Any]] = {}
    for start in range(0, len(ordered), _CHUNK):
        query = (
            select(picture)
            .where(picture.c.id.in_(ordered[start : start + _CHUNK]))
            .order_by(picture.c.id)
        )
        rows = conn.execute(query.with_for_update() if lock else query)
        found |= {row.id: row for row in rows}
    return found


def _states(conn: Connection, rows: dict[str, Row[Any]]) -> dict[str, Upload]:
    waiting = [row.id for row in rows.values() if row.state == ANNOUNCED]
    held: dict[str, list[int]] = {picture_id: [] for picture_id in waiting}
    for start in range(0, len(waiting), _CHUNK):
        query = (
            select(picture_piece.c.picture_id, picture_piece.c.position)
            .where(picture_piece.c.picture_id.in_(waiting[start : start + _CHUNK]))
            .order_by(picture_piece.c.picture_id, picture_piece.c.position)
        )
        for picture_id, position in conn.execute(query):
            held[picture_id].append(position)
    return {
        row.id: Upload(
            row.state,
            _gaps(held[row.id], row.pieces) if row.state == ANNOUNCED else (),
            row.failure or "",
            row.device_id,
        )
        for row in rows.values()
    }


def _gaps(held: Sequence[int], count: int) -> tuple[tuple[int, int], ...]:
    gaps: list[tuple[int, int]] = []
    expected = 0
    for position in [*held, count]:
        if position > expected:
            gaps.append((expected, position - 1))
        expected = position + 1
    return tuple(gaps)
