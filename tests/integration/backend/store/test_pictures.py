"""Pictures arrive in pieces in any order, are kept encrypted, and can be erased for good."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from backend.domain.errors import DomainError
from backend.store import uploads
from backend.store.db import Database
from backend.store.keyfiles import Purpose
from backend.store.keyring import KeyRing
from backend.store.pictures import MAX_TRIES, PictureStore
from backend.store.tables import picture, picture_blob, picture_piece
from backend.store.uploads import ArrivedPiece, NewPicture, Upload
from gateway.protocol import pictures as wire
from tests.support.prepared import make_tables

ORG = "/330109/330109103/330109103201/"
DEVICE = "YQ-0001"
NOW = 1_790_000_000_000


def jpeg(seed: int = 1, side: int = 160) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 255, (side, side, 3), np.uint8)
    done, encoded = cv2.imencode(".jpg", pixels)
    assert done
    return encoded.tobytes()


@pytest.fixture
def db(tables_url: str) -> Iterator[Database]:
    database = Database(tables_url)
    make_tables(database)
    yield database
    database.dispose()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys"


@pytest.fixture
def ring(folder: Path) -> KeyRing:
    return KeyRing.create(folder)


@pytest.fixture
def store(ring: KeyRing) -> PictureStore:
    return PictureStore(ring)


def seal(ring: KeyRing, data: bytes, salt: bytes = b"s" * 32) -> wire.SealedPicture:
    server_key = ring.picture_wire.public_key().public_bytes_raw()
    return wire.seal(data, device=DEVICE, server_key=server_key, salt=salt)


def named(sealed: wire.SealedPicture) -> NewPicture:
    return NewPicture(
        sealed.ref.commit.hex(),
        ORG,
        "face",
        sealed.ref.size,
        sealed.ref.pieces,
        NOW,
        device_id=DEVICE,
        counter=7,
    )


def pieces(sealed: wire.SealedPicture, device: str = DEVICE) -> list[ArrivedPiece]:
    return [
        ArrivedPiece(device, sealed.ref.commit.hex(), piece.index, piece.data, NOW)
        for piece in wire.split(sealed)
    ]


def arrive(db: Database, sent: list[ArrivedPiece]) -> dict[str, Upload]:
    with db.write() as conn:
        return uploads.add_pieces(conn, sent)


def test_pieces_in_any_order_and_twice_make_the_picture(
    db: Database, ring: KeyRing, store: PictureStore
) -> None:
    data = jpeg()
    sealed = seal(ring, data)
    name = sealed.ref.commit.hex()
    sent = pieces(sealed)
    assert len(sent) >= 2
    Random(3).shuffle(sent)
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
        uploads.announce(conn, [named(sealed)])

    assert not arrive(db, sent[:-1])[name].full
    assert arrive(db, sent)[name].full
    with db.write() as conn:
        assert store.complete(conn, name, NOW + 5) == Upload("complete")
    with db.write() as conn:
        assert uploads.add_pieces(conn, sent) == {name: Upload("complete")}
        assert store.complete(conn, name, NOW + 6) == Upload("complete")
    with db.read() as conn:
        assert store.get(conn, name) == data
        row = conn.execute(select(picture)).one()
        assert (row.mime, row.size, row.completed_at) == ("image/jpeg", len(data), NOW + 5)
        assert not conn.execute(select(picture_piece)).all()


def test_missing_ranges_are_named(db: Database, ring: KeyRing) -> None:
    sealed = seal(ring, jpeg(side=320))
    name = sealed.ref.commit.hex()
    sent = pieces(sealed)
    assert len(sent) >= 5
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
    last = len(sent) - 1

    arrive(db, [sent[1], sent[3]])

    with db.read() as conn:
        assert uploads.missing(conn, name) == ((0, 0), (2, 2), (4, last))


def test_pieces_before_their_event_are_unknown_and_not_kept(db: Database, ring: KeyRing) -> None:
    sealed = seal(ring, jpeg())

    assert arrive(db, pieces(sealed)) == {sealed.ref.commit.hex(): Upload("unknown")}
    with db.read() as conn:
        assert not conn.execute(select(picture_piece)).all()


def test_pieces_of_another_sleeve_out_of_range_or_oversized_are_dropped(
    db: Database, ring: KeyRing
) -> None:
    sealed = seal(ring, jpeg())
    name = sealed.ref.commit.hex()
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])

    arrive(db, pieces(sealed, device="YQ-0666"))
    arrive(
        db,
        [
            ArrivedPiece(DEVICE, name, -1, b"x", NOW),
            ArrivedPiece(DEVICE, name, sealed.ref.pieces, b"x", NOW),
            ArrivedPiece(DEVICE, name, 0, b"x" * 16_385, NOW),
            ArrivedPiece(DEVICE, name, 0, b"", NOW),
        ],
    )

    with db.read() as conn:
        assert not conn.execute(select(picture_piece)).all()


def test_a_mixed_upload_is_asked_for_again_and_then_succeeds(
    db: Database, ring: KeyRing, store: PictureStore
) -> None:
    data = jpeg()
    first, second = seal(ring, data), seal(ring, data)
    assert first.ref == second.ref
    assert first.ciphertext != second.ciphertext
    name = first.ref.commit.hex()
    with db.write() as conn:
        uploads.announce(conn, [named(first)])
    arrive(db, [pieces(first)[0], *pieces(second)[1:]])

    with db.write() as conn:
        upload = store.complete(conn, name, NOW)
    assert upload == Upload("announced", ((0, first.ref.pieces - 1),))
    arrive(db, pieces(second))
    with db.write() as conn:
        assert store.complete(conn, name, NOW).state == "complete"


def test_an_upload_that_never_decrypts_is_broken_for_good(
    db: Database, ring: KeyRing, store: PictureStore
) -> None:
    sealed = seal(ring, jpeg())
    name = sealed.ref.commit.hex()
    lie = [
        ArrivedPiece(DEVICE, name, one.position, bytes(len(one.data)), NOW)
        for one in pieces(sealed)
    ]
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
    for _ in range(MAX_TRIES):
        arrive(db, lie)
        with db.write() as conn:
            upload = store.complete(conn, name, NOW)

    assert upload == Upload("broken", (), "does_not_decrypt")
    with db.read() as conn, pytest.raises(DomainError, match="picture_broken"):
        store.get(conn, name)


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"not a picture at all, yet honestly committed to", "picture_unknown_format"),
        (
            (
                b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x27\x10\0\0\x27\x10\x08\2\0\0\0\0\0\0\0"
                b"\0\0\0\1IDAT\0\0\0\0\0\0\0\0\0IEND\0\0\0\0"
            ),
            "picture_too_many_pixels",
        ),
        (b"", "picture_empty"),
    ],
)
def test_what_is_no_picture_is_broken_with_the_reason(
    db: Database, ring: KeyRing, store: PictureStore, data: bytes, failure: str
) -> None:
    sealed = seal(ring, data)
    name = sealed.ref.commit.hex()
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
        uploads.add_pieces(conn, pieces(sealed))
        assert store.complete(conn, name, NOW) == Upload("broken", (), failure)
        assert not conn.execute(select(picture_blob)).all()


def test_many_at_once(db: Database, ring: KeyRing, store: PictureStore) -> None:
    sealed = [seal(ring, jpeg(seed), bytes([seed]) * 32) for seed in range(1, 5)]
    names = [one.ref.commit.hex() for one in sealed]
    with db.write() as conn:
        uploads.announce(conn, [named(one) for one in sealed])
        uploads.add_pieces(conn, [piece for one in sealed[:3] for piece in pieces(one)])
        states = store.complete_many(conn, [*names, "f" * 64], NOW)

    assert {name: states[name].state for name in names} == dict(
        zip(names, ["complete"] * 3 + ["announced"], strict=True)
    )
    assert "f" * 64 not in states


def test_a_sleeve_may_still_encrypt_to_the_key_before(
    db: Database, ring: KeyRing, folder: Path
) -> None:
    sealed = seal(ring, jpeg())
    KeyRing.rotate(folder, Purpose.PICTURE_WIRE)
    store = PictureStore(KeyRing.load(folder))
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
        uploads.add_pieces(conn, pieces(sealed))
        assert store.complete(conn, sealed.ref.commit.hex(), NOW).state == "complete"


def put(db: Database, store: PictureStore, picture_id: str, data: bytes) -> None:
    with db.write() as conn:
        store.put(conn, picture_id, data, org_path=ORG, kind="document", mime="image/jpeg", now=NOW)


def test_nothing_readable_is_at_rest_and_each_picture_has_its_own_key(
    db: Database, store: PictureStore
) -> None:
    data = jpeg()
    put(db, store, "p1", data)
    put(db, store, "p2", data)

    with db.read() as conn:
        blobs = conn.execute(select(picture_blob.c.ciphertext)).scalars().all()
        keys = conn.execute(select(picture.c.wrapped_key)).scalars().all()
        assert store.get(conn, "p1") == store.get(conn, "p2") == data
    assert len({*blobs}) == len({*keys}) == 2
    assert not any(data[20:60] in blob for blob in blobs)


def test_ciphertext_moved_or_changed_does_not_open(db: Database, store: PictureStore) -> None:
    put(db, store, "p1", jpeg(1))
    put(db, store, "p2", jpeg(2))
    with db.write() as conn:
        moved = conn.execute(
            select(picture_blob.c.ciphertext).where(picture_blob.c.picture_id == "p2")
        ).scalar_one()
        row = conn.execute(select(picture).where(picture.c.id == "p2")).one()
        conn.execute(
            picture_blob.update().where(picture_blob.c.picture_id == "p1").values(ciphertext=moved)
        )
        conn.execute(
            picture.update()
            .where(picture.c.id == "p1")
            .values(wrapped_key=row.wrapped_key, key_id=row.key_id)
        )
        conn.execute(
            picture_blob.update()
            .where(picture_blob.c.picture_id == "p2")
            .values(ciphertext=moved[:-1] + bytes([moved[-1] ^ 1]))
        )
    with db.read() as conn:
        for name in ("p1", "p2"):
            with pytest.raises(DomainError, match="picture_damaged"):
                store.get(conn, name)


def test_erasing_destroys_ciphertext_key_and_salt_and_keeps_the_commitment(
    db: Database, ring: KeyRing, store: PictureStore
) -> None:
    sealed = seal(ring, jpeg())
    name = sealed.ref.commit.hex()
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
        uploads.add_pieces(conn, pieces(sealed))
        store.complete(conn, name, NOW)
    with db.write() as conn:
        assert store.erase(conn, name, NOW + 9)
    with db.write() as conn:
        assert not store.erase(conn, name, NOW + 10)
        assert not store.erase(conn, "nothing", NOW)

    with db.read() as conn:
        row = conn.execute(select(picture)).one()
        assert (row.id, row.state, row.erased_at) == (name, "erased", NOW + 9)
        assert (row.salt, row.wrapped_key, row.key_id) == (None, None, None)
        assert not conn.execute(select(picture_blob)).all()
        with pytest.raises(DomainError, match="picture_erased"):
            store.get(conn, name)


def test_a_picture_under_way_or_unknown_says_so(
    db: Database, ring: KeyRing, store: PictureStore
) -> None:
    sealed = seal(ring, jpeg())
    with db.write() as conn:
        uploads.announce(conn, [named(sealed)])
    with db.read() as conn:
        with pytest.raises(DomainError, match="picture_on_its_way"):
            store.get(conn, sealed.ref.commit.hex())
        with pytest.raises(DomainError, match="not_found"):
            store.get(conn, "nothing")
