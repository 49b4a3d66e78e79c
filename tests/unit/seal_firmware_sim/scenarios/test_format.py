"""The scenario file: what is wrong is said with its place, in Chinese."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

import seal_firmware_sim.scenarios
from seal_firmware_sim.scenarios.format import ScenarioError, Use, load

HEAD = """
name: 一天
date: "2026-10-12"
start: "08:00"
end: "18:00"
seed: 1
villages: 2
expect: {uses: 0, alerts: {}}
"""
SHIPPED = Path(seal_firmware_sim.scenarios.__file__).parent


def write(folder: Path, text: str) -> Path:
    path = folder / "day.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_times_are_local(tmp_path: Path) -> None:
    scenario = load(
        write(
            tmp_path,
            HEAD.replace('"18:00"', '"+02:00"')
            + 'actions: [{do: use, at: "+00:30", village: 1, stamps: 3}]',
        )
    )
    assert scenario.time("08:00") == _ms(datetime(2026, 10, 12, 0, 0, tzinfo=UTC))
    assert scenario.time("+00:30") == _ms(datetime(2026, 10, 12, 16, 30, tzinfo=UTC))
    assert scenario.actions == [Use(at="+00:30", village=1, stamps=3)]


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ("[{do: use, at: '25:00', village: 1}]", "第 1 个动作（25:00）"),
        ("[{do: fly, at: '09:00', village: 1}]", "第 1 个动作（09:00）"),
        ("[{do: use, at: '09:00', village: 1, stamp: 2}]", "第 1 个动作.*stamp"),
        ("[{do: use, at: '09:00', village: 3}]", "没有第 3 个村"),
        ("[{do: use, at: '07:59', village: 1}]", "在开始之前"),
        ("[{do: use, at: '18:01', village: 1}]", "结束之后"),
        ("[{do: use, at: '09:00', village: 1, paper: napkin}]", "第 1 个动作.*paper"),
        ("[{do: wrong_sleeve, at: '09:00', village: 1, seal: party, other: party}]", "另一枚印章"),
        ("[{do: other_imprint, at: '09:00', village: 1, other: committee}]", "另一枚印章"),
        ("[{do: altered_amount, at: '09:00', village: 1}]", "amount 须写明"),
        ("[{do: altered_amount, at: '09:00', village: 1, amount: 7, to: 7}]", "与 to 不同"),
        ("7", "不是|actions|array"),
        ("[7]", "第 1 个动作"),
    ],
)
def test_a_wrong_action_is_named(tmp_path: Path, actions: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        load(write(tmp_path, HEAD + f"actions: {actions}"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("2026-10-12", "2026-13-40", "没有 2026-13-40 这一天"),
        ('"18:00"', '"07:00"', "不在 08:00 之后"),
        ("villages: 2", "villages: 0", "villages"),
        ("seed: 1", "sead: 1", "sead|seed"),
        ("uses: 0", "uses: many", "uses"),
    ],
)
def test_a_wrong_head_is_named(tmp_path: Path, old: str, new: str, says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        load(write(tmp_path, HEAD.replace(old, new) + "actions: []"))


@pytest.mark.parametrize("text", ["", "7", "{", "name: 1"])
def test_no_scenario_at_all(tmp_path: Path, text: str) -> None:
    with pytest.raises(ScenarioError, match="剧本"):
        load(write(tmp_path, text))


def test_a_file_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "day.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match="UTF-8"):
        load(path)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match="读不到"):
        load(tmp_path / "nothing.yaml")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_what_we_ship_can_be_played(path: Path) -> None:
    scenario = load(path)
    first = min(scenario.time(action.at) for action in scenario.actions)
    assert first - scenario.time(scenario.start) <= 20 * 60_000, "something happens soon"
    assert len({type(action) for action in scenario.actions} - {Use}) >= 10
