"""docs/scenarios.md says what the format is: every field, and what each action must lead to."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from seal_firmware_sim.scenarios import format as fmt
from seal_firmware_sim.scenarios.format import load
from tests.unit.seal_firmware_sim.scenarios.test_format import SHIPPED

DOC = (Path(__file__).parents[4] / "docs" / "scenarios.md").read_text(encoding="utf-8")
KINDS: tuple[Any, ...] = get_args(fmt.Action)


def tag(kind: Any) -> str:
    return str(kind.__struct_config__.tag)


def rows(heading: str) -> dict[str, list[str]]:
    """The table lines below ``heading``: cells by the names in the first one."""
    section = re.split(r"^## ", DOC.split(f"## {heading}", 1)[1], maxsplit=1, flags=re.M)[0]
    found: dict[str, list[str]] = {}
    for line in section.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        for name in re.findall(r"`(\w+)`", cells[0]) if line.startswith("| `") else []:
            found[name] = cells
    return found


ACTIONS = rows("动作")


def test_every_action_is_there_and_no_other() -> None:
    assert set(ACTIONS) == {tag(kind) for kind in KINDS}


def test_the_head_is_whole() -> None:
    assert set(rows("剧本的抬头")) == {one.name for one in msgspec.structs.fields(fmt.Scenario)}


@pytest.mark.parametrize("kind", KINDS, ids=tag)
def test_every_field_of_an_action_stands_somewhere_with_its_default(kind: Any) -> None:
    common, cells = rows("每个动作都有的项"), ACTIONS[tag(kind)]
    applies = {one.name for one in msgspec.structs.fields(kind)} >= {"matter", "purpose"}
    assert cells[2] == ("是" if applies else "")
    for one in msgspec.structs.fields(kind):
        if one.name in common:
            said = common[one.name][-1]
        else:
            assert f"`{one.name}`" in cells[3], "its own fields stand beside it"
            said = cells[3]
        if isinstance(one.default, int | str) and not isinstance(one.default, bool):
            assert str(one.default) in said


def test_what_each_action_leads_to_is_what_the_shipped_day_expects() -> None:
    """The day is played by the demo's test: so the table is true as well."""
    day = load(SHIPPED / "yiqiao_day.yaml")
    alerts: Counter[str] = Counter()
    uses = 0
    for action in day.actions:
        cells = ACTIONS[tag(type(action))]
        alerts.update(re.findall(r"C\d+", cells[4]))
        uses += int(cells[5])
    at_odd_hours = {"C17": day.expect.alerts["C17"]}
    assert {**alerts, **at_odd_hours} == day.expect.alerts
    assert uses == day.expect.uses


def test_the_example_can_be_played(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.+?)```", DOC, re.S)
    assert example is not None
    file = tmp_path / "day.yaml"
    file.write_text(example[1], encoding="utf-8")
    assert load(file).actions
