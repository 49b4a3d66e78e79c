"""The broker's configuration: loopback or TLS, always an access list, never anybody anonymous."""

from __future__ import annotations

import os
import socket
import stat
import sys
from pathlib import Path

import pytest

from backend.domain.errors import DomainError
from gateway.broker import mosquitto
from gateway.broker.embedded import EmbeddedIotcore, EmbeddedMosquitto, embedded, free_port
from gateway.broker.mosquitto import GATEWAY_USER, Account, Listener
from gateway.protocol.limits import MAX_PIECE_BYTES

CERT, KEY, CA = Path("/x/cert.pem"), Path("/x/key.pem"), Path("/x/ca.pem")
LOOPBACK = Listener("127.0.0.1", 1883)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_loopback_needs_no_tls(host: str) -> None:
    mosquitto.check_listener(Listener(host, 1883))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.5", "mqtt.example.gov.cn", ""])
@pytest.mark.parametrize("half", [{}, {"cert_file": CERT}, {"key_file": KEY}, {"ca_file": CA}])
def test_any_other_listener_without_tls_is_refused(host: str, half: dict[str, Path]) -> None:
    with pytest.raises(DomainError) as refused:
        mosquitto.configuration(Path("/x"), [LOOPBACK, Listener(host, 8883, **half)])
    assert refused.value.code == "listener_without_tls"
    assert "8883" in refused.value.zh


def test_any_other_listener_with_tls_is_written() -> None:
    beyond = Listener("0.0.0.0", 8883, CERT, KEY, CA)
    lines = mosquitto.configuration(Path("/var/x"), [LOOPBACK, beyond]).splitlines()
    at = lines.index("listener 8883 0.0.0.0")
    assert lines[at + 1 : at + 5] == [
        "certfile /x/cert.pem",
        "keyfile /x/key.pem",
        "tls_version tlsv1.2",
        "cafile /x/ca.pem",
    ]
    assert "listener 1883 127.0.0.1" in lines[:at]


def test_nobody_is_anonymous_and_everybody_has_an_access_list() -> None:
    lines = mosquitto.configuration(Path("/var/x"), [LOOPBACK]).splitlines()
    assert "allow_anonymous false" in lines
    assert "password_file /var/x/passwords" in lines
    assert "acl_file /var/x/acl" in lines


def test_what_a_batching_subscriber_needs_is_set() -> None:
    settings = dict(
        line.split(" ", 1)
        for line in mosquitto.configuration(Path("/var/x"), [LOOPBACK]).splitlines()
        if " " in line
    )
    assert int(settings["max_inflight_messages"]) >= 2_000
    assert int(settings["max_queued_messages"]) >= 100_000
    assert int(settings["max_packet_size"]) > MAX_PIECE_BYTES + 100
    assert settings["persistence"] == "true"


def test_a_sleeve_speaks_on_its_own_topics_only() -> None:
    sleeves, gateway = mosquitto.access_list().split(f"user {GATEWAY_USER}")
    assert sleeves.split("\n")[:3] == [
        "pattern write seal/v1/%u/up/#",
        "pattern read seal/v1/%u/down/#",
        "pattern write seal/v1/%u/state",
    ]
    assert "%u" not in gateway
    assert "topic write seal/v1/+/down/#" in gateway
    assert "write seal/v1/+/up" not in gateway


def test_secrets_are_for_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "broker"
    old = os.umask(0)
    try:
        config = mosquitto.write_files(folder, [LOOPBACK], [Account("ZY0001", "$7$x")])
    finally:
        os.umask(old)
    assert config.read_text() == mosquitto.configuration(folder, [LOOPBACK])
    assert (folder / "passwords").read_text() == "ZY0001:$7$x\n"
    assert [stat.S_IMODE((folder / name).stat().st_mode) for name in ("passwords", "acl", ".")] == [
        0o600,
        0o600,
        0o700,
    ]


def test_accounts_are_replaced_at_once(tmp_path: Path) -> None:
    mosquitto.write_files(tmp_path, [LOOPBACK], [Account("old", "h")])
    mosquitto.write_accounts(tmp_path, [Account("a", "1"), Account("b", "2")])
    assert (tmp_path / "passwords").read_text() == "a:1\nb:2\n"
    assert not (tmp_path / "passwords.new").exists()


# ── which broker ─────────────────────────────────────────────────────────────────────────────────


def nothing(_name: str) -> str | None:
    return None


def found(name: str) -> str | None:
    return f"/usr/bin/{name}" if name == "mosquitto" else None


def test_mosquitto_where_there_is_one_else_iotcore(tmp_path: Path) -> None:
    with_it = embedded(tmp_path, 1883, (), sys.executable, find=found)
    without = embedded(tmp_path, 1883, (), sys.executable, find=nothing)
    assert isinstance(with_it, EmbeddedMosquitto)
    assert isinstance(without, EmbeddedIotcore)
    assert (with_it.port, without.port) == (1883, 1883)


def test_iotcore_listens_to_nobody_else(tmp_path: Path) -> None:
    beyond = Listener("0.0.0.0", 8883, CERT, KEY)
    with pytest.raises(DomainError) as refused:
        embedded(tmp_path, 1883, (), sys.executable, find=nothing, beyond=beyond)
    assert refused.value.code == "broker_needs_mosquitto"


def test_a_further_listener_without_tls_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(DomainError) as refused:
        embedded(tmp_path, 1, (), sys.executable, find=found, beyond=Listener("0.0.0.0", 1883))
    assert refused.value.code == "listener_without_tls"


def test_a_port_that_somebody_has_is_not_taken_for_ours(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for broker in (
            EmbeddedMosquitto("/bin/true", tmp_path / "m", (Listener("127.0.0.1", port),), ()),
            EmbeddedIotcore(port, tmp_path / "i", sys.executable),
        ):
            with pytest.raises(DomainError) as refused:
                broker.start()
            assert refused.value.code == "port_taken"
            assert broker.pid is None


def test_a_broker_that_ends_at_once_is_told_with_its_own_words(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho cannot read my configuration\nexit 3\n")
    program.chmod(0o700)
    broker = EmbeddedMosquitto(
        str(program), tmp_path / "m", (Listener("127.0.0.1", free_port()),), ()
    )
    with pytest.raises(DomainError) as refused:
        broker.start()
    assert refused.value.code == "broker_did_not_start"
    assert "cannot read my configuration" in refused.value.zh
    assert broker.pid is None
    broker.stop()
