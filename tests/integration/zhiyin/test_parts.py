"""A part whose database or broker is away waits, says so, and goes on by itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from backend.store.db import Database
from backend.store.keyring import KeyRing
from gateway.broker import mosquitto
from gateway.broker.mosquitto import GATEWAY_USER
from tests.support.mosquitto import MosquittoServer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from zhiyin.broker_part import keep_files, pid_in
from zhiyin.crowd import enrol
from zhiyin.running import schema
from zhiyin.running.pulse import Beat, read
from zhiyin.running.stopping import Stop
from zhiyin.settings import DatabaseSettings, MqttSettings, Settings
from zhiyin.wall import wall_clock

_ROOT = Path(__file__).parents[3]


def _until(done: Callable[[], bool], what: str, limit_s: float = 100.0) -> None:
    deadline = time.monotonic() + limit_s
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@contextmanager
def _running(folder: Path, *words: str, **settings: str) -> Iterator[subprocess.Popen[bytes]]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZHIYIN_")}
    given = {"ZHIYIN_DATA_DIR": str(folder), "PYTHONPATH": str(_ROOT), **settings}
    with (folder / "part.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "zhiyin", *words], env=kept | given, stdout=log, stderr=log
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0, (folder / "part.log").read_text()[-2000:]


def _beat(folder: Path) -> Beat | None:
    beats = read(folder / "run")
    return beats[0] if beats else None


def _waits_for(folder: Path, what: str) -> bool:
    beat = _beat(folder)
    return beat is not None and beat.state == "waiting" and beat.waiting_for[0].startswith(what)


def _ready(folder: Path) -> bool:
    beat = _beat(folder)
    return beat is not None and beat.state == "ready"


@pytest.mark.needs_mosquitto
@pytest.mark.needs_postgres
@pytest.mark.slow
def test_a_gateway_waits_for_database_tables_and_broker_and_never_gives_up(tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "keys")
    broker = MosquittoServer(tmp_path / "mosquitto")
    with PostgresServer() as server:
        url = server.create_database("zhiyin")
        server.stop()
        with _running(
            tmp_path,
            "gateway",
            ZHIYIN_DATABASE__URL=url,
            ZHIYIN_MQTT__EMBEDDED="false",
            ZHIYIN_MQTT__PORT=str(broker.port),
        ) as process:
            _until(lambda: _waits_for(tmp_path, "database"), "it says that the database is away")
            server.start()
            _until(lambda: _waits_for(tmp_path, "schema"), "it says that there are no tables")
            db = Database(url)
            schema.upgrade(db)
            db.dispose()
            _until(lambda: _waits_for(tmp_path, "broker"), "it says that the broker is away")
            with broker:
                _until(lambda: _ready(tmp_path), "it works")
                server.stop()
                _until(lambda: "database" in (_beat(tmp_path) or _NOBODY).waiting_for, "away again")
                server.start()
                _until(lambda: _ready(tmp_path), "it works again")
            assert process.poll() is None
    log = (tmp_path / "part.log").read_text()
    assert "Traceback" not in log
    assert '"event": "part.waits"' in log


_NOBODY = Beat("", 0, 0, 0, "starting")


@pytest.mark.needs_postgres
def test_a_foreign_broker_is_given_our_files_and_told_of_changes(
    tmp_path: Path, postgres_url: str
) -> None:
    db = Database(postgres_url)
    schema.upgrade(db)
    settings = Settings(
        data_dir=tmp_path / "data",
        database=DatabaseSettings.model_validate({"url": postgres_url}),
        mqtt=MqttSettings.model_validate(
            {"embedded": False, "port": free_port(), "password": "gateway-pass"}
        ),
    )
    folder = tmp_path / "mosquitto"
    told: list[int] = []
    stop = _AfterRounds(lambda: enrol(db, 1, 1, wall_clock(), os.urandom))
    before = signal.signal(signal.SIGHUP, lambda number, _frame: told.append(number))
    try:
        keep_files(settings, folder, stop, watch=True, pid=lambda: os.getpid())
    finally:
        signal.signal(signal.SIGHUP, before)
        db.dispose()
    accounts = (folder / "passwords").read_text().splitlines()
    assert [line.partition(":")[0] for line in accounts] == [GATEWAY_USER, "CHK00000"]
    assert told == [signal.SIGHUP], "once: nothing else had changed"
    assert (folder / "acl").read_text() == mosquitto.access_list()
    assert f"listener {settings.mqtt.port} 127.0.0.1" in (folder / "mosquitto.conf").read_text()


class _AfterRounds(Stop):
    """Lets the watcher look three times; something happens after the first."""

    def __init__(self, happens: Callable[[], object]) -> None:
        super().__init__()
        self._happens = happens
        self._rounds = 0

    def wait(self, seconds: float) -> bool:
        self._rounds += 1
        if self._rounds == 2:
            self._happens()
        return self._rounds > 4


@pytest.mark.parametrize(("text", "pid"), [("77\n", 77), ("", None), ("none", None)])
def test_the_pid_file_of_a_foreign_broker(tmp_path: Path, text: str, pid: int | None) -> None:
    file = tmp_path / "pid"
    assert pid_in(file) is None
    file.write_text(text)
    assert pid_in(file) == pid
