"""Ports: taken before they are needed, and named when somebody else has them."""

from __future__ import annotations

import errno
import socket

from backend.domain.errors import DomainError


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening TCP socket; ``setting`` names the port's setting for people.

    Raises:
        DomainError: ``port_taken`` or ``address_unusable``.
    """
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        server = socket.socket(family, kind, proto)
    except OSError as error:
        raise _unusable(host, port, setting, error) from error
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(address)
        server.listen(1024)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRINUSE:
            raise DomainError(
                "port_taken",
                f"端口 {port}（{host}）已被别的程序占用：请停止那个程序，"
                f"或换一个端口（配置项 {setting}）",
                f"port {port} ({host}) is taken by another program: stop it, or choose another"
                f" port (setting {setting})",
                "conflict",
            ) from error
        raise _unusable(host, port, setting, error) from error
    return server


def refuse_taken(host: str, port: int, setting: str) -> None:
    """Refuse a port on which somebody else listens; for servers that open it themselves.

    Raises:
        DomainError: as :func:`listen`.
    """
    listen(host, port, setting).close()


def _unusable(host: str, port: int, setting: str, error: OSError) -> DomainError:
    return DomainError(
        "address_unusable",
        f"不能在 {host}:{port} 上监听（{error.strerror}）：请检查配置项 {setting} 和同一节的 host",
        f"cannot listen on {host}:{port} ({error.strerror}): check setting {setting} and host"
        " in the same section",
    )
