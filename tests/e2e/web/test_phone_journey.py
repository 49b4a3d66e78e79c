"""A use from end to end: applied for with a photograph while the line drops, approved in two taps
on another phone, followed at the sleeve, told to administrator and approver; the committee reviews
it, opens a case, has it put right, closes and exports it; another branch sees nothing of it."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page, Route, expect

from alerts.service import Alerts
from tests.support.photographs import askew
from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld, paper

pytestmark = [pytest.mark.needs_chromium, pytest.mark.timeout(900)]

DESK = {"width": 1280, "height": 800}


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
    expect(page.locator("#matters h2").first).not_to_have_text("常用")
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
    expect(page.locator(".papers li")).to_have_count(2)
    page.fill("#purpose", "子女入学")
    page.fill("#beneficiary", "孔阿毛")
    page.locator("#beneficiary").blur()
    page.click("text=提交申请")
    expect(page.locator(".done")).to_contain_text("已提交")
    return page.url.partition("?")[0]


def open_a_case(desk: Page, address: str, use: str) -> None:
    """The district's committee reviews the use and questions it."""
    desk.goto(f"{address}/uses?only=unreviewed")
    desk.click("tr[data-use] a >> nth=0")  # the newest
    desk.wait_for_url(lambda url: use in unquote(url))
    desk.fill("#question", "章盖在日期之外，请核对")
    desk.click("button:has-text('提出疑问')")
    desk.wait_for_url("**questioned=1**")


def bring_it_to_its_end(desk: Page, address: str, town: WebWorld) -> str:
    """The town's committee has it put right, closes and exports it; the case's address."""
    desk.goto(f"{address}/alerts?code=C35")
    desk.click(".alert-row >> nth=0")
    desk.click("text=我知道了")
    expect(desk.locator(".chip", has_text="已知悉").first).to_be_visible()
    for turn, words in (("写整改", "已请村里当面核对"), ("销号", "核对无误，已补写说明")):
        desk.click(f"summary:has-text('{turn}')")
        form = desk.locator("details.act[open]", has=desk.locator(f"summary:has-text('{turn}')"))
        form.locator("textarea").first.fill(words)
        form.locator("button.primary").click()
        expect(desk.locator("main")).to_contain_text(words)
    case = desk.url.partition("?")[0]
    desk.goto(f"{address}/alerts?stage=closed&code=C35")
    desk.click("summary:has-text('导出')")
    with desk.expect_download() as download:
        desk.click("button[value=xlsx] >> nth=0")
    assert download.value.suggested_filename.endswith(".xlsx")
    kinds = [one.kind for one in town.world.records() if one.kind.startswith("alert.")]
    assert kinds[-3:] == ["alert.acknowledged", "alert.rectifying", "alert.closed"]
    return case


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
    expect(approver.locator("#toast a").first).to_be_visible()
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
    expect(applicant.locator("text=去盖章")).to_be_visible()
    applicant.click("text=去盖章")
    code = applicant.locator(".job-code").inner_text()
    assert code.isdigit()
    expect(applicant.locator("body[data-live=on]")).to_be_visible()
    use = town.stamp(application.rpartition("/")[2])
    expect(applicant.locator(".finish h2")).to_have_text("用印完成")
    keeper = enter("custodian")
    for page in (keeper, approver):
        page.goto(f"{server.address}/home")
        expect(page.locator("body[data-live=on]")).to_be_visible()
    tell(town, alerts)
    for page in (keeper, approver):
        expect(page.locator("#toast")).to_contain_text("用印完成")

    open_a_case(enter("district", DESK), server.address, use)
    tell(town, alerts)
    case = bring_it_to_its_end(enter("town", DESK), server.address, town)

    told = f"{server.address}/uses/{use}"
    for address in (application, f"{application}/sleeve", f"{application}/state", told, case):
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
