"""Simulated parts: flash in memory and in files, the mechanism."""

from __future__ import annotations

from pathlib import Path

import pytest

from seal_firmware_sim.hardware.flash import FileFlash, MemoryFlash
from seal_firmware_sim.hardware.mechanism import Habits, SimMechanism
from seal_firmware_sim.hardware.ports import Flash, FlashFailure
from seal_firmware_sim.inputs import Jammed, LimitSwitch, MotorMoved, SealDropped

COMMIT = b"c" * 32


@pytest.fixture(params=["memory", "file"])
def flash(request: pytest.FixtureRequest, tmp_path: Path) -> Flash:
    return MemoryFlash() if request.param == "memory" else FileFlash(tmp_path / "flash")


def test_flash_keeps_what_is_written(flash: Flash) -> None:
    flash.append(b"one")
    flash.append(b"two")
    flash.put_picture(COMMIT, b"picture")
    flash.flush()
    assert flash.read() == b"onetwo"
    assert flash.read_picture(COMMIT) == b"picture"
    assert flash.pictures() == {COMMIT}
    flash.replace(b"all new")
    flash.append(b"!")
    assert flash.read() == b"all new!"
    flash.drop_picture(COMMIT)
    flash.drop_picture(COMMIT)
    assert flash.pictures() == frozenset()
    with pytest.raises(FlashFailure):
        flash.read_picture(COMMIT)


def test_file_flash_is_there_again(tmp_path: Path) -> None:
    first = FileFlash(tmp_path / "a" / "flash")
    first.append(b"journal")
    first.put_picture(COMMIT, b"picture")
    first.flush()
    first.close()
    (tmp_path / "a" / "flash" / "journal.new").write_bytes(b"half a replacement")
    (tmp_path / "a" / "flash" / "pictures" / "aa.new").write_bytes(b"half a picture")
    again = FileFlash(tmp_path / "a" / "flash")
    assert again.read() == b"journal"
    assert again.pictures() == {COMMIT}


def test_file_flash_without_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FlashFailure):
        FileFlash(tmp_path / "file")


def reports(mechanism: SimMechanism) -> list[object]:
    told: list[object] = []
    while (at := mechanism.next_at()) is not None:
        told += mechanism.poll(at)
    return told


def test_a_drop_in_its_order() -> None:
    mechanism = SimMechanism(total=7)
    mechanism.actuate("release", 1_000)
    assert mechanism.poll(999) == []
    assert reports(mechanism) == [
        MotorMoved(),
        LimitSwitch(False),
        SealDropped(450, 1, 8),
        LimitSwitch(True),
    ]
    assert (mechanism.total, mechanism.closed) == (8, True)


def test_habits_are_good_for_one_drop() -> None:
    mechanism = SimMechanism()
    mechanism.habits = Habits(jam=True)
    mechanism.actuate("release", 0)
    assert reports(mechanism) == [MotorMoved(), Jammed()]
    mechanism.actuate("release", 0)
    assert SealDropped(450, 1, 1) in reports(mechanism)
    mechanism.habits = Habits(misses=True, contact_ms=900)
    mechanism.actuate("release", 0)
    assert not any(isinstance(report, SealDropped) for report in reports(mechanism))
    mechanism.actuate("release", 0)
    assert SealDropped(900, 1, 2) in reports(mechanism)


def test_the_spring_completes_a_drop_without_power() -> None:
    mechanism = SimMechanism()
    mechanism.actuate("release", 0)
    mechanism.poll(200)
    assert not mechanism.closed
    mechanism.power_lost()
    assert (mechanism.total, mechanism.closed, mechanism.next_at()) == (1, True, None)


def test_locking_draws_a_seal_in_that_was_left_out() -> None:
    mechanism = SimMechanism()
    mechanism.closed = False
    mechanism.actuate("lock", 0)
    assert reports(mechanism) == [LimitSwitch(True)]
    mechanism.actuate("lock", 0)
    assert reports(mechanism) == []
