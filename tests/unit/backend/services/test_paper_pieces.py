"""Papers over a bad line: pieces in any order, any number of times; the whole counts once."""

import hashlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.domain.application import DocumentKind
from backend.domain.errors import DomainError
from backend.services.paper_pieces import KEPT_MS, PIECE_BYTES, PaperComing
from backend.store.tables import picture_piece
from tests.support.office import Office, png
from tests.support.world import World

PAGE = DocumentKind.PAGE


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def noise(pieces: int) -> bytes:
    """A picture whose bytes make up that many pieces: what follows a PNG's end is not read."""
    return png() + random.Random(3).randbytes((pieces - 1) * PIECE_BYTES)


def coming(data: bytes, name: str = "第1页") -> PaperComing:
    return PaperComing(PAGE, name, hashlib.sha256(data).hexdigest(), len(data))


def piece(data: bytes, position: int) -> bytes:
    return data[position * PIECE_BYTES : (position + 1) * PIECE_BYTES]


def test_pieces_in_any_order_and_again_make_one_paper(office: Office) -> None:
    made = office.drafts.create(office.applicant, office.form())
    data = noise(3)
    paper = coming(data)
    assert paper.pieces == 3
    drafts, by, key = office.drafts, office.applicant, made.row.id
    assert drafts.pieces_held(by, key, paper) == ()
    assert drafts.attach_piece(by, key, paper, 2, piece(data, 2)) is None
    assert drafts.attach_piece(by, key, paper, 0, piece(data, 0)) is None
    assert drafts.attach_piece(by, key, paper, 0, piece(data, 0)) is None
    assert drafts.pieces_held(by, key, paper) == (0, 2)
    view = drafts.attach_piece(by, key, paper, 1, piece(data, 1))
    assert view is not None
    assert [(one.name, one.size) for one in view.documents] == [("第1页", len(data))]
    # The answer was lost: whatever is sent again changes nothing.
    assert drafts.pieces_held(by, key, paper) == (0, 1, 2)
    again = drafts.attach_piece(by, key, paper, 2, piece(data, 2))
    assert again is not None
    assert again.row.version == view.row.version
    assert len(drafts.attach(by, key, PAGE, "第1页", data).documents) == 1
    with office.world.db.read() as conn:
        assert conn.execute(select(picture_piece)).all() == []


def test_pieces_wait_encrypted_and_not_for_ever(office: Office) -> None:
    made = office.drafts.create(office.applicant, office.form())
    data = noise(2)
    office.drafts.attach_piece(office.applicant, made.row.id, coming(data), 0, piece(data, 0))
    with office.world.db.read() as conn:
        (kept,) = conn.execute(select(picture_piece.c.data)).scalars()
    assert data[1000:1016] not in kept
    office.world.clock.advance(KEPT_MS + 1)
    other = noise(3)
    office.drafts.attach_piece(office.applicant, made.row.id, coming(other), 1, piece(other, 1))
    assert office.drafts.pieces_held(office.applicant, made.row.id, coming(data)) == ()
    assert office.drafts.pieces_held(office.applicant, made.row.id, coming(other)) == (1,)


@pytest.mark.parametrize(
    ("paper", "position", "length", "code"),
    [
        (PaperComing(PAGE, "x", "zz", 10), 0, 10, "bad_upload"),
        (PaperComing(PAGE, "x", "0" * 64, 10), 1, 10, "bad_upload"),
        (PaperComing(PAGE, "x", "0" * 64, 10), 0, 9, "bad_upload"),
        (PaperComing(PAGE, "x", "0" * 64, 10), 0, 10, "bad_upload"),
        (PaperComing(PAGE, "x", "0" * 64, 9 << 20), 0, PIECE_BYTES, "paper_too_large"),
    ],
)
def test_what_does_not_fit_together_is_refused_and_forgotten(
    office: Office, paper: PaperComing, position: int, length: int, code: str
) -> None:
    made = office.drafts.create(office.applicant, office.form())
    with pytest.raises(DomainError, match=code):
        office.drafts.attach_piece(office.applicant, made.row.id, paper, position, bytes(length))
    with office.world.db.read() as conn:
        assert conn.execute(select(picture_piece)).all() == []


def test_promise_6_nobody_else_sends_into_a_draft_or_asks_what_is_there(office: Office) -> None:
    made = office.drafts.create(office.applicant, office.form())
    data = png()
    for other in (office.custodian, office.approver):
        with pytest.raises(DomainError):
            office.drafts.attach_piece(other, made.row.id, coming(data), 0, data)
        with pytest.raises(DomainError):
            office.drafts.pieces_held(other, made.row.id, coming(data))
