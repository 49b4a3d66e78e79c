"""The bench's own servers do what the tests built on them take for granted."""

import os
import sqlite3
import threading

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode
from sqlalchemy import create_engine, text

from tests.support.mosquitto import MosquittoServer
from tests.support.postgres import PostgresServer

_WAIT_S = 60


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _publish_retained(server: MosquittoServer, topic: str, payload: bytes) -> None:
    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.connect(server.host, server.port)
    client.loop_start()
    client.publish(topic, payload, qos=1, retain=True).wait_for_publish(_WAIT_S)
    client.disconnect()
    client.loop_stop()


def _read_retained(server: MosquittoServer, topic: str) -> bytes:
    got: list[bytes] = []
    arrived = threading.Event()

    def on_connect(
        client: mqtt.Client, _data: object, _flags: object, reason: ReasonCode, _props: object
    ) -> None:
        assert not reason.is_failure
        client.subscribe(topic, qos=1)

    def on_message(_client: mqtt.Client, _data: object, message: mqtt.MQTTMessage) -> None:
        got.append(bytes(message.payload))
        arrived.set()

    client = mqtt.Client(CallbackAPIVersion.VERSION2)
    client.on_connect = on_connect
    client.on_message = on_message
    client.connect(server.host, server.port)
    client.loop_start()
    assert arrived.wait(_WAIT_S)
    client.disconnect()
    client.loop_stop()
    return got[0]


def test_mosquitto_keeps_port_and_data_over_a_restart(mosquitto: MosquittoServer) -> None:
    port, first_pid = mosquitto.port, mosquitto.pid
    _publish_retained(mosquitto, "bench/kept", b"still here")
    mosquitto.stop()
    assert not _alive(first_pid)
    mosquitto.start()
    assert mosquitto.port == port
    assert mosquitto.pid != first_pid
    assert _read_retained(mosquitto, "bench/kept") == b"still here"


def test_mosquitto_killed_is_gone_at_once(mosquitto: MosquittoServer) -> None:
    pid = mosquitto.pid
    mosquitto.kill()
    assert not _alive(pid)
    with pytest.raises(ConnectionRefusedError):
        mqtt.Client(CallbackAPIVersion.VERSION2).connect(mosquitto.host, mosquitto.port)
    with pytest.raises(RuntimeError, match="stopped"):
        _ = mosquitto.pid


def test_each_test_has_an_empty_database_of_its_own(database_url: str) -> None:
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE bench_only (id INTEGER PRIMARY KEY)"))
        connection.execute(text("INSERT INTO bench_only VALUES (1)"))
        assert connection.execute(text("SELECT count(*) FROM bench_only")).scalar_one() == 1
    engine.dispose()


@pytest.mark.parametrize("turn", [1, 2])
def test_postgres_databases_share_nothing(postgres_url: str, turn: int) -> None:
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE same_name (id INTEGER)"))  # fails if it was there
    engine.dispose()


def test_postgres_writes_through_to_the_disk(postgres_url: str) -> None:
    engine = create_engine(postgres_url)
    with engine.connect() as connection:
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            assert connection.execute(text(f"SHOW {setting}")).scalar_one() == "on"
        version = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    engine.dispose()
    assert version >= 150000


@pytest.mark.needs_postgres
def test_postgres_killed_comes_back_with_what_was_committed() -> None:
    with PostgresServer() as server:
        engine = create_engine(server.create_database("kept"))
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE t (id INTEGER)"))
            connection.execute(text("INSERT INTO t VALUES (7)"))
        first_pid = server.pid
        server.kill()
        assert not _alive(first_pid)
        server.start()
        engine.dispose()
        with engine.begin() as connection:
            assert connection.execute(text("SELECT id FROM t")).scalar_one() == 7
        engine.dispose()
        pid, folder = server.pid, server.folder
    assert not _alive(pid)
    assert not folder.exists()


def test_sqlite_url_points_to_a_file_that_can_be_made(sqlite_url: str) -> None:
    engine = create_engine(sqlite_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE t (id INTEGER)"))
    engine.dispose()
    with sqlite3.connect(sqlite_url.removeprefix("sqlite+pysqlite:///")) as file:
        assert file.execute("SELECT count(*) FROM t").fetchone() == (0,)
