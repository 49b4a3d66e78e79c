"""Off-site permits as services carry them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from backend.domain.actor import Role
from backend.domain.application_checks import AtTheDoor
from backend.domain.errors import DomainError
from backend.services.permits import PermitFilter, PermitForm
from backend.store.tables import device, downlink, use_grant
from gateway.protocol.envelope import open_down
from gateway.protocol.messages import Grant, Place
from tests.support.office import HOUR, Office, also
from tests.support.world import OTHER_VILLAGE, VILLAGE, World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def form(office: Office, **changes: Any) -> PermitForm:
    now = office.world.clock()
    made = PermitForm(
        device_id=office.sleeves["committee"],
        purpose="上门为行动不便的老人办理",
        place="柳塘自然村12号",
        from_at=now,
        until_at=now + 4 * HOUR,
        carrier_id=office.operator.person_id,
        lat=30.2,
        lon=120.4,
        radius_m=300.0,
    )
    return replace(made, **changes)


def test_a_trip_is_four_records(office: Office) -> None:
    made = office.permits.want(office.custodian, form(office))
    made = office.permits.approve(office.approver, made.id)
    assert made.approved_by is not None
    office.permits.take_out(office.operator, made.id)
    office.world.clock.advance(HOUR)
    made = office.permits.give_back(office.custodian, made.id)
    assert (made.state, made.state_zh, made.returned_at) == (
        "returned",
        "已归还",
        office.world.clock(),
    )
    records = [one for one in office.world.records() if one.kind.startswith("permit.")]
    assert [one.kind.split(".")[1] for one in records] == ["wanted", "approved", "out", "returned"]
    assert all(one.device == office.sleeves["committee"] for one in records)
    assert records[0].data["carrier"] == office.operator.person_id


def test_an_approved_permit_moves_the_grant_to_its_place(office: Office) -> None:
    made = office.approved()
    wanted = office.permits.want(office.custodian, form(office, application_id=made.row.id))
    office.permits.approve(office.approver, wanted.id)
    with office.world.db.read() as conn:
        row = conn.execute(use_grant.select()).one()
    assert (row.lat, row.lon, row.radius_m) == (30.2, 120.4, 300.0)


def test_a_copy_in_the_sleeve_is_pushed_again_with_the_place(office: Office) -> None:
    made = office.approved()
    office.world.clock.advance(60_000)
    wanted = office.permits.want(office.custodian, form(office, application_id=made.row.id))
    office.permits.approve(office.approver, wanted.id)
    with office.world.db.read() as conn:
        before, after = conn.execute(downlink.select().order_by(downlink.c.id)).all()
    assert before.confirmed_at is not None  # no longer said
    assert (after.type, after.subject, after.confirmed_at) == ("grant", made.grants[0].id, None)
    keys = office.world.ring.grant_keys
    first, second = (
        open_down(row.payload, device=row.device_id, keys=keys, receipt_keys={})
        for row in (before, after)
    )
    assert isinstance(first, Grant)
    assert isinstance(second, Grant)
    assert second.place == Place(lat=30.2, lon=120.4, radius=300.0)
    assert (second.not_before, second.not_after) == (first.not_before, first.not_after)


def test_what_is_good_on_line_only_is_not_pushed_for_a_permit(office: Office) -> None:
    made = office.approved(office.form("request-report", title="请示"))
    wanted = office.permits.want(office.custodian, form(office, application_id=made.row.id))
    office.permits.approve(office.approver, wanted.id)
    with office.world.db.read() as conn:
        assert conn.execute(downlink.select()).all() == []


def test_a_permit_before_the_approval_is_respected_by_the_grant(office: Office) -> None:
    made = office.submitted()
    wanted = office.permits.want(office.applicant, form(office, application_id=made.row.id))
    office.permits.approve(office.supervisor, wanted.id)
    office.applications.approve(office.approver, made.row.id, made.row.version)
    with office.world.db.read() as conn:
        assert conn.execute(use_grant.select()).one().lat == 30.2


def test_a_matter_for_home_only_stays_at_home(office: Office) -> None:
    guarantee = office.form(
        "guarantee",
        "cooperative",
        title="抵押合同",
        counterparty="农商银行",
        amount_fen=100,
        resolution="1",
    )
    made = office.approved(guarantee)
    sleeve = office.sleeves["cooperative"]
    wanted = office.permits.want(
        office.custodian, form(office, device_id=sleeve, application_id=made.row.id)
    )
    office.permits.approve(office.approver, wanted.id)
    with office.world.db.read() as conn:
        assert conn.execute(use_grant.select()).one().lat == 30.05


def test_what_cannot_be_wanted(office: Office) -> None:
    other_seal = office.approved(office.form("statistics", "party")).row.id
    for changes, code in (
        ({"until_at": 1}, "permit_window"),
        ({"carrier_id": office.town.person_id}, "operator_not_allowed"),
        ({"application_id": other_seal}, "bad_application"),
        ({"application_id": "none"}, "not_found"),
        ({"device_id": "none"}, "not_found"),
    ):
        with pytest.raises(DomainError, match=code):
            office.permits.want(office.custodian, form(office, **changes))
    with pytest.raises(DomainError, match="denied"):
        office.permits.want(office.supervisor, form(office))
    assert not office.world.records("permit.wanted")


def test_c26_a_carrier_or_custodian_who_approves_is_refused_and_recorded(office: Office) -> None:
    made = office.permits.want(office.custodian, form(office))
    for who, code in ((office.operator, "applicant"), (office.custodian, "custodian")):
        with pytest.raises(AtTheDoor, match=f"approver_is_{code}"):
            office.permits.approve(also(who, Role.APPROVER, VILLAGE), made.id)
    refused = office.world.records("permit.refused")
    assert [one.data["reason"] for one in refused] == [
        "approver_is_applicant",
        "approver_is_custodian",
    ]
    assert office.permits.get(office.operator, made.id).state == "wanted"


def test_a_sleeve_not_returned_is_noted_once(office: Office) -> None:
    made = office.permits.want(office.custodian, form(office))
    office.permits.approve(office.approver, made.id)
    office.permits.take_out(office.operator, made.id)
    office.world.clock.advance(4 * HOUR)
    assert office.sweeps.note_overdue_permits() == 0
    office.world.clock.advance(HOUR + 1)
    assert office.sweeps.note_overdue_permits() == 1
    assert office.sweeps.note_overdue_permits() == 0
    assert len(office.world.records("permit.overdue")) == 1
    assert office.permits.give_back(office.custodian, made.id).state == "returned"


def test_a_rejected_permit_says_why(office: Office) -> None:
    made = office.permits.want(office.operator, form(office, carrier_id=None))
    assert made.carrier.id == office.operator.person_id
    made = office.permits.reject(office.approver, made.id, "可请老人家属代办")
    assert (made.state, made.reason) == ("rejected", "可请老人家属代办")


def test_promise_6_permits_of_another_branch_do_not_exist(office: Office) -> None:
    made = office.permits.want(office.custodian, form(office))
    for kind in Role:
        other = office.world.actor(kind, OTHER_VILLAGE)
        assert not office.permits.list(other).items
        for attempt in (office.permits.get, office.permits.approve, office.permits.give_back):
            with pytest.raises(DomainError, match="not_found"):
                attempt(other, made.id)
        with pytest.raises(DomainError, match="not_found"):
            office.permits.want(other, form(office))


def test_lists_of_permits(office: Office) -> None:
    first = office.permits.want(office.custodian, form(office))
    office.world.clock.advance(1000)
    second = office.permits.want(office.custodian, form(office, carrier_id=None))
    assert [one.id for one in office.permits.list(office.approver).items] == [second.id, first.id]
    assert [one.id for one in office.permits.list(office.operator).items] == [first.id]
    wanted = PermitFilter(state="approved")
    assert not office.permits.list(office.approver, wanted).items
    wanted = PermitFilter(device_id=office.sleeves["party"], org_path=VILLAGE)
    assert not office.permits.list(office.approver, wanted).items
    page = office.permits.list(office.approver, limit=1)
    rest = office.permits.list(office.approver, limit=1, after=page.next)
    assert [one.id for one in (*page.items, *rest.items)] == [second.id, first.id]


def test_a_sleeve_without_a_seal_may_travel_too(office: Office) -> None:
    with office.world.db.write() as conn:
        conn.execute(device.update().values(seal_id=None))
    made = office.permits.want(office.custodian, form(office))
    assert office.permits.approve(office.approver, made.id).state == "approved"
