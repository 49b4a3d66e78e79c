"""The export file: what goes in, the same bytes every time, whole or not at all."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from backend.ledger.disclosure import ExportError, ExportFile, Scope
from backend.ledger.entries import decode_entry
from backend.ledger.log import LogError
from backend.ledger.records import check_records, read_records, read_sleeves
from backend.ledger.tables import ledger_entry
from backend.ledger.tiles import decode_bundle
from backend.store.db import Database
from backend.store.tables import record
from tests.support.ledger_world import LedgerWorld, Sleeve


def _village(world: LedgerWorld) -> None:
    """Two sleeves; one use with its application, among other things."""
    one, two = Sleeve("sleeve-1"), Sleeve("sleeve-2")
    world.enrol(one)
    world.enrol(two)
    world.decide(application="a1")
    world.decide(application="a1", grant_id="g1", kind="grant.issued")
    world.stamp(one, application="a1", grant_id="g1", use_id="u1")
    world.stamp(two, use_id="u2", org_path="/330109/330109104/")
    world.stamp(one, application="a1", grant_id="g2", use_id="u3")
    world.checkpoint()


def _indexes(world: LedgerWorld, scope: Scope) -> list[int]:
    with world.database.read() as conn:
        return [one.index for one in read_records(conn, scope)]


def test_each_scope_selects_its_records(world: LedgerWorld) -> None:
    _village(world)
    assert _indexes(world, Scope.everything()) == list(range(7))
    assert _indexes(world, Scope.range(2, 4)) == [2, 3, 4]
    assert _indexes(world, Scope.use("u1")) == [2, 3, 4]
    assert _indexes(world, Scope.use("u2")) == [5]
    assert _indexes(world, Scope.organisation("/330109/330109104/")) == [5]
    assert _indexes(world, Scope.organisation("/330109/")) == list(range(7))
    assert _indexes(world, Scope.organisation("/330_09/")) == []
    for bad in (Scope("organisation", ("330109",)), Scope("use"), Scope("range", ("1",))):
        with pytest.raises(ValueError, match="not a scope"):
            _indexes(world, bad)


def test_the_sleeves_of_a_scope_come_along(world: LedgerWorld) -> None:
    _village(world)
    with world.database.read() as conn:
        assert [key.device for key in read_sleeves(conn, Scope.use("u1"))] == ["sleeve-1"]
        assert len(read_sleeves(conn, Scope.everything())) == 2


def test_many_records_are_read_in_pieces(
    world: LedgerWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backend.ledger.records._CHUNK", 3)
    monkeypatch.setattr("backend.ledger.storage._CHUNK", 2)
    monkeypatch.setattr("backend.ledger.storage._MAX_IN", 2)
    _village(world)
    assert _indexes(world, Scope.everything()) == list(range(7))
    with world.database.read() as conn:
        assert check_records(conn) == ()
        assert world.log.check(conn).ok


def test_the_same_log_gives_the_same_bytes(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    for scope in (Scope.everything(), Scope.use("u1")):
        for name in ("one.zip", "two.zip"):
            world.export(tmp_path / name, scope)
        assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_the_layout_is_the_one_of_tlog_tiles(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    world.decide(300)
    world.checkpoint()
    summary = world.export(tmp_path / "all.zip")
    assert (summary.size, summary.records, summary.erased, summary.sleeves) == (307, 307, 0, 2)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        names = set(archive.namelist())
        assert {name for name in names if name.startswith("tile/")} == {
            "tile/0/000",
            "tile/0/001.p/51",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/51",
        }
        assert "checkpoints/7" in names
        assert "怎样核验" in archive.read("README.txt").decode()
        entries = decode_bundle(archive.read("tile/entries/001.p/51"))
        first = json.loads(archive.read("records.jsonl").splitlines()[0])
    assert [decode_entry(entry).kind for entry in entries] == ["application.approved"] * 51
    assert sorted(first) == ["body", "entry", "index", "salt"]


def test_a_selection_discloses_nothing_else(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    world.decide(600)
    world.checkpoint()
    world.export(tmp_path / "use.zip", Scope.use("u1"))
    with zipfile.ZipFile(tmp_path / "use.zip") as archive:
        names = archive.namelist()
        assert len(archive.read("records.jsonl").splitlines()) == 3
        assert b"sleeve-2" not in archive.read("sleeves.jsonl")
    assert not [name for name in names if "entries" in name]
    assert "tile/0/001" not in names


def test_there_is_no_export_without_a_checkpoint(world: LedgerWorld, tmp_path: Path) -> None:
    world.decide()
    with pytest.raises(LogError, match="sign a checkpoint first"):
        world.export(tmp_path / "all.zip")
    assert list(tmp_path.glob("*.zip*")) == []


def test_a_failed_export_leaves_the_old_file(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    world.export(tmp_path / "all.zip")
    before = (tmp_path / "all.zip").read_bytes()
    with world.database.write() as conn:
        conn.execute(ledger_entry.delete().where(ledger_entry.c.seq == 6))
    with pytest.raises(LogError, match="record 6 has no leaf"):
        world.export(tmp_path / "all.zip")
    assert (tmp_path / "all.zip").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "zip" in path.name] == ["all.zip"]


def test_records_beyond_the_checkpoint_wait(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    world.decide(2)
    assert world.export(tmp_path / "all.zip").records == 7


def test_journal_and_log_must_agree(world: LedgerWorld) -> None:
    _village(world)
    world.erase(2)

    def codes(database: Database) -> list[tuple[str, int | None]]:
        with database.read() as conn:
            return [(one.code, one.index) for one in check_records(conn)]

    assert codes(world.database) == []
    with world.database.write() as conn:
        conn.execute(record.update().where(record.c.seq == 1).values(body=b"other"))
        conn.execute(record.update().where(record.c.seq == 2).values(commitment=bytes(32)))
        conn.execute(record.delete().where(record.c.seq == 4))
        conn.execute(record.update().where(record.c.seq == 6).values(seq=9))
    assert codes(world.database) == [
        ("commitment_wrong", 1),
        ("commitment_wrong", 2),
        ("record_missing", 4),
        ("record_missing", 6),
        ("record_missing", 7),
        ("record_missing", 8),
        ("entry_missing", 9),
    ]


@pytest.mark.parametrize(
    ("member", "content"),
    [
        ("export.json", b"{}"),
        ("export.json", b"[]"),
        ("export.json", b"[" * 100_000),
        ("export.json", b"\xff"),
        ("checkpoint", b"\xff"),
        ("records.jsonl", b'{"entry":""}\n'),
        ("records.jsonl", b'{"index":-1,"entry":""}\n'),
        ("records.jsonl", b'{"index":0,"entry":"!"}\n'),
        ("records.jsonl", b'{"index":0,"entry":5}\n'),
        ("records.jsonl", b'{"index":0,"entry":"","erased":true}\n' * 2),
        ("sleeves.jsonl", b'{"device":"a","alg":-7,"public":"AAAA","from":1}\n'),
        ("sleeves.jsonl", b'{"device":1,"alg":-8,"public":"' + b"A" * 43 + b'=","from":1}\n'),
        ("checkpoints/x", b""),
        ("tile/entries/000.p/7", b"\x00"),
        ("tile/entries/000.p/7", b"\x00\x00"),
    ],
)
def test_a_malformed_export_is_an_export_error(
    world: LedgerWorld, tmp_path: Path, member: str, content: bytes
) -> None:
    _village(world)
    world.export(tmp_path / "good.zip")
    replace_member(tmp_path / "good.zip", tmp_path / "bad.zip", member, content)

    def read_everything() -> None:
        with ExportFile(tmp_path / "bad.zip") as export:
            list(export.records())
            list(export.sleeves())
            list(export.older_checkpoints())
            list(export.entries(7))

    with pytest.raises(ExportError):
        read_everything()
    assert not world.verify(tmp_path / "bad.zip").ok


def replace_member(source: Path, target: Path, member: str, content: bytes) -> None:
    """A copy of an export with one member replaced or added."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in {*old.namelist(), member}:
            new.writestr(name, content if name == member else old.read(name))


def test_compressed_members_are_refused(world: LedgerWorld, tmp_path: Path) -> None:
    _village(world)
    world.export(tmp_path / "good.zip")
    with (
        zipfile.ZipFile(tmp_path / "good.zip") as old,
        zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name))
    with pytest.raises(ExportError, match="not compressed"):
        ExportFile(tmp_path / "bomb.zip")


def test_what_is_no_zip_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"nonsense")
    for name in ("a.zip", "missing.zip"):
        with pytest.raises(ExportError):
            ExportFile(tmp_path / name)
