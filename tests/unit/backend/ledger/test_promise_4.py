"""Promise 4: any change, deletion, insertion or backdating of a witnessed record is found by a
third party off line, with no trust in operator, database or log key; the unwitnessed window is
stated.

The attacker here holds the database *and* the log's key and rewrites everything consistently, so
that the log's own check finds nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from backend.domain.record import Record
from backend.ledger.disclosure import Scope
from backend.store.tables import record
from tests.support.ledger_world import MINUTE, START, LedgerWorld, Row, Sleeve

Edit = Callable[[list[Row]], None]

_FORGED = Record(
    "application.approved", "/330109/", START + 5 * MINUTE, START, data={"note": "伪造的审批"}
)


def _change(rows: list[Row]) -> None:
    rows[5] = rows[5].put(replace(_FORGED, at=rows[5].at), bytes(32))


def _delete(rows: list[Row]) -> None:
    del rows[5]


def _insert(rows: list[Row]) -> None:
    rows.insert(5, rows[5].put(replace(_FORGED, at=rows[5].at), bytes(32)))


def _backdate(rows: list[Row]) -> None:
    rows[5].at = rows[4].at


def _reorder(rows: list[Row]) -> None:
    rows[5], rows[6] = rows[6], rows[5]


def _cut_off(rows: list[Row]) -> None:
    del rows[8:]


_EDITS = {
    _change: {("changed", 5)},
    _delete: {("deleted", 5)},
    _insert: {("inserted", 5)},
    _backdate: {("redated", 5)},
    _reorder: {("moved", 5)},
    # Other entries have taken their places since.
    _cut_off: {("changed", 8), ("changed", 9), ("changed", 10)},
}


def _history(world: LedgerWorld) -> None:
    world.decide(11)
    world.checkpoint()


def _problems(world: LedgerWorld, path: Path, *since: Path) -> set[tuple[str, int | None]]:
    report = world.verify(path, since=since)
    return {(one.code, one.index) for one in report.findings if one.level == "problem"}


@pytest.mark.parametrize("edit", _EDITS)
def test_promise_4_a_rewritten_log_is_found_with_a_kept_cosigned_checkpoint(
    world: LedgerWorld, tmp_path: Path, edit: Edit
) -> None:
    """The checker kept only the few lines that the witnesses signed."""
    _history(world)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(world.checkpoint(), "utf-8")
    world.rewrite(edit)
    with world.database.read() as conn:
        assert world.log.check(conn).ok, "the attacker left no trace inside"
    world.export(tmp_path / "e.zip")
    codes = {code for code, _ in _problems(world, tmp_path / "e.zip", kept)}
    assert codes & {"kept_differs", "kept_longer"}

    # It is found as well once honest entries follow and the witnesses are not asked any more.
    world.decide(5)
    world.checkpoint(witnesses=0)
    world.export(tmp_path / "e.zip")
    assert ("kept_differs", None) in _problems(world, tmp_path / "e.zip", kept)


@pytest.mark.parametrize(("edit", "found"), _EDITS.items())
def test_promise_4_a_kept_export_shows_the_very_entry(
    world: LedgerWorld, tmp_path: Path, edit: Edit, found: set[tuple[str, int]]
) -> None:
    _history(world)
    world.export(tmp_path / "kept.zip")
    world.rewrite(edit)
    world.decide(3)
    world.checkpoint(witnesses=0)
    world.export(tmp_path / "e.zip")
    named = {"changed", "deleted", "inserted", "redated", "moved"}
    problems = _problems(world, tmp_path / "e.zip", tmp_path / "kept.zip")
    assert {one for one in problems if one[0] in named} == found


@pytest.mark.parametrize("edit", _EDITS)
def test_promise_4_without_anything_kept_the_witnesses_are_missing(
    world: LedgerWorld, tmp_path: Path, edit: Edit
) -> None:
    """Witnesses do not sign another history, and no other signature takes their place."""
    _history(world)
    world.rewrite(edit)
    world.export(tmp_path / "e.zip")
    assert ("not_witnessed", None) in _problems(world, tmp_path / "e.zip")


def test_promise_4_an_old_checkpoint_beside_a_rewritten_log_is_found(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    honest = world.checkpoint()
    world.rewrite(_change)
    world.decide(3)
    world.checkpoint(witnesses=0)
    with world.database.write() as conn:
        conn.exec_driver_sql(
            "UPDATE ledger_checkpoint SET note = ?, cosignatures = 2 WHERE size = 11", (honest,)
        )
    for scope in (Scope.everything(), Scope.range(2, 6)):
        world.export(tmp_path / "e.zip", scope)
        problems = _problems(world, tmp_path / "e.zip")
        assert {("checkpoint_inconsistent", None), ("not_witnessed", None)} <= problems


@pytest.mark.parametrize("scope", [Scope.everything(), Scope.range(2, 6)])
def test_promise_4_a_record_changed_in_the_database_only_is_found(
    world: LedgerWorld, tmp_path: Path, scope: Scope
) -> None:
    """Somebody with the database but without the log's key."""
    _history(world)
    forged = Row(_FORGED.kind, _FORGED.at, {}).put(_FORGED, bytes(32)).values
    with world.database.write() as conn:
        conn.execute(
            record.update()
            .where(record.c.seq == 5)
            .values({name: forged[name] for name in ("body", "salt", "commitment")})
        )
    world.export(tmp_path / "e.zip", scope)
    assert _problems(world, tmp_path / "e.zip") == {("commitment_wrong", 5)}


