"""Pictures of the main pages, phone and desk, from a made-up town: `python -m tools.screenshots`.

They go below `var/screenshots/`, which git ignores. `--readme` also renews the few small ones in
`docs/pictures/` that the README shows; no face is on them.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Final

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from tests.support.machine import find_chromium
from tests.support.web_pages import fill
from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld

SIZES: Final = {"phone": (390, 844), "desk": (1280, 800)}

MAIN: Final[tuple[tuple[str, str, str], ...]] = (
    ("sign-in", "guest", "/sign-in"),
    ("home", "approver", "/home"),
    ("apply", "applicant", "/apply"),
    ("approve", "approver", "/applications/{waiting}"),
    ("at-sleeve", "applicant", "/applications/{using}/sleeve"),
    ("overview", "district", "/overview"),
    ("today", "town", "/today"),
    ("uses", "town", "/uses"),
    ("use", "town", "/uses/{finished}"),
    ("alerts", "town", "/alerts"),
    ("sleeve-settings", "admin", "/admin/sleeves/SL-330109103201-committee"),
    ("calendar", "admin", "/admin/orgs/330109103201/calendar"),
    ("notice-rules", "admin", "/admin/orgs/330109103201/notices"),
    ("imprint", "admin", "/admin/seals/seal-330109103201-committee/imprint"),
    ("marks", "applicant", "/applications/{draft}/papers/{page}"),
    ("signing-keys", "approver", "/me/keys"),
)
"""(name, who looks, address); the braces are fields of tests.support.web_world.Day."""

README: Final = (
    ("overview", "desk"),
    ("uses", "desk"),
    ("approve", "phone"),
    ("at-sleeve", "phone"),
)
_README_WIDTH: Final = {"phone": 300, "desk": 860}
_COLOURS: Final = 160


def main() -> int:
    """Make them; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("var/screenshots"))
    parser.add_argument("--readme", action="store_true", help="also renew docs/pictures")
    asked = parser.parse_args()
    program = find_chromium()
    if program is None:
        print("没有找到 Chromium；.ci/run 会装上它。No Chromium here.", file=sys.stderr)
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        # No reason to look is stated, so no picture of anybody is shown.
        town = WebWorld.create(f"sqlite+pysqlite:///{folder}/town.sqlite3", Path(folder))
        with WebServer(town.app) as server, sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=str(program), args=["--no-sandbox", "--disable-gpu"]
            )
            for size in SIZES:
                _shoot(browser, server.address, town, size, asked.out)
            browser.close()
        town.close()
    if asked.readme:
        _renew(asked.out, Path("docs/pictures"))
    print(asked.out)
    return 0


def _shoot(browser: Browser, address: str, town: WebWorld, size: str, out: Path) -> None:
    width, height = SIZES[size]
    signed_in: dict[str, Page] = {}
    for name, who, where in MAIN:
        if who not in signed_in:
            context = browser.new_context(
                viewport={"width": width, "height": height}, locale="zh-CN"
            )
            signed_in[who] = page = context.new_page()
            if who != "guest":
                page.goto(f"{address}/sign-in")
                page.fill("#login", town.logins[who])
                page.fill("#password", PASSWORD)
                page.click("button.primary")
                page.wait_for_url(lambda url: "/sign-in" not in url)
        page = signed_in[who]
        answer = page.goto(address + fill(where, town.day))
        if answer is None or not answer.ok:
            raise RuntimeError(f"{where}: {None if answer is None else answer.status}")
        page.wait_for_timeout(400)  # charts draw themselves
        page.screenshot(path=out / f"{name}-{size}.png")


def _renew(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for name, size in README:
        picture = Image.open(source / f"{name}-{size}.png").convert("RGB")
        wide = _README_WIDTH[size]
        small = picture.resize((wide, round(picture.height * wide / picture.width)))
        small.quantize(_COLOURS).save(target / f"{name}-{size}.png", optimize=True)


if __name__ == "__main__":
    sys.exit(main())
