"""The pages as a phone reaches them: HTTPS with the server's own certificate, so that camera,
service worker and installing work; and what the first page weighs."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserType, Page, expect

from tests.e2e.web.conftest import PATIENCE_MS
from tests.support.ports import free_port
from tests.support.web_world import PASSWORD, WebWorld
from zhiyin.running.certificates import make_server
from zhiyin.running.web import WebServer
from zhiyin.settings import WebSettings
from zhiyin.wall import wall_clock

pytestmark = pytest.mark.needs_chromium


@pytest.fixture
def town(tmp_path: Path) -> Iterator[WebWorld]:
    made = WebWorld.create(f"sqlite+pysqlite:///{tmp_path / 'town.sqlite3'}", tmp_path, https=True)
    yield made
    made.close()


@pytest.fixture
def address(town: WebWorld, tmp_path: Path) -> Iterator[str]:
    folder = tmp_path / "certificates"
    make_server(folder, "web", ["localhost"], wall_clock())
    settings = WebSettings(
        port=free_port(), tls_cert_file=folder / "web.crt", tls_key_file=folder / "web.key"
    )
    server = WebServer(town.app, settings)
    server.start()
    yield f"https://localhost:{settings.port}"
    server.stop()


@pytest.fixture
def phone(
    browser: Browser, chromium: Path, town: WebWorld, address: str, tmp_path: Path
) -> Iterator[Page]:
    """A phone that trusts the certificate and has a camera, signed in as the applicant."""
    certificate = x509.load_pem_x509_certificate(
        (tmp_path / "certificates" / "web.crt").read_bytes()
    )
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(key).digest()).decode()
    kind: BrowserType = browser.browser_type
    context = kind.launch_persistent_context(
        tmp_path / "profile",
        executable_path=str(chromium),
        args=[
            "--no-sandbox",
            "--disable-gpu",
            f"--ignore-certificate-errors-spki-list={trusted}",
            "--use-fake-device-for-media-stream",
            "--use-fake-ui-for-media-stream",
        ],
        viewport={"width": 390, "height": 844},
        locale="zh-CN",
    )
    context.set_default_timeout(PATIENCE_MS)
    page = context.pages[0]
    page.goto(f"{address}/sign-in")
    page.fill("#login", town.logins["applicant"])
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url("**/home")
    yield page
    context.close()


def open_camera(phone: Page) -> None:
    """Open it, and wait until it shows something (not what it showed the last time)."""
    phone.click("#camera-open")
    expect(phone.locator("#camera")).to_be_visible()
    phone.wait_for_function("() => document.querySelector('#camera video').videoWidth > 0")


def test_several_pages_are_photographed_by_the_phones_own_camera(
    phone: Page, town: WebWorld, address: str
) -> None:
    assert phone.evaluate("isSecureContext")
    (cookie,) = (one for one in phone.context.cookies() if "zhiyin" in one["name"])
    assert cookie["name"].startswith("__Host-")
    assert cookie["secure"]
    phone.goto(f"{address}/applications/{town.day.draft}/edit")
    open_camera(phone)
    for count in (1, 2):
        phone.click("[data-shot]")
        expect(phone.locator("#camera [data-count]")).to_have_text(f"已拍{count}页")
    phone.click("[data-done]")
    for _ in range(2):
        expect(phone.locator("#straighten")).to_be_visible()
        phone.click("[data-do=plain]")
        expect(phone.locator("#straighten:not([data-busy])")).to_be_attached()
    expect(phone.locator(".papers li")).to_have_count(4)
    # Done at once: the last picture is still being written, and nevertheless there.
    open_camera(phone)
    phone.evaluate(
        "for (const one of ['shot', 'done']) document.querySelector(`[data-${one}]`).click()"
    )
    phone.click("[data-do=plain]")
    expect(phone.locator(".papers li")).to_have_count(5)
    assert not phone.evaluate("!!document.querySelector('#camera video').srcObject?.active")
    names = [
        one.name for one in town.web.reader.get(town.people["applicant"], town.day.draft).documents
    ]
    assert names[2:] == ["第2页", "第3页", "第4页"]


def test_it_installs_and_says_so_without_a_network(phone: Page, address: str) -> None:
    phone.goto(f"{address}/home")
    assert phone.evaluate("navigator.serviceWorker.ready.then((one) => !!one.active)")
    cdp = phone.context.new_cdp_session(phone)
    manifest = cdp.send("Page.getAppManifest")
    assert manifest["errors"] == []
    assert manifest["url"] == f"{address}/manifest.webmanifest"
    assert cdp.send("Page.getInstallabilityErrors")["installabilityErrors"] == []
    phone.wait_for_function("() => navigator.serviceWorker.controller !== null")
    phone.context.set_offline(True)
    phone.goto(f"{address}/inbox")
    expect(phone.locator("h1")).to_have_text("没有网络")
    phone.context.set_offline(False)
    phone.click("text=重试")
    expect(phone.locator("h1")).to_contain_text("陈小红")


def test_the_first_page_is_light(phone: Page, address: str) -> None:
    cdp = phone.context.new_cdp_session(phone)
    counted: list[float] = []
    cdp.send("Network.enable")
    cdp.send("Network.setBypassServiceWorker", {"bypass": True})
    cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
    cdp.on("Network.loadingFinished", lambda one: counted.append(one["encodedDataLength"]))
    phone.goto(f"{address}/home", wait_until="load")
    expect(phone.locator("body[data-live=on]")).to_be_visible()
    assert 10_000 < sum(counted) <= 60_000, counted
