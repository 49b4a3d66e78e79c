"""What a person does while an answer is still on its way: nothing of it is lost or refused."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from backend.web.apply import filled
from tests.e2e.web.slow_line import SlowLine
from tests.support.photographs import long_pdf
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium


def open_draft(enter: Callable[..., Page], server: WebServer, town: WebWorld) -> Page:
    page = enter("applicant")
    page.goto(f"{server.address}/applications/{town.day.draft}/edit")
    return page


def test_what_is_handed_in_while_it_is_being_saved_is_handed_in(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = open_draft(enter, server, town)
    line = SlowLine(page, "**/edit", "POST")
    page.fill("#purpose", "子女入学")
    page.locator("#purpose").blur()
    line.wait()
    page.fill("#beneficiary", "孔阿毛")
    page.click("text=提交申请")
    line.let_go()
    expect(page.locator(".done")).to_contain_text("已提交")
    view = town.web.reader.get(town.people["applicant"], town.day.draft)
    assert (view.row.status, view.purpose, view.beneficiary) == ("submitted", "子女入学", "孔阿毛")


def test_what_is_handed_in_while_a_paper_is_on_its_way_has_that_paper(
    enter: Callable[..., Page], server: WebServer, town: WebWorld, tmp_path: Path
) -> None:
    page = open_draft(enter, server, town)
    line = SlowLine(page, "**/papers/pieces?*", "POST", served=False)
    paper = tmp_path / "合同.pdf"
    paper.write_bytes(long_pdf())
    page.locator("input[data-kind=page]").first.set_input_files(paper)
    line.wait()
    page.click("text=提交申请")
    expect(page.locator("#saved")).to_contain_text("文件还在上传")
    page.click("text=提交申请")  # impatience
    line.let_go()
    expect(page.locator(".done")).to_contain_text("已提交")
    view = town.web.reader.get(town.people["applicant"], town.day.draft)
    assert view.documents[-1].name == "合同.pdf"
    assert len(town.world.records("application.submitted")) == len(
        {one.application for one in town.world.records("application.submitted")}
    )


def test_what_is_written_while_a_save_is_on_its_way_stays_on_the_phone(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = open_draft(enter, server, town)
    line = SlowLine(page, "**/edit", "POST")
    page.fill("#purpose", "子女入学")
    page.locator("#purpose").blur()
    line.wait()
    page.fill("#beneficiary", "王阿毛")
    line.answer()
    page.reload()
    expect(page.locator("#beneficiary")).to_have_value("王阿毛")


def test_what_is_handed_in_though_the_page_before_was_saved_after_this_one_was_made(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = open_draft(enter, server, town)
    line = SlowLine(page, "**/edit", "POST", served=False)
    page.fill("#purpose", "子女入学")
    page.locator("#purpose").blur()
    line.wait()
    page.reload()
    line.let_go()
    applicant = town.people["applicant"]
    view = town.web.reader.get(applicant, town.day.draft)
    half = filled(view, {"purpose": "子女"})
    town.web.drafts.update(applicant, town.day.draft, view.row.version, half)
    page.click("text=提交申请")
    expect(page.locator(".done")).to_contain_text("已提交")
    assert town.web.reader.get(applicant, town.day.draft).purpose == "子女入学"


def test_a_reason_begun_while_news_are_on_their_way_is_not_taken_away(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("approver")
    page.goto(f"{server.address}/applications/{town.day.waiting}")
    line = SlowLine(page, "**/state", "GET")
    page.evaluate("htmx.trigger('[data-holds]', 'sse:changed')")
    line.wait()
    page.click("summary:has-text('不同意')")
    page.fill("#reject-reason", "材料不真实")
    line.answer()
    expect(page.locator("#reject-reason")).to_have_value("材料不真实")
    page.click("button:has-text('确定不同意')")
    expect(page.locator(".done")).to_be_visible()


@pytest.mark.parametrize(
    ("who", "address", "button"),
    [
        ("approver", "/me/keys", "#add-key button"),
        ("custodian", "/faces/{person}", "#camera-start"),
    ],
)
def test_a_button_that_only_its_script_understands_waits_for_it(
    enter: Callable[..., Page],
    server: WebServer,
    town: WebWorld,
    browser: Browser,
    who: str,
    address: str,
    button: str,
) -> None:
    page = enter(who)
    there = server.address + address.format(person=town.people["operator"].person_id)
    page.goto(there)
    if page.locator("input[name=agreed]").count():
        page.check("input[name=agreed]")
        page.click("text=同意，下一步拍照")
    expect(page.locator(button)).to_be_enabled()
    bare = browser.new_context(
        java_script_enabled=False, storage_state=page.context.storage_state()
    )
    slow = bare.new_page()
    slow.goto(there)
    expect(slow.locator(button)).to_be_disabled()
    bare.close()
