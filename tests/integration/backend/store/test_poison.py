"""What was refused is kept once; only the first of a kind is new, on each kind of database."""

from typing import Any

from backend.store import sleeves
from backend.store.db import Database
from tests.support.prepared import make_tables


def _row(digest: bytes, at: int) -> dict[str, Any]:
    return {
        "at": at,
        "topic": "seal/v1/SL-0001/up/stamped",
        "device": "SL-0001",
        "reason": "bad_signature",
        "detail": "",
        "size": 3,
        "payload": b"abc",
        "digest": digest,
    }


def test_only_the_first_is_new(tables_url: str) -> None:
    db = Database(tables_url)
    make_tables(db)
    with db.write() as conn:
        assert sleeves.keep_poison(conn, [_row(b"1" * 32, 1), _row(b"2" * 32, 1)]) == [True, True]
    with db.write() as conn:
        assert sleeves.keep_poison(conn, [_row(b"2" * 32, 2), _row(b"3" * 32, 2)]) == [False, True]
    db.dispose()
