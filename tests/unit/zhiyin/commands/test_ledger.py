"""``zhiyin log``, ``export`` and ``verify``: what a supervisor and an outsider type."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from backend.domain.record import Record
from backend.ledger.log import Log
from backend.ledger.note import COSIGNATURE, Ed25519Signer, Note, cosign
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.keyring import KeyRing
from backend.store.tables import metadata, record
from zhiyin import cli
from zhiyin.settings_source import load_settings

ORIGIN = "seals.example.gov.cn/zhiyin"
AT = 1_790_000_000_000
VILLAGE = "/330109/330109103/330109103201/"
OTHER = "/330109/330109103/330109103202/"
WITNESS = Ed25519Signer("witness.example/w1", bytes([9]) * 32, COSIGNATURE)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """An installation with three records."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHIYIN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("ZHIYIN_LOG_ORIGIN", ORIGIN)
    (tmp_path / "data").mkdir()
    db = Database(load_settings().database_url())
    metadata.create_all(db.engine)
    KeyRing.create(tmp_path / "data" / "keys", lambda count: bytes([7]) * count)
    journal = Journal(Log(ORIGIN), lambda count: bytes(count))
    items = [
        Record(kind="person.added", org_path=path, at=AT + n, happened_at=AT + n, data={"n": n})
        for n, path in enumerate((VILLAGE, OTHER, VILLAGE))
    ]
    with db.write() as conn:
        journal.append(conn, items)
    yield db
    db.dispose()


def _run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.build(words[0]), list(words))
    return result.exit_code, result.output


def _log_key() -> str:
    code, output = _run("log", "key")
    assert code == 0
    return output.strip()


def test_an_export_is_checked_with_the_keys_got_elsewhere(house: Database, tmp_path: Path) -> None:
    code, output = _run("export", "all.zip", "--json")
    assert (code, json.loads(output)["records"]) == (0, 3)
    code, output = _run("verify", "all.zip", "--log-key", _log_key(), "--json")
    assert (code, json.loads(output)["ok"]) == (0, True)
    code, output = _run("verify", "all.zip", "--log-key", _log_key())
    assert output.startswith("核验通过")
    code, output = _run("verify", "all.zip", "--log-key", _log_key(), "--en")
    assert output.startswith("Verified")


def test_a_changed_export_exits_with_1(house: Database, tmp_path: Path) -> None:
    _run("export", "all.zip")
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile("all.zip") as old, zipfile.ZipFile(changed, "w") as new:
        for item in old.infolist():
            data = old.read(item)
            if item.filename == "records.jsonl":
                lines = data.splitlines(keepends=True)
                data = lines[0] + lines[1].replace(b'"index":1', b'"index":0') + lines[2]
            new.writestr(item, data)
    assert _run("verify", str(changed), "--log-key", _log_key())[0] == 1
    assert _run("verify", "no-such.zip", "--json")[0] == 1


def test_another_log_key_is_not_accepted(house: Database) -> None:
    _run("export", "all.zip")
    stranger = Ed25519Signer(ORIGIN, bytes(32)).key.text
    code, output = _run("verify", "all.zip", "--log-key", stranger)
    assert code == 1
    assert "核验不通过" in output


@pytest.mark.parametrize(
    ("words", "records"),
    [(["--org", VILLAGE], 2), (["--range", "1-1"], 1), (["--use", "none"], 0)],
)
def test_a_selection_is_exported_and_checks(
    house: Database, words: list[str], records: int
) -> None:
    code, output = _run("export", "part.zip", "--json", *words)
    assert (code, json.loads(output)["records"]) == (0, records)
    assert _run("verify", "part.zip", "--log-key", _log_key())[0] == 0


@pytest.mark.parametrize(
    "words",
    [
        ["--org", "330109"],
        ["--range", "9-2"],
        ["--range", "all"],
        ["--org", VILLAGE, "--use", "u"],
    ],
)
def test_a_selection_that_makes_no_sense_is_refused(house: Database, words: list[str]) -> None:
    assert _run("export", "part.zip", *words)[0] == 2
    assert not Path("part.zip").exists()


def test_witnesses_by_option_and_by_policy(house: Database, tmp_path: Path) -> None:
    key = _log_key()
    code, note = _run("log", "checkpoint")
    assert code == 0
    seen = cosign(Note.parse(note), WITNESS, AT)
    with house.write() as conn:
        Log(ORIGIN).add_cosignatures(
            conn, Note.parse(note).merged(Note(Note.parse(note).body, (seen,))).text, [WITNESS.key]
        )
    _run("export", "all.zip")
    named = ["--log-key", key, "--witness", WITNESS.key.text]
    assert _run("verify", "all.zip", *named)[0] == 0
    policy = tmp_path / "policy"
    policy.write_text(f"log {key}\nwitness w1 {WITNESS.key.text}\nquorum w1\n")
    code, output = _run("verify", "all.zip", "--policy", str(policy), "--json")
    assert code == 0
    assert json.loads(output)["witnessed"] == 3
    assert _run("verify", "all.zip", "--policy", str(policy), *named)[0] == 2
    policy.write_text("quorum w1\n")
    assert _run("verify", "all.zip", "--policy", str(policy))[0] == 2
    other = Ed25519Signer("witness.example/w2", bytes([8]) * 32, COSIGNATURE).key.text
    code, _ = _run("verify", "all.zip", "--log-key", key, "--witness", other)
    assert code == 1, "nobody whose key was named cosigned it"


def test_what_was_kept_is_compared(house: Database, tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text(_run("log", "checkpoint")[1])
    _run("export", "all.zip")
    assert _run("verify", "all.zip", "--log-key", _log_key(), "--since", str(kept))[0] == 0


def test_the_log_checks_itself_and_each_record(house: Database) -> None:
    code, output = _run("log", "check", "--json")
    assert (code, json.loads(output)["size"]) == (0, 3)
    with house.write() as conn:
        conn.execute(update(record).where(record.c.seq == 1).values(body=b"\xa0"))
    code, output = _run("log", "check", "--json")
    assert code == 1
    assert [one["code"] for one in json.loads(output)["findings"]] == ["commitment_wrong"]
    assert "有问题" in _run("log", "check")[1]
