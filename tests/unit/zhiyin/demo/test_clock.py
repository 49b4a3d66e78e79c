"""The demo's clock: moved by hand, never back, and where it was after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from zhiyin.demo.clock import DemoClock


class Steady:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_stands_until_it_is_moved_and_never_goes_back() -> None:
    clock = DemoClock(1_000, None, None)
    assert clock() == 1_000
    clock.move_to(5_000)
    clock.move_to(2_000)
    assert clock() == 5_000


def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    DemoClock(1_000, file, None).move_to(7_000)
    assert DemoClock(1_000, file, None)() == 7_000


@pytest.mark.parametrize("text", ["", "noon", "12.5"])
def test_a_broken_file_means_the_start(tmp_path: Path, text: str) -> None:
    file = tmp_path / "clock"
    file.write_text(text)
    assert DemoClock(1_000, file, None)() == 1_000


def test_it_is_written_before_time_passes(tmp_path: Path) -> None:
    clock = DemoClock(1_000, tmp_path / "gone" / "clock", None)
    with pytest.raises(OSError, match="gone"):
        clock.move_to(2_000)
    assert clock() == 1_000, "nothing in the data may be ahead of what is kept"


def test_pacing_goes_by_speed_and_does_not_catch_up_after_a_rebase() -> None:
    steady = Steady()
    clock = DemoClock(0, None, 60.0, steady)
    assert clock.wall_left_s(120_000) == 2.0
    steady.now += 1.5
    assert clock.wall_left_s(120_000) == 0.5
    steady.now += 60
    assert clock.wall_left_s(120_000) == 0.0
    clock.rebase()
    assert clock.wall_left_s(120_000) == 2.0


def test_without_a_speed_nothing_waits() -> None:
    assert DemoClock(0, None, None).wall_left_s(10**12) == 0.0
