"""A use by phone from end to end: applied for with a photograph while the line drops, approved in
two taps on another phone, followed at the sleeve, told to administrator and approver; somebody of
another branch sees nothing of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from alerts.service import Alerts
from tests.support.photographs import askew
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld, paper

pytestmark = pytest.mark.needs_chromium


@pytest.fixture
def alerts(town: WebWorld) -> Alerts:
    """The alerts' worker, up to date with the day."""
    made = Alerts(town.world.context, {})
    made.run_once()
    return made


def tell(town: WebWorld, alerts: Alerts) -> None:
    """A second later whoever is to be told is told."""
    town.world.clock.advance(1_000)
    alerts.run_once()


def apply_with_a_photograph(page: Page, address: str, folder: Path) -> str:
    """The application's address; the line drops while the second paper is on its way."""
    photo, card = folder / "photo.jpg", folder / "card.jpg"
    photo.write_bytes(askew(5))
    card.write_bytes(paper("身份证", 4))
    page.goto(f"{address}/home")
    page.click("text=申请用印")
    page.fill("#q", "居住")
    page.click("#matters button.task")
    page.wait_for_url("**/edit")
    page.locator("input[data-kind=page]").first.set_input_files(photo)
    page.click("[data-do=use]")
    expect(page.locator(".papers li")).to_have_count(1)
    lost = 2

    def road(route: Route) -> None:
        nonlocal lost
        if lost and route.request.method == "POST":
            lost -= 1
            route.abort()
        else:
            route.continue_()

    page.route("**/papers/pieces?*", road)
    page.locator("input[data-kind=attachment]").first.set_input_files(card)
    expect(page.locator("#papers-state")).to_contain_text("网络断了")
    expect(page.locator(".papers li")).to_have_count(2, timeout=15_000)
    page.fill("#purpose", "子女入学")
    page.fill("#beneficiary", "孔阿毛")
    page.locator("#beneficiary").blur()
    page.click("text=提交申请")
    expect(page.locator(".done")).to_contain_text("已提交")
    return page.url.partition("?")[0]


def test_promise_7_both_are_told_and_another_branch_sees_nothing(
    enter: Callable[..., Page],
    server: WebServer,
    town: WebWorld,
    alerts: Alerts,
    tmp_path: Path,
) -> None:
    applicant, approver, stranger = enter("applicant"), enter("approver"), enter("stranger")
    approver.goto(f"{server.address}/inbox")
    expect(approver.locator("body[data-live=on]")).to_be_visible()
    unread = int(approver.locator("#badge").inner_text() or "0")
    stranger.goto(f"{server.address}/home")

    application = apply_with_a_photograph(applicant, server.address, tmp_path)
    tell(town, alerts)
    # It is said at once; the first tap opens it with its page, the second one approves.
    expect(approver.locator("#toast a").first).to_be_visible(timeout=10_000)
    expect(approver.locator("#badge")).to_have_text(str(unread + 1))
    approver.locator(".notice.unread").first.click()
    approver.wait_for_url(application)
    expect(approver.locator(".paper img").first).to_be_visible()
    approver.wait_for_function("() => document.querySelector('.paper img').naturalWidth > 0")
    approver.click(".decide button.primary")
    expect(approver.locator(".done")).to_contain_text("已同意")
    assert approver.locator(".decide").count() == 0
    approved = town.world.records("application.approved")[-1]
    assert approved.data["document_opened"]
    assert application.endswith(str(approved.application))
    tell(town, alerts)

    # The applicant's page has followed by itself.
    expect(applicant.locator("text=去盖章")).to_be_visible(timeout=10_000)
    applicant.click("text=去盖章")
    code = applicant.locator(".job-code").inner_text()
    assert code.isdigit()
    expect(applicant.locator("body[data-live=on]")).to_be_visible()
    town.stamp(application.rpartition("/")[2])
    expect(applicant.locator(".finish h2")).to_have_text("用印完成", timeout=10_000)
    keeper = enter("custodian")
    for page in (keeper, approver):
        page.goto(f"{server.address}/home")
        expect(page.locator("body[data-live=on]")).to_be_visible()
    tell(town, alerts)
    for page in (keeper, approver):
        expect(page.locator("#toast")).to_contain_text("用印完成", timeout=10_000)

    for address in (application, f"{application}/sleeve", f"{application}/state"):
        assert stranger.request.get(address).status == 404
    assert "居住情况说明" not in stranger.content()
    stranger.goto(f"{server.address}/inbox")
    expect(stranger.locator(".notice")).to_have_count(0)


def test_what_was_read_on_one_phone_is_read_on_the_other(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    one, other = enter("applicant"), enter("applicant")
    for page in (one, other):
        page.goto(f"{server.address}/home")
        expect(page.locator("#badge")).to_have_text("2")
    one.goto(f"{server.address}/inbox")
    one.click("text=全部已读")
    expect(one.locator("#badge")).to_have_text("")
    other.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(other.locator("#badge")).to_have_text("")
