"""Push messages on the phone: the worker shows what arrives and opens the page that it is about."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.support.web_server import WebServer
from tests.support.web_world import WebWorld

pytestmark = pytest.mark.needs_chromium


def test_what_is_pushed_is_shown_with_the_page_that_it_is_about(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("approver")
    page.context.grant_permissions(["notifications"], origin=server.address)
    page.goto(f"{server.address}/home")
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    cdp = page.context.new_cdp_session(page)
    registrations: list[str] = []
    cdp.on(
        "ServiceWorker.workerRegistrationUpdated",
        lambda one: registrations.extend(found["registrationId"] for found in one["registrations"]),
    )
    cdp.send("ServiceWorker.enable")
    while not registrations:
        page.evaluate("0")
    address = f"/applications/{town.day.waiting}"
    cdp.send(
        "ServiceWorker.deliverPushMessage",
        {
            "origin": server.address,
            "registrationId": registrations[0],
            "data": (
                '{"title": "等您审批", "body": "外嫁女户籍情况说明", "tag": "delivery-1",'
                f' "address": "{address}"}}'
            ),
        },
    )
    page.wait_for_function(
        "async () => (await (await navigator.serviceWorker.ready).getNotifications()).length === 1"
    )
    shown = page.evaluate(
        """async () => {
          const [one] = await (await navigator.serviceWorker.ready).getNotifications();
          return { title: one.title, body: one.body, tag: one.tag, address: one.data.address };
        }"""
    )
    assert shown == {
        "title": "等您审批",
        "body": "外嫁女户籍情况说明",
        "tag": "delivery-1",
        "address": address,
    }


def test_where_no_push_service_answers_the_page_says_so(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("approver")
    page.context.grant_permissions(["notifications"], origin=server.address)
    page.add_init_script(
        """PushManager.prototype.subscribe = () => {
          document.body.dataset.asked = "";
          return new Promise(() => {});
        };"""
    )
    page.clock.install()
    page.goto(f"{server.address}/inbox/preferences")
    page.click("#push [data-on]")
    expect(page.locator("#push .hint")).to_contain_text("正在连接")
    expect(page.locator("body[data-asked]")).to_be_attached()
    page.clock.run_for(16_000)
    expect(page.locator("#push .hint")).to_contain_text("连不上推送服务")


def test_a_phone_is_switched_on_and_off(
    enter: Callable[..., Page], server: WebServer, town: WebWorld
) -> None:
    page = enter("approver")
    page.context.grant_permissions(["notifications"], origin=server.address)
    page.add_init_script(
        """
        const made = { endpoint: 'https://fcm.googleapis.com/fcm/send/1',
          toJSON: () => ({ endpoint: made.endpoint, keys: { p256dh: 'BPoint', auth: 'secret' } }),
          unsubscribe: async () => { sessionStorage.removeItem('on'); } };
        PushManager.prototype.subscribe = async (asked) => {
          if (asked.applicationServerKey.length !== 65) throw new Error('key');
          sessionStorage.setItem('on', '1');
          return made;
        };
        PushManager.prototype.getSubscription = async () =>
          sessionStorage.getItem('on') ? made : null;
        """
    )
    page.goto(f"{server.address}/inbox/preferences")
    page.click("#push [data-on]")
    page.wait_for_url("**sent=saved")
    person_id = town.people["approver"].person_id
    assert town.web.notice_desk is not None
    wishes = town.web.notice_desk.wishes(town.people["approver"])
    assert wishes.channels[0] == ("web_push", person_id)
    assert page.locator("#channel-1").input_value() == "web_push"
    page.click("#push [data-off]")
    expect(page.locator("#push [data-on]")).to_be_visible()
    assert "web_push" not in dict(town.web.notice_desk.wishes(town.people["approver"]).channels)
