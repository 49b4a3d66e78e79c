"""The administrator's desk in a real browser: a file taken away, villages brought in from a file, a
stamped paper checked by somebody who is nobody here."""

import io
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from playwright.sync_api import Browser, Page, expect

from backend.reports.import_template import write_template
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = [pytest.mark.needs_chromium, pytest.mark.slow]

DESK = {"width": 1280, "height": 800}


def test_what_is_shown_is_taken_away_as_a_file(
    enter: Callable[..., Page], server: WebServer, town: WebWorld, tmp_path: Path
) -> None:
    page = enter("town", DESK)
    page.goto(f"{server.address}/uses?only=alerted")
    page.click("summary:has-text('导出')")
    with page.expect_download() as got:
        page.click("button[aria-label='用印记录 Excel']")
    path = tmp_path / "uses.xlsx"
    got.value.save_as(path)
    sheet = openpyxl.load_workbook(path).worksheets[0]
    assert sum("C1 未批先盖" in str(row) for row in sheet.iter_rows(values_only=True)) == 1
    (made,) = town.world.records("export.made")
    assert made.data["asked"] == {"only": "alerted"}


def test_villages_come_from_a_file_and_wrong_rows_are_shown_first(
    enter: Callable[..., Page], server: WebServer, tmp_path: Path
) -> None:
    book = openpyxl.load_workbook(io.BytesIO(write_template()))
    book["单位"].append(["330109103288", "新河村", "330109999"])
    wrong, right = tmp_path / "wrong.xlsx", tmp_path / "right.xlsx"
    book.save(wrong)
    book["单位"]["C2"] = "330109103"
    book.save(right)
    page = enter("admin", DESK)
    page.goto(f"{server.address}/admin/import")
    page.set_input_files("#book", wrong)
    page.click("button:has-text('先检查')")
    expect(page.locator("table.list tbody tr")).to_have_count(1)
    page.set_input_files("#book", right)
    page.click("button:has-text('先检查')")
    page.click("button:has-text('全部导入')")
    expect(page.locator(".done")).to_contain_text("已导入")
    page.goto(f"{server.address}/admin")
    expect(page.locator(".tree")).to_contain_text("新河村")


def test_somebody_checks_a_stamped_paper_by_its_slip(
    enter: Callable[..., Page], server: WebServer, town: WebWorld, browser: Browser
) -> None:
    admin = enter("admin", DESK)
    admin.goto(f"{server.address}/admin/orgs/330109103201/settings")
    admin.select_option("#public_page", "yes")
    admin.click("button:has-text('保存')")
    expect(admin.locator("text=看公开页面")).to_be_visible()
    page = enter("custodian")
    page.goto(f"{server.address}/uses/{town.day.finished}")
    page.click("text=打印用印凭条")
    expect(page.locator(".qr svg")).to_be_visible()
    code = page.locator(".slip-code").inner_text()
    nobody = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN")
    paper = nobody.new_page()
    paper.goto(f"{server.address}/public/check")
    paper.fill("#c", code.lower())
    paper.click("button:has-text('核对')")
    expect(paper.locator(".finish h2")).to_have_text("登记在册，经过审批")
    nobody.close()
