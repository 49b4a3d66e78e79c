"""An approver registers a passkey and signs an approval with it; the matter asks for that."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from backend.domain.actor import Role
from backend.services.matters import MatterForm
from tests.support.web_server import WebServer
from tests.support.web_world import PASSWORD, WebWorld
from tests.support.world import DISTRICT, org_id

pytestmark = pytest.mark.needs_chromium


def test_promise_4_an_approval_that_nobody_else_can_make_up(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    district = town.world.actor(Role.ADMIN, DISTRICT)
    matter = town.web.matters.get(district, f"{org_id(DISTRICT)}.residence")
    signed = MatterForm(matter.name, matter.category, dict(matter.spec) | {"signed": True})
    town.web.matters.change(district, matter.id, matter.version, signed)
    application = town.submit("居住情况说明")
    # Passkeys belong to names, never to addresses in figures.
    site = server.address.replace("127.0.0.1", "localhost")
    page = enter("approver", address=site)
    tool = page.context.new_cdp_session(page)
    tool.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True}
    options |= {"hasUserVerification": True, "isUserVerified": True}
    tool.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    page.goto(f"{site}/applications/{application}")
    assert page.locator("button:has-text('同意')").filter(visible=True).count() == 0
    page.click("text=先登记密钥")
    page.fill("#key-password", "wrong")
    page.click("#add-key button")
    expect(page.locator("#add-key [role=status]")).to_contain_text("口令不正确")
    page.fill("#key-password", PASSWORD)
    page.click("#add-key button")
    expect(page.locator(".done")).to_contain_text("已登记")

    page.goto(f"{site}/applications/{application}")
    page.click("text=同意并签名")
    expect(page.locator(".done")).to_contain_text("已同意")
    step = town.world.records("application.step_approved")[-1]
    assert step.data["signed"]
    assert step.data["signature"]["form"] == "webauthn"

    page.goto(f"{site}/me/keys")
    page.click("summary:has-text('注销')")
    page.fill("[name=reason]", "换手机了")
    page.click("text=确定注销")
    expect(page.locator(".done")).to_contain_text("已注销")
