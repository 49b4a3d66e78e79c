"""今日 in a real browser: what happens appears by itself; a lost line is said, and heals."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld
from tests.support.world import FAR_VILLAGE, VILLAGE

pytestmark = pytest.mark.needs_chromium

DESK = {"width": 1280, "height": 800}


def test_a_use_appears_within_a_second_and_stays_one_card(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    cards = page.locator("#uses > article, #uses article")
    before = cards.count()
    begun = time.monotonic()
    use_id = town.use(VILLAGE)
    page.wait_for_selector(f"#use-{use_id.replace(':', '-')}", timeout=5000)
    took = time.monotonic() - begun
    assert took < 1.5, took  # the record itself is written in between
    assert cards.count() == before + 1
    assert page.locator("#uses article").first.get_attribute("id") == (
        f"use-{use_id.replace(':', '-')}"
    )
    expect(page.locator("#counters b").first).to_have_text(str(before + 1))


def test_promise_6_another_branch_hears_nothing(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("stranger", DESK)
    page.goto(f"{server.address}/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    town.use(VILLAGE)
    mine = town.use("/330109/330109103/330109103202/")
    page.wait_for_selector(f"#use-{mine.replace(':', '-')}", timeout=5000)
    assert page.locator("#uses article").count() == 1
    assert FAR_VILLAGE not in page.content()


def test_pictures_that_are_shown_are_not_loaded_again_by_news(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    page.fill("#reason", "日常巡查")
    page.click("#review button")
    page.wait_for_url("**/today")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.tile img')?.complete")
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
    expect(page.locator(".live-off")).to_be_visible(timeout=10_000)
    missed = town.use(VILLAGE)
    server.start()
    expect(page.locator(".live-on")).to_be_visible(timeout=15_000)
    page.wait_for_selector(f"#use-{missed.replace(':', '-')}", timeout=10_000)
    assert page.locator(f"#use-{missed.replace(':', '-')}").count() == 1
