"""What is kept of a day: it comes back whole, and only for the same day."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from backend.domain.errors import DomainError
from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios.scenes import Progress
from zhiyin.demo.kept import Kept, digest

DAY = fmt.Scenario(
    name="一天",
    date="2026-10-12",
    start="08:00",
    end="11:00",
    seed=5,
    villages=1,
    actions=[fmt.Use(at="08:10", village=1)],
    expect=fmt.Expected(uses=1, alerts={}),
)


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    kept = Kept(
        scenario=digest(DAY),
        progress={
            0: Progress("a-1", at_sleeve=True, done=True),
            3: Progress(turn=2, until=7, withheld=5),
        },
        totals={"YD01-W": 12},
        off=["YD12-W"],
    )
    kept.save(file)
    assert Kept.load(file, DAY) == kept


def test_nothing_was_kept(tmp_path: Path) -> None:
    assert Kept.load(tmp_path / "demo.json", DAY) == Kept(scenario=digest(DAY))


def test_another_day_is_not_played_on_top(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    Kept(scenario=digest(DAY)).save(file)
    with pytest.raises(DomainError) as refused:
        Kept.load(file, msgspec.structs.replace(DAY, seed=6))
    assert refused.value.code == "other_scenario"
    assert "--fresh" in refused.value.zh


def test_what_is_expected_makes_no_other_day(tmp_path: Path) -> None:
    file = tmp_path / "demo.json"
    Kept(scenario=digest(DAY)).save(file)
    expect = fmt.Expected(uses=2, alerts={"C1": 1})
    assert Kept.load(file, msgspec.structs.replace(DAY, expect=expect)).progress == {}
