"""Runs the embedded broker as a child process and stops it again."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol

from backend.domain.errors import DomainError
from gateway.broker import mosquitto
from gateway.protocol.limits import MAX_PIECE_BYTES

START_S: Final = 10.0
_SEGMENT_BYTES: Final = 16 * 1024 * 1024


class Broker(Protocol):
    """A running broker on loopback."""

    kind: str
    port: int

    def start(self) -> None:
        """Start it and return when it listens."""
        ...

    def stop(self) -> None:
        """End it; idempotent."""
        ...

    def set_accounts(self, accounts: Iterable[mosquitto.Account]) -> None:
        """Let these in from now on, and nobody else."""
        ...

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        ...

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        ...


class EmbeddedMosquitto:
    """Debian's mosquitto, with our generated configuration."""

    kind = "mosquitto"

    def __init__(
        self,
        program: str,
        folder: Path,
        listeners: tuple[mosquitto.Listener, ...],
        accounts: Iterable[mosquitto.Account],
        extra_acl: tuple[str, ...] = (),
    ) -> None:
        self._extra_acl = extra_acl
        self._program = program
        self._folder = folder
        self._listeners = listeners
        self._accounts = tuple(accounts)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = listeners[0].port

    def start(self) -> None:
        """Start it and return when it listens."""
        config = mosquitto.write_files(
            self._folder, self._listeners, self._accounts, self._extra_acl
        )
        _end_left_over(config)
        for listener in self._listeners:
            _refuse_taken(listener.host, listener.port)
        with (self._folder / "mosquitto.log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we end it last
            )
        _note_pid(config, self._process.pid)
        try:
            _await_listening(self.port, self._process.poll, self._folder / "mosquitto.log")
        except DomainError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it; it writes its queues first."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def set_accounts(self, accounts: Iterable[mosquitto.Account]) -> None:
        """Write the password file and have it read again."""
        self._accounts = tuple(accounts)
        mosquitto.write_accounts(self._folder, self._accounts)
        if self._process is not None:
            self._process.send_signal(signal.SIGHUP)

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None


_IOTCORE: Final = """\
id = 0
[router]
id = 0
max_connections = 10010
max_outgoing_packet_count = 2000
max_segment_size = {segment}
max_segment_count = 8
[v4.1]
name = "loopback"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = {payload}
max_inflight_count = 2000
dynamic_filters = true
"""


class EmbeddedIotcore:
    """rumqttd in a wheel: for a try without Mosquitto. Has no ACL, hence loopback only."""

    kind = "iotcore"

    def __init__(self, port: int, folder: Path, python: str) -> None:
        self.port = port
        self._folder = folder
        self._python = python
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it listens."""
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        config = self._folder / "iotcore.toml"
        config.write_text(
            _IOTCORE.format(port=self.port, payload=MAX_PIECE_BYTES + 4096, segment=_SEGMENT_BYTES)
        )
        _end_left_over(config)
        _refuse_taken("127.0.0.1", self.port)
        code = "import sys; from iotcore.iotcore import IotCoreBroker as B; "
        code += "B(config_path=sys.argv[1]).run_forever()"
        self._process = subprocess.Popen(
            [self._python, "-c", code, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        _note_pid(config, self._process.pid)
        try:
            _await_listening(self.port, self._process.poll, None)
        except DomainError:
            self.stop()
            raise

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            _end(process)

    def set_accounts(self, accounts: Iterable[mosquitto.Account]) -> None:
        """It knows no accounts: nobody but this machine reaches it."""

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self._process is not None else None

    @property
    def alive(self) -> bool:
        """Whether its process runs."""
        return self._process is not None and self._process.poll() is None


def embedded(
    folder: Path,
    port: int,
    accounts: Iterable[mosquitto.Account],
    python: str,
    find: Callable[[str], str | None] = shutil.which,
    beyond: mosquitto.Listener | None = None,
) -> Broker:
    """The broker for an all-in-one installation on loopback: Mosquitto if the machine has it.

    ``beyond`` is a further listener for sleeves elsewhere; only Mosquitto has TLS and ACL for it.

    Raises:
        DomainError: ``broker_needs_mosquitto``, ``listener_without_tls``.
    """
    program = find("mosquitto") or find("/usr/sbin/mosquitto")
    listeners = [mosquitto.Listener("127.0.0.1", port)]
    if beyond is not None:
        mosquitto.check_listener(beyond)
        listeners.append(beyond)
    if program is not None:
        return EmbeddedMosquitto(program, folder, tuple(listeners), accounts)
    if beyond is not None:
        raise DomainError(
            "broker_needs_mosquitto",
            f"拒绝启动：在 {beyond.host}:{beyond.port} 对外监听须用 Mosquitto（TLS、访问控制）。"
            "请安装：apt-get install mosquitto",
            f"refused: listening on {beyond.host}:{beyond.port} needs Mosquitto with TLS and ACL;"
            " install it: apt-get install mosquitto",
        )
    return EmbeddedIotcore(port, folder, python)


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _refuse_taken(host: str, port: int) -> None:
    """Or we would take somebody else's listener for our broker's."""
    try:
        with socket.create_server((host, port), family=_family(host)):
            return
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
    raise DomainError(
        "port_taken",
        f"MQTT 端口 {port}（{host}）已被别的程序占用：请停止那个程序，"
        "或换一个端口（配置项 mqtt.port、broker.port）",
        f"MQTT port {port} ({host}) is taken by another program: stop it, or choose another"
        " (settings mqtt.port, broker.port)",
        "conflict",
    )


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _note_pid(config: Path, pid: int) -> None:
    config.with_suffix(".pid").write_text(str(pid))


def _end_left_over(config: Path) -> None:
    """If we were killed, our broker lives on and holds the port: end it, and only it."""
    try:
        pid = int(config.with_suffix(".pid").read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if str(config).encode() not in command:
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and Path(f"/proc/{pid}/cmdline").exists():
        if not Path(f"/proc/{pid}/cmdline").read_bytes():
            return  # ended, and only waits to be reaped by whoever adopted it
        time.sleep(0.02)


def _await_listening(port: int, ended: Callable[[], int | None], log: Path | None) -> None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if ended() is not None:
            break
        with socket.socket() as probe:
            probe.settimeout(0.2)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    said = log.read_text(errors="replace")[-400:].strip() if log is not None else ""
    raise DomainError(
        "broker_did_not_start",
        f"内置 MQTT 代理未能在端口 {port} 启动：{said or '请检查端口是否被占用'}",
        f"the embedded MQTT broker did not start on port {port}: {said or 'is the port in use?'}",
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
