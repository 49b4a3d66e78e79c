"""Presses through the eyes of a running installation: journal, queue, worker processes.

How soon after its picture a verdict is on record, what a press costs, and what becomes of more
pictures than can be looked at.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy import insert, select, update

from backend.domain.rates import p95
from backend.domain.record import Record
from backend.ledger.log import Log
from backend.services.context import ServiceContext
from backend.services.eyes import Eyes
from backend.store.db import Database
from backend.store.journal import Journal
from backend.store.keyring import KeyRing
from backend.store.pictures import PictureStore
from backend.store.tables import (
    device,
    imprint_template,
    look,
    metadata,
    picture,
    reference_page,
    sheet,
)
from zhiyin.bench.eyes_presses import PATIENCE, Prepared, sheets_beside
from zhiyin.bench.site import wall_ms
from zhiyin.running.eyes import EyesPart

_LOOK_AGAIN_S: Final = 0.2
_LONGEST_S: Final = 1_800.0


def bench_pool(
    ready: Sequence[Prepared],
    *,
    presses: int,
    rate: float = 0.25,
    beyond: int = 0,
    beyond_rate: float = 1.0,
    workers: int = 1,
    between_s: float = 5.0,
) -> dict[str, Any]:
    """Let presses come by chance (a Poisson process), each in a village of its own.

    Args:
        ready: presses to take in turn.
        presses: at ``rate`` a second, after one that starts the worker and is not counted.
        beyond: more presses, afterwards, at ``beyond_rate``: more than one worker can do.
        workers: worker processes.
        between_s: from the picture before a press to the one after it.

    Returns:
        ``verdict_s`` from the picture's commit to the verdict (``p50``, ``p95``, ``most``, ``n``),
        ``cpu_s_per_press`` of all processes, ``backlog_most`` (looks ready at once), ``findings``,
        ``beyond`` (``drained_s`` after the last picture, ``left``, and as before),
        ``worker_peak_mb``, ``worker_processes``.
    """
    with _running(workers, between_s) as house:
        house.play(ready, [0.0])
        spent, own = house.cpu_s, _own_cpu_s()
        times = house.play(ready, _arrivals(presses, rate))
        cpu = house.cpu_s - spent + _own_cpu_s() - own
        found: dict[str, Any] = {
            "presses": presses,
            "rate": rate,
            "verdict_s": _spread(times.took),
            "backlog_most": times.backlog,
            "cpu_s_per_press": round(cpu / presses, 3),
        }
        if beyond:
            more = house.play(ready, _arrivals(beyond, beyond_rate))
            found["beyond"] = {
                "presses": beyond,
                "rate": beyond_rate,
                "verdict_s": _spread(more.took),
                "backlog_most": more.backlog,
                "drained_s": round(more.drained_s, 1),
                "left": house.part.figures()["looks_ready"],
            }
        return found | {
            "findings": house.findings(),
            "workers": workers,
            "worker_processes": sum(one.started for one in house.part.workers),
            "worker_peak_mb": max(one.peak_kb for one in house.part.workers) >> 10,
        }


def _arrivals(count: int, rate: float) -> list[float]:
    """Seconds from the start."""
    dice = random.Random(f"eyes-pool-{count}-{rate}")
    at, found = 0.0, []
    for _ in range(count):
        found.append(at)
        at += dice.expovariate(rate)
    return found


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _spread(seconds: Sequence[float]) -> dict[str, float | int]:
    return {
        "p50": round(statistics.median(seconds), 2),
        "p95": round(p95(seconds), 2),
        "most": round(max(seconds), 2),
        "n": len(seconds),
    }


@dataclass(frozen=True, slots=True)
class _Played:
    """Seconds from each picture to its verdict, the most looks that stood ready at once, and how
    long after the last picture the last verdict came."""

    took: list[float]
    backlog: int
    drained_s: float


@dataclass(slots=True)
class _House:
    """An installation's eyes over a database of their own."""

    db: Database
    journal: Journal
    pictures: PictureStore
    part: EyesPart
    between_s: float
    villages: int = 0
    sent: dict[str, int] = field(default_factory=dict)

    @property
    def cpu_s(self) -> float:
        """Of the workers' answers so far."""
        return sum(one.cpu_s for one in self.part.workers)

    def play(self, ready: Sequence[Prepared], arrivals: Sequence[float]) -> _Played:
        """Let pictures come, and wait until all have their verdict."""
        due: list[tuple[float, int, str, Prepared]] = []
        for at in arrivals:
            press = ready[self.villages % len(ready)]
            number = self._village(press, ready)
            due += [(at, number, "before", press), (at + self.between_s, number, "after", press)]
        names, most = [], 0
        begun = time.monotonic()
        for at, number, stage, press in sorted(due, key=lambda one: one[:2]):
            while (left := begun + at - time.monotonic()) > 0:
                time.sleep(min(left, _LOOK_AGAIN_S))
            names.append(self._picture(number, stage, press))
            most = max(most, self.part.figures()["looks_ready"])
        last = time.monotonic()
        while not (done := self._done(names)):
            if time.monotonic() - last > _LONGEST_S:
                raise RuntimeError("the eyes do not come to an end")
            most = max(most, self.part.figures()["looks_ready"])
            time.sleep(_LOOK_AGAIN_S)
        took = [(done[name] - self.sent[name]) / 1000 for name in names]
        return _Played(took, most, (max(done.values()) - self.sent[names[-1]]) / 1000)

    def findings(self) -> dict[str, dict[str, int]]:
        """How often each was found, by kind of look."""
        with self.db.read() as conn:
            rows = conn.execute(select(look.c.kind, look.c.finding)).all()
        counts = Counter((kind, finding) for kind, finding in rows)
        kinds = sorted({kind for kind, _ in counts})
        return {
            kind: {finding: n for (of, finding), n in counts.items() if of == kind}
            for kind in kinds
        }

    def _village(self, press: Prepared, ready: Sequence[Prepared]) -> int:
        """A village where that paper was approved; its number."""
        self.villages += 1
        number, now = self.villages, wall_ms()
        where = _org(number)
        with self.db.write() as conn:
            conn.execute(
                insert(device),
                {
                    "id": f"ZY{number:06}",
                    "org_id": f"{number:012}",
                    "org_path": where,
                    "seal_id": f"own-{number}",
                    "status": "active",
                    "tip": bytes(32),
                    "enrolled_at": now,
                },
            )
            conn.execute(
                insert(reference_page),
                [
                    {
                        "application_id": f"A{number}",
                        "position": position,
                        "org_path": where,
                        "picture_id": f"paper-{number}",
                        "sheet": position,
                        "features": features,
                        "words": "",
                        "facts": {},
                        "zones": [list(zone) for zone in zones],
                        "made_at": now,
                    }
                    for position, (features, zones) in enumerate(
                        zip(press.features, press.zones, strict=True)
                    )
                ],
            )
            conn.execute(
                insert(imprint_template),
                [
                    {
                        "id": f"{name}-{number}",
                        "org_path": where,
                        "seal_id": f"{name}-{number}",
                        "template": some[-1],
                        "engine": "bench",
                        "enrolled_at": now,
                    }
                    for name, some in press.seals.items()
                ],
            )
            before = sheets_beside(press, ready)
            if before:
                conn.execute(
                    insert(sheet),
                    [
                        {
                            "id": f"{number}-{name}",
                            "org_path": where,
                            "use_id": "earlier",
                            "press": 1,
                            "features": data,
                            "seen_at": now,
                        }
                        for name, data in before.items()
                    ],
                )
        return number

    def _picture(self, number: int, stage: str, press: Prepared) -> str:
        """The sleeve tells of a picture that is here already; its id."""
        name, sleeve, use = os.urandom(32).hex(), f"ZY{number:06}", f"ZY{number:06}:1"
        data, counter = press.pictures[stage == "after"], 1 + (stage == "after")
        kind, where, now = f"page_{stage}", _org(number), wall_ms()
        ref = {"commit": bytes.fromhex(name), "size": len(data), "pieces": 1}
        body = {"use": 1, "stage": stage, "press": 1, "picture": ref}
        told = Record(
            kind="event.page_captured",
            org_path=where,
            at=now,
            happened_at=now,
            device=sleeve,
            counter=counter,
            application=f"A{number}",
            use_id=use,
            data={"event": body, "boot": 1, "verdict": {}},
        )
        with self.db.write() as conn:
            self.pictures.put(
                conn, name, data, org_path=where, kind=kind, mime="image/jpeg", now=now, use_id=use
            )
            of_use = {"press": 1, "counter": counter}
            conn.execute(update(picture).where(picture.c.id == name).values(of_use))
            self.journal.append(conn, [told])
        self.sent[name] = wall_ms()
        self.part.wake()
        return name

    def _done(self, names: Sequence[str]) -> dict[str, int]:
        """When each verdict was there, by its newest picture; empty until all are."""
        with self.db.read() as conn:
            rows = conn.execute(select(look.c.input, look.c.done_at).where(look.c.state == "done"))
            done = {row.input["pictures"][-1]: row.done_at for row in rows}
        return {name: done[name] for name in names} if done.keys() >= set(names) else {}


def _org(number: int) -> str:
    return f"/330109/330109103/{number:012}/"


@contextmanager
def _running(workers: int, between_s: float) -> Iterator[_House]:
    with tempfile.TemporaryDirectory(prefix="zhiyin-bench-") as name:
        folder = Path(name)
        db = Database(f"sqlite+pysqlite:///{folder / 'eyes.sqlite3'}")
        metadata.create_all(db.engine)
        journal = Journal(Log("bench.invalid/zhiyin"), os.urandom)
        pictures = PictureStore(KeyRing.create(folder / "keys", os.urandom))
        context = ServiceContext(db, journal, wall_ms, os.urandom)
        eyes = Eyes(context, pictures)
        part = EyesPart(eyes, workers=workers, limits=PATIENCE, seen=lambda: None)
        part.start()
        try:
            yield _House(db, journal, pictures, part, between_s)
        finally:
            part.stop()
            db.dispose()
