"""Promise 2: nothing acknowledged is lost or counted twice, whichever part is killed, and when.

Sleeves work without pause while parts die by SIGKILL, more than fifty times in all. What they hold
receipts for, and everything else they signed, must be in the journal exactly once.
"""

import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.ledger.log import Log
from backend.store.db import Database
from backend.store.journal import read_all
from backend.store.keyring import KeyRing
from backend.store.tables import alert, record, worker_cursor
from tests.support.machine import find_mosquitto
from tests.support.ports import free_port
from tests.support.zygote import Zygote
from zhiyin.crowd import Crowd, PlainSleeve, enrol
from zhiyin.native import Native, Ports
from zhiyin.running import schema
from zhiyin.running.processes import Process, Program, Spawn, clean_environment, spawn
from zhiyin.running.pulse import read
from zhiyin.settings import Settings
from zhiyin.tally import tally
from zhiyin.wall import wall_clock

SLEEVES = 6
USES = 4000
PACE_S = 0.25
"""Each sleeve signs a use of seven events so often: about 170 events a second."""
FLOW = 20
"""Between two kills at least so many events are receipted: the load is real."""
KILLS_SQLITE = 26
KILLS_POSTGRES = 30
ORIGIN = Settings.model_fields["log_origin"].default


@pytest.fixture(scope="module")
def zygote() -> Iterator[Zygote]:
    with Zygote() as one:
        yield one


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that PostgreSQL's own user can get into, which pytest's are not."""
    folder = Path(tempfile.mkdtemp(prefix="zhiyin-native-"))
    yield folder
    shutil.rmtree(folder)


def _forking(zygote: Zygote) -> Spawn:
    """Our parts as forks, PostgreSQL as it is."""
    return lambda program: (
        spawn(program) if program.user or program.name == "postgres" else (zygote.spawn(program))
    )


@contextmanager
def _working(sleeves: tuple[PlainSleeve, ...], port: int, keys: KeyRing) -> Iterator[Crowd]:
    crowd = Crowd(
        sleeves,
        "127.0.0.1",
        port,
        {**keys.grant_keys, **keys.receipt_keys},
        wall_clock,
        resend_s=1.0,
    )
    crowd.start()
    crowd.work(PACE_S, USES)
    try:
        yield crowd
    finally:
        crowd.stop()


def _until(what: str, done: Callable[[], bool], limit_s: float = 100.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {limit_s} s"
        time.sleep(0.01)


def _flows(crowd: Crowd) -> None:
    """Go on when receipts come in again."""
    before = crowd.receipted
    _until("receipts", lambda: crowd.receipted >= before + FLOW or crowd.failure is not None)
    assert crowd.failure is None


def _ended(process: Process) -> bool:
    return process.poll() is not None


def _is_another(native: Native, name: str, pid: int) -> bool:
    return native.keeper.kept[name].pid not in (pid, None)


def _all_read(db: Database) -> bool:
    with db.snapshot() as conn:
        read_to = conn.execute(select(worker_cursor.c.seq)).scalars().all()
        return bool(read_to) and max(read_to) >= Log(ORIGIN).size(conn)


def _check(crowd: Crowd, db: Database, kills: int, wanted: int) -> None:
    assert crowd.settle(90), f"{crowd.waiting} events never receipted; {crowd.failure}"
    with db.snapshot() as conn:
        found = tally(conn, Log(ORIGIN), crowd.sleeves)
    assert found.problems[:10] == ()
    _until("alerts have read all", partial(_all_read, db))
    with db.snapshot() as conn:
        rows = sorted(conn.execute(select(alert.c.id)).scalars())
        raised = [item.data["alert"] for item in read_all(conn, record.c.kind == "alert.raised")]
    assert sorted(raised) == rows, "each alert was raised, and recorded, once"
    assert found.log_verified
    assert found.events == crowd.made
    assert crowd.receipted == crowd.made
    assert found.events >= kills * FLOW
    assert kills >= wanted


@pytest.mark.needs_mosquitto
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_promise_2_the_one_process_and_its_broker_killed_again_and_again(
    zygote: Zygote, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    keys = KeyRing.create(data / "keys")
    db = Database(f"sqlite+pysqlite:///{data / 'zhiyin.sqlite3'}")
    schema.upgrade(db)
    sleeves = enrol(db, SLEEVES, USES, wall_clock(), os.urandom)
    port = free_port()
    program = Program(
        "serve",
        ("zhiyin", "serve"),
        tmp_path / "serve.log",
        clean_environment(
            ZHIYIN_DATA_DIR=str(data),
            ZHIYIN_MQTT__PORT=str(port),
            ZHIYIN_WEB__PORT=str(free_port()),
            ZHIYIN_LEDGER__CHECKPOINT_SECONDS="1",
            PATH=f"{os.environ['PATH']}:{find_mosquitto().parent}",  # type: ignore[union-attr]  # needs_mosquitto
        ),
    )
    serve = zygote.spawn(program)

    def ready() -> bool:
        assert serve.poll() is None, program.log.read_text()[-3000:]
        return any(one.pid == serve.pid and one.state == "ready" for one in read(data / "run"))

    _until("start", ready)
    kills = 0
    try:
        with _working(sleeves, port, keys) as crowd:
            while kills < KILLS_SQLITE:
                _flows(crowd)
                if kills % 2:
                    broker = int((data / "broker" / "mosquitto.pid").read_text())
                    os.kill(broker, signal.SIGKILL)
                else:
                    serve.send_signal(signal.SIGKILL)
                    _until("death", partial(_ended, serve))
                    serve = zygote.spawn(program)
                    _until("restart", ready)
                kills += 1
            _check(crowd, db, kills, KILLS_SQLITE)
    finally:
        serve.send_signal(signal.SIGTERM)
        _until("end", partial(_ended, serve))
        db.dispose()
    assert serve.poll() == 0
    assert read(data / "run") == []


@pytest.mark.needs_mosquitto
@pytest.mark.needs_postgres
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_promise_2_gateways_web_alerts_and_broker_killed_in_turn(
    zygote: Zygote, open_folder: Path
) -> None:
    native = Native(open_folder, ports=Ports.free(), start=_forking(zygote), zhiyin=("zhiyin",))
    said: list[str] = []
    native.up(said.append)
    kills = 0
    db = native.database()
    try:
        sleeves = enrol(db, SLEEVES, USES, wall_clock(), os.urandom)
        with _working(sleeves, native.ports.mqtt, native.keys()) as crowd:
            while kills < KILLS_POSTGRES:
                name = native.parts[kills % len(native.parts)]
                _flows(crowd)
                if name == "broker" and kills % 2:
                    file = open_folder / "data" / "broker" / "mosquitto.pid"
                    os.kill(int(file.read_text()), signal.SIGKILL)
                else:
                    pid = native.keeper.kept[name].pid
                    assert pid is not None
                    os.kill(pid, signal.SIGKILL)
                    _until(f"another {name}", partial(_is_another, native, name, pid))
                    _until(f"{name} at work", partial(native.is_ready, name))
                kills += 1
            _check(crowd, db, kills, KILLS_POSTGRES)
        assert {name: kept.restarts for name, kept in native.keeper.kept.items()}["gateway-1"] >= 5
    finally:
        db.dispose()
        native.down()
