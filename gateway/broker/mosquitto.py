"""Mosquitto's configuration, password and ACL files, generated; never edited by hand."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from backend.domain.errors import DomainError

GATEWAY_USER: Final = "zhiyin-gateway"

# With its defaults (20 in flight, queue of 1000) a batching subscriber loses messages. Saving on
# each change would survive the broker's own death, and cost nine tenths of its speed: sleeves keep
# every event until our receipt covers it, so the broker need not be durable.
_TUNING: Final = """\
set_tcp_nodelay true
max_inflight_messages 2000
max_queued_messages 200000
max_packet_size 20480
persistence true
autosave_interval 5
autosave_on_changes false
persistent_client_expiration 7d
allow_anonymous false
"""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the broker listens. Without TLS only on loopback."""

    host: str
    port: int
    cert_file: Path | None = None
    key_file: Path | None = None
    ca_file: Path | None = None

    @property
    def tls(self) -> bool:
        """Whether it has a certificate."""
        return self.cert_file is not None and self.key_file is not None


@dataclass(frozen=True, slots=True)
class Account:
    """A user of the broker. ``password_hash`` is Mosquitto's ``$7$`` form."""

    username: str
    password_hash: str


def check_listener(listener: Listener) -> None:
    """Refuse a listener that others could reach without TLS.

    Raises:
        DomainError: ``listener_without_tls``.
    """
    if listener.host in ("127.0.0.1", "::1", "localhost") or listener.tls:
        return
    raise DomainError(
        "listener_without_tls",
        f"拒绝启动：{listener.host}:{listener.port} 对外监听必须配置 TLS 证书"
        "（cert_file 和 key_file）",
        f"refused: {listener.host}:{listener.port} is reachable by others and has no TLS"
        " certificate; set cert_file and key_file, or listen on 127.0.0.1",
    )


def configuration(folder: Path, listeners: Iterable[Listener]) -> str:
    """The text of mosquitto.conf, with passwords and ACL beside it in ``folder``."""
    lines = [_TUNING]
    if os.geteuid() == 0:
        lines.append("user root")  # or it would give up the rights to its own data folder
    lines += [
        f"persistence_location {folder}/",
        f"password_file {folder / 'passwords'}",
        f"acl_file {folder / 'acl'}",
    ]
    for listener in listeners:
        check_listener(listener)
        lines.append(f"listener {listener.port} {listener.host}")
        if listener.tls:
            lines += [f"certfile {listener.cert_file}", f"keyfile {listener.key_file}"]
            lines.append("tls_version tlsv1.2")
        if listener.ca_file is not None:
            lines.append(f"cafile {listener.ca_file}")
    return "\n".join(lines) + "\n"


def access_list(extra: Iterable[str] = ()) -> str:
    """Who may do what: a sleeve its own topics only (its user name is its id); the gateway the
    other ends of them; ``extra`` lines for a bench."""
    return "\n".join(
        (
            "pattern write seal/v1/%u/up/#",
            "pattern read seal/v1/%u/down/#",
            "pattern write seal/v1/%u/state",
            "",
            f"user {GATEWAY_USER}",
            "topic read seal/v1/+/up/#",
            "topic read seal/v1/+/state",
            "topic write seal/v1/+/down/#",
            *extra,
            "",
        )
    )


def write_files(
    folder: Path,
    listeners: Iterable[Listener],
    accounts: Iterable[Account],
    extra_acl: Iterable[str] = (),
) -> Path:
    """Write configuration, passwords and ACL; returns the path of mosquitto.conf."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = folder / "mosquitto.conf"
    config.write_text(configuration(folder, listeners))
    write_accounts(folder, accounts)
    acl = folder / "acl"
    acl.write_text(access_list(extra_acl))
    acl.chmod(0o600)
    return config


def write_accounts(folder: Path, accounts: Iterable[Account]) -> None:
    """Replace the password file at once, so that a reload never reads half of it."""
    fresh = folder / "passwords.new"
    fresh.touch(mode=0o600)
    fresh.write_text("".join(f"{item.username}:{item.password_hash}\n" for item in accounts))
    fresh.replace(folder / "passwords")
