"""The eyes as a part that runs, with its real worker process."""

import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from backend.domain.record import Record
from backend.services.eyes import Eyes
from backend.store.pictures import PictureStore
from backend.store.tables import look, picture, reference_page
from backend.vision.workers import wire
from backend.vision.workers.worker import Worker, WorkerLimits
from tests.support.paper_cases import cases
from tests.support.world import VILLAGE, World
from zhiyin.running.eyes import EyesPart

PATIENCE_S = 100.0
NAME = "ab" * 32
USE = "ZY0001:7"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    one = World.create(f"sqlite+pysqlite:///{tmp_path / 'eyes.sqlite3'}", tmp_path)
    yield one
    one.close()


@pytest.fixture
def part(world: World) -> Iterator[EyesPart]:
    eyes = Eyes(world.context, PictureStore(world.ring, random=world.context.random))
    one = EyesPart(eyes, workers=1, limits=WorkerLimits(timeout_s=PATIENCE_S), seen=lambda: None)
    yield one
    one.stop()


def until(there: Callable[[], Any]) -> Any:
    """What ``there`` says as soon as it says anything."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := there()):
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.005)
    return found


def an_altered_page(world: World, worker: Worker) -> None:
    """An approved paper, and the picture of a sheet that says something else."""
    made = cases.make(
        7, random.Random(7), wanted=cases.ALTERED, op="digit", level="mild", kind="land_contract"
    )
    read = worker.ask(wire.MakeReference(made.reference))
    assert isinstance(read, wire.ReferenceMade)
    now, store = world.clock(), PictureStore(world.ring, random=world.context.random)
    shot = {"commit": bytes.fromhex(NAME), "size": len(made.photo), "pieces": 1}
    body = {"use": 7, "stage": "before", "press": 1, "picture": shot}
    told = Record(
        kind="event.page_captured",
        org_path=VILLAGE,
        at=now,
        happened_at=now,
        device="ZY0001",
        counter=9,
        application="A1",
        use_id=USE,
        data={"event": body, "boot": 1, "verdict": {}},
    )
    with world.db.write() as conn:
        conn.execute(
            insert(reference_page),
            [
                {
                    "application_id": "A1",
                    "position": position,
                    "org_path": VILLAGE,
                    "picture_id": "paper",
                    "sheet": position,
                    "features": page.features,
                    "words": page.words,
                    "facts": {},
                    "zones": [list(zone[1:]) for zone in made.zones if zone[0] == position],
                    "made_at": now,
                }
                for position, page in enumerate(read.pages)
            ],
        )
        store.put(
            conn,
            NAME,
            made.photo,
            org_path=VILLAGE,
            kind="page_before",
            mime="image/jpeg",
            now=now,
            use_id=USE,
        )
        of_use = {"press": 1, "counter": 9}
        conn.execute(update(picture).where(picture.c.id == NAME).values(of_use))
        world.context.journal.append(conn, [told])


def cpu_ticks(pid: int) -> int:
    """Processor time of a process (proc(5), stat), in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="this kernel tells no ticks")
def test_a_worker_killed_mid_page_loses_nothing_and_says_it_once(
    world: World, part: EyesPart
) -> None:
    [worker] = part.workers
    an_altered_page(world, worker)
    pid = worker.pid
    assert pid is not None
    before = cpu_ticks(pid)
    part.start()
    # A page takes about a second's work: a fifth of a second is in the middle of it.
    until(lambda: cpu_ticks(pid) > before + os.sysconf("SC_CLK_TCK") // 5)
    with world.db.read() as conn:
        begun = conn.execute(select(look.c.state, look.c.attempts)).one()
    assert (begun.state, begun.attempts) == ("ready", 1)
    os.kill(pid, signal.SIGKILL)

    [said] = until(lambda: world.records("page.checked"))
    assert said.data["finding"] == "altered"
    assert said.data["pictures"] == [NAME]
    until(lambda: part.eyes.idle)
    assert worker.started == 2
    assert worker.pid not in (None, pid)
    assert len(world.records("page.checked")) == 1
    with world.db.read() as conn:
        ended = conn.execute(select(look.c.state, look.c.attempts)).one()
    assert (ended.state, ended.attempts) == ("done", 2)
