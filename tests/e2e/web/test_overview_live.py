"""一屏 in a real browser: an alert appears by itself, is assigned, put right with proof and closed;
a lost line is said and heals; figures lead down to a use."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from backend.domain.record import Record
from backend.store.tables import alert
from tests.e2e.web.slow_line import SlowLine
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld, paper
from tests.support.world import VILLAGE

pytestmark = pytest.mark.needs_chromium

DESK = {"width": 1280, "height": 800}
OPEN_ALERTS = ".figure >> nth=1 >> b >> nth=0"


def raise_alert(town: WebWorld) -> str:
    """As the alerts' worker would: row and record in one transaction."""
    new, now, context = town.world.context.new_id(), town.world.clock(), town.world.context
    with town.world.db.write() as conn:
        conn.execute(
            alert.insert(),
            {
                "id": new,
                "code": "C16",
                "dedupe": new,
                "org_path": VILLAGE,
                "severity": "critical",
                "active": True,
                "stage": "new",
                "device": "SL-330109103201-committee",
                "seal": "seal-330109103201-committee",
                "seq": 0,
                "last_seq": 0,
                "data": {},
                "happened_at": now,
                "raised_at": now,
                "updated_at": now,
            },
        )
        context.journal.append(
            conn,
            [Record("alert.raised", VILLAGE, now, now, data={"code": "C16", "alert": new})],
        )
    return new


def test_an_alert_appears_is_assigned_put_right_and_closed(
    enter: Callable[..., Page], server: WebServer, town: WebWorld, tmp_path: Path
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/overview")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    before = int(page.locator(OPEN_ALERTS).inner_text())
    begun = time.monotonic()
    new = raise_alert(town)
    page.wait_for_selector(f"#alert-{new}")
    print(f"\nevent → visible: {(time.monotonic() - begun) * 1000:.0f} ms")
    expect(page.locator(OPEN_ALERTS)).to_have_text(str(before + 1))

    page.click(f"#alert-{new}")
    page.click("summary:has-text('派人处理')")
    page.select_option("#to", label="王芳 · 印章管理员")
    page.click("button:has-text('派发')")
    expect(page.locator(".chip", has_text="已派发").first).to_be_visible()

    keeper = enter("custodian")
    keeper.goto(f"{server.address}/alerts/{new}")
    keeper.click("summary:has-text('写整改')")
    keeper.fill("#rectify-text", "套筒已搬回村委会并固定")
    keeper.click("button:has-text('确定写整改')")
    photo = tmp_path / "现场.jpg"
    photo.write_bytes(paper("现场", 5))
    keeper.locator("#evidence-file").set_input_files(photo)
    keeper.fill("#evidence-name", "搬回现场照片")
    keeper.click("button:has-text('上传材料')")
    expect(keeper.locator(".proof")).to_contain_text("搬回现场照片")

    page.goto(f"{server.address}/alerts/{new}")
    expect(page.locator(".proof")).to_contain_text("搬回现场照片")
    expect(page.locator(".proof img")).to_have_count(0)
    page.fill("#reason", "核对整改材料")
    page.click("#review button")
    expect(page.locator(".proof img")).to_be_visible()
    page.click("summary:has-text('销号')")
    page.fill("#close-text", "已核对，整改完毕")
    page.click("button:has-text('确定销号')")
    expect(page.locator(".chip", has_text="已销号").first).to_be_visible()
    page.goto(f"{server.address}/overview")
    expect(page.locator(OPEN_ALERTS)).to_have_text(str(before))


def test_a_lost_line_is_said_and_caught_up(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/overview")
    expect(page.locator(".live-on")).to_be_visible()
    server.stop()
    expect(page.locator(".live-off")).to_have_text("连接已断开，正在重连…")
    expect(page.locator(".live-off")).to_be_visible()
    missed = raise_alert(town)
    server.start()
    expect(page.locator(".live-on")).to_be_visible()
    page.wait_for_selector(f"#alert-{missed}")


def test_a_phone_without_network_says_so_and_comes_back(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town")
    page.goto(f"{server.address}/overview")
    expect(page.locator(".live-on")).to_be_visible()
    page.context.set_offline(True)
    expect(page.locator(".live-off")).to_be_visible()
    missed = raise_alert(town)
    page.context.set_offline(False)
    expect(page.locator(".live-on")).to_be_visible()
    page.wait_for_selector(f"#alert-{missed}")


def test_from_the_district_down_to_one_use_by_its_address(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("district", DESK)
    page.wait_for_url("**/overview")
    for name in ("义渡镇", "柳塘村", "村民委员会章"):
        page.click(f".cell:has-text('{name}')")
        expect(page.locator(".board-head h1 > span")).to_have_text(name)
    there = page.url
    page.click(".cell >> nth=0")
    page.wait_for_url("**/uses/**")
    page.goto(there)
    expect(page.locator(".steps-to a")).to_have_text(["江南区", "义渡镇", "柳塘村"])
    height = page.evaluate("document.documentElement.scrollHeight")
    assert height <= DESK["height"]


def test_rows_that_are_ticked_stay_ticked_while_news_arrive(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/alerts")
    expect(page.locator("body[data-live=on]")).to_be_visible()
    line = SlowLine(page, "**/alerts*", "GET")
    new = raise_alert(town)
    line.wait()
    page.locator(".tick-row input").first.check()
    line.answer()
    expect(page.locator(".tick-row input:checked")).to_have_count(1)
    expect(page.locator(f"#row-{new}")).to_have_count(0)
    page.locator(".tick-row input").first.uncheck()
    page.wait_for_selector(f"#row-{new}")
    page.locator(f".tick-row:has(#row-{new}) input").check()
    page.click("summary:has-text('批量处理勾选的')")
    page.click("button:has-text('处理勾选的预警')")
    expect(page.locator("[role=status]").first).to_have_text("办好1条，没办成0条")
