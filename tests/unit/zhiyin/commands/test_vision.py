"""``zhiyin vision report``: what people's reviews say of the program's verdicts."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert
from typer.testing import CliRunner, Result

from backend.store.tables import second_opinion
from zhiyin import cli
from zhiyin.running.store import opened
from zhiyin.settings_source import load_settings

DAY_MS = 86_400_000


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHIYIN_DATA_DIR", str(tmp_path / "data"))
    assert _run("migrate", "--keys").exit_code == 0


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli.build(words[0]), list(words))


def _said(*opinions: tuple[str, str, bool], path: str = "/1/2/", at: int = 1) -> None:
    with opened(load_settings()) as db, db.write() as conn:
        count = conn.execute(second_opinion.select()).all()
        conn.execute(
            insert(second_opinion),
            [
                {
                    "seq": len(count) + nth,
                    "org_path": path,
                    "kind": kind,
                    "finding": finding,
                    "agrees": agrees,
                    "reason": "",
                    "person_id": "p",
                    "at": at,
                }
                for nth, (kind, finding, agrees) in enumerate(opinions)
            ],
        )


def _report(*words: str) -> dict[str, Any]:
    done = _run("vision", "report", "--json", *words)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


def test_false_alarms_and_misses_with_their_bounds() -> None:
    _said(*[("page", "altered", True)] * 8, *[("page", "blank", False)] * 2)
    _said(("page", "same", True), ("imprint", "other_seal", True))
    said = _report()
    imprint, page = said["false_alarms"]
    assert (page["kind"], page["reviewed"], page["wrong"], page["rate"]) == ("page", 10, 2, 0.2)
    assert page["low"] == pytest.approx(0.0567, abs=1e-3)  # Wilson's interval of 2 in 10
    assert page["high"] == pytest.approx(0.5098, abs=1e-3)
    assert (imprint["kind"], imprint["wrong"], imprint["reviewed"]) == ("imprint", 0, 1)
    assert [(one["kind"], one["reviewed"]) for one in said["missed"]] == [("page", 1)]
    assert len(said["findings"]) == 4


def test_one_branch_and_one_time_only() -> None:
    _said(("page", "altered", False), path="/1/2/3/", at=2 * DAY_MS)
    _said(("page", "altered", True), path="/1/22/", at=20 * DAY_MS)
    assert [one["wrong"] for one in _report("--org", "2")["false_alarms"]] == [1]
    assert [one["wrong"] for one in _report("--since", "1970-01-10")["false_alarms"]] == [0]
    assert _report("--org", "9")["findings"] == []


def test_for_people_it_is_a_table_in_plain_words() -> None:
    _said(("face", "mismatch", False), ("face", "match", True))
    text = _run("vision", "report").output
    assert "误报" in text
    assert "1/1  100.0%" in text
    assert "95%" in text


def test_before_anybody_reviewed_it_says_where_to_begin() -> None:
    done = _run("vision", "report")
    assert done.exit_code == 0
    assert "核对得对吗" in done.output
