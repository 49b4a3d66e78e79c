"""A worker process that answers, dies, hangs, and talks nonsense."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from backend.vision.workers import wire
from backend.vision.workers.wire import EnrolImprint, ImprintEnrolled
from backend.vision.workers.worker import Worker, WorkerFailed, WorkerLimits

_HEAD = """
import os, sys, time
from backend.vision.workers import wire
def answer(text, peak=1):
    sys.stdout.buffer.write(wire.frame(wire.Answer(wire.ImprintEnrolled(text, "test"), peak)))
    sys.stdout.buffer.flush()
while head := sys.stdin.buffer.read(4):
    task = wire.read_task(sys.stdin.buffer.read(int.from_bytes(head, "big")))
    word = task.pictures[0]
"""

Make = Callable[..., Worker]


@pytest.fixture
def make() -> Iterator[Make]:
    """Workers that do as ``body`` says with ``word``, ended afterwards."""
    made: list[Worker] = []

    def worker(body: str, **limits: float) -> Worker:
        code = _HEAD + "".join(f"    {line}\n" for line in body.splitlines())
        one = Worker(
            WorkerLimits(**{"timeout_s": 60.0, **limits}),  # type: ignore[arg-type]  # whole numbers are given as such
            [sys.executable, "-c", code],
        )
        made.append(one)
        return one

    yield worker
    for one in made:
        one.close()


def _ask(worker: Worker, word: bytes) -> bytes:
    found = worker.ask(EnrolImprint([word]))
    assert isinstance(found, ImprintEnrolled)
    return found.template


def test_it_answers_many_questions_in_one_process(make: Make) -> None:
    worker = make("answer(word * 2)")
    big = bytes(range(256)) * 20_000  # more than a pipe holds, both ways
    assert [_ask(worker, word) for word in (b"a", big, b"")] == [b"aa", big * 2, b""]
    assert worker.started == 1


def test_one_that_dies_is_replaced(make: Make) -> None:
    worker = make("os._exit(3) if word == b'die' else answer(word)")
    assert _ask(worker, b"one") == b"one"
    with pytest.raises(WorkerFailed, match="died"):
        _ask(worker, b"die")
    assert _ask(worker, b"two") == b"two"
    assert worker.started == 2


def test_one_that_hangs_is_killed_in_time(make: Make) -> None:
    worker = make("time.sleep(1000)", timeout_s=0.5)
    with pytest.raises(WorkerFailed, match="timeout"):
        _ask(worker, b"?")
    assert worker.pid is None


def test_one_that_does_not_even_listen_is_killed_in_time(make: Make) -> None:
    worker = Worker(
        WorkerLimits(timeout_s=0.5), [sys.executable, "-c", "import time; time.sleep(1000)"]
    )
    with pytest.raises(WorkerFailed, match="timeout"):
        _ask(worker, bytes(4 << 20))
    assert worker.pid is None


@pytest.mark.parametrize(
    "nonsense",
    ["b'\\xff' * 8", "(3).to_bytes(4, 'big') + b'abc'", "b''"],
    ids=["too long", "no answer", "nothing"],
)
def test_nonsense_is_no_answer(make: Make, nonsense: str) -> None:
    worker = make(f"sys.stdout.buffer.write({nonsense}); sys.exit()")
    with pytest.raises(WorkerFailed, match="died"):
        _ask(worker, b"?")


def test_it_is_renewed_after_so_many_questions_or_so_much_memory(make: Make) -> None:
    worker = make("answer(str(os.getpid()).encode())", questions=2)
    pids = [_ask(worker, b"") for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]
    hungry = make("answer(str(os.getpid()).encode(), 11 << 10)", recycle_mb=10)
    assert _ask(hungry, b"") != _ask(hungry, b"")


def test_it_is_given_no_secret(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIYIN_DATABASE__PASSWORD", "hidden")
    worker = make("answer(repr(sorted(os.environ)).encode())")
    assert b"ZHIYIN" not in _ask(worker, b"")


def test_it_ends_with_whoever_started_it(make: Make) -> None:
    worker = make("answer(word)")
    _ask(worker, b"")
    pid = worker.pid
    assert pid is not None
    worker.close()
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        pytest.fail("it still runs")


def test_a_question_may_not_be_endless(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="too much"):
        wire.frame(EnrolImprint([bytes(200)]))


def test_the_real_process_may_not_write_files_nor_take_all_memory(tmp_path: Path) -> None:
    code = (
        "import sys; from backend.vision.workers import child; child.limit(512)\n"
        "try: bytearray(1 << 30); print('memory')\n"
        "except MemoryError: pass\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        f"try: open({str(tmp_path / 'x')!r}, 'wb', buffering=0).write(b'x'); print('file')\n"
        "except OSError: pass\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr


def test_its_memory_is_not_what_its_starter_held() -> None:
    held = bytearray(b"x" * (300 << 20))
    code = "from backend.vision.workers.child import peak_kb; print(peak_kb())"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 1 << 10 < int(ended.stdout) < 200 << 10
    assert held


def test_what_answers_cost_is_kept(make: Make) -> None:
    worker = make(
        "frame = wire.frame(wire.Answer(wire.ImprintEnrolled(word, 'test'), 5 << 10, 0.25))\n"
        "sys.stdout.buffer.write(frame); sys.stdout.buffer.flush()"
    )
    _ask(worker, b"one")
    _ask(worker, b"two")
    assert (worker.cpu_s, worker.peak_kb) == (0.5, 5 << 10)
