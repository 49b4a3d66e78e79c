"""The pool's bench, with a stand-in for the worker process."""

import pytest

from backend.domain.eyes import ImprintFinding, ImprintVerdict, PageFinding, PageVerdict
from backend.vision.workers import wire
from backend.vision.workers.worker import WorkerLimits
from tests.support.shots import jpeg
from zhiyin.bench.eyes_pool import bench_pool
from zhiyin.bench.eyes_presses import SHEETS, Prepared, sheets_beside
from zhiyin.running import eyes as running


class Looks:
    """Says at once what an honest press leaves."""

    started = 1

    def __init__(self, _limits: WorkerLimits) -> None:
        self.asked: list[wire.Task] = []
        self.peak_kb = 5 << 10

    @property
    def cpu_s(self) -> float:
        return 0.5 * len(self.asked)

    def ask(self, task: wire.Task) -> wire.Result:
        self.asked.append(task)
        if isinstance(task, wire.LookAtPage):
            assert len(task.remembered) == SHEETS
            return wire.PageSeen(PageVerdict(PageFinding.SAME, 0), [])
        assert isinstance(task, wire.LookAtImprint)
        # Each village has its own seals, and the sleeve holds the one that is asked for.
        assert task.seal in task.templates
        return wire.ImprintSeen(ImprintVerdict(ImprintFinding.RIGHT), [], b"")

    def close(self) -> None:
        pass


def press(seed: int) -> Prepared:
    pictures = (jpeg(2 * seed), jpeg(2 * seed + 1))
    seals = {name: [b"template"] for name in ("own", "second", "third")}
    return Prepared(seed, pictures, [b"page"], [[]], seals, b"sheet %d" % seed, 1.0, "right")


def test_every_picture_has_its_verdict_and_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "Worker", Looks)
    told = bench_pool([press(1), press(2)], presses=3, rate=50.0, beyond=2, between_s=0.01)
    # One press more starts the worker and is not counted.
    assert told["findings"] == {"imprint": {"right": 6}, "page": {"same": 6}}
    assert (told["verdict_s"]["n"], told["beyond"]["verdict_s"]["n"]) == (6, 4)
    assert told["beyond"]["left"] == 0
    assert 0 <= told["verdict_s"]["p50"] <= told["verdict_s"]["p95"] <= told["verdict_s"]["most"]
    assert told["cpu_s_per_press"] >= 1.0
    assert told["worker_peak_mb"] == 5


def test_a_sheet_is_held_against_those_of_other_papers() -> None:
    ready = [press(1), press(2), press(3)]
    beside = sheets_beside(ready[0], ready)
    assert len(beside) == SHEETS
    assert set(beside.values()) == {b"sheet 2", b"sheet 3"}
    assert sheets_beside(ready[0], ready[:1]) == {}
