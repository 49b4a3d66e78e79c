"""The log on SQLite. The same cases run on PostgreSQL in tests/integration/backend/ledger."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.ledger.checkpoint import CheckpointError
from backend.ledger.log import Log
from tests.support import ledger_cases
from tests.support.ledger_world import LedgerWorld, ledger_world


@settings(max_examples=15)
@given(st.lists(st.sampled_from([0, 1, 2, 3, 50, 255, 256, 257, 300]), max_size=6))
def test_any_batches_give_the_tree_of_their_entries(sizes: list[int]) -> None:
    with (
        tempfile.TemporaryDirectory() as folder,
        ledger_world(f"sqlite+pysqlite:///{Path(folder) / 'log.sqlite3'}") as world,
    ):
        ledger_cases.check_appending(world, sizes)


def test_three_levels_of_tiles(world: LedgerWorld) -> None:
    ledger_cases.check_appending(world, [65_535, 1, 300])


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


def test_an_origin_must_fit_a_checkpoint() -> None:
    for origin in ("", "two\nlines"):
        with pytest.raises(CheckpointError):
            Log(origin)


def test_two_threads_share_the_log(world: LedgerWorld) -> None:
    firsts: list[int] = []

    def write(kind: int) -> None:
        for n in range(20):
            with world.database.write() as conn:
                first = world.log.append(conn, [bytes([kind, n, k]) for k in range(7)])
            firsts.append(first)

    threads = [threading.Thread(target=write, args=(kind,)) for kind in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == [7 * n for n in range(40)]
