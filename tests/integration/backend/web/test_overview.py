"""一屏 on each database: what it counts, where, and for whom."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.errors import DomainError
from backend.store import overview, today
from backend.store.scope import in_branches
from backend.store.tables import alert, application, device, seal, seal_use
from backend.web import formats
from backend.web.overview_numbers import DAYS, STEP_SOON_MS, Counting, Overview, find
from tests.support.world import (
    DISTRICT,
    FAR_VILLAGE,
    OTHER_TOWN,
    OTHER_VILLAGE,
    START,
    TOWN,
    VILLAGE,
    World,
    org_id,
)

MINUTE = 60_000
HOUR = 60 * MINUTE


@pytest.fixture
def world(tables_url: str, tmp_path: Path) -> Iterator[World]:
    made = World.create(tables_url, tmp_path)
    made.clock.time = formats.local_midnight(START) + 10 * HOUR
    for path in (VILLAGE, OTHER_VILLAGE, FAR_VILLAGE):
        add_seal(made, path)
    yield made
    made.close()


def seal_of(path: str) -> str:
    return f"seal-{org_id(path)}"


def add_seal(world: World, path: str, **columns: Any) -> None:
    with world.db.write() as conn:
        conn.execute(
            seal.insert(),
            {
                "id": seal_of(path),
                "org_id": org_id(path),
                "org_path": path,
                "kind": "committee",
                "name": "村民委员会章",
                "status": "active",
                "created_at": START,
            },
        )
        conn.execute(
            device.insert(),
            {
                "id": f"SL-{org_id(path)}",
                "org_id": org_id(path),
                "org_path": path,
                "seal_id": seal_of(path),
                "status": "active",
                "tip": bytes(32),
                "online": True,
                "last_seen_at": world.clock(),
                "config": {},
                "enrolled_at": START,
            }
            | columns,
        )


def add_use(world: World, path: str, at: int, pressed: int = 1) -> None:
    with world.db.write() as conn:
        conn.execute(
            seal_use.insert(),
            {
                "id": world.context.new_id(),
                "org_path": path,
                "device_id": f"SL-{org_id(path)}",
                "seal_id": seal_of(path),
                "state": "finished",
                "person_check": "match",
                "pressed": pressed,
                "granted": pressed,
                "started_at": at,
                "recorded_at": at,
                "last_event_at": at,
                "first_seq": 0,
            },
        )


def add_alert(world: World, path: str, code: str, severity: str, **columns: Any) -> None:
    new, now = world.context.new_id(), world.clock()
    with world.db.write() as conn:
        conn.execute(
            alert.insert(),
            {
                "id": new,
                "code": code,
                "dedupe": new,
                "org_path": path,
                "severity": severity,
                "active": True,
                "stage": "new",
                "seal": seal_of(path),
                "seq": 0,
                "last_seq": 0,
                "data": {},
                "happened_at": now,
                "raised_at": now,
                "updated_at": now,
            }
            | columns,
        )


def add_application(world: World, path: str, **columns: Any) -> str:
    new, now = world.context.new_id(), world.clock()
    with world.db.write() as conn:
        conn.execute(
            application.insert(),
            {
                "id": new,
                "org_path": path,
                "matter_id": "m",
                "matter_version": 1,
                "seal_id": seal_of(path),
                "applicant_id": "a",
                "operator_id": "o",
                "alternates": [],
                "status": "submitted",
                "title": "居住情况说明",
                "purpose": "入学",
                "copies": 1,
                "stamps": 1,
                "details": {},
                "created_at": now,
                "submitted_at": now,
            }
            | columns,
        )
    return new


def watcher(path: str, role: Role = Role.SUPERVISOR) -> Actor:
    return Actor("p", (RoleHeld(role, org_id(path), path),), org_path=path)


def look(world: World, actor: Actor, org: str = "", seal_id: str = "") -> Overview:
    with world.db.read() as conn:
        return Counting().overview(conn, find(conn, actor, org, seal_id), world.clock())


def test_counts_today_by_place_and_by_seal(world: World) -> None:
    now = world.clock()
    for path, uses in ((VILLAGE, 3), (OTHER_VILLAGE, 1), (FAR_VILLAGE, 2)):
        for number in range(uses):
            add_use(world, path, now - number * MINUTE, pressed=2)
    add_use(world, VILLAGE, now - 24 * HOUR)
    add_alert(world, VILLAGE, "C1", "critical")
    add_alert(world, VILLAGE, "C17", "minor", stage="assigned", due_at=now - 1)
    add_alert(world, OTHER_VILLAGE, "C1", "critical", stage="closed", closed_at=now)

    district = look(world, watcher(DISTRICT))
    assert (district.total.uses, district.total.stamps) == (6, 12)
    assert [(one.name, one.tally.uses) for one in district.cells] == [
        ("义渡镇", 4),
        ("临江街道", 2),
    ]
    town = look(world, watcher(DISTRICT), TOWN)
    assert [(one.name, one.tally.uses, one.tally.tone) for one in town.cells] == [
        ("柳塘村", 3, "bad"),
        ("石桥村", 1, "ok"),
    ]
    assert town.total.by_kind() == [("C1", 1, "critical"), ("C17", 1, "minor")]
    assert (town.total.fresh, town.total.cases_over) == (1, 1)
    village = look(world, watcher(DISTRICT), VILLAGE)
    assert [(one.seal_id, one.tally.uses) for one in village.cells] == [(seal_of(VILLAGE), 3)]
    assert village.node.crumbs == ((DISTRICT, "江南区"), (TOWN, "义渡镇"))
    one = look(world, watcher(DISTRICT), seal_id=seal_of(VILLAGE))
    assert len(one.uses) == 4
    assert one.total.uses == 3


def test_a_number_is_the_length_of_the_list_behind_it(world: World) -> None:
    now = world.clock()
    add_application(world, VILLAGE, due_at=now - MINUTE)
    add_application(world, VILLAGE, due_at=now + HOUR)
    add_application(world, OTHER_VILLAGE, due_at=now + 5 * HOUR)
    add_application(world, FAR_VILLAGE, due_at=now - MINUTE)
    total = look(world, watcher(TOWN)).total
    with world.db.read() as conn:
        inside = find(conn, watcher(TOWN), "", "").part
        lengths = {
            which: len(overview.applications(conn, inside, which, now, STEP_SOON_MS, 0))
            for which in ("waiting", "over", "soon", "approved")
        }
    assert lengths == {"waiting": 3, "over": 1, "soon": 1, "approved": 0}
    assert (total.waiting, total.steps_over, total.steps_soon) == (3, 1, 1)


def test_the_median_is_of_those_approved_in_the_last_days(world: World) -> None:
    now = world.clock()
    for minutes in (3, 5, 400):
        add_application(
            world, VILLAGE, status="used", submitted_at=now, decided_at=now + minutes * MINUTE
        )
    add_application(world, VILLAGE, status="rejected", submitted_at=now, decided_at=now + 1)
    add_application(world, FAR_VILLAGE, status="approved", submitted_at=now, decided_at=now + 1)
    world.clock.advance(40 * 24 * HOUR)
    later = look(world, watcher(TOWN))
    assert (later.approved, later.median_ms) == (0, None)
    world.clock.advance(-40 * 24 * HOUR)
    found = look(world, watcher(TOWN))
    assert (found.approved, found.median_ms) == (3, 5 * MINUTE)


def test_the_trend_ends_today_and_counts_each_local_day(world: World) -> None:
    midnight = formats.local_midnight(world.clock())
    add_use(world, VILLAGE, midnight)
    add_use(world, VILLAGE, midnight - 1)
    add_use(world, VILLAGE, midnight - (DAYS - 1) * 24 * HOUR)
    add_use(world, VILLAGE, midnight - (DAYS - 1) * 24 * HOUR - 1)
    add_alert(world, VILLAGE, "C1", "critical", raised_at=midnight - 1)
    add_alert(world, VILLAGE, "C1", "critical")
    trend = look(world, watcher(VILLAGE)).trend
    assert [(day.uses, day.alerts) for day in trend if day.uses or day.alerts] == [
        (1, 0),
        (1, 1),
        (1, 1),
    ]
    assert len(trend) == DAYS
    assert trend[-1].at == midnight


@pytest.mark.parametrize(
    ("columns", "state"),
    [
        ({}, "fine"),
        ({"open_use": "u"}, "busy"),
        ({"locked": True, "online": False}, "locked"),
        ({"gap_since": 1}, "gap"),
        ({"last_seen_at": 0}, "never"),
        ({"online": False, "last_seen_at": -2 * HOUR}, "gone"),
        ({"online": False, "last_seen_at": -MINUTE}, "away"),
        ({"last_seen_at": -20 * MINUTE}, "silent"),
        ({"battery": 19, "clock_trusted": False}, "battery"),
        ({"battery": 20}, "fine"),
        ({"clock_trusted": False}, "clock"),
    ],
)
def test_a_sleeve_is_as_bad_as_the_worst_of_it(
    world: World, columns: dict[str, Any], state: str
) -> None:
    now = world.clock()
    if columns.get("last_seen_at", 0) < 0:
        columns = columns | {"last_seen_at": now + columns["last_seen_at"]}
    add_seal(world, TOWN, **columns)
    with world.db.read() as conn:
        here = in_branches(conn, device.c.org_path, [TOWN]) & (device.c.org_path == TOWN)
        assert today.sleeve_counts(conn, here, now) == {state: 1}
        assert [row.state for row in today.sleeves(conn, here, now, 9)] == [state]
    assert look(world, watcher(TOWN)).total.states[state] >= 1


def test_promise_6_only_ones_own_branches_are_counted(world: World) -> None:
    now = world.clock()
    for path in (VILLAGE, OTHER_VILLAGE, FAR_VILLAGE):
        add_use(world, path, now)
        add_alert(world, path, "C1", "critical")
        add_application(world, path)
    total = look(world, watcher(VILLAGE)).total
    assert (total.uses, total.open_alerts, total.sleeves, total.waiting) == (1, 1, 1, 1)
    for elsewhere in (DISTRICT, TOWN, OTHER_VILLAGE, OTHER_TOWN, "/", "/330109"):
        with pytest.raises(DomainError) as error:
            look(world, watcher(VILLAGE), elsewhere)
        assert error.value.code == "not_found"
    with pytest.raises(DomainError):
        look(world, watcher(VILLAGE), seal_id=seal_of(OTHER_VILLAGE))
    with pytest.raises(DomainError) as error:
        look(world, watcher(VILLAGE, Role.APPLICANT))
    assert error.value.code == "denied"


def test_several_branches_stand_beside_each_other(world: World) -> None:
    add_use(world, VILLAGE, world.clock())
    add_use(world, FAR_VILLAGE, world.clock())
    roles = tuple(RoleHeld(Role.SUPERVISOR, org_id(path), path) for path in (VILLAGE, OTHER_TOWN))
    top = look(world, Actor("p", roles))
    assert [(one.name, one.tally.uses) for one in top.cells] == [("柳塘村", 1), ("临江街道", 1)]
    below = look(world, Actor("p", roles), VILLAGE)
    assert below.node.crumbs == (("", ""),)


def test_whoever_looks_after_everything_begins_at_the_top(world: World) -> None:
    add_use(world, VILLAGE, world.clock())
    top = look(world, watcher("/"))
    assert [(one.name, one.tally.uses) for one in top.cells] == [("江南区", 1)]
