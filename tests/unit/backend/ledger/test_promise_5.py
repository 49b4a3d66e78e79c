"""Promise 5, the log's part: erasing a record leaves every proof valid."""

from __future__ import annotations

from pathlib import Path

import pytest

from backend.ledger.disclosure import Scope
from backend.ledger.records import check_records
from tests.support.ledger_world import LedgerWorld, Sleeve


@pytest.mark.parametrize("scope", [Scope.everything(), Scope.range(2, 6)])
def test_promise_5_erasing_one_leaves_the_proof_valid(
    world: LedgerWorld, tmp_path: Path, scope: Scope
) -> None:
    world.decide(10)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(world.checkpoint(), "utf-8")
    secret = world.rows()[5].values
    world.erase(5)
    world.decide(2)
    world.checkpoint()
    world.export(tmp_path / "e.zip", scope)
    content = (tmp_path / "e.zip").read_bytes()
    assert secret["salt"] not in content
    report = world.verify(tmp_path / "e.zip", since=[kept])
    assert report.ok, report.lines("en")
    assert report.erased == 1
    assert "erased" in report.codes
    with world.database.read() as conn:
        assert world.log.check(conn).ok
        assert check_records(conn) == ()


def test_promise_5_an_erased_event_is_told_from_a_hidden_one(
    world: LedgerWorld, tmp_path: Path
) -> None:
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    world.stamp(sleeve, 3)
    world.checkpoint()
    world.erase(2)
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    assert report.ok, report.lines("en")
    assert "erased_events" in report.codes

    world.erase(1)
    world.stamp(sleeve)
    sleeve.sign("stamped", world.now)
    world.stamp(sleeve)
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    hidden = [one.en for one in report.findings if one.level == "problem"]
    assert len(hidden) == 1
    assert hidden[0].startswith("Events 5 to 5 of sleeve s are missing and no gap entry explains")


def test_promise_5_an_erased_record_can_not_be_filled_again(
    world: LedgerWorld, tmp_path: Path
) -> None:
    world.decide(4)
    world.checkpoint()
    other = world.rows()[2].values
    world.erase(1)
    with world.database.write() as conn:
        conn.exec_driver_sql(
            "UPDATE record SET body = ?, salt = ? WHERE seq = 1", (other["body"], other["salt"])
        )
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip")
    assert [(one.code, one.index) for one in report.findings if one.level == "problem"] == [
        ("commitment_wrong", 1)
    ]
