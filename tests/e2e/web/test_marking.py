"""Marking on a paper where something will still be written: by finger, mouse and keyboard."""

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.web_pages import fill
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium


def test_boxes_are_drawn_moved_and_removed(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("applicant")
    address = server.address + fill("/applications/{draft}/papers/{page}", town.day)
    page.goto(address)
    sheet = page.locator(".marked").first
    expect(page.locator("#zones")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.marked img').naturalWidth > 0")

    def rows() -> list[list[int]]:
        found: list[list[int]] = json.loads(page.input_value("input[name=zones]"))
        return found

    # By keyboard alone.
    page.focus("[data-add]")
    page.keyboard.press("Enter")
    (first,) = rows()
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowRight")
    assert rows() == [[first[0], first[1], first[2] - 10, first[3] + 10, first[4]]]

    # With a finger, or a mouse.
    page.click("[data-draw]")
    sheet.evaluate("(one) => window.scrollTo(0, one.offsetTop - 80)")
    area = sheet.bounding_box()
    assert area is not None
    left, top = area["x"] + area["width"] / 10, area["y"] + 40
    page.mouse.move(left, top)
    page.mouse.down()
    page.mouse.move(left + area["width"] / 2, top + 30, steps=3)
    page.mouse.up()
    drawn = rows()[1]
    assert drawn[1] == pytest.approx(100, abs=5)
    assert drawn[3] == pytest.approx(500, abs=5)

    page.keyboard.press("Delete")
    expect(page.locator(".zone")).to_have_count(1)
    page.locator("#zones button.primary").click()
    expect(page.locator(".done")).to_be_visible()
    expect(page.locator(".zone")).to_have_count(1)
    view = town.web.reader.get(town.people["applicant"], town.day.draft)
    assert list(view.details["zones"].values()) == [rows()]
