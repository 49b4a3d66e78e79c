"""Entering by the hundred: all or nothing, again without harm, within one's branch."""

from collections.abc import Mapping

import pytest
from sqlalchemy import func, select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.import_book import Line
from backend.services.imports import ImportService
from backend.store.pictures import PictureStore
from backend.store.tables import organisation, person, record, role, seal
from tests.support.world import OTHER_TOWN, TOWN, VILLAGE, World, org_id

NEW = "330109103299"


def line(sheet: str, number: int, **cells: str) -> Line:
    return Line(sheet, number, cells)


BOOK = [
    line("单位", 2, code=NEW, name="新河村", parent=org_id(TOWN), lat="30.1", lon="120.2"),
    line("人员", 2, org=NEW, name="周明", login="zhouming", role="印章管理员", ends="2027-12-31"),
    line("人员", 3, org=NEW, name="周明", login="zhouming", role="申请人"),
    line("人员", 4, org=NEW, name="吴芳", phone="13800000000", role="审批人"),
    line("印章", 2, org=NEW, kind="村(居)委会章", name="新河村村民委员会章", custodian="周明"),
]


@pytest.fixture
def imports(world: World) -> ImportService:
    return ImportService(world.context, PictureStore(world.ring), world.clock)


@pytest.fixture
def admin(world: World) -> Actor:
    return world.actor(Role.ADMIN, TOWN)


def counts(world: World) -> Mapping[str, int]:
    with world.db.read() as conn:
        return {
            table.name: conn.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (organisation, person, role, seal, record)
        }


def test_a_dry_run_changes_nothing_and_says_what_it_would_do(
    world: World, imports: ImportService, admin: Actor
) -> None:
    before = counts(world)
    outcome = imports.run(admin, BOOK, dry=True)
    assert (outcome.made, outcome.problems, outcome.done) == (
        {"单位": 1, "人员": 3, "印章": 1},
        [],
        False,
    )
    assert counts(world) == before


def test_everything_is_entered_recorded_and_a_second_time_kept(
    world: World, imports: ImportService, admin: Actor
) -> None:
    outcome = imports.run(admin, BOOK, dry=False)
    assert outcome.done
    with world.db.read() as conn:
        kept = conn.execute(select(seal)).one()
        keeper = conn.execute(select(person).where(person.c.id == kept.custodian_id)).one()
        assert keeper.name == "周明"
        assert conn.execute(select(func.count()).select_from(person)).scalar_one() == 3
    kinds = [one.kind for one in world.records()]
    assert kinds == [
        "organisation.created",
        "person.created",
        "role.granted",
        "role.granted",
        "person.created",
        "role.granted",
        "seal.registered",
        "import.made",
    ]
    before = counts(world)
    again = imports.run(admin, BOOK, dry=False)
    assert (again.made, again.kept) == ({}, {"单位": 1, "人员": 3, "印章": 1})
    assert {**counts(world), "record": 0} == {**before, "record": 0}


def test_one_wrong_row_and_nothing_is_entered_but_every_wrong_row_is_named(
    world: World, imports: ImportService, admin: Actor
) -> None:
    before = counts(world)
    wrong = [
        *BOOK,
        line("单位", 3, code=org_id(VILLAGE), name="别的名字", parent=org_id(TOWN)),
        line("人员", 5, org=NEW, name="郑和", role="监督员", ends="去年"),
        line("人员", 6, org=NEW, name="吴芳", role="印章管理员"),
        line("印章", 3, org=NEW, kind="村(居)委会章", name="第二枚"),
        line("印章", 4, org=NEW, kind="党组织章", name="党章", custodian="没有这个人"),
        line("印章", 5, org="999", kind="党组织章", name="党章"),
    ]
    outcome = imports.run(admin, wrong, dry=False)
    assert not outcome.done
    assert [(one.sheet, one.number) for one in outcome.problems] == [
        ("单位", 3),
        ("人员", 5),
        ("人员", 6),
        ("印章", 3),
        ("印章", 4),
        ("印章", 5),
    ]
    assert counts(world) == before
    # After all that, the journal goes on from where it was.
    assert imports.run(admin, BOOK, dry=False).done


def test_promise_6_nothing_is_entered_into_another_branch(
    world: World, imports: ImportService
) -> None:
    stranger = world.actor(Role.ADMIN, OTHER_TOWN)
    before = counts(world)
    outcome = imports.run(stranger, BOOK, dry=False)
    assert len(outcome.problems) == len(BOOK)
    assert "新河" not in str(outcome.problems[0].zh)
    existing = [line("人员", 2, org=org_id(VILLAGE), name="谁", role="申请人")]
    assert imports.run(stranger, existing, dry=False).problems
    assert counts(world) == before
    with pytest.raises(DomainError, match="administrator"):
        imports.run(world.actor(Role.SUPERVISOR, TOWN), BOOK, dry=True)
