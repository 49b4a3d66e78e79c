"""Small commands around a running installation: keys, certificate, prepare, migrate, health, up."""

import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from backend.domain.errors import DomainError
from backend.store.keyring import KeyRing
from zhiyin import cli
from zhiyin.running.pulse import STALE_MS, Pulse
from zhiyin.wall import wall_clock


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ZHIYIN_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def _run(*words: str) -> Result:
    return CliRunner().invoke(cli.build(words[0]), list(words))


def test_migrate_makes_tables_once_and_keys_that_are_missing(data: Path) -> None:
    first, second = _run("migrate", "--keys"), _run("migrate", "--keys")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "→" in first.output
    assert "最新" in second.output
    assert set(KeyRing.load(data / "keys").generations().values()) == {1}


def test_a_key_is_rotated_by_adding_one(data: Path) -> None:
    KeyRing.create(data / "keys")
    assert _run("keys", "rotate", "picture_rest").exit_code == 0
    assert KeyRing.load(data / "keys").generations()["picture_rest"] == 2
    listed = _run("keys", "list").output.split()
    assert listed[listed.index("picture_rest") + 1] == "2"
    assert _run("keys", "rotate", "nonsense").exit_code == 2


@pytest.mark.parametrize("purpose", ["grant", "receipt", "picture_wire"])
def test_a_key_that_sleeves_hold_is_rotated_only_where_they_can_be_told(
    data: Path, purpose: str
) -> None:
    KeyRing.create(data / "keys")
    refused = _run("keys", "rotate", purpose)
    assert isinstance(refused.exception, DomainError)
    assert refused.exception.code == "schema_missing"
    assert KeyRing.load(data / "keys").generations()[purpose] == 1
    assert _run("migrate").exit_code == 0
    done = _run("keys", "rotate", purpose)
    assert done.exit_code == 0, done.output
    assert "公钥清单第 1 号" in done.output
    assert KeyRing.load(data / "keys").generations()[purpose] == 2
    again = _run("keys", "announce")
    assert "公钥清单第 1 号：0 个套筒" in again.output


def test_a_certificate_is_made_once(tmp_path: Path) -> None:
    made = _run("certificate", "tls", "--name", "yin.example.cn")
    assert made.exit_code == 0
    assert {one.name for one in (tmp_path / "tls").iterdir()} == {
        "ca.crt",
        "ca.key",
        "server.crt",
        "server.key",
    }
    assert _run("certificate", "tls").exit_code == 2
    more = _run("certificate", "tls", "--file", "mqtt")
    assert more.exit_code == 0
    assert "ca.crt\n" not in more.output.splitlines()[0]


def test_prepare_makes_what_is_missing() -> None:
    assert "database" in _run("prepare", "secrets").output
    assert "未改动" in _run("prepare", "secrets").output
    Path("secrets/mqtt").unlink()
    assert _run("prepare", "secrets").output.count("已生成") == 1


def test_health_is_well_only_while_every_part_is(data: Path) -> None:
    assert _run("health").exit_code == 1
    clock = [wall_clock()]
    gateway = Pulse(data / "run", "gateway-1", lambda: clock[0], every_s=60)
    api = Pulse(data / "run", "api", wall_clock, every_s=60)
    gateway.start()
    api.start()
    try:
        assert _run("health").exit_code == 1, "starting is not well"
        assert _run("health", "--alive").exit_code == 0
        gateway.watch(list)
        api.watch(lambda: ["database"])
        assert _run("health").exit_code == 1
        assert "← database" in _run("health").output
        assert _run("health", "gateway").exit_code == 0
        queue = {"looks_ready": 7, "looks_oldest_s": 12, "looks_put_off": 3, "looks": 90}
        api.watch(list, lambda: queue)
        assert "核对排队 7，最久 12 s；排满后放到空闲时 3" in _run("health").output
        told = json.loads(_run("health", "--json").output)
        assert told["ok"]
        assert [one["pid"] for one in told["parts"]] == [os.getpid()] * 2
        clock[0] -= STALE_MS + 1000
        gateway.watch(list)
        assert _run("health", "gateway", "--alive").exit_code == 1
        assert "无心跳" in _run("health").output
    finally:
        gateway.stop()
        api.stop()
    assert "没有正在运行" in _run("health").output


def test_up_without_native_says_which_of_the_two() -> None:
    refused = _run("up")
    assert refused.exit_code == 2
    assert "docker compose up" in refused.output


def test_broker_options_that_need_each_other() -> None:
    assert _run("broker", "--watch").exit_code == 2


def test_a_broker_without_the_gateways_password_is_refused() -> None:
    refused = _run("broker")
    assert isinstance(refused.exception, DomainError)
    assert refused.exception.code == "mqtt_password_missing"
