"""今日 in a real browser: what happens appears by itself; a lost line is said, and heals."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld
from tests.support.world import FAR_VILLAGE, VILLAGE

pytestmark = pytest.mark.needs_chromium

DESK = {"width": 1280, "height": 800}


def test_a_use_appears_by_itself_and_stays_one_card(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    cards = page.locator("#uses > article, #uses article")
    before = cards.count()
    use_id = town.use(VILLAGE)
    expect(page.locator("#uses article").first).to_have_id(f"use-{use_id.replace(':', '-')}")
    expect(cards).to_have_count(before + 1)
    expect(page.locator("#counters b").first).to_have_text(str(before + 1))


def test_promise_6_another_branch_hears_nothing(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("stranger", DESK)
    page.goto(f"{server.address}/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    town.use(VILLAGE)
    mine = town.use("/330109/330109103/330109103202/")
    page.wait_for_selector(f"#use-{mine.replace(':', '-')}")
    expect(page.locator("#uses article")).to_have_count(1)
    assert FAR_VILLAGE not in page.content()


def test_pictures_that_are_shown_are_not_loaded_again_by_news(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    page.fill("#reason", "日常巡查")
    page.click("#review button")
    expect(page.locator(".tile img").first).to_be_visible()
    expect(page.locator("body[data-live=on]")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.tile img').naturalWidth > 0")
    seen = len(town.world.records("picture.viewed"))
    assert seen > 0
    news = town.use(VILLAGE)
    page.wait_for_selector(f"#use-{news.replace(':', '-')}")
    again = [
        one
        for one in town.world.records("picture.viewed")[seen:]
        if one.data["picture"]
        in {old.data["picture"] for old in town.world.records("picture.viewed")[:seen]}
    ]
    assert again == []


def test_a_lost_connection_is_said_and_heals_without_losing_anything(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    server.stop()
    expect(page.locator(".live-off")).to_be_visible()
    missed = town.use(VILLAGE)
    server.start()
    expect(page.locator(".live-on")).to_be_visible()
    page.wait_for_selector(f"#use-{missed.replace(':', '-')}")
    expect(page.locator(f"#use-{missed.replace(':', '-')}")).to_have_count(1)