@pytest.mark.parametrize("scope", [Scope.everything(), Scope.range(2, 6)])
def test_promise_4_an_entry_changed_in_the_database_only_is_found(
    world: LedgerWorld, tmp_path: Path, scope: Scope
) -> None:
    _history(world)
    with world.database.write() as conn:
        conn.exec_driver_sql(
            "UPDATE ledger_entry SET entry = (SELECT entry FROM ledger_entry WHERE seq = 4)"
            " WHERE seq = 5"
        )
    world.export(tmp_path / "e.zip", scope)
    problems = _problems(world, tmp_path / "e.zip")
    assert ("not_included", 5) in problems


def test_promise_4_a_withheld_record_shows(world: LedgerWorld, tmp_path: Path) -> None:
    """A sleeve's event that is left out of the journal leaves a hole in its chain."""
    sleeve = Sleeve("s")
    world.enrol(sleeve)
    world.add(sleeve.event("stamped", world.now))
    sleeve.sign("stamped", world.now)
    world.add(sleeve.event("stamped", world.now))
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    assert _problems(world, tmp_path / "e.zip") == {("counter_gap", None)}


def test_promise_4_a_record_left_out_of_the_export_shows(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    with world.database.write() as conn:
        conn.execute(record.delete().where(record.c.seq == 5))
    world.export(tmp_path / "e.zip")
    assert _problems(world, tmp_path / "e.zip") == {("withheld", None)}


def test_promise_4_backdating_at_the_time_of_writing_is_visible(
    world: LedgerWorld, tmp_path: Path
) -> None:
    """The operator writes an approval today and dates it an hour back."""
    _history(world)
    world.add(replace(_FORGED, at=world.now - 60 * MINUTE))
    world.checkpoint()
    for scope in (Scope.everything(), Scope.range(9, 11)):
        world.export(tmp_path / "e.zip", scope)
        problems = _problems(world, tmp_path / "e.zip")
        assert ("time_back", 11) in problems
        assert ("dated_before_witness", 11) in problems


def test_promise_4_backdating_into_a_quiet_hour_is_visible(
    world: LedgerWorld, tmp_path: Path
) -> None:
    """Nothing was written all night; in the morning witnesses saw the evening's log once more."""
    _history(world)
    evening = world.now
    world.now += 600 * MINUTE
    world.checkpoint()
    world.add(replace(_FORGED, at=evening + 60 * MINUTE))
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    assert _problems(world, tmp_path / "e.zip") == {("dated_before_witness", 11)}


def test_promise_4_the_morning_s_checkpoint_bounds_the_night(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    evening = world.now
    world.now += 600 * MINUTE
    world.decide()
    world.checkpoint()
    world.add(replace(_FORGED, at=evening + 60 * MINUTE))
    world.checkpoint()
    for scope in (Scope.everything(), Scope.range(12, 12)):
        world.export(tmp_path / "e.zip", scope)
        assert ("dated_before_witness", 12) in _problems(world, tmp_path / "e.zip")


def test_promise_4_postdating_is_visible(world: LedgerWorld, tmp_path: Path) -> None:
    world.add(replace(_FORGED, at=world.now + 600 * MINUTE))
    world.checkpoint()
    world.export(tmp_path / "e.zip")
    assert _problems(world, tmp_path / "e.zip") == {("dated_after_witness", 0)}


def test_promise_4_only_the_unwitnessed_window_can_be_rewritten_and_it_is_stated(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(world.checkpoint(), "utf-8")
    world.decide(4)

    def edit(rows: list[Row]) -> None:
        rows[13] = rows[13].put(replace(_FORGED, at=rows[13].at), bytes(32))

    honest = world.rows()
    world.rewrite(edit)
    assert [row.commit for row in world.rows()[:11]] == [row.commit for row in honest[:11]]
    with world.database.write() as conn:
        conn.exec_driver_sql(
            "INSERT INTO ledger_checkpoint (size, note, at, cosignatures) VALUES (11, ?, 0, 2)",
            (kept.read_text("utf-8"),),
        )
    world.export(tmp_path / "e.zip")
    report = world.verify(tmp_path / "e.zip", since=[kept])
    assert report.ok
    assert (report.witnessed, report.size) == (11, 15)
    assert any("前 11 条已经见证，最新 4 条尚未见证" in line for line in report.lines("zh"))
    assert "kept_extended" in report.codes


def test_promise_4_a_log_cut_off_is_shorter_than_the_kept_one(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    world.export(tmp_path / "kept.zip")
    world.rewrite(_cut_off)
    world.export(tmp_path / "e.zip")
    assert _problems(world, tmp_path / "e.zip", tmp_path / "kept.zip") == {
        ("not_witnessed", None),
        ("kept_longer", None),
        ("deleted", 8),
        ("deleted", 9),
        ("deleted", 10),
    }


def test_promise_4_a_selection_is_compared_when_it_was_asked_for(
    world: LedgerWorld, tmp_path: Path
) -> None:
    world.decide(300)
    kept = tmp_path / "kept.checkpoint"
    kept.write_text(world.checkpoint(witnesses=0), "utf-8")
    world.decide(600)
    world.checkpoint()
    world.export(tmp_path / "e.zip", Scope.range(700, 700))
    assert _problems(world, tmp_path / "e.zip", kept) == {("kept_not_provable", None)}
    world.export(tmp_path / "e.zip", Scope.range(700, 700), since=[300])
    assert _problems(world, tmp_path / "e.zip", kept) == set()
    world.rewrite(_change)
    world.export(tmp_path / "e.zip", Scope.range(700, 700), since=[300])
    assert ("kept_differs", None) in _problems(world, tmp_path / "e.zip", kept)


def test_promise_4_kept_selections_show_the_changed_record(
    world: LedgerWorld, tmp_path: Path
) -> None:
    _history(world)
    world.export(tmp_path / "kept.zip", Scope.range(4, 6))
    world.rewrite(_change)
    world.export(tmp_path / "e.zip")
    problems = _problems(world, tmp_path / "e.zip", tmp_path / "kept.zip")
    assert {("kept_differs", None), ("changed", 5)} <= problems


def test_what_was_kept_may_be_of_no_use(world: LedgerWorld, tmp_path: Path) -> None:
    _history(world)
    world.export(tmp_path / "e.zip")
    checkpoint = world.checkpoint()
    files = {
        "kept_unreadable": b"nonsense",
        "kept_other_log": checkpoint.replace(world.log.origin, "other.example", 1).encode(),
        "kept_unsigned": checkpoint.replace("zhiyin ", "zhiyim ").encode(),
    }
    for code, content in files.items():
        (tmp_path / code).write_bytes(content)
        report = world.verify(tmp_path / "e.zip", since=[tmp_path / code], policy=None)
        assert code in report.codes
        assert report.ok is (code == "kept_unsigned")
    missing = world.verify(tmp_path / "e.zip", since=[tmp_path / "missing"])
    assert "kept_unreadable" in missing.codes
