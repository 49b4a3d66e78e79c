"""Programs kept running: who ends is started again, less and less eagerly while it keeps ending."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zhiyin.running.processes import (
    FIRST_PAUSE_S,
    LONGEST_PAUSE_S,
    STEADY_S,
    Keeper,
    Kept,
    Program,
    clean_environment,
    spawn,
)


class _Process:
    """A process that ends when a test says so."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)
        self.code = -sig


class _Stage:
    """A clock, and every process that was started."""

    def __init__(self) -> None:
        self.now = 0.0
        self.started: list[_Process] = []

    def spawn(self, _program: Program) -> _Process:
        self.started.append(_Process(100 + len(self.started)))
        return self.started[-1]

    def clock(self) -> float:
        return self.now

    def kept(self, program: Program) -> Kept:
        one = Kept(program, self.spawn, self.clock)
        one.start()
        return one

    def pause_until_restart(self, one: Kept) -> float:
        """End the running process; how long it takes until the next one runs."""
        self.started[-1].code = 1
        begun, count = self.now, len(self.started)
        while len(self.started) == count:
            one.look()
            self.now += 0.1
            assert self.now < begun + 100
        return self.now - begun


@pytest.fixture
def stage() -> _Stage:
    return _Stage()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return Program("part", ("true",), tmp_path / "part.log")


def test_who_keeps_ending_is_started_again_after_growing_pauses(
    stage: _Stage, program: Program
) -> None:
    one = stage.kept(program)
    pauses = [stage.pause_until_restart(one) for _ in range(9)]
    assert pauses == sorted(pauses)
    assert pauses[0] == pytest.approx(FIRST_PAUSE_S, abs=0.2)
    assert pauses[-1] == pytest.approx(LONGEST_PAUSE_S, abs=0.3)
    assert one.restarts == 9


def test_who_ran_steadily_is_started_again_at_once(stage: _Stage, program: Program) -> None:
    one = stage.kept(program)
    for _ in range(6):
        stage.pause_until_restart(one)
    stage.now += STEADY_S
    assert stage.pause_until_restart(one) == pytest.approx(FIRST_PAUSE_S, abs=0.2)


def test_a_running_process_is_left_alone_and_named(stage: _Stage, program: Program) -> None:
    one = stage.kept(program)
    one.look()
    assert (one.pid, one.restarts, len(stage.started)) == (100, 0, 1)
    stage.started[0].code = 0
    assert one.pid is None


def test_stopping_asks_with_the_programs_own_signal(stage: _Stage, tmp_path: Path) -> None:
    one = stage.kept(Program("postgres", ("x",), tmp_path / "log", stop_signal=signal.SIGINT))
    one.stop()
    assert stage.started[0].signals == [signal.SIGINT]
    one.stop()
    assert stage.started[0].signals == [signal.SIGINT]


def test_programs_are_stopped_in_reverse(stage: _Stage, tmp_path: Path) -> None:
    ended: list[str] = []

    class Told(_Process):
        def __init__(self, name: str) -> None:
            super().__init__(1)
            self.name = name

        def send_signal(self, sig: int) -> None:
            super().send_signal(sig)
            ended.append(self.name)

    keeper = Keeper(lambda program: Told(program.name), stage.clock)
    for name in ("postgres", "broker", "api"):
        keeper.start(Program(name, ("x",), tmp_path / name))
    keeper.stop()
    assert ended == ["api", "broker", "postgres"]


def _until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_real_killed_process_comes_back(tmp_path: Path) -> None:
    log = tmp_path / "real.log"
    keeper = Keeper()
    one = keeper.start(
        Program(
            "real",
            (sys.executable, "-c", "print('here', flush=True); import time; time.sleep(60)"),
            log,
        )
    )
    try:
        _until(lambda: log.read_text() == "here\n")
        first = one.pid
        assert first is not None
        assert one._process is not None
        one._process.send_signal(signal.SIGKILL)
        _until(lambda: log.read_text() == "here\nhere\n")
        assert one.pid not in (None, first)
    finally:
        keeper.stop()
    assert one.pid is None


def test_a_child_sees_no_setting_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ZHIYIN_WEB__PORT", "1")
    found = clean_environment(ZHIYIN_CONFIG="x")
    assert "ZHIYIN_WEB__PORT" not in found
    assert found["ZHIYIN_CONFIG"] == "x"
    log = tmp_path / "env.log"
    code = "import os; print(sorted(k for k in os.environ if k.startswith('ZHIYIN')))"
    process = spawn(Program("env", (sys.executable, "-c", code), log, found))
    _until(lambda: process.poll() is not None)
    assert log.read_text() == "['ZHIYIN_CONFIG']\n"
