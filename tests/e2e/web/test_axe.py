"""Every page, both sizes, both languages, light and dark: nothing that axe (WCAG 2.2) objects to,
nothing wider than the screen."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.support.web_pages import PAGES, fill
from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

AXE = Path("node_modules/axe-core/axe.min.js")
SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 800}}
LOOKS = ("light", "dark.large")
WEAR = """look => {
  const root = document.documentElement;
  root.dataset.theme = look.split(".")[0];
  root.classList.toggle("large", look.endsWith("large"));
}"""
RUN = "axe.run(document, {resultTypes: ['violations']})"


@pytest.fixture(scope="module")
def whole_town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[WebWorld, WebServer]]:
    """A town that shows its pictures, served once for all of this file."""
    folder = tmp_path_factory.mktemp("axe")
    made = WebWorld.create(
        f"sqlite+pysqlite:///{folder / 'town.sqlite3'}", folder, review_reason="日常巡查"
    )
    with WebServer(made.app) as running:
        yield made, running
    made.close()


def signed_in(context: BrowserContext, made: WebWorld, address: str, who: str) -> Page:
    page = context.new_page()
    if who != "guest":
        page.goto(f"{address}/sign-in")
        page.fill("#login", made.logins[who])
        page.fill("#password", PASSWORD)
        page.click("button.primary")
        page.wait_for_url(lambda url: "/sign-in" not in url)
    return page


@pytest.mark.parametrize("language", ["zh-CN", "en"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.timeout(900)
def test_no_page_has_a_violation(
    browser: Browser, whole_town: tuple[WebWorld, WebServer], size: str, language: str
) -> None:
    """Each page is loaded once and wears one look after the other: a look is an attribute and a
    class of its root (base.html)."""
    if not AXE.exists():
        pytest.skip("node_modules/axe-core is not there; ./run fetches it")
    made, server = whole_town
    axe = AXE.read_text("utf-8")
    complaints: list[str] = []
    for who, addresses in PAGES.items():
        context = browser.new_context(
            viewport=SIZES[size],  # type: ignore[arg-type]  # plain dict for ViewportSize
            locale=language,
            reduced_motion="reduce",
        )
        context.add_cookies([{"name": "zhiyin_view", "value": LOOKS[0], "url": server.address}])
        page = signed_in(context, made, server.address, who)
        if who != "guest":
            wanted = "en" if language == "en" else "zh_CN"
            page.request.post(
                f"{server.address}/me/language",
                form={"locale": wanted},
                headers={"origin": server.address},
            )
        for address in addresses:
            page.goto(server.address + fill(address, made.day))
            page.evaluate(axe)
            for look in LOOKS:
                page.evaluate(WEAR, look)
                complaints += [f"{who} {address} {look}: {one}" for one in seen_in(page, size)]
        context.close()
    assert complaints == []


def seen_in(page: Page, size: str) -> list[str]:
    """What is wrong with the page as it stands."""
    found: dict[str, Any] = page.evaluate(RUN)
    wrong = [
        f"{one['id']}: {node['html'][:120]}"
        for one in found["violations"]
        for node in one["nodes"][:2]
    ]
    width = page.evaluate("document.documentElement.scrollWidth")
    return wrong if width <= SIZES[size]["width"] else [*wrong, f"{width} px wide"]
