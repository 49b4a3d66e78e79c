"""Off-site permits are told: that one is wanted, and what came of it."""

from dataclasses import replace

from alerts.service import Alerts
from backend.services.permits import PermitForm, PermitService
from tests.support.alerts_world import SETTINGS, SLEEVE, AlertsWorld

HOUR = 3_600_000


def wanted(village: AlertsWorld, asker: str = "custodian") -> str:
    now = village.world.clock()
    form = PermitForm(
        SLEEVE,
        "集中办理社保",
        "镇便民服务中心",
        now,
        now + 4 * HOUR,
        carrier_id=village.people["operator"],
    )
    made = PermitService(village.world.context).want(village.actor(asker), form)
    village.alerts.run_once()
    return made.id


def test_who_is_to_decide_is_told_and_the_link_leads_there(village: AlertsWorld) -> None:
    linked = replace(SETTINGS, link_base="https://seal.example.gov.cn")
    village.alerts = Alerts(village.world.context, village.alerts.channels, linked)
    permit = wanted(village)
    assert village.told("approver") == ["permit_wanted"]
    for who in ("custodian", "operator", "town", "admin"):
        assert village.told(who) == [], who
    (message,) = village.channel.sent
    assert message.link == f"https://seal.example.gov.cn/permits/{permit}"
    assert "携带人：用小章" in message.lines
    assert "申请人：管小章" in message.lines


def test_without_an_approver_the_next_who_may_decide_is_told(village: AlertsWorld) -> None:
    with village.world.db.write() as conn:
        conn.exec_driver_sql("DELETE FROM role WHERE role = 'approver'")
    wanted(village)
    assert village.told("town") == ["permit_wanted"]


def test_carrier_and_asker_hear_what_came_of_it(village: AlertsWorld) -> None:
    service = PermitService(village.world.context)
    service.approve(village.actor("approver"), wanted(village))
    village.alerts.run_once()
    assert village.told("operator") == village.told("custodian") == ["permit_decided"]
    assert village.told("approver") == ["permit_wanted"]
    service.reject(village.actor("approver"), wanted(village), "请到村里办")
    village.alerts.run_once()
    last = village.channel.sent[-1]
    assert last.title.startswith("印章外带未批准")
    assert "理由：请到村里办" in last.lines
