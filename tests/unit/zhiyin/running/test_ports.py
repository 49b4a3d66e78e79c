"""Ports that others have are named, with the setting that changes them."""

import socket

import pytest

from backend.domain.errors import DomainError
from zhiyin.running.ports import listen, refuse_taken


def test_a_port_in_use_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(DomainError) as caught:
            refuse_taken("127.0.0.1", port, "web.port")
    assert caught.value.code == "port_taken"
    for text in (caught.value.zh, caught.value.en):
        assert str(port) in text
        assert "web.port" in text


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(DomainError) as caught:
        listen(host, 0, "web.port")
    assert caught.value.code == "address_unusable"


def test_a_free_port_listens() -> None:
    with listen("127.0.0.1", 0, "web.port") as server:
        socket.create_connection(server.getsockname(), timeout=60).close()
