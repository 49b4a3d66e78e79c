"""A real installation on one machine: ``zhiyin init`` and ``zhiyin serve``, as people run them."""

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.ports import free_port
from zhiyin.running.certificates import make_server
from zhiyin.wall import wall_clock

_ROOT = Path(__file__).parents[2]
_PATIENCE_S = 170.0

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


class _Site:
    """One installation's folder, settings and processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.certificates = folder / "certificates"
        make_server(self.certificates, "web", ["localhost"], wall_clock())
        kept = {k: v for k, v in os.environ.items() if not k.startswith("ZHIYIN_")}
        self.env = kept | {
            "PYTHONPATH": str(_ROOT),
            "PYTHONUTF8": "1",
            "ZHIYIN_DATA_DIR": str(folder / "data"),
            "ZHIYIN_WEB__PORT": str(self.port),
            "ZHIYIN_MQTT__PORT": str(free_port()),
        }
        self.https = {
            "ZHIYIN_WEB__TLS_CERT_FILE": str(self.certificates / "web.crt"),
            "ZHIYIN_WEB__TLS_KEY_FILE": str(self.certificates / "web.key"),
        }
        self.proxy = {"ZHIYIN_WEB__BEHIND_PROXY": "true"}
        done = self.run(
            *("init", "--district", "330109", "--district-name", "江南区", "--admin", "陈明")
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found = re.search(r"临时口令 password: (\S+)", done.stdout)
        assert found is not None
        self.password = found[1]

    def run(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        """One command, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "zhiyin", *words],
            cwd=self.folder,
            env=self.env | more,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )

    def serve(self, **more: str) -> "_Serving":
        """``zhiyin serve``, ready."""
        return _Serving(self, self.env | more)


class _Serving:
    """A running ``zhiyin serve``."""

    def __init__(self, site: _Site, env: dict[str, str]) -> None:
        self._log = (site.folder / "serve.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "zhiyin", "serve"],
            cwd=site.folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        assert self._process.stdout is not None
        self.said: list[str] = []
        for line in self._process.stdout:
            self.said.append(line.rstrip())
            if "已就绪" in line:
                return
        raise AssertionError("\n".join(self.said) + (site.folder / "serve.log").read_text())

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Signal it; its exit code, and how many seconds it took."""
        begun = time.monotonic()
        self._process.send_signal(number)
        self._process.communicate(timeout=_PATIENCE_S)
        self._log.close()
        return self._process.returncode, time.monotonic() - begun


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> _Site:
    return _Site(tmp_path_factory.mktemp("village"))


@pytest.fixture
def https(site: _Site) -> Iterator[httpx.Client]:
    """A browser that trusts the site's authority."""
    trust = ssl.create_default_context(cafile=str(site.certificates / "ca.crt"))
    with httpx.Client(
        base_url=f"https://localhost:{site.port}", verify=trust, timeout=_PATIENCE_S
    ) as client:
        yield client


def _sign_in(client: httpx.Client, password: str, **headers: str) -> httpx.Response:
    return client.post(
        "/api/v1/session",
        json={"login": "admin", "password": password},
        headers={"Sec-Fetch-Site": "same-origin", **headers},
    )


def test_https_with_its_own_certificate(site: _Site, https: httpx.Client) -> None:
    serving = site.serve(**site.https)
    try:
        assert len(serving.said) == 11, "ten steps, and that it is ready"
        assert https.get("/readyz").status_code == 200
        answer = _sign_in(https, site.password)
        assert answer.status_code in (200, 201), answer.text
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-zhiyin=")
        for wanted in ("Secure", "HttpOnly", "samesite=lax"):
            assert wanted.lower() in cookie.lower()
        assert "max-age" in answer.headers["strict-transport-security"]
        assert site.run("health").returncode == 0
        assert json.loads(site.run("health", "--json").stdout)["parts"][0]["part"] == "serve"

        second = site.run("serve")
        assert second.returncode == 2
        assert "already_running" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        code, seconds = serving.stop()
    assert code == 0
    assert seconds < 60, "service managers do not wait much longer"
    assert site.run("health").returncode == 1
    assert json.loads(site.run("log", "check", "--json").stdout)["ok"]


def test_behind_a_proxy(site: _Site) -> None:
    serving = site.serve(**site.proxy)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{site.port}", timeout=_PATIENCE_S) as client:
            told = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
            answer = _sign_in(client, site.password, **told)
            assert answer.status_code in (200, 201), answer.text
            assert "secure" in answer.headers["set-cookie"].lower()
            plain = told | {"X-Forwarded-Proto": "http"}
            assert _sign_in(client, site.password, **plain).status_code == 403
    finally:
        assert serving.stop(signal.SIGINT)[0] == 0
    assert '"address": "203.0.113.9"' in (site.folder / "serve.log").read_text()


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"ZHIYIN_WEB__HOST": "0.0.0.0"}, "HTTPS"),
        ({"ZHIYIN_MQTT__HOST": "0.0.0.0"}, "127.0.0.1"),
        ({"ZHIYIN_BROKER__HOST": "0.0.0.0"}, "TLS"),
    ],
)
def test_a_listener_for_others_without_tls_is_refused(
    site: _Site, more: dict[str, str], says: str
) -> None:
    done = site.run("serve", **more)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_new_folder_and_a_taken_port_are_told(site: _Site, tmp_path: Path) -> None:
    empty = site.run("serve", ZHIYIN_DATA_DIR=str(tmp_path / "empty"))
    assert empty.returncode == 2
    assert "zhiyin init" in empty.stderr
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = site.run("serve", ZHIYIN_WEB__PORT=port)
    assert done.returncode == 2
    assert port in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("part", ["gateway", "api", "alerts"])
def test_a_part_of_its_own_wants_postgresql(site: _Site, part: str) -> None:
    done = site.run(part)
    assert done.returncode == 2
    assert "needs_postgresql" in done.stderr
