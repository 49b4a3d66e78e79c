"""A use from the phone: applied for with a photograph, approved on another phone, followed live at
the sleeve, questioned; the committee handles the alert."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from alerts.service import Alerts
from backend.store.tables import seal_use
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld, paper

pytestmark = pytest.mark.needs_chromium

DESK = {"width": 1280, "height": 800}


def test_apply_with_photographs_approve_on_another_phone_and_see_the_job(
    enter: Callable[..., Page], server: WebServer, town: WebWorld, tmp_path: Path
) -> None:
    photo = tmp_path / "page.jpg"
    photo.write_bytes(paper("居住情况说明", 3))
    applicant, approver = enter("applicant"), enter("approver")
    approver.goto(f"{server.address}/home")
    expect(approver.locator(".task.do")).to_have_count(1)

    applicant.goto(f"{server.address}/apply")
    applicant.fill("#q", "居住")
    expect(applicant.locator("#matters h2").first).not_to_have_text("常用")
    applicant.click("#matters button.task")
    applicant.wait_for_url("**/edit")
    for name in ("page", "attachment"):
        applicant.locator(f"input[data-kind={name}]").first.set_input_files(photo)
        expect(applicant.locator(".papers li")).to_have_count(1 if name == "page" else 2)
    applicant.fill("#purpose", "子女入学")
    applicant.fill("#beneficiary", "孔阿毛")
    applicant.locator("#beneficiary").blur()
    expect(applicant.locator("#saved")).to_contain_text("已存第")
    # The draft kept itself: the same page opened anew has it all.
    applicant.reload()
    expect(applicant.locator("#purpose")).to_have_value("子女入学")
    applicant.click("text=提交申请")
    expect(applicant.locator(".done")).to_contain_text("已提交")

    # The other phone hears of it by itself.
    expect(approver.locator(".task.do")).to_have_count(2)
    approver.click(".task.do >> nth=0")
    expect(approver.locator(".paper img").first).to_be_visible()
    approver.click("text=同意")
    expect(approver.locator(".done")).to_contain_text("已同意")

    applicant.goto(f"{server.address}/home")
    applicant.click("text=看任务码 >> nth=0")
    expect(applicant.locator(".job-code")).to_be_visible()
    assert applicant.locator(".job-code").inner_text().isdigit()


def test_what_is_missing_is_said_at_the_field(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("applicant")
    page.goto(f"{server.address}/apply?q=居住")
    page.click("#matters button.task")
    page.click("text=提交申请")
    expect(page.locator("#purpose")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".problem[role=alert]")).to_be_visible()


def test_a_finished_use_is_shown_and_can_be_questioned_on_the_spot(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("applicant")
    with town.world.db.read() as conn:
        application = (
            conn.execute(seal_use.select().where(seal_use.c.id == town.day.finished))
            .one()
            .application_id
        )
    page.goto(f"{server.address}/applications/{application}/sleeve")
    expect(page.locator(".finish h2")).to_have_text("用印完成")
    page.click("text=不对，提出疑问")
    page.fill("#q-reason", "我没有让他盖")
    page.click("button:has-text('提出疑问')")
    page.wait_for_url("**/uses/**")
    (asked,) = town.world.records("use.questioned")
    assert asked.data["reason"] == "我没有让他盖"
    # It opens a case on the committee's desk.
    Alerts(town.world.context, {}).run_once()
    desk = enter("town", DESK)
    desk.goto(f"{server.address}/alerts?code=C35")
    expect(desk.locator("main")).to_contain_text("有人对用印提出疑问")


def test_the_committee_handles_an_alert_to_its_end(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/today")
    page.click(".alert-row.critical")
    page.click("text=我知道了")
    expect(page.locator(".chip", has_text="已知悉").first).to_be_visible()
    page.click("summary:has-text('派人处理')")
    page.select_option("#to", label="王芳 · 印章管理员")
    page.click("button:has-text('派发')")
    expect(page.locator(".chip", has_text="已派发").first).to_be_visible()
    page.click("summary:has-text('销号')")
    page.fill("#close-text", "已核对文件并收回，整改完毕")
    page.click("button:has-text('确定销号')")
    expect(page.locator(".chip", has_text="已销号").first).to_be_visible()
    kinds = [one.kind for one in town.world.records() if one.kind.startswith("alert.")]
    assert kinds[-3:] == ["alert.acknowledged", "alert.assigned", "alert.closed"]
