"""The alerts' part of the API: declared, scoped, and doing what it says."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.api import offer, routers
from backend.api.app import create_app
from backend.domain.actor import Role
from tests.support.alerts_world import AlertsWorld
from tests.support.api import PASSWORD, Api
from tests.support.world import OTHER_TOWN, TOWN, VILLAGE


@dataclass
class Desk:
    """The API over a village with alerts in it."""

    village: AlertsWorld
    api: Api

    def client(self, login: str, *roles: Role, path: str = VILLAGE) -> httpx.Client:
        """A signed-in page of a new person."""
        person = self.api.account(login, path=path)
        for role in roles:
            self.village.world.grant_role(person, role, path, starts_at=0)
        client = self.api.client()
        body = {"login": login, "password": PASSWORD}
        assert client.post("/api/v1/session", json=body).status_code == 200
        return client

    def alarm(self) -> str:
        """Raise an alert; its id."""
        event = self.village.event("motion_unexpected", {"part": "motor"}, verdict={})
        self.village.append(event)
        self.village.alerts.run_once()
        found: str = self.village.raised[-1].id
        return found


@pytest.fixture
def desk(sqlite_url: str, tmp_path: Path) -> Iterator[Desk]:
    """What routes do is the same on each database."""
    village = AlertsWorld.create(sqlite_url, tmp_path)
    with Api(village.world) as api:
        offer(api.services, village.alerts, village.world.context)
        api.app = create_app(api.services, routers=routers())
        yield Desk(village, api)
    village.world.close()


def test_every_route_is_declared_and_documented(desk: Desk) -> None:
    document = desk.api.client().get("/api/v1/openapi.json").json()
    ours = {
        path: methods
        for path, methods in document["paths"].items()
        if path.startswith(("/api/v1/alerts", "/api/v1/deliveries", "/api/v1/me"))
    }
    assert len(ours) >= 16
    for methods in ours.values():
        for route in methods.values():
            assert "·" in route["summary"]


def test_a_case_from_raised_to_closed(desk: Desk) -> None:
    case = desk.alarm()
    town = desk.client("town.li", Role.SUPERVISOR, path=TOWN)
    (listed,) = town.get("/api/v1/alerts", params={"open": True}).json()["items"]
    assert (listed["id"], listed["code"], listed["severity"]) == (case, "C15", "critical")
    assert listed["title"].startswith("套筒自己动了")
    assert town.get("/api/v1/alerts/counts").json() == {"critical": 1}
    step = town.post(f"/api/v1/alerts/{case}/acknowledge", json={"version": 0})
    assert step.json() == {"version": 1}
    keeper = desk.village.people["custodian"]
    town.post(f"/api/v1/alerts/{case}/assign", json={"assignee_id": keeper})
    assert town.post(f"/api/v1/alerts/{case}/rectify", json={"note": "换锁"}).status_code == 200
    added = town.post(f"/api/v1/alerts/{case}/evidence", json={"name": "单据"})
    assert added.status_code == 201
    old = town.post(f"/api/v1/alerts/{case}/close", json={"outcome": "整改好了", "version": 1})
    assert (old.status_code, old.json()["code"]) == (409, "changed_meanwhile")
    town.post(f"/api/v1/alerts/{case}/close", json={"outcome": "整改好了", "version": 3})
    shown = town.get(f"/api/v1/alerts/{case}").json()
    assert (shown["alert"]["stage"], shown["outcome"]) == ("closed", "整改好了")
    assert {one["channel"] for one in shown["told"]} == {"hand", "inbox"}
    assert town.get("/api/v1/alerts", params={"open": True}).json()["items"] == []


def test_promise_6_another_town_sees_nothing(desk: Desk) -> None:
    case = desk.alarm()
    other = desk.client("far.wang", Role.SUPERVISOR, path=OTHER_TOWN)
    assert other.get("/api/v1/alerts").json()["items"] == []
    assert other.get(f"/api/v1/alerts/{case}").status_code == 404
    assert other.post(f"/api/v1/alerts/{case}/acknowledge", json={}).status_code == 404
    assert other.get("/api/v1/deliveries").json()["items"] == []
    delivery = desk.village.outbox[0].id
    assert other.get(f"/api/v1/deliveries/{delivery}").status_code == 404


def test_who_is_nobody_or_no_supervisor_is_refused(desk: Desk) -> None:
    case = desk.alarm()
    assert desk.api.client().get("/api/v1/alerts").status_code == 401
    keeper = desk.client("guan", Role.CUSTODIAN)
    close = keeper.post(f"/api/v1/alerts/{case}/close", json={"outcome": "没事"})
    assert close.status_code == 403
    assert keeper.get("/api/v1/alerts").json()["items"] == []


def test_the_ledger_shows_attempts_and_hides_addresses_of_others(desk: Desk) -> None:
    desk.alarm()
    town = desk.client("town.li", Role.SUPERVISOR, path=TOWN)
    first = town.get("/api/v1/deliveries", params={"limit": 1}).json()
    assert len(first["items"]) == 1
    assert first["items"][0]["address"] is None
    rest = town.get("/api/v1/deliveries", params={"cursor": first["next"]}).json()
    assert first["items"][0]["id"] not in [one["id"] for one in rest["items"]]
    shown = town.get(f"/api/v1/deliveries/{first['items'][0]['id']}").json()
    assert [one["outcome"] for one in shown["tries"]] == ["delivered"]
    (channel,) = town.get("/api/v1/deliveries/channels").json()
    assert (channel["name"], channel["dead"], channel["resting_until"]) == ("hand", 0, None)


def test_preferences_inbox_and_a_test_message(desk: Desk) -> None:
    person = desk.client("town.li", Role.SUPERVISOR, path=TOWN)
    wish: dict[str, Any] = {
        "channels": [{"channel": "hand", "address": "me"}],
        "muted": ["use_finished"],
        "quiet_from": "21:30",
        "quiet_until": "06:00",
    }
    saved = person.put("/api/v1/me/preferences", json=wish).json()
    assert saved == wish | {"locale": "zh_CN"}
    assert person.get("/api/v1/me/preferences").json() == saved
    sent = person.post("/api/v1/me/test-message")
    assert sent.status_code == 202
    desk.alarm()
    mine = [one.kind for one in desk.village.channel.sent if one.recipient == "me"]
    assert sorted(mine) == ["C15", "test_message"]
    assert person.get("/api/v1/me/inbox/unread").json() == {"count": 1}
    (notice,) = person.get("/api/v1/me/inbox").json()["items"]
    assert notice["title"].startswith("套筒自己动了")
    assert person.post("/api/v1/me/inbox/read", json={"ids": [notice["id"]]}).json() == {"count": 1}
    assert person.get("/api/v1/me/inbox", params={"unread": True}).json()["items"] == []


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"channels": [{"channel": "fax", "address": "1"}]}, "unknown_channel"),
        ({"channels": [{"channel": "hand", "address": "a\nb"}]}, "bad_address"),
        ({"muted": ["C1"]}, "not_mutable"),
        ({"muted": ["approval_wanted"]}, "not_mutable"),
        ({"quiet_from": "25:00", "quiet_until": "06:00"}, "bad_time"),
        ({"quiet_from": "22:00"}, "bad_time"),
    ],
)
def test_preferences_that_cannot_work_say_why(
    desk: Desk, change: dict[str, Any], code: str
) -> None:
    person = desk.client("town.li", Role.SUPERVISOR, path=TOWN)
    refused = person.put("/api/v1/me/preferences", json=change)
    assert (refused.status_code, refused.json()["code"]) == (422, code)


def test_tests_are_not_for_flooding(desk: Desk) -> None:
    person = desk.client("town.li", Role.SUPERVISOR, path=TOWN)
    person.put("/api/v1/me/preferences", json={"channels": [{"channel": "hand", "address": "m"}]})
    codes = [person.post("/api/v1/me/test-message").status_code for _ in range(6)]
    assert codes == [202] * 5 + [429]
