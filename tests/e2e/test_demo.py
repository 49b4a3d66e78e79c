"""``zhiyin demo`` as people start it: the day once, stopped and gone on with, what is refused."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from seal_firmware_sim.scenarios.format import HeldUpPhoto, Use, load
from tests.support.ports import free_port
from tests.support.process import WatchedProcess
from zhiyin.commands.demo import DAY
from zhiyin.demo.people import device_id

_ROOT = Path(__file__).parents[2]
_ENV = {
    **{name: value for name, value in os.environ.items() if not name.startswith("ZHIYIN_")},
    "PYTHONPATH": str(_ROOT),
    "PYTHONUTF8": "1",
}

_PATIENCE_S = 240.0
"""A loaded machine may take long; none of these is about speed."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def command(*words: str) -> list[str]:
    return [sys.executable, "-P", "-m", "zhiyin", *words]


def zhiyin(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    return subprocess.run(
        command(*words), env=_ENV, cwd=cwd, capture_output=True, text=True, check=False
    )


def asked(folder: Path, query: str) -> list[Any]:
    """Rows of the demo's own database, read by nobody's code but the test's."""
    with closing(sqlite3.connect(folder / "zhiyin.sqlite3")) as conn:
        return conn.execute(query).fetchall()


def alerts_in(folder: Path) -> dict[str, int]:
    return dict(asked(folder, "SELECT code, count(*) FROM alert GROUP BY code"))


def processes_about(folder: Path) -> list[str]:
    """Command lines that name the folder: the demo's broker is one while it runs."""
    lines = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it ended meanwhile
        if str(folder) in line:
            lines.append(line)
    return lines


# ── the day once ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """The shipped day, played once: its folder, the JSON of its last line, all that it said."""
    place = tmp_path_factory.mktemp("once")
    folder = place / "data"
    done = zhiyin("demo", "--once", "--json", "--data", str(folder), cwd=place)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, json.loads(done.stdout.splitlines()[-1]), done.stdout + done.stderr


def test_what_it_says_is_what_stands_in_the_database(
    day: tuple[Path, dict[str, Any], str],
) -> None:
    folder, said, _ = day
    [[uses]] = asked(folder, "SELECT count(*) FROM seal_use WHERE pressed > 0")
    [[records, last]] = asked(folder, "SELECT count(*), max(seq) FROM record")
    [[sent]] = asked(folder, "SELECT count(*) FROM delivery WHERE state = 'delivered'")
    [[again]] = asked(folder, "SELECT sum(duplicates) FROM device")
    assert said == {
        "uses": uses,
        "records": records,
        "alerts": alerts_in(folder),
        "deliveries": sent,
        "duplicates": again,
        "missing_receipts": 0,
        "log_verified": True,
    }
    assert records == last + 1, "the journal is contiguous"


def test_it_is_the_day_that_the_scenario_promises(day: tuple[Path, dict[str, Any], str]) -> None:
    _, said, _ = day
    expected = load(DAY).expect
    assert said["uses"] == expected.uses
    assert said["alerts"] == expected.alerts
    assert len(said["alerts"]) >= 8
    assert {"C32", "C1", "C24"} <= set(said["alerts"])


def findings(folder: Path, device: str) -> list[tuple[str, str]]:
    """What the eyes saw at a sleeve, in the order of its presses."""
    rows = asked(
        folder,
        "SELECT kind, finding FROM look"
        f" WHERE device_id = '{device}' AND use_id IS NOT NULL ORDER BY created_at, kind DESC",
    )
    return [(kind, finding) for kind, finding in rows]


SCENES = {
    "altered_amount": ([("page", "altered")], "C5", 0),
    "blank_sheet": ([("page", "blank")], "C6", 0),
    "swapped_page": ([("page", "another"), ("imprint", "right")], "C3", 1),
    "other_imprint": ([("page", "same"), ("imprint", "other_seal")], "C8", 1),
}
"""What is seen of each scene, the alert that follows, and whether a seal came down."""


def test_every_scene_before_the_eyes_ends_in_its_alert(
    day: tuple[Path, dict[str, Any], str],
) -> None:
    folder, _, _ = day
    [[looked]] = asked(folder, "SELECT count(*) FROM look WHERE kind <> 'reference'")
    assert 0 < looked <= 2 * 15, "a page and an imprint of at most 15 presses"
    actions = {one.__struct_config__.tag: one for one in load(DAY).actions}
    for name, (seen, code, stamped) in SCENES.items():
        action = actions[name]
        device = device_id(action.village, action.seal)
        assert findings(folder, device) == seen, name
        [[use]] = asked(
            folder, f"SELECT use_id FROM alert WHERE code = '{code}' AND device = '{device}'"
        )
        [[pressed]] = asked(folder, f"SELECT pressed FROM seal_use WHERE id = '{use}'")
        assert pressed == stamped, name


def test_the_places_to_look_at_are_kept_as_pictures_beside_each_other(
    day: tuple[Path, dict[str, Any], str],
) -> None:
    folder, _, _ = day
    kept = {one for [one] in asked(folder, "SELECT id FROM picture WHERE kind = 'crop'")}
    for finding in ("altered", "another", "blank", "other_seal"):
        [[result]] = asked(folder, f"SELECT result FROM look WHERE finding = '{finding}'")
        pairs = json.loads(result)["crops"]
        assert pairs, finding
        assert {name for pair in pairs for name in pair} <= kept
    [[marks]] = asked(folder, "SELECT result FROM look WHERE finding = 'altered'")
    found = "".join(mark["found"] for mark in json.loads(marks)["marks"])
    assert "拾" in found or "0" in found, "what was put into the amount is read"


def test_an_honest_use_with_a_signature_in_its_place_raises_no_alert(
    day: tuple[Path, dict[str, Any], str],
) -> None:
    folder, _, _ = day
    [signed] = [one for one in load(DAY).actions if isinstance(one, Use) and one.signed]
    device = device_id(signed.village, signed.seal)
    assert findings(folder, device) == [("page", "same"), ("imprint", "right")]
    assert asked(folder, f"SELECT code FROM alert WHERE device = '{device}'") == []


def test_a_photograph_held_up_is_refused_and_told(day: tuple[Path, dict[str, Any], str]) -> None:
    folder, _, _ = day
    [held] = [one for one in load(DAY).actions if isinstance(one, HeldUpPhoto)]
    device = device_id(held.village, held.seal)
    rows = asked(folder, f"SELECT code, use_id FROM alert WHERE device = '{device}'")
    assert [code for code, _ in rows] == ["C11"]
    [[pressed]] = asked(folder, f"SELECT pressed FROM seal_use WHERE id = '{rows[0][1]}'")
    assert pressed == 0


def test_whoever_exports_the_day_can_check_it_alone(
    day: tuple[Path, dict[str, Any], str], tmp_path: Path
) -> None:
    """The log's size is the journal's: counted by the verifier, from the file alone."""
    folder, said, _ = day
    env = _ENV | {"ZHIYIN_DATA_DIR": str(folder), "ZHIYIN_LOG_ORIGIN": "demo.zhiyin.local/yidu"}
    file = str(tmp_path / "day.zip")
    for words in (("export", file), ("verify", file, "--json")):
        done = subprocess.run(
            command(*words), env=env, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["size"] == report["disclosed"] == said["records"]
    assert report["complete"]


def test_it_ends_without_a_trace_of_trouble(day: tuple[Path, dict[str, Any], str]) -> None:
    folder, _, output = day
    assert "Traceback" not in output
    assert "Exception ignored" not in output
    assert processes_about(folder) == []


# ── stopped and gone on with ─────────────────────────────────────────────────────────────────────

_LASTING = """
name: 被打断的一天
date: "2026-10-12"
start: "08:00"
end: "09:30"
seed: 7
villages: 2
actions:
  - {do: use, at: "08:03", village: 1, offline: true, back_after: 25}
  - {do: silent, at: "08:06", village: 2, minutes: 60}
  - {do: withheld, at: "08:06", village: 1, seal: cooperative, minutes: 50}
  - {do: seal_out, at: "08:08", village: 1, seal: party, minutes: 30}
  - {do: carried_away, at: "08:08", village: 2, seal: party, minutes: 50}
  - {do: clock_back, at: "08:16", village: 2, seal: cooperative}
  - {do: wrong_face, at: "08:50", village: 1}
  - {do: use, at: "09:10", village: 2, stamps: 3}
  - {do: swapped_page, at: "08:12", village: 1, walk: 44}
expect:
  uses: 3
  alerts: {C3: 1, C10: 1, C13: 2, C16: 1, C18: 1, C20: 1, C23: 1}
"""


class _Live:
    """The live demo of one scenario, started and stopped again and again in one folder."""

    def __init__(self, place: Path, scenario: str) -> None:
        self.place = place
        self.data = place / "data"
        self.file = place / "day.yaml"
        self.file.write_text(scenario, encoding="utf-8")
        self.port = 0
        self.scenario = load(self.file)

    def start(self, until: str) -> WatchedProcess:
        """Start it; returns when it has said ``until``."""
        self.port = free_port()  # anew: meanwhile it may have become somebody's
        return WatchedProcess.start(
            command(
                *("demo", "--scenario", str(self.file), "--data", str(self.data)),
                *("--speed", "1200", "--port", str(self.port)),
            ),
            lambda line: until in line,
            cwd=self.place,
            env=_ENV,
            ready_s=_PATIENCE_S,
        )

    def now(self) -> int:
        """The demo's time, as it keeps it."""
        try:
            return int((self.data / "clock").read_text())
        except (OSError, ValueError):
            return 0

    def play_until(self, clock: str, end: signal.Signals) -> WatchedProcess:
        """Let it play until its clock says so, then stop it."""
        running = self.start("打开页面")
        try:
            while self.now() < self.scenario.time(clock):
                assert running.is_alive(), "\n".join(running.lines)
                time.sleep(0.01)
            assert (
                httpx.get(f"http://127.0.0.1:{self.port}/sign-in", timeout=_PATIENCE_S).status_code
                == 200
            )
        finally:
            running.end(end)
        return running


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Live]:
    place = tmp_path_factory.mktemp("live")
    yield _Live(place, _LASTING)
    assert processes_about(place) == [], "something outlived the demo"


def test_an_interrupted_day_comes_out_as_if_it_had_not_been(live: _Live) -> None:
    """Stopped while sleeves are silent, away, open, withheld from; and in the middle of a use."""
    for clock, end in (("08:18", signal.SIGINT), ("09:16", signal.SIGTERM)):
        stopped = live.play_until(clock, end)
        assert stopped.code == 0, "\n".join(stopped.lines)
        assert not any("Traceback" in line for line in stopped.lines)
        assert "已停止" in stopped.lines[-1]
        assert processes_about(live.data) == [], "its broker outlived it"
    last = live.start("页面仍可浏览")
    last.end(signal.SIGINT)
    assert not any("与剧本不符" in line for line in last.lines)
    [[uses]] = asked(live.data, "SELECT count(*) FROM seal_use WHERE pressed > 0")
    assert (uses, alerts_in(live.data)) == (
        live.scenario.expect.uses,
        live.scenario.expect.alerts,
    )
    [[stamps]] = asked(live.data, "SELECT sum(pressed) FROM seal_use")
    assert stamps == 5, "none twice, none lost"


def test_a_taken_address_is_said_and_leaves_nothing_running(live: _Live) -> None:
    with closing(_listener()) as taken:
        port = str(taken.getsockname()[1])
        words = ("demo", "--scenario", str(live.file), "--data", str(live.data), "--port", port)
        done = zhiyin(*words, cwd=live.place)
    assert done.returncode == 2
    assert port in done.stderr
    assert "web.port" in done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    assert processes_about(live.data) == []


def test_another_day_in_the_same_folder_is_refused(live: _Live) -> None:
    done = zhiyin("demo", "--once", "--data", str(live.data), cwd=live.place)
    assert done.returncode == 2
    assert "--fresh" in done.stderr
    assert alerts_in(live.data), "what was there is left alone"


def test_told_to_stop_while_the_town_is_founded_it_stops(tmp_path: Path) -> None:
    """Half a town is never used: the next start would begin anew."""
    site = _Live(tmp_path, _LASTING)
    running = site.start("首次启动")
    running.end(signal.SIGINT)
    assert running.code == 1
    assert "已停止" in running.lines[-1]
    assert not (site.data / "town.json").exists()
    assert not any("Traceback" in line for line in running.lines)


def _listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


# ── what is refused, and the documented example ──────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--speed", "0"), "--speed"),
        (("--port", "70000"), "--port"),
        (("--scenario", "nowhere.yaml"), "读不到剧本 nowhere.yaml"),
        (("--scenario", "odd.yaml"), "第 1 个动作（09:00）"),
        (("--data", "full"), "不是演示数据"),
        (("--data", "day.yaml"), "day.yaml"),
    ],
)
def test_what_cannot_be_played_is_said_in_one_line(
    tmp_path: Path, words: tuple[str, ...], says: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("years of work")
    (tmp_path / "day.yaml").write_text(_LASTING, encoding="utf-8")
    odd = re.sub(
        r"actions:.*?expect:", 'actions: [{do: fly, at: "09:00"}]\nexpect:', _LASTING, flags=re.S
    )
    (tmp_path / "odd.yaml").write_text(odd, encoding="utf-8")
    done = zhiyin("demo", "--once", *words, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(one.name for one in tmp_path.iterdir()) == ["day.yaml", "full", "odd.yaml"]


def test_the_documented_example_comes_out_as_it_says(tmp_path: Path) -> None:
    text = (_ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = re.search(r"```yaml\n(.+?)```", text, re.S)
    assert example is not None
    file = tmp_path / "day.yaml"
    file.write_text(example[1], encoding="utf-8")
    done = zhiyin("sim", "play", str(file), cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["alerts"] == load(file).expect.alerts


def test_a_day_that_turns_out_otherwise_is_told_line_by_line(tmp_path: Path) -> None:
    file = tmp_path / "day.yaml"
    file.write_text(
        'name: 少一次\ndate: "2026-10-12"\nstart: "08:00"\nend: "08:20"\nseed: 1\nvillages: 1\n'
        'actions: [{do: motor_nudge, at: "08:05", village: 1}]\n'
        "expect: {uses: 1, alerts: {C1: 1}}\n",
        encoding="utf-8",
    )
    done = zhiyin("sim", "play", str(file), cwd=tmp_path)
    assert done.returncode == 1
    wrong = [line for line in done.stderr.splitlines() if "与剧本不符" in line]
    assert [line.rpartition("says: ")[2] for line in wrong] == [
        "uses: 0, expected 1",
        "alerts C1: 0, expected 1",
        "alerts C15: 1, expected 0",
    ]
