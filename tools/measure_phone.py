"""What a cheap phone feels: bytes of the first page, first paint, tap to approved.

Chromium throttled as a cheap phone on a poor line (6× slower CPU, 1.6 Mbit/s, 150 ms), against a
village's pages on this machine. One JSON line::

    .venv/bin/python -m tools.measure_phone [--runs 5]

``home_bytes``: all that the first visit of the home page transfers, headers included, nothing
cached. ``first_paint_ms``: first contentful paint of that visit; ``again_paint_ms``: of the next.
``approved_ms``: from the touch on 同意 until the page says so. Medians, and the worst.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from tests.support.machine import find_chromium
from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld

PHONE = {"width": 390, "height": 844}
LINE = {
    "offline": False,
    "latency": 150,
    "downloadThroughput": 1_600_000 / 8,
    "uploadThroughput": 750_000 / 8,
}
SLOWER = 6
_PAINT = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_WATCH = """
() => new Promise((done) => {
  let touched = 0;
  addEventListener('click', () => { touched = performance.now(); }, { capture: true, once: true });
  new MutationObserver(() => {
    if (touched && document.querySelector('.done')) {
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - touched)));
    }
  }).observe(document.body, { childList: true, subtree: true });
  document.querySelector('.decide button.primary').click();
})
"""


def main() -> int:
    """Measure, and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs: int = parser.parse_args().runs
    chromium = find_chromium()
    if chromium is None:
        print("no Chromium on this machine", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        made = WebWorld.create(f"sqlite+pysqlite:///{folder}/town.sqlite3", Path(folder))
        browser = playwright.chromium.launch(
            executable_path=str(chromium), args=["--no-sandbox", "--disable-gpu"]
        )
        with WebServer(made.app) as server:
            found = _measure(browser, made, server.address, runs)
        browser.close()
        made.close()
    print(json.dumps(found))
    return 0


def _measure(browser: Browser, made: WebWorld, address: str, runs: int) -> dict[str, Any]:
    state = _signed_in(browser, made, address)
    sizes, first, again, approved = [], [], [], []
    for run in range(runs):
        context = browser.new_context(viewport=PHONE, storage_state=state)  # type: ignore[arg-type]  # plain dict for ViewportSize
        page = context.new_page()
        counted = _counted(_throttled(page))
        page.goto(f"{address}/home", wait_until="load")
        page.wait_for_function(f"{_PAINT} > 0")
        first.append(page.evaluate(_PAINT))
        sizes.append(sum(counted))
        page.goto(f"{address}/home", wait_until="load")
        page.wait_for_function(f"{_PAINT} > 0")
        again.append(page.evaluate(_PAINT))
        wanted = made.submit(f"居住情况说明{run}")
        page.goto(f"{address}/applications/{wanted}", wait_until="load")
        page.wait_for_selector("body[data-live=on]")
        approved.append(page.evaluate(_WATCH))
        context.close()
    return {
        "home_bytes": int(statistics.median(sizes)),
        "first_paint_ms": round(statistics.median(first)),
        "first_paint_worst_ms": round(max(first)),
        "again_paint_ms": round(statistics.median(again)),
        "approved_ms": round(statistics.median(approved)),
        "approved_worst_ms": round(max(approved)),
        "runs": runs,
    }


def _signed_in(browser: Browser, made: WebWorld, address: str) -> Any:
    context = browser.new_context(viewport=PHONE)  # type: ignore[arg-type]  # plain dict for ViewportSize
    page = context.new_page()
    page.goto(f"{address}/sign-in")
    page.fill("#login", made.logins["approver"])
    page.fill("#password", PASSWORD)
    page.click("button.primary")
    page.wait_for_url(lambda url: "/sign-in" not in url)
    state = context.storage_state()
    context.close()
    return state


def _counted(cdp: CDPSession) -> list[float]:
    """Grows by the bytes of each answer."""
    counted: list[float] = []
    cdp.on("Network.loadingFinished", lambda one: counted.append(one["encodedDataLength"]))
    return counted


def _throttled(page: Page) -> CDPSession:
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    cdp.send("Network.emulateNetworkConditions", LINE)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    return cdp


if __name__ == "__main__":
    sys.exit(main())
