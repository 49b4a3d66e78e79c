"""What time alone brings about."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.services.sweeps import Sweeps
from tests.support.office import DAY, HOUR, Office
from tests.support.world import World


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def test_c28_a_missed_deadline_is_noted_once_for_each_step(office: Office) -> None:
    made = office.submitted(office.form("unsafe-house", title="危房改造申请"))
    assert office.sweeps.note_overdue_steps() == 0
    office.world.clock.advance(2 * DAY)
    assert office.sweeps.note_overdue_steps() == 1
    assert office.sweeps.note_overdue_steps() == 0
    late = office.reader.get(office.applicant, made.row.id)
    assert late.steps[0].overdue_at == office.world.clock()
    office.applications.approve(office.approver, made.row.id, made.row.version)
    office.world.clock.advance(7 * DAY)
    assert office.sweeps.note_overdue_steps() == 1
    first, second = office.world.records("application.overdue")
    assert (first.data["step"], second.data["step"]) == ("村社负责人初审", "镇街审批")
    assert first.person is None
    assert first.application == made.row.id


def test_a_deadline_waits_for_the_next_working_day(office: Office) -> None:
    office.world.clock.advance(3 * DAY + 8 * HOUR)  # Friday evening
    office.submitted()
    office.world.clock.advance(2 * DAY)
    assert office.sweeps.note_overdue_steps() == 0
    office.world.clock.advance(DAY)
    assert office.sweeps.note_overdue_steps() == 1


def test_what_nobody_decided_in_time_expires(office: Office) -> None:
    made = office.submitted()
    short = office.submitted(office.form(wanted_until=office.world.clock() + HOUR))
    draft = office.draft()
    returned = office.submitted()
    office.applications.return_for_more(
        office.approver, returned.row.id, returned.row.version, "补照片"
    )
    office.world.clock.advance(HOUR)
    assert office.sweeps.expire_applications() == 1
    assert office.reader.get(office.applicant, short.row.id).row.status == "expired"
    office.world.clock.advance(30 * DAY)
    assert office.sweeps.run() == {
        "applications_expired": 2,
        "grants_expired": 0,
        "steps_overdue": 0,
        "permits_overdue": 0,
        "uses_numbered": 0,
        "downlinks_overtaken": 0,
    }
    assert office.reader.get(office.applicant, made.row.id).row.status == "expired"
    assert office.reader.get(office.applicant, draft.row.id).row.status == "draft"
    assert len(office.world.records("application.expired")) == 3


def test_a_sweep_takes_a_bounded_bite(office: Office) -> None:
    for _ in range(3):
        office.submitted()
    office.world.clock.advance(40 * DAY)
    context = office.world.context
    small = Sweeps(replace(context, settings=replace(context.settings, sweep_batch=2)))
    assert [small.expire_applications() for _ in range(3)] == [2, 1, 0]
