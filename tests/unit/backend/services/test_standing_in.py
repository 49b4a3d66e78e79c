"""Away for a while: somebody else decides until a day that is set; what is lent ends by itself."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.actor import Actor, Role
from backend.domain.calendar import DAY_MS
from backend.domain.errors import DomainError
from backend.services.actors import load_actor
from backend.services.standing_in import LONGEST_MS, StandInService
from tests.support.office import Office
from tests.support.world import OTHER_VILLAGE, World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


@pytest.fixture
def standing(office: Office) -> StandInService:
    return StandInService(office.world.context)


def now_of(office: Office, person: Actor) -> Actor:
    with office.world.db.read() as conn:
        found = load_actor(conn, person.person_id, office.world.clock())
    assert found is not None
    return found


def test_a_colleague_decides_meanwhile_and_no_longer(
    office: Office, standing: StandInService
) -> None:
    made = office.submitted()
    supervisor = office.supervisor
    with pytest.raises(DomainError, match="denied"):
        office.applications.approve(supervisor, made.row.id, made.row.version)
    clock = office.world.clock
    (lent,) = standing.begin(office.approver, supervisor.person_id, None, clock() + 3 * DAY_MS)
    assert (lent.person_id, lent.ends_at) == (supervisor.person_id, clock() + 3 * DAY_MS)
    meanwhile = now_of(office, supervisor)
    assert meanwhile.sits_at(Role.APPROVER, made.row.org_path)
    done = office.applications.approve(meanwhile, made.row.id, made.row.version)
    assert done.steps[0].decided_by is not None
    assert done.steps[0].decided_by.id == supervisor.person_id
    (granted,) = [
        one for one in office.world.records("role.granted") if "stands_in_for" in one.data
    ]
    assert granted.data["stands_in_for"] == office.approver.person_id
    assert granted.data["subject"] == supervisor.person_id
    clock.advance(3 * DAY_MS)
    assert not now_of(office, supervisor).sits_at(Role.APPROVER, made.row.org_path)
    assert standing.find(office.approver) == []


def test_it_is_taken_back_at_once_and_only_by_who_gave_it(
    office: Office, standing: StandInService
) -> None:
    end = office.world.clock() + DAY_MS
    (lent,) = standing.begin(office.approver, office.supervisor.person_id, None, end)
    with pytest.raises(DomainError, match="already_away"):
        standing.begin(office.approver, office.operator.person_id, None, end)
    with pytest.raises(DomainError, match="not_found"):
        standing.end(office.town, lent.role_id)
    standing.end(office.approver, lent.role_id)
    assert standing.find(office.approver) == []
    assert not now_of(office, office.supervisor).may(Role.APPROVER, lent.org_path)
    assert office.world.records("role.ended")[-1].data["role_id"] == lent.role_id


def test_what_was_lent_is_not_lent_on(office: Office, standing: StandInService) -> None:
    end = office.world.clock() + DAY_MS
    standing.begin(office.approver, office.supervisor.person_id, None, end)
    deputy = now_of(office, office.supervisor)
    assert standing.seats(deputy) == ()
    with pytest.raises(DomainError, match=r"nothing_to_lend|bad_delegate"):
        standing.begin(deputy, office.operator.person_id, None, end)


def test_nobody_lends_to_the_custodian_a_stranger_themselves_or_for_ever(
    office: Office, standing: StandInService
) -> None:
    world = office.world
    stranger = world.actor(Role.APPLICANT, OTHER_VILLAGE)
    soon = world.clock() + DAY_MS
    for to, until, code in (
        (office.custodian, soon, "bad_delegate"),
        (stranger, soon, "bad_delegate"),
        (office.approver, soon, "bad_delegate"),
        (office.supervisor, world.clock(), "bad_term"),
        (office.supervisor, world.clock() + LONGEST_MS + 1, "bad_term"),
    ):
        with pytest.raises(DomainError, match=code):
            standing.begin(office.approver, to.person_id, None, until)
    with pytest.raises(DomainError):
        standing.begin(office.applicant, office.supervisor.person_id, None, soon)
    assert not [one for one in world.records("role.granted") if "stands_in_for" in one.data]
