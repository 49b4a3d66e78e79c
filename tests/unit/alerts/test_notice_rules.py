"""Notification rules at work: who is told of an alert, by what, and when it goes up."""

import pytest

from alerts.channels.base import Delivered
from alerts.rules.registry import BREAKTHROUGH, CODES
from backend.domain.errors import DomainError
from backend.domain.notice_rule import ANY, Escalation, NoticeRule
from backend.services.notice_rules import NoticeDefaults, NoticeRuleService
from backend.store.tables import preference
from tests.support.alerts_world import SETTINGS, AlertsWorld, HandChannel
from tests.support.world import DISTRICT, OTHER_TOWN, TOWN, VILLAGE, org_id

MINUTE = 60_000
HOUR = 60 * MINUTE


def rules(village: AlertsWorld) -> NoticeRuleService:
    channels = tuple(village.alerts.channels)
    return NoticeRuleService(
        village.world.context,
        NoticeDefaults(CODES, BREAKTHROUGH, channels, SETTINGS.escalation),
    )


def say(village: AlertsWorld, path: str, code: str, rule: NoticeRule) -> None:
    rules(village).save(village.actor("admin"), org_id(path), code, rule)


def jam(village: AlertsWorld) -> None:
    """C22, which is major and not sent at night."""
    village.append(village.event("fault", {"code": "jam", "on": True}, verdict={}))
    village.alerts.run_once()


def test_a_village_adds_people_and_makes_it_graver(village: AlertsWorld) -> None:
    say(village, VILLAGE, "C22", NoticeRule(severity="critical", told=("admins",)))
    jam(village)
    (row,) = village.raised
    assert (row.code, row.severity) == ("C22", "critical")
    for who in ("approver", "custodian", "town", "district", "admin"):
        assert "C22" in village.told(who), who


def test_a_district_names_others_than_the_program(village: AlertsWorld) -> None:
    say(village, DISTRICT, "C22", NoticeRule(told=("district",)))
    jam(village)
    assert village.told("district") == ["C22"]
    assert village.told("approver") == village.told("town") == village.told("custodian") == []


def test_promise_7_what_is_critical_reaches_supervisors_whatever_is_said(
    village: AlertsWorld,
) -> None:
    say(village, DISTRICT, ANY, NoticeRule(told=("custodian",)))
    village.append(village.event("motion_unexpected", {"part": "motor"}, verdict={}))
    village.alerts.run_once()
    assert village.raised[0].severity == "critical"
    assert "C15" in village.told("town")
    assert "C15" in village.told("district")


def test_who_is_named_and_not_there_is_stood_in_for(village: AlertsWorld) -> None:
    say(village, DISTRICT, ANY, NoticeRule(told=("village",)))
    jam(village)
    assert "C22" in village.told("town")


def test_a_rule_names_a_channel_besides_the_first(village: AlertsWorld) -> None:
    loud = HandChannel("sms", lambda _message: Delivered("ok"))
    channels = {"hand": village.channel, "sms": loud}
    made = type(village.alerts)(village.world.context, channels, SETTINGS)
    village.alerts = made
    with village.world.db.write() as conn:
        conn.execute(
            preference.insert(),
            {
                "person_id": village.people["approver"],
                "channels": [
                    {"channel": "hand", "address": "1"},
                    {"channel": "sms", "address": "2"},
                ],
                "kinds": {},
                "updated_at": 0,
            },
        )
    say(village, TOWN, "C22", NoticeRule(channels=("sms",)))
    jam(village)
    assert [one.kind for one in loud.sent] == ["C22"]
    assert "1" in [one.recipient for one in village.channel.sent]


def test_a_shorter_delay_holds_for_what_waits_already(village: AlertsWorld) -> None:
    village.append(village.event("motion_unexpected", {"part": "motor"}, verdict={}))
    village.alerts.run_once()
    village.world.clock.advance(10 * MINUTE)
    village.alerts.run_once()
    assert "escalated" not in village.told("admin")
    steps = (Escalation(5 * MINUTE, ("admins",)),)
    say(village, VILLAGE, ANY, NoticeRule(escalation=steps))
    village.alerts.run_once()
    assert village.told("admin") == ["escalated"]
    # The steps that the village did not speak of come at their time.
    village.world.clock.advance(2 * HOUR)
    village.alerts.run_once()
    assert "escalated" in village.told("district")


def test_next_due_knows_the_delays_of_each_place(village: AlertsWorld) -> None:
    say(village, VILLAGE, ANY, NoticeRule(escalation=(Escalation(2 * MINUTE, ("town",)),)))
    village.append(village.event("motion_unexpected", {"part": "motor"}, verdict={}))
    village.alerts.run_once()
    assert village.alerts.next_due() == village.world.clock() + 2 * MINUTE


def test_changes_are_on_record_and_taking_back_leaves_nothing(village: AlertsWorld) -> None:
    rule = NoticeRule(told=("town",), at_once=True)
    say(village, VILLAGE, "C16", rule)
    say(village, VILLAGE, "C16", rule)
    say(village, VILLAGE, "C16", NoticeRule())
    first, second = village.world.records("notice_rule.changed")
    assert first.data == {
        "org": org_id(VILLAGE),
        "code": "C16",
        "before": {},
        "after": {"told": ["town"], "at_once": True},
    }
    assert second.data["after"] == {}
    view = rules(village).get(village.actor("admin"), org_id(VILLAGE), "C16")
    assert view.own == NoticeRule()
    assert view.holds == view.above


def test_only_administrators_of_the_branch_change_it(village: AlertsWorld) -> None:
    service = rules(village)
    with pytest.raises(DomainError) as refused:
        service.save(village.actor("town"), org_id(VILLAGE), "C1", NoticeRule(at_once=True))
    assert refused.value.code == "denied"
    with pytest.raises(DomainError) as unseen:
        service.find(village.actor("approver"), org_id(OTHER_TOWN))
    assert unseen.value.code == "not_found"
    with pytest.raises(DomainError) as unknown:
        service.get(village.actor("admin"), org_id(VILLAGE), "C99")
    assert unknown.value.code == "not_found"
