"""Papers from the phone: laid flat, sent in pieces, kept through a lost connection; drafts too."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, Route, expect

from backend.services.views import ApplicationView
from tests.support.photographs import CORNERS, NEAR_WHITE, askew, long_pdf
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium


def draft(town: WebWorld) -> ApplicationView:
    return town.web.reader.get(town.people["applicant"], town.day.draft)


@pytest.fixture
def page(enter: Callable[..., Page], server: WebServer, town: WebWorld) -> Page:
    found = enter("applicant")
    found.goto(f"{server.address}/applications/{town.day.draft}/edit")
    return found


def test_a_photograph_taken_askew_is_laid_flat(
    page: Page, server: WebServer, town: WebWorld, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(askew())
    page.locator("input[data-kind=page]").first.set_input_files(photo)
    expect(page.locator("#straighten")).to_be_visible()
    expect(page.locator("#straighten .hint")).to_contain_text("已自动找到")
    for corner, (x, y) in zip(page.locator(".corner").all(), CORNERS, strict=True):
        left, top = corner.evaluate("one => [one.style.left, one.style.top]")
        assert abs(float(left[:-1]) / 100 - x) < 0.015
        assert abs(float(top[:-1]) / 100 - y) < 0.015
    # A finger (or a key) mends a corner.
    corner = page.locator(".corner").first
    corner.press("ArrowRight")
    assert float(corner.evaluate("one => one.style.left")[:-1]) / 100 - CORNERS[0][0] > 0.005
    corner.press("ArrowLeft")
    page.click("[data-do=use]")
    expect(page.locator(".papers li")).to_have_count(3)
    paper = draft(town).documents[-1]
    assert (paper.kind, paper.name) == ("page", "第2页")
    answer = page.request.get(
        f"{server.address}/applications/{town.day.draft}/papers/{paper.id}/1.jpg"
    )
    flat = Image.open(io.BytesIO(answer.body())).convert("RGB")
    assert 1.36 < flat.height / flat.width < 1.46
    wide, high = flat.size
    for place in ((12, 12), (wide - 12, 12), (wide - 12, high - 12), (12, high - 12)):
        pixel = flat.getpixel(place)
        assert isinstance(pixel, tuple)
        assert min(pixel) > 130, "paper up to the corner, no table"


def test_a_page_on_a_table_that_is_nearly_white_is_found(page: Page, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(askew(table=NEAR_WHITE))
    page.locator("input[data-kind=page]").first.set_input_files(photo)
    expect(page.locator("#straighten .hint")).to_contain_text("已自动找到")
    for corner, (x, y) in zip(page.locator(".corner").all(), CORNERS, strict=True):
        left, top = corner.evaluate("one => [one.style.left, one.style.top]")
        assert abs(float(left[:-1]) / 100 - x) < 0.015
        assert abs(float(top[:-1]) / 100 - y) < 0.015


def test_what_was_dropped_is_not_sent(page: Page, town: WebWorld, tmp_path: Path) -> None:
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(askew())
    before = len(draft(town).documents)
    page.locator("input[data-kind=page]").first.set_input_files(photo)
    page.click("[data-do=cancel]")
    expect(page.locator("#straighten")).to_be_hidden()
    assert len(draft(town).documents) == before


def test_a_lost_connection_costs_a_piece_and_a_closed_page_nothing(
    page: Page, town: WebWorld, tmp_path: Path
) -> None:
    paper = tmp_path / "合同.pdf"
    paper.write_bytes(long_pdf())
    assert len(long_pdf()) > 2 * 128 * 1024, "three pieces at least"
    sent: list[str] = []
    lost = True

    def road(route: Route) -> None:
        if route.request.method == "POST":
            position = route.request.url.rpartition("position=")[2]
            if lost and position != "0":
                route.abort()
                return
            sent.append(position)
        route.continue_()

    page.route("**/papers/pieces?*", road)
    page.locator("input[data-kind=page]").first.set_input_files(paper)
    expect(page.locator("#papers-state")).to_contain_text("网络断了")
    page.reload()
    expect(page.locator("#papers-state")).to_contain_text("网络断了")
    lost = False
    expect(page.locator(".papers li")).to_have_count(3)
    assert sent.count("0") == 1, "what had arrived is not sent again"
    assert sent == sorted(set(sent))
    (pdf,) = (one for one in draft(town).documents if one.mime == "application/pdf")
    assert (pdf.name, pdf.size) == ("合同.pdf", len(long_pdf()))
    expect(page.locator("#papers-state")).to_have_text("")


def test_a_draft_written_without_a_connection_is_kept_and_saved_later(
    page: Page, town: WebWorld
) -> None:
    page.context.set_offline(True)
    page.fill("#purpose", "子女入学，离线写的")
    page.locator("#purpose").blur()
    expect(page.locator("#saved")).to_contain_text("已存在这台手机上")
    assert draft(town).purpose == "村民办事"
    page.context.set_offline(False)
    expect(page.locator("#saved")).to_contain_text("已存第")
    assert draft(town).purpose == "子女入学，离线写的"
    assert page.evaluate("localStorage.length") == 0
