"""How far the day has come, kept so that a later start goes on."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Self

import msgspec

from backend.domain.errors import DomainError
from seal_firmware_sim.scenarios.format import Scenario
from seal_firmware_sim.scenarios.scenes import Progress


class Kept(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """``totals``: the sleeves' mechanical counters; ``off``: sleeves without power."""

    scenario: str
    progress: dict[int, Progress] = msgspec.field(default_factory=dict)
    totals: dict[str, int] = msgspec.field(default_factory=dict)
    off: list[str] = msgspec.field(default_factory=list)

    @classmethod
    def load(cls, file: Path, scenario: Scenario) -> Self:
        """What an earlier start of ``scenario`` kept; nothing when there was none.

        Raises:
            DomainError: ``other_scenario``: the folder holds another day.
        """
        name = digest(scenario)
        try:
            kept = msgspec.json.decode(file.read_bytes(), type=cls)
        except FileNotFoundError:
            return cls(scenario=name)
        if kept.scenario != name:
            raise DomainError(
                "other_scenario",
                "数据目录里演到一半的是另一个剧本：请用 --fresh 重新开始，或用 --data 另选目录",
                "the data folder holds another scenario, half played: start over with --fresh, or"
                " choose another folder with --data",
            )
        return kept

    def save(self, file: Path) -> None:
        """Write it; the old one stays until the new one is whole."""
        fresh = file.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(self))
        fresh.replace(file)


def digest(scenario: Scenario) -> str:
    """Tells scenarios apart; what is expected of one makes no other day of it."""
    same = msgspec.structs.replace(
        scenario, expect=msgspec.structs.replace(scenario.expect, uses=0, alerts={})
    )
    return hashlib.sha256(msgspec.json.encode(same)).hexdigest()
