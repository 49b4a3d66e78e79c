"""The official register."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.permits import PermitForm
from backend.store.register import RegisterFilter
from tests.support.office import DAY, HOUR, Office
from tests.support.world import FAR_VILLAGE, OTHER_VILLAGE, TOWN, World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def test_a_line_says_everything_that_the_register_asks_for(office: Office) -> None:
    form = office.form(
        "asset-lease",
        "cooperative",
        title="厂房租赁合同",
        copies=2,
        counterparty="五金厂",
        amount_fen=3_000_000,
        resolution="2026-07",
        beneficiary="村集体",
    )
    made = office.approved(form)
    trip = office.permits.want(
        office.custodian,
        PermitForm(
            office.sleeves["cooperative"],
            "去对方单位签约",
            "镇工业园",
            office.world.clock(),
            office.world.clock() + HOUR,
            application_id=made.row.id,
        ),
    )
    office.permits.approve(office.approver, trip.id)
    use_id = office.used(made, pressed=2, lat=30.1, lon=120.3, remarks=None)
    office.permits.give_back(office.custodian, trip.id)
    office.sweeps.number_uses()
    office.register.review(office.supervisor, use_id, "手续齐全")
    (line,) = office.register.list(office.supervisor).items
    assert line.number == "330109103201-2026-00001"
    assert line.used_at == office.world.clock()
    assert line.org.name == "柳塘村"
    assert line.seal.id == office.seals["cooperative"]
    assert line.applicant is not None
    assert line.applicant.id == office.applicant.person_id
    assert (line.matter, line.title) == ("集体资产租赁合同", "厂房租赁合同")
    assert (line.copies, line.granted, line.pressed) == (2, 2, 2)
    assert [one.id for one in line.approvers] == [
        office.approver.person_id,
        office.town.person_id,
    ]
    assert line.operator is not None
    assert line.stamped_by is not None
    assert line.reviewed_by is not None
    assert line.reviewed_by.id == office.supervisor.person_id
    assert line.remarks == "手续齐全"
    assert (line.place, line.returned_at) == ("镇工业园", office.world.clock())
    assert (line.amount_fen, line.counterparty, line.resolution) == (3_000_000, "五金厂", "2026-07")
    assert (line.device_id, line.application_number) == (
        office.sleeves["cooperative"],
        made.row.number,
    )
    assert (line.lat, line.lon, line.beneficiary) == (30.1, 120.3, "村集体")


def use(office: Office, *, pressed: int = 1, **columns: Any) -> str:
    office.world.clock.advance(60_000)
    return office.used(office.approved(office.form("statistics")), pressed=pressed, **columns)


def test_numbers_run_within_a_unit_and_a_year(office: Office) -> None:
    first, second = use(office), use(office)
    refused = use(office, pressed=0)
    running = use(office, finished_at=None)
    assert office.sweeps.number_uses() == 2
    assert office.sweeps.number_uses() == 0
    office.world.clock.advance(150 * DAY)
    later = use(office)
    office.sweeps.number_uses()
    numbers = {key: office.register.get(office.supervisor, key).number for key in (first, second)}
    assert numbers == {first: "330109103201-2026-00001", second: "330109103201-2026-00002"}
    assert office.register.get(office.supervisor, later).number == "330109103201-2027-00001"
    for without in (refused, running):
        assert office.register.get(office.supervisor, without).number is None


def test_pages_of_the_register_follow_each_other(office: Office) -> None:
    made = [use(office) for _ in range(5)]
    seen: list[str] = []
    after = None
    while True:
        page = office.register.list(office.supervisor, after=after, limit=2)
        seen += [one.id for one in page.items]
        after = page.next
        if after is None:
            break
    assert seen == made[::-1]


def test_the_register_is_narrowed(office: Office) -> None:
    first = use(office)
    refused = use(office, pressed=0)
    second = use(office)
    office.register.review(office.supervisor, second, "已看")

    def found(**wanted: Any) -> list[str]:
        page = office.register.list(office.supervisor, RegisterFilter(**wanted))
        return [one.id for one in page.items]

    line = office.register.get(office.supervisor, first)
    assert found() == [second, first]
    assert found(unstamped=True) == [second, refused, first]
    assert found(unreviewed=True) == [first]
    assert found(seal_id=office.seals["party"]) == []
    assert found(device_id=office.sleeves["committee"]) == [second, first]
    assert found(matter_id="330109.statistics") == [second, first]
    assert found(application_id=line.application_id) == [first]
    assert found(person_id=office.operator.person_id) == [second, first]
    assert found(person_id=office.town.person_id) == []
    assert found(text=line.application_number) == [first]
    assert found(org_path=TOWN) == [second, first]
    assert found(org_path=FAR_VILLAGE) == []
    assert found(from_at=line.used_at + 1) == [second]
    assert found(until_at=line.used_at + 1) == [first]


def test_a_supervisor_reviews_once_and_not_what_they_took_part_in(office: Office) -> None:
    use_id = use(office)
    with pytest.raises(DomainError, match="denied"):
        office.register.review(office.approver, use_id, "手续齐全")
    own = use(office, witness_id=office.supervisor.person_id)
    with pytest.raises(DomainError, match="denied"):
        office.register.review(office.supervisor, own, "手续齐全")
    with pytest.raises(DomainError, match="reason_missing"):
        office.register.review(office.supervisor, use_id, " ")
    office.register.review(office.supervisor, use_id, "手续齐全")
    with pytest.raises(DomainError, match="already_reviewed"):
        office.register.review(office.supervisor, use_id, "再看一次")
    (record,) = office.world.records("use.reviewed")
    assert (record.use_id, record.data["remarks"]) == (use_id, "手续齐全")


def test_whoever_finds_their_name_in_it_may_question_it(office: Office) -> None:
    use_id = use(office)
    office.register.question(office.operator, use_id, "这次不是我盖的")
    (record,) = office.world.records("use.questioned")
    assert (record.use_id, record.person) == (use_id, office.operator.person_id)
    with pytest.raises(DomainError, match="not_found"):
        office.register.question(office.world.actor(Role.OPERATOR), use_id, "与我无关")


def test_promise_6_the_register_of_another_branch_is_empty(office: Office) -> None:
    use_id = use(office)
    for kind in Role:
        other = office.world.actor(kind, OTHER_VILLAGE)
        assert not office.register.list(other).items
        assert not office.register.list(other, RegisterFilter(org_path=TOWN)).items
        with pytest.raises(DomainError, match="not_found"):
            office.register.get(other, use_id)
        with pytest.raises(DomainError, match="not_found"):
            office.register.review(other, use_id, "手续齐全")
    assert [one.id for one in office.register.list(office.town).items] == [use_id]
    assert [one.id for one in office.register.list(office.applicant).items] == [use_id]
