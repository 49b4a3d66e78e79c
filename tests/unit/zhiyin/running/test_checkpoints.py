"""Checkpoints are signed when the log grew, and only as long as it is whole."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from backend.domain.record import Record
from backend.ledger.log import Log
from backend.ledger.note import Ed25519Signer
from backend.ledger.tables import ledger_checkpoint, ledger_head
from backend.store.db import Database
from backend.store.journal import Journal
from zhiyin.running import schema
from zhiyin.running.checkpoints import CheckpointSigner

ORIGIN = "seals.example.gov.cn/zhiyin"
NOW = 1_790_000_000_000


class _Site:
    def __init__(self, folder: Path) -> None:
        self.db = Database(f"sqlite+pysqlite:///{folder / 'z.sqlite3'}")
        schema.upgrade(self.db)
        self.log = Log(ORIGIN)
        self.journal = Journal(self.log, bytes)
        signer = Ed25519Signer(ORIGIN, bytes(32))
        self.signer = CheckpointSigner(self.db, self.log, signer, lambda: NOW)

    def add(self) -> None:
        item = Record(kind="person.added", org_path="/1/", at=NOW, happened_at=NOW)
        with self.db.write() as conn:
            self.journal.append(conn, [item])

    def checkpoints(self) -> int:
        with self.db.read() as conn:
            return len(conn.execute(ledger_checkpoint.select()).all())


@pytest.fixture
def site(tmp_path: Path) -> Iterator[_Site]:
    made = _Site(tmp_path)
    yield made
    made.db.dispose()


def test_a_checkpoint_is_signed_when_the_log_grew_and_only_then(site: _Site) -> None:
    site.add()
    assert site.signer.tick()
    assert not site.signer.tick()
    assert site.checkpoints() == 1
    site.add()
    assert site.signer.tick()
    assert site.checkpoints() == 2


def test_a_log_that_was_changed_is_not_signed_and_somebody_is_told(site: _Site) -> None:
    site.add()
    site.signer.tick()
    site.add()
    with site.db.write() as conn:
        conn.execute(update(ledger_head).values(root=bytes(32)))
    with capture_logs() as logs:
        site.signer.tick()
    assert site.checkpoints() == 1
    assert site.signer.failure is not None
    assert [(one["event"], one["log_level"]) for one in logs] == [("log.not_signed", "critical")]
