"""What is not as the scenario says is named, each thing on a line of its own."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from seal_firmware_sim.scenarios.format import Expected
from tests.unit.zhiyin.demo.test_kept import DAY
from zhiyin.demo.result import as_expected

SCENARIO = msgspec.structs.replace(DAY, expect=Expected(uses=2, alerts={"C1": 1}))
RIGHT: dict[str, Any] = {
    "uses": 2,
    "records": 100,
    "alerts": {"C1": 1},
    "deliveries": 3,
    "duplicates": 0,
    "missing_receipts": 0,
    "log_verified": True,
}


def test_all_as_it_says() -> None:
    assert as_expected(SCENARIO, RIGHT) == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"uses": 1}, "uses: 1, expected 2"),
        ({"alerts": {}}, "alerts C1: 0, expected 1"),
        ({"alerts": {"C1": 1, "C9": 2}}, "alerts C9: 2, expected 0"),
        ({"missing_receipts": 4}, "missing_receipts: 4"),
        ({"log_verified": False}, "the log did not verify"),
    ],
)
def test_what_is_not_is_named(change: dict[str, Any], says: str) -> None:
    assert as_expected(SCENARIO, RIGHT | change) == [says]


def test_an_action_that_was_given_up_is_not_overlooked() -> None:
    wrong = as_expected(SCENARIO, RIGHT, ["1:Use 08:10: waited in vain"])
    assert wrong == ["not played to its end: 1:Use 08:10: waited in vain"]
