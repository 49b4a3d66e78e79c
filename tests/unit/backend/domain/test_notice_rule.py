"""What notification rules make of each other: a district says, those below only add."""

import pytest

from backend.domain.errors import DomainError
from backend.domain.notice_rule import (
    ANY,
    Escalation,
    NoticeRule,
    check,
    from_plain,
    resolve,
    tighter,
    to_plain,
)

HOUR = 3_600_000
SYSTEM = (Escalation(HOUR, ("town",)), Escalation(4 * HOUR, ("district",)))


def test_where_nothing_is_said_the_installation_escalates_and_the_program_tells() -> None:
    found = resolve({}, [{}, {}], "C1", SYSTEM)
    assert (found.told, found.also, found.severity, found.at_once) == ((), (), None, False)
    assert found.escalation == SYSTEM


def test_a_district_stands_in_the_place_of_the_installation_and_a_code_of_all() -> None:
    top = {
        ANY: NoticeRule(told=("town",), escalation=(Escalation(2 * HOUR, ("admins",)),)),
        "C1": NoticeRule(told=("district",)),
    }
    one, other = resolve(top, [], "C1", SYSTEM), resolve(top, [], "C2", SYSTEM)
    assert (one.told, other.told) == (("district",), ("town",))
    assert one.escalation == other.escalation == (Escalation(2 * HOUR, ("admins",)),)


def test_promise_7_nobody_below_quiets_an_alert() -> None:
    top = {"C1": NoticeRule("critical", ("town", "district"), ("sms",), True, SYSTEM)}
    village = {
        ANY: NoticeRule(severity="minor", told=("custodian",)),
        "C1": NoticeRule("major", ("village",), (), False, (Escalation(9 * HOUR, ("village",)),)),
    }
    found = resolve(top, [{}, village], "C1", ())
    assert found.severity == "critical"
    assert found.told == ("town", "district")
    assert found.also == ("custodian", "village")
    assert found.channels == ("sms",)
    assert found.at_once
    assert found.escalation == (Escalation(HOUR, ("town", "village")), SYSTEM[1])


def test_steps_get_shorter_and_more_never_fewer() -> None:
    own = (Escalation(HOUR // 2, ("village",)), Escalation(9 * HOUR, ("admins",)))
    more = (*own, Escalation(10 * HOUR, ("admins",)))
    assert tighter(SYSTEM, own) == (
        Escalation(HOUR // 2, ("town", "village")),
        Escalation(4 * HOUR, ("district", "admins")),
    )
    assert tighter(SYSTEM, more)[2] == more[2]
    assert tighter(SYSTEM, ()) == SYSTEM


def test_a_rule_is_kept_without_what_it_does_not_say() -> None:
    rule = NoticeRule(at_once=True, escalation=SYSTEM)
    assert set(to_plain(rule)) == {"at_once", "escalation"}
    assert from_plain(to_plain(rule)) == rule
    assert to_plain(NoticeRule()) == {}


@pytest.mark.parametrize(
    "rule",
    [
        NoticeRule(severity="dreadful"),
        NoticeRule(told=("everybody",)),
        NoticeRule(channels=("pigeon",)),
        NoticeRule(escalation=(Escalation(1, ("town",)),)),
        NoticeRule(escalation=(Escalation(HOUR, ()),)),
        NoticeRule(escalation=(Escalation(HOUR, ("custodian",)),)),
        NoticeRule(escalation=(SYSTEM[1], SYSTEM[0])),
        NoticeRule(escalation=tuple(Escalation(n * HOUR, ("town",)) for n in range(1, 8))),
    ],
)
def test_what_cannot_be_carried_out_is_refused(rule: NoticeRule) -> None:
    with pytest.raises(DomainError) as refused:
        check(rule, ("sms",))
    assert refused.value.code == "bad_notice_rule"
