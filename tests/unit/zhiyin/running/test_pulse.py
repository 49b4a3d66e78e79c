"""Heartbeats: what a part says about itself, and when it is believed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from zhiyin.running.pulse import STALE_MS, Beat, Pulse, read


class _Clock:
    now = 1_790_000_000_000

    def __call__(self) -> int:
        return self.now


@contextmanager
def _beating(folder: Path, clock: _Clock, every_s: float = 60.0) -> Iterator[Pulse]:
    pulse = Pulse(folder, "gateway-1", clock, every_s=every_s)
    pulse.start()
    try:
        yield pulse
    finally:
        pulse.stop()


def _only(folder: Path) -> Beat:
    (beat,) = read(folder)
    return beat


def test_a_part_is_starting_then_ready_and_leaves_nothing_behind(tmp_path: Path) -> None:
    clock = _Clock()
    with _beating(tmp_path, clock) as pulse:
        assert _only(tmp_path).state == "starting"
        pulse.waiting(["database"])
        assert (_only(tmp_path).state, _only(tmp_path).waiting_for) == ("waiting", ["database"])
        pulse.waiting([])
        pulse.watch(list, lambda: {"events": 7})
        beat = _only(tmp_path)
        assert (beat.state, beat.figures, beat.well(clock.now)) == ("ready", {"events": 7}, True)
    assert read(tmp_path) == []


def test_a_part_that_waits_is_alive_but_not_well(tmp_path: Path) -> None:
    clock = _Clock()
    with _beating(tmp_path, clock) as pulse:
        pulse.watch(lambda: ["broker"])
        beat = _only(tmp_path)
        assert beat.alive(clock.now)
        assert not beat.well(clock.now)
        assert beat.waiting_for == ["broker"]


@pytest.mark.parametrize(("age", "alive"), [(STALE_MS, True), (STALE_MS + 1, False)])
def test_an_old_heartbeat_is_no_sign_of_life(tmp_path: Path, age: int, alive: bool) -> None:
    clock = _Clock()
    with _beating(tmp_path, clock) as pulse:
        pulse.watch(list)
        assert _only(tmp_path).well(clock.now + age) is alive


def test_a_damaged_heartbeat_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    assert read(tmp_path) == []


def test_a_full_disk_does_not_end_the_part(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with _beating(folder, _Clock()) as pulse:
        (folder / "gateway-1.json").unlink()
        (folder / "gateway-1.new").mkdir()  # so that no heartbeat can be written
        pulse.watch(list)
        assert read(folder) == []
        (folder / "gateway-1.new").rmdir()
        pulse.watch(list)
        assert _only(folder).state == "ready"
