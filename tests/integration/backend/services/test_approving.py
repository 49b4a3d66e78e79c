"""Approving on each kind of database: the same answers, and nobody overtakes anybody."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from backend.domain.actor import Role
from backend.domain.application import Kind
from backend.domain.errors import DomainError
from backend.store.application_lists import ApplicationFilter
from backend.store.register import RegisterFilter
from backend.store.tables import record, use_grant
from tests.support.office import DAY, HOUR, Office
from tests.support.world import FAR_VILLAGE, TOWN, World


@pytest.fixture
def office(world: World) -> Office:
    return Office.open(world)


def all_at_once(*calls: Callable[[], Any]) -> list[Any]:
    """Run them as near to each other as threads come; results or errors."""
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait(10)
        try:
            return call()
        except DomainError as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_a_whole_life(office: Office) -> None:
    lease = office.form(
        "asset-lease",
        "cooperative",
        title="厂房租赁合同",
        counterparty="五金厂",
        amount_fen=3_000_000,
        resolution="2026-07",
        copies=2,
    )
    made = office.approved(lease)
    assert made.row.status == "approved"
    use_id = office.used(made, pressed=2)
    office.world.clock.advance(3 * DAY)
    assert office.sweeps.run()["uses_numbered"] == 1
    line = office.register.get(office.supervisor, use_id)
    assert [one.id for one in line.approvers] == [office.approver.person_id, office.town.person_id]
    urgent = office.drafts.open_emergency(office.custodian, office.form("request-report"), "汛情")
    office.applications.approve(office.supervisor, urgent.row.id, urgent.row.version)
    with office.world.db.read() as conn:
        records = conn.execute(select(func.count()).select_from(record)).scalar_one()
        assert records == office.world.log.size(conn)


def test_every_filter_is_understood(office: Office) -> None:
    made = office.approved()
    office.used(made, pressed=1)
    wanted = ApplicationFilter(
        statuses=["approved"],
        kind="ordinary",
        org_path=TOWN,
        seal_id=made.row.seal.id,
        matter_id=made.row.matter.id,
        text="居住",
        from_at=0,
        until_at=office.world.clock() + 1,
    )
    assert len(office.reader.list(office.town, wanted).items) == 1
    assert not office.reader.list(office.town, ApplicationFilter(todo=True, mine=True)).items
    assert not office.reader.list(office.district, ApplicationFilter(unreviewed=True)).items
    register = RegisterFilter(
        org_path=TOWN,
        seal_id=made.row.seal.id,
        device_id=office.sleeves["committee"],
        matter_id=made.row.matter.id,
        person_id=office.operator.person_id,
        application_id=made.row.id,
        text="居住",
        from_at=0,
        until_at=office.world.clock() + 1,
        unreviewed=True,
    )
    assert len(office.register.list(office.town, register).items) == 1


def test_promise_6_a_wide_branch_is_as_tight_as_a_narrow_one(office: Office) -> None:
    office.approved()
    far = Office.open(office.world, FAR_VILLAGE)
    far.approved()
    for who, seen in ((office.town, 1), (office.district, 2), (far.approver, 1)):
        assert len(office.reader.list(who).items) == seen
        assert len(office.grants.list(who).items) == seen
    nobody = office.world.actor(Role.ADMIN)
    assert not office.reader.list(nobody).items


def test_promise_1_of_two_who_approve_at_once_one_does_and_one_grant_is_made(
    office: Office,
) -> None:
    second = office.world.actor(Role.APPROVER)
    for _ in range(3):
        made = office.submitted()

        def by(who: Any, key: str = made.row.id, version: int = made.row.version) -> Any:
            return office.applications.approve(who, key, version)

        done = all_at_once(lambda: by(office.approver), lambda: by(second))
        refused = [one for one in done if isinstance(one, DomainError)]
        assert [one.code for one in refused] == ["changed_meanwhile"]
        with office.world.db.read() as conn:
            of_it = select(func.count()).where(use_grant.c.application_id == made.row.id)
            assert conn.execute(of_it).scalar_one() == 1


def test_voiding_while_it_is_approved_leaves_no_live_grant(office: Office) -> None:
    made = office.approved()
    key, version = made.row.id, made.row.version
    office.world.clock.advance(2 * DAY + HOUR)
    done = all_at_once(
        lambda: office.applications.void(office.approver, key, version, "内容有误"),
        office.sweeps.expire_grants,
    )
    assert len(done) == 2
    shown = office.reader.get(office.applicant, key)
    assert shown.row.status in ("voided", "expired")
    assert shown.grants[0].state in ("revoked", "expired")
    ends = office.world.records("grant.revoked", "grant.expired")
    assert len(ends) == 1


def test_numbers_given_at_once_are_all_different(office: Office) -> None:
    drafts = [office.draft() for _ in range(4)]

    def hand_in(one: Any) -> Callable[[], Any]:
        return lambda: office.applications.submit(office.applicant, one.row.id, one.row.version)

    done = all_at_once(*map(hand_in, drafts))
    numbers = sorted(one.row.number for one in done)
    assert [one[-4:] for one in numbers] == ["0001", "0002", "0003", "0004"]


def test_a_batch_of_many(office: Office) -> None:
    form = office.form("farm-insurance", kind=Kind.BATCH, copies=300, stamps_per_copy=3)
    assert office.approved(form).grants[0].stamps == 900


def test_sweeps_at_once_do_everything_once(office: Office) -> None:
    for _ in range(4):
        office.approved()
    office.world.clock.advance(3 * DAY)
    done = all_at_once(office.sweeps.expire_grants, office.sweeps.expire_grants)
    assert sum(done) == 4
    assert len(office.world.records("grant.expired")) == 4
    assert len(office.world.records("application.expired")) == 4
