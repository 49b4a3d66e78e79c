"""A committee's morning at the usage log: from use to use by keyboard, pictures after a reason."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium

DESK = {"width": 1280, "height": 800}


def test_the_log_is_reviewed_by_keyboard_alone(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/uses?only=unreviewed")
    rows = page.locator("tr[data-use]")
    count = rows.count()
    assert count >= 3
    page.keyboard.press("?")
    expect(page.locator("#keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("#keys")).to_be_hidden()
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(rows.nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(rows.nth(0)).to_have_attribute("aria-current", "true")
    first = rows.nth(0).get_attribute("data-use") or ""
    page.keyboard.press("r")
    expect(page.locator("[role=status]", has_text="已标记1条")).to_be_visible()
    expect(rows).to_have_count(count - 1)
    page.wait_for_load_state()  # the keys are listened to once the page is there
    (record,) = town.world.records("use.reviewed")
    assert str(record.use_id) in first

    # On a use's own page the same keys go on, within the same filter.
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/uses/*?in=only%3Dunreviewed")
    here = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != here and "/uses/" in url)
    page.keyboard.press("k")
    page.wait_for_url(here)
    page.keyboard.press("r")
    page.wait_for_url(lambda url: url != here)
    assert len(town.world.records("use.reviewed")) == 2
    page.keyboard.press("u")
    expect(page.locator("tr[data-use]")).to_have_count(count - 2)
    page.wait_for_load_state()
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()
    page.keyboard.type("居住")
    page.keyboard.press("Enter")
    page.wait_for_url("**q=%E5%B1%85%E4%BD%8F**")


def test_a_case_is_opened_by_one_key(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/uses/{town.day.cheated}")
    page.keyboard.press("c")
    page.wait_for_url("**/alerts/**")
    page.goto(f"{server.address}/uses/{town.day.finished}")
    page.keyboard.press("c")
    expect(page.locator("#question")).to_be_focused()
    page.keyboard.type("j这里不对")
    page.click("button:has-text('提出疑问')")
    page.wait_for_url("**questioned=1**")
    assert town.world.records("use.questioned")[-1].data["reason"] == "j这里不对"


def test_promise_5_pictures_side_by_side_appear_after_a_reason_each_on_record_first(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/uses/{town.day.finished}")
    expect(page.locator(".compare .tile").first).to_be_visible()
    expect(page.locator("img")).to_have_count(0)
    page.fill("#reason", "日常巡查")
    page.click("text=开始查阅")
    shown = page.locator(".compare img")
    expect(shown.first).to_be_visible()
    page.wait_for_load_state()
    count = shown.count()
    assert count >= 3
    for at in range(count):
        shown.nth(at).scroll_into_view_if_needed()
        page.wait_for_function(
            "(image) => image.complete && image.naturalWidth", arg=shown.nth(at).element_handle()
        )
    seen = town.world.records("picture.viewed")
    assert len({one.data["picture"] for one in seen}) == count
    page.reload()
    expect(page.locator("section", has_text="谁看过图片").last).to_contain_text("日常巡查")


def test_several_are_marked_and_a_view_is_kept(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town")
    page.goto(f"{server.address}/uses?only=unreviewed")
    page.click("text=保存这个视图")
    page.fill("#view-name", "没复核的")
    page.click("button:has-text('保存')")
    expect(page.locator(".views a")).to_have_text("没复核的")
    page.wait_for_load_state()
    count = page.locator("tr[data-use]").count()
    page.check("#pick-all")
    page.click("button:has-text('标记所选为已复核')")
    expect(page.locator("[role=status]", has_text=f"已标记{count}条")).to_be_visible()
    page.click(".views button")
    expect(page.locator(".views")).to_have_count(0)
