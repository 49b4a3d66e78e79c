"""The catalogue as services keep it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.matters import MatterForm
from tests.support.office import Office
from tests.support.world import DISTRICT, OTHER_TOWN, TOWN, VILLAGE, World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def test_everybody_of_the_branch_reads_the_catalogue(office: Office) -> None:
    found = office.matters.catalogue(office.applicant, VILLAGE)
    assert len(found) == 64
    assert [one.forbidden for one in found] == sorted(one.forbidden for one in found)
    allowed = office.matters.catalogue(office.applicant, VILLAGE, forbidden=False)
    assert len(allowed) == 44
    party = office.matters.catalogue(office.applicant, VILLAGE, forbidden=False, seal_kind="party")
    assert 0 < len(party) < len(allowed)
    assert all("party" in one.seals for one in party)


@pytest.mark.parametrize("asked", ["无犯罪记录证明", "无犯罪", "单身证明"])
def test_asking_for_a_forbidden_certificate_finds_the_way(office: Office, asked: str) -> None:
    found = office.matters.catalogue(office.applicant, VILLAGE, text=asked)
    assert any(one.forbidden and one.instead for one in found)


def test_the_defaults_are_installed_once_and_each_is_recorded(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, DISTRICT)
    assert office.matters.install_defaults(admin, DISTRICT) == 0
    assert len(office.world.records("matter.changed")) == 64


def test_a_town_has_its_own_matters_beside_the_districts(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, TOWN)
    spec = office.matters.get(admin, "330109.residence").spec
    made = office.matters.add(admin, TOWN, "market", MatterForm("集市摊位说明", "群众办事", spec))
    assert made.id == "330109103.market"
    names = {one.name for one in office.matters.catalogue(office.applicant, VILLAGE)}
    assert "集市摊位说明" in names
    elsewhere = office.world.actor(Role.APPLICANT, OTHER_TOWN)
    names = {one.name for one in office.matters.catalogue(elsewhere, OTHER_TOWN)}
    assert "集市摊位说明" not in names
    with pytest.raises(DomainError, match="not_found"):
        office.matters.get(elsewhere, made.id)
    with pytest.raises(DomainError, match="matter_exists"):
        office.matters.add(admin, TOWN, "market", MatterForm("又一个", "群众办事", spec))


def test_a_change_is_a_new_version_and_nobody_overwrites_anybody(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, DISTRICT)
    old = office.matters.get(admin, "330109.residence")
    form = MatterForm(old.name, old.category, {**old.spec, "frames": 5})
    new = office.matters.change(admin, old.id, 1, form)
    assert (new.version, new.spec["frames"]) == (2, 5)
    assert office.matters.get(admin, old.id, 1).spec["frames"] == 3
    with pytest.raises(DomainError, match="changed_meanwhile"):
        office.matters.change(admin, old.id, 1, form)
    with pytest.raises(DomainError, match="bad_matter"):
        office.matters.change(admin, old.id, 2, MatterForm("x", "y", {"frames": 99}))
    record = office.world.records("matter.changed")[-1]
    assert (record.data["version"], record.person) == (2, admin.person_id)


def test_a_retired_matter_leaves_the_catalogue(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, DISTRICT)
    office.matters.retire(admin, "330109.residence")
    names = {one.id for one in office.matters.catalogue(office.applicant, VILLAGE)}
    assert "330109.residence" not in names
    assert office.world.records("matter.changed")[-1].data["retired"] is True
    assert office.matters.install_defaults(admin, DISTRICT) == 0


@pytest.mark.parametrize("kind", [kind for kind in Role if kind is not Role.ADMIN])
def test_promise_6_only_administrators_of_the_branch_change_it(office: Office, kind: Role) -> None:
    below = office.world.actor(Role.ADMIN, TOWN)
    for by in (office.world.actor(kind, DISTRICT), below):
        with pytest.raises(DomainError, match="denied"):
            office.matters.retire(by, "330109.residence")
        with pytest.raises(DomainError, match="denied"):
            office.matters.install_defaults(by, DISTRICT)
        with pytest.raises(DomainError, match="denied"):
            office.matters.add(by, DISTRICT, "x", MatterForm("x", "y", {}))


def test_promise_6_the_catalogue_of_another_branch_does_not_exist(office: Office) -> None:
    with pytest.raises(DomainError, match="not_found"):
        office.matters.catalogue(office.applicant, OTHER_TOWN)
    with pytest.raises(DomainError, match="not_found"):
        office.matters.catalogue(office.applicant, "/3301")
    with pytest.raises(DomainError, match="not_found"):
        office.matters.get(office.applicant, "330109.none")
