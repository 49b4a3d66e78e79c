"""Certificates for a try: a real TLS handshake accepts them, for the right names only."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from cryptography import x509

from zhiyin.running.certificates import SERVER_DAYS, authority, server, write

NOW = time.time_ns() // 1_000_000  # OpenSSL judges validity by the wall clock


def _handshake(folder: Path, name: str) -> str:
    listener = socket.create_server(("127.0.0.1", 0))
    there = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    there.load_cert_chain(folder / "server.crt", folder / "server.key")

    def answer() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                there.wrap_socket(connection, server_side=True).close()
            except ssl.SSLError:
                return

    thread = threading.Thread(target=answer)
    thread.start()
    here = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    try:
        with (
            socket.create_connection(listener.getsockname()) as raw,
            here.wrap_socket(raw, server_hostname=name) as wrapped,
        ):
            return wrapped.version() or ""
    finally:
        thread.join()
        listener.close()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    signer = authority(NOW)
    pair = server(signer, ["localhost", "127.0.0.1", "yin.example.cn"], NOW)
    write(tmp_path / "ca.crt", signer.pem(), secret=False)
    write(tmp_path / "server.crt", pair.pem(), secret=False)
    write(tmp_path / "server.key", pair.key_pem(), secret=True)
    return tmp_path


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "yin.example.cn"])
def test_a_client_that_trusts_the_authority_accepts_each_name(files: Path, name: str) -> None:
    assert _handshake(files, name) in ("TLSv1.2", "TLSv1.3")


def test_another_name_is_not_accepted(files: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        _handshake(files, "evil.example.cn")


def test_keys_are_for_their_owner_and_nothing_is_replaced(files: Path) -> None:
    assert (files / "server.key").stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        write(files / "server.key", b"", secret=True)


def test_a_server_is_no_authority_and_lives_as_long_as_browsers_accept() -> None:
    found = server(authority(NOW), ["a"], NOW).certificate
    assert not found.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (found.not_valid_after_utc - found.not_valid_before_utc).days == SERVER_DAYS
    with pytest.raises(ValueError, match="name"):
        server(authority(NOW), [], NOW)
