"""What ``zhiyin up --native`` does with the topology: keeps it up, or checks it from end to end."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from backend.domain.errors import DomainError
from backend.ledger.disclosure import Scope
from backend.ledger.log import Log
from backend.ledger.records import export_scope
from backend.ledger.verify import verify
from backend.store.db import Database
from backend.store.tables import worker_cursor
from zhiyin.crowd import Crowd, enrol
from zhiyin.native import Native, Ports, Say
from zhiyin.running.stopping import Stop
from zhiyin.settings import Settings
from zhiyin.tally import Tally, tally
from zhiyin.wall import wall_clock

SLEEVES: Final = 6
USES: Final = 5
PACE_S: Final = 0.3
LIMIT_S: Final = 60.0


def run(folder: Path, *, gateways: int, fleet: int, say: Say) -> int:
    """Keep the topology up until a signal; the process's exit code.

    Raises:
        DomainError: what is missing and what to do.
    """
    native = Native(folder, gateways=gateways)
    stop = Stop()
    stop.listen()
    native.up(say)
    try:
        if fleet:
            say(f"启动 {fleet} 个模拟套筒 · start {fleet} simulated sleeves")
            try:
                native.start_fleet(fleet)
            except DomainError as error:  # the rest is of use without them
                say(f"{error.zh}\n{error.en} [{error.code}]")
        say(
            f"已就绪 · ready: http://127.0.0.1:{native.ports.web}\n"
            f"  配置 settings: zhiyin --config {native.config} health\n"
            f"  首次使用 first use: zhiyin --config {native.config} init\n"
            f"  日志 logs: {native.folder / 'logs'}"
        )
        while not stop.wait(1.0):
            pass
        say("正在停止 · stopping")
    finally:
        native.down()
    return 0


def run_check(*, gateways: int, say: Say) -> dict[str, Any]:
    """Bring the topology up in a folder of its own, let sleeves work, compare, take it down.

    Raises:
        DomainError: what is missing and what to do.
    """
    folder = Path(tempfile.mkdtemp(prefix="zhiyin-check-"))
    begun = time.monotonic()
    native = Native(folder, gateways=gateways, ports=Ports.free())
    try:
        native.up(say)
        try:
            ready_s = time.monotonic() - begun
            say("套筒工作 · sleeves at work")
            result = _exercise(native)
        finally:
            say("停止 · stop")
            native.down()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return {**result, "ready_s": round(ready_s, 1), "seconds": round(time.monotonic() - begun, 1)}


def _exercise(native: Native) -> dict[str, Any]:
    problems: list[str] = []
    ring = native.keys()
    db = native.database()
    try:
        crowd = Crowd(
            enrol(db, SLEEVES, USES, wall_clock(), os.urandom),
            "127.0.0.1",
            native.ports.mqtt,
            {**ring.grant_keys, **ring.receipt_keys},
            wall_clock,
        )
        crowd.start()
        try:
            crowd.work(PACE_S, USES)
            wanted = SLEEVES * USES
            if not _within(lambda: sum(one.uses for one in crowd.sleeves) >= wanted):
                problems.append("the sleeves could not work")
            if not crowd.settle(LIMIT_S):
                problems.append(f"{crowd.waiting} events without a receipt: {crowd.failure}")
        finally:
            crowd.stop()
        if not _within(lambda: _all_read(db)):
            problems.append("the alerts have not read everything")
        with db.snapshot() as conn:
            found: Tally = tally(conn, Log(_origin()), crowd.sleeves)
        shares = _shares(native, found.events)
        if sum(shares.values()) != found.events:
            problems.append(f"the gateways speak of {sum(shares.values())} events")
        exported = _exported(native, db)
        status = _web(native)
        if status != 200:
            problems.append(f"the web answers {status}")
        problems += found.problems
    finally:
        db.dispose()
    return {
        "ok": not problems and exported,
        "uses": found.uses,
        "events": found.events,
        "records": found.records,
        "gateways": shares,
        "missing_receipts": crowd.waiting,
        "log_verified": found.log_verified,
        "export_verified": exported,
        "problems": problems,
    }


def _within(done: Callable[[], bool], limit_s: float = LIMIT_S) -> bool:
    deadline = time.monotonic() + limit_s
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _all_read(db: Database) -> bool:
    with db.snapshot() as conn:
        read = conn.execute(select(worker_cursor.c.seq)).scalars().all()
        return bool(read) and max(read) >= Log(_origin()).size(conn)


def _shares(native: Native, events: int) -> dict[str, int]:
    """How many events each gateway accepted; heartbeats follow a moment later."""

    def now() -> dict[str, int]:
        return {
            name: beat.figures.get("events", 0)
            for name, beat in native.beats().items()
            if name.startswith("gateway-")
        }

    _within(lambda: sum(now().values()) >= events, 10.0)
    return now()


def _exported(native: Native, db: Database) -> bool:
    """Whether a stranger with the log's key finds nothing wrong with an export of everything."""
    log, keys = Log(_origin()), native.keys().log_keys(_origin())
    with db.write() as conn:
        log.sign_checkpoint(conn, native.keys().log_signer(_origin()), wall_clock())
    file = native.folder / "check.zip"
    with db.snapshot() as conn:
        export_scope(conn, file, Scope.everything(), log=log, log_keys=keys)
    return verify(file, log_keys=keys).ok


def _web(native: Native) -> int:
    try:
        with urllib.request.urlopen(
            f"http://127.0.0.1:{native.ports.web}/readyz", timeout=10
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _origin() -> str:
    origin: str = Settings.model_fields["log_origin"].default
    return origin
