"""The log on PostgreSQL: the same cases as on SQLite, and writers that really run at once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.ledger.disclosure import Scope
from backend.ledger.entries import encode_entry
from backend.ledger.log import Log
from backend.ledger.records import check_records
from tests.support import ledger_cases
from tests.support.ledger_world import ORIGIN, LedgerWorld, Sleeve, ledger_world


@pytest.fixture
def world(postgres_tables_url: str) -> Iterator[LedgerWorld]:
    """Journal, log, sleeves and witnesses on PostgreSQL."""
    with ledger_world(postgres_tables_url) as made:
        yield made


@pytest.mark.parametrize("sizes", [[0, 1, 255, 1, 300], [65_535, 1, 300]])
def test_any_batches_give_the_tree_of_their_entries(world: LedgerWorld, sizes: list[int]) -> None:
    ledger_cases.check_appending(world, sizes)


def test_a_rolled_back_append_leaves_nothing(world: LedgerWorld) -> None:
    ledger_cases.check_rollback(world)


def test_what_does_not_fit_is_refused(world: LedgerWorld) -> None:
    ledger_cases.check_refusals(world)


def test_checkpoints(world: LedgerWorld) -> None:
    ledger_cases.check_checkpoints(world)


def test_the_own_check_names_the_damage(world: LedgerWorld) -> None:
    ledger_cases.check_damage(world)


def test_nothing_is_signed_over_a_rewritten_history(world: LedgerWorld) -> None:
    ledger_cases.check_no_fork_is_signed(world)


def test_writers_stand_in_line_from_the_very_first_append(world: LedgerWorld) -> None:
    """Four connections begin at once on a log that does not exist yet."""
    start = threading.Barrier(4)
    firsts: list[int] = []
    signed: list[str] = []
    failures: list[BaseException] = []

    def write(kind: int) -> None:
        log = Log(ORIGIN)
        try:
            start.wait()
            for n in range(15):
                batch = [encode_entry("test", n, bytes([kind, k]) * 16) for k in range(5)]
                with world.database.write() as conn:
                    first = log.append(conn, batch)
                firsts.append(first)
                with world.database.write() as conn:
                    signed.append(log.sign_checkpoint(conn, world.signer, world.now))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(kind,)) for kind in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(firsts) == [5 * n for n in range(60)]
    assert len(signed) == 60
    with world.database.read() as conn:
        assert world.log.check(conn).ok


def test_export_and_verify(world: LedgerWorld, tmp_path: Path) -> None:
    sleeve = Sleeve("sleeve-1")
    world.enrol(sleeve)
    world.stamp(sleeve, 3, use_id="u1")
    world.decide(300)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(world.checkpoint(), "utf-8")
    world.erase(2)
    world.stamp(sleeve, use_id="u1")
    world.checkpoint()
    for scope in (Scope.everything(), Scope.use("u1"), Scope.range(1, 3)):
        world.export(tmp_path / "e.zip", scope, since=[304])
        report = world.verify(tmp_path / "e.zip", since=[kept])
        assert report.ok, report.lines("en")
        assert (report.witnessed, report.erased) == (305, 1)
    with world.database.read() as conn:
        assert check_records(conn) == ()
