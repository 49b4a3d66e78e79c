"""A town's pages in a real browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld

PHONE = {"width": 390, "height": 844}
DESK = {"width": 1280, "height": 800}

PATIENCE_MS = 60_000
"""A loaded machine may take long; nothing here is about speed."""

expect.set_options(timeout=PATIENCE_MS)

Enter = Callable[..., Page]


@pytest.fixture(scope="session")
def browser(chromium: Path) -> Iterator[Browser]:
    """One Chromium for all."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(
            executable_path=str(chromium),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield found
        found.close()


@pytest.fixture
def town(tmp_path: Path) -> Iterator[WebWorld]:
    """The town at the end of its day; pictures need a reason."""
    made = WebWorld.create(f"sqlite+pysqlite:///{tmp_path / 'town.sqlite3'}", tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(town: WebWorld) -> Iterator[WebServer]:
    """Its pages, served."""
    with WebServer(town.app) as running:
        yield running


@pytest.fixture
def enter(browser: Browser, town: WebWorld, server: WebServer) -> Iterator[Enter]:
    """Sign somebody in on a device of their own; errors in the browser fail the test."""
    contexts = []
    troubles: list[str] = []

    def sign_in(
        who: str,
        size: dict[str, int] = PHONE,
        *,
        language: str = "zh-CN",
        address: str = server.address,
    ) -> Page:
        context = browser.new_context(viewport=size, locale=language)  # type: ignore[arg-type]  # plain dict for ViewportSize
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MS)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on(
            "console",
            lambda said: (
                troubles.append(said.text)
                if said.type == "error" and "Content Security Policy" in said.text
                else None
            ),
        )
        page.goto(f"{address}/sign-in")
        page.fill("#login", town.logins[who])
        page.fill("#password", PASSWORD)
        page.click("button.primary")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    yield sign_in
    for context in contexts:
        context.close()
    assert troubles == []
