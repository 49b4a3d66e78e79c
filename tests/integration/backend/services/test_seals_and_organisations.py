"""The tree, seals and who keeps them, an organisation's own days off."""

from collections.abc import Callable

import pytest

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.services.calendar_days import CalendarDayService
from backend.services.organisations import NewOrganisation, OrganisationService
from backend.services.seals import NewSeal, SealService
from tests.support.world import FAR_VILLAGE, OTHER_VILLAGE, TOWN, VILLAGE, World, org_id


@pytest.fixture
def seals(world: World) -> SealService:
    return SealService(world.context)


@pytest.fixture
def admin(world: World) -> Actor:
    return world.actor(Role.ADMIN)


def code(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(DomainError) as caught:
        attempt(*given)
    return caught.value.code


def a_seal(seals: SealService, admin: Actor, kind: SealKind = SealKind.COMMITTEE) -> str:
    return seals.register(admin, NewSeal(org_id(VILLAGE), kind, "柳塘村村民委员会")).id


def test_an_organisation_has_one_seal_of_a_kind_until_it_is_destroyed(
    world: World, seals: SealService, admin: Actor
) -> None:
    first = a_seal(seals, admin)

    new = NewSeal(org_id(VILLAGE), SealKind.COMMITTEE, "第二枚")
    assert code(seals.register, admin, new) == "seal_exists"
    seals.set_status(admin, first, "destroyed", "磨损换新")
    assert code(seals.set_status, admin, first, "active", "反悔") == "seal_destroyed"
    seals.register(admin, new)
    assert len(world.records("seal.registered")) == 2


def test_c26_a_seal_is_not_entrusted_to_an_approver(
    world: World, seals: SealService, admin: Actor
) -> None:
    seal = a_seal(seals, admin)
    approver, clerk = world.actor(Role.APPROVER), world.person("文书")

    assert code(seals.entrust, admin, seal, approver.person_id) == "approver_is_custodian"
    assert code(seals.entrust, admin, seal, world.person("远", FAR_VILLAGE)) == "not_found"
    assert seals.entrust(admin, seal, clerk).custodian_id == clerk


@pytest.fixture
def organisations(world: World) -> OrganisationService:
    return OrganisationService(world.context)


def test_the_tree_grows_downwards_by_those_who_administer_it(
    world: World, organisations: OrganisationService
) -> None:
    town = world.actor(Role.ADMIN, TOWN)
    new = NewOrganisation(org_id(TOWN), "330109103203", "新村", 30.1, 120.2, 200.0)

    made = organisations.create(town, new)

    assert (made.path, made.level) == (f"{TOWN}330109103203/", "village")
    assert code(organisations.create, town, new) == "organisation_exists"
    below = NewOrganisation("330109103203", "1", "组")
    assert code(organisations.create, town, below) == "no_level_below"
    odd = NewOrganisation(org_id(TOWN), "a/b", "斜杠村")
    assert code(organisations.create, town, odd) == "bad_org_id"
    village = world.actor(Role.ADMIN)
    assert code(organisations.create, village, new) == "not_found"
    assert code(organisations.create, world.actor(Role.SUPERVISOR, TOWN), new) == "denied"


def test_settings_are_merged_checked_and_can_be_taken_away(
    world: World, organisations: OrganisationService, admin: Actor
) -> None:
    village = org_id(VILLAGE)
    organisations.change(admin, village, {"settings": {"custodian_alone": True}})
    hours = [["08:30", "12:00"]]
    changed = organisations.change(admin, village, {"settings": {"working_hours": hours}})
    assert changed.settings == {"custodian_alone": True, "working_hours": hours}
    changed = organisations.change(admin, village, {"settings": {"custodian_alone": None}})
    assert changed.settings == {"working_hours": hours}

    for odd in (
        {"nonsense": 1},
        {"custodian_alone": "yes"},
        {"emergency_stamps": 0},
        {"liveness": "x"},
    ):
        assert code(organisations.change, admin, village, {"settings": odd}) == "bad_setting"
    assert code(organisations.change, admin, village, {"lat": 30.0}) == "bad_position"


def test_days_off_are_set_listed_and_taken_back(world: World, admin: Actor) -> None:
    days = CalendarDayService(world.context)
    village = org_id(VILLAGE)

    days.set_day(admin, village, "2026-10-10", True, "补班")
    days.set_day(admin, village, "2026-10-10", False, "村庆")
    days.set_day(admin, village, "2026-10-12", True)
    days.set_day(admin, village, "2026-10-12", None)

    assert [(one.day, one.working) for one in days.days(admin, village)] == [("2026-10-10", False)]
    assert code(days.set_day, admin, village, "10 October", True) == "bad_day"
    assert code(days.set_day, world.actor(Role.CUSTODIAN), village, "2026-10-10", True) == "denied"
    assert len(world.records("organisation.day_set")) == 4


def test_promise_6_organisations_of_another_branch_do_not_exist(
    world: World, organisations: OrganisationService, admin: Actor
) -> None:
    for other in (OTHER_VILLAGE, FAR_VILLAGE, TOWN):
        assert code(organisations.get, admin, org_id(other)) == "not_found"
        assert code(organisations.change, admin, org_id(other), {"name": "改"}) == "not_found"
    assert [one.path for one in organisations.find(admin).items] == [VILLAGE]
