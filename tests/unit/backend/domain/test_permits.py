"""Off-site permits."""

from dataclasses import replace
from typing import Any

import pytest

from backend.domain import permit as domain
from backend.domain.actor import Role
from backend.domain.application_checks import AtTheDoor
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.permit import SLACK_MS, Permit, PermitState
from tests.support.life import (
    APPROVER,
    CUSTODIAN,
    NOW,
    OPERATOR,
    STRANGER,
    SUPERVISOR,
    VILLAGE,
    actor,
)

KEEPERS = frozenset({"custodian"})


def permit(**changes: Any) -> Permit:
    made = Permit(
        id="p",
        org_path=VILLAGE,
        device_id="sleeve",
        carrier_id="operator",
        purpose="上门为老人办理",
        place="柳塘自然村12号",
        from_at=NOW,
        until_at=NOW + 4 * HOUR_MS,
        created_at=NOW,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"purpose": " "}, "permit_incomplete"),
        ({"place": ""}, "permit_incomplete"),
        ({"until_at": NOW}, "permit_window"),
        ({"from_at": NOW + 9 * HOUR_MS}, "permit_window"),
        ({"until_at": NOW + 8 * DAY_MS}, "permit_window"),
        ({"lat": 30.0}, "permit_place"),
        ({"lat": 30.0, "lon": 120.0, "radius_m": 1e9}, "permit_place"),
        ({"lat": 30.0, "lon": 120.0, "radius_m": 0.0}, "permit_place"),
    ],
)
def test_what_makes_no_sense_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(DomainError, match=code):
        domain.check(permit(**changes), NOW)


def test_a_whole_trip() -> None:
    wanted = permit(lat=30.0, lon=120.0, radius_m=300.0)
    domain.check(wanted, NOW)
    allowed = domain.approve(wanted, APPROVER, KEEPERS, NOW)
    out = domain.take_out(allowed, OPERATOR, NOW)
    back = domain.give_back(out, CUSTODIAN, KEEPERS, NOW + HOUR_MS)
    assert (allowed.approved_by, back.state) == ("approver", PermitState.RETURNED)
    assert back.returned_at == NOW + HOUR_MS
    assert wanted.circle == (30.0, 120.0, 300.0)


@pytest.mark.parametrize("by", [APPROVER, SUPERVISOR])
def test_an_approver_or_supervisor_of_the_branch_decides(by: Any) -> None:
    assert domain.approve(permit(), by, KEEPERS, NOW).state is PermitState.APPROVED
    assert domain.reject(permit(), by, KEEPERS, "不必外带").reason == "不必外带"


@pytest.mark.parametrize("by", [OPERATOR, CUSTODIAN, STRANGER])
def test_promise_6_nobody_else_does(by: Any) -> None:
    with pytest.raises(DomainError, match="denied"):
        domain.approve(permit(), by, KEEPERS, NOW)


def test_c26_neither_carrier_nor_custodian_decides() -> None:
    for name, code in (("operator", "applicant"), ("custodian", "custodian")):
        both = actor(name, (Role.APPROVER, VILLAGE))
        with pytest.raises(AtTheDoor, match=f"approver_is_{code}"):
            domain.approve(permit(), both, KEEPERS, NOW)
        with pytest.raises(AtTheDoor, match=f"approver_is_{code}"):
            domain.reject(permit(), both, KEEPERS, "不必")


def test_each_turn_at_its_time_only() -> None:
    allowed = permit(state=PermitState.APPROVED)
    with pytest.raises(DomainError, match="permit_over"):
        domain.approve(permit(), APPROVER, KEEPERS, NOW + 5 * HOUR_MS)
    with pytest.raises(DomainError, match="wrong_status"):
        domain.approve(allowed, APPROVER, KEEPERS, NOW)
    with pytest.raises(DomainError, match="reason_missing"):
        domain.reject(permit(), APPROVER, KEEPERS, " ")
    with pytest.raises(DomainError, match="denied"):
        domain.take_out(allowed, CUSTODIAN, NOW)
    with pytest.raises(DomainError, match="permit_over"):
        domain.take_out(allowed, OPERATOR, NOW - 1)
    with pytest.raises(DomainError, match="denied"):
        domain.give_back(allowed, APPROVER, KEEPERS, NOW)
    with pytest.raises(DomainError, match="wrong_status"):
        domain.give_back(permit(), OPERATOR, KEEPERS, NOW)


def test_overdue_is_after_some_slack_and_while_it_is_away() -> None:
    out = permit(state=PermitState.OUT)
    assert not domain.is_overdue(out, out.until_at + SLACK_MS)
    assert domain.is_overdue(out, out.until_at + SLACK_MS + 1)
    assert not domain.is_overdue(permit(state=PermitState.RETURNED), NOW + DAY_MS)
