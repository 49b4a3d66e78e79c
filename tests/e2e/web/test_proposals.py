"""Proposed places to sign come while the applicant is at the page; a tap takes or leaves each."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from backend.store.tables import look
from tests.support.web_pages import fill
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium

NEAR, BELOW = [0.1, 0.700, 0.3, 0.05], [0.1, 0.735, 0.3, 0.05]
"""Lines to sign stand so close that their boxes overlap."""


def test_proposals_come_by_themselves_and_a_tap_takes_or_leaves_each(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    town.app.state.services.add(replace(town.web, reads_papers=True))
    page = enter("applicant")
    address = server.address + fill("/applications/{draft}/papers/{page}", town.day)
    page.goto(address)
    expect(page.locator("[data-wait]")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.marked img').naturalWidth > 0")
    page.click("[data-add]")  # nobody waits
    places = [{"kind": "signature", "at": at} for at in (NEAR, BELOW)]
    with town.world.db.write() as conn:
        conn.execute(look.update().values(state="done", result={"sheets": [places]}))
    proposals = page.locator(".proposal")
    expect(proposals).to_have_count(2)
    expect(page.locator("[data-wait]")).to_be_hidden()
    expect(page.locator("[data-said]")).to_have_text("已标3处")

    def states() -> list[str | None]:
        return [one.get_attribute("aria-pressed") for one in proposals.all()]

    assert states() == ["true", "true"]
    # A finger on the middle of the first one, where the second lies over it.
    proposals.first.scroll_into_view_if_needed()
    area = proposals.first.bounding_box()
    assert area is not None
    page.mouse.click(area["x"] + area["width"] / 2, area["y"] + area["height"] / 2)
    assert states() == ["false", "true"]
    proposals.last.focus()
    page.keyboard.press("Enter")
    assert states() == ["false", "false"]
    page.keyboard.press("Enter")
    page.locator("#zones button.primary").click()
    expect(page.locator(".done")).to_be_visible()
    # What was taken and what was left stay so, and the box of one's own too.
    expect(proposals).to_have_count(2)
    assert states() == ["false", "true"]
    expect(page.locator(".zone")).to_have_count(1)
    view = town.web.reader.get(town.people["applicant"], town.day.draft)
    [rows] = view.details["zones"].values()
    assert json.loads(page.input_value("input[name=zones]")) == rows
    assert rows[-1] == [0, 100, 735, 300, 50]
    assert len(view.details["zones_settled"]) == 1
