"""Enrolling a seal's imprint. Whoever looks at the pictures is a stand-in."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.imprints import ImprintService
from backend.store.tables import imprint_template, seal
from backend.vision.imprints.template import ImprintTemplate
from backend.vision.imprints.unroll import DIRECTIONS, DISTANCES
from backend.vision.workers.wire import ImprintEnrolled, Result, Task, Unable
from backend.vision.workers.worker import WorkerFailed
from tests.support.shots import jpeg
from tests.support.world import OTHER_VILLAGE, VILLAGE, World, org_id

ANSWERS: dict[str, Result] = {
    "good": ImprintEnrolled(b"template", "ring-1"),
    "faint": Unable("imprint_not_clean", "印迹太淡", "too faint"),
}


class Bench:
    """A village with one seal."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer: Result | None = ANSWERS["good"]
        self.service = ImprintService(world.context, self._ask)
        self.admin = world.actor(Role.ADMIN)
        with world.db.write() as conn:
            conn.execute(
                seal.insert(),
                {
                    "id": "SL1",
                    "org_id": org_id(VILLAGE),
                    "org_path": VILLAGE,
                    "kind": "committee",
                    "name": "柳塘村村民委员会",
                    "status": "active",
                    "created_at": world.clock(),
                },
            )

    def _ask(self, _task: Task) -> Result:
        if self.answer is None:
            raise WorkerFailed("timeout")
        return self.answer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World.create(f"sqlite+pysqlite:///{tmp_path / 'imprints.sqlite3'}", tmp_path)
    yield Bench(world)
    world.close()


def test_an_imprint_is_enrolled_on_record_and_the_next_takes_its_place(bench: Bench) -> None:
    first = bench.service.enrol(bench.admin, "SL1", [jpeg(1)])
    bench.world.clock.advance(1)
    second = bench.service.enrol(bench.admin, "SL1", [jpeg(1), jpeg(2)])
    newest, older = bench.service.find(bench.admin, "SL1")
    assert (newest.id, newest.retired_at) == (second.id, None)
    assert (older.id, older.retired_at) == (first.id, bench.world.clock())
    records = bench.world.records("imprint.enrolled")
    assert [one.seal for one in records] == ["SL1", "SL1"]
    with bench.world.db.read() as conn:
        kept = conn.execute(select(imprint_template.c.template)).scalars().all()
    assert kept == [b"template"] * 2


@pytest.mark.parametrize(
    ("pictures", "answer", "code"),
    [
        ([], "good", "no_pictures"),
        ([jpeg(1)] * 5, "good", "too_many_pictures"),
        ([b"no picture"], "good", "picture_unreadable"),
        ([jpeg(1)], "faint", "imprint_not_clean"),
        ([jpeg(1)], None, "eyes_away"),
    ],
)
def test_what_cannot_be_enrolled_says_why_and_changes_nothing(
    bench: Bench, pictures: list[bytes], answer: str | None, code: str
) -> None:
    bench.answer = ANSWERS[answer] if answer else None
    with pytest.raises(DomainError) as refused:
        bench.service.enrol(bench.admin, "SL1", pictures)
    assert refused.value.code.startswith(code.split("_")[0])
    assert bench.service.find(bench.admin, "SL1") == []
    assert bench.world.records("imprint.enrolled") == []


def test_promise_6_nobody_enrols_or_sees_the_seal_of_another_branch(bench: Bench) -> None:
    stranger = bench.world.actor(Role.ADMIN, OTHER_VILLAGE)
    for call in (
        lambda: bench.service.enrol(stranger, "SL1", [jpeg(1)]),
        lambda: bench.service.find(stranger, "SL1"),
    ):
        with pytest.raises(DomainError, match="seal"):
            call()
    custodian = bench.world.actor(Role.CUSTODIAN)
    with pytest.raises(DomainError) as refused:
        bench.service.enrol(custodian, "SL1", [jpeg(1)])
    assert refused.value.code == "denied"


def test_a_retired_imprint_is_compared_with_no_more(bench: Bench) -> None:
    made = bench.service.enrol(bench.admin, "SL1", [jpeg(1)])
    assert bench.service.enrolled(bench.admin, VILLAGE) == {"SL1"}
    assert bench.service.enrolled(bench.admin, OTHER_VILLAGE) == frozenset()
    with pytest.raises(DomainError) as silent:
        bench.service.retire(bench.admin, "SL1", " ")
    assert silent.value.code == "reason_missing"
    bench.service.retire(bench.admin, "SL1", "印章重刻")
    (record,) = bench.world.records("imprint.retired")
    assert record.data == {"templates": [made.id], "reason": "印章重刻"}
    assert bench.service.enrolled(bench.admin, VILLAGE) == frozenset()
    with pytest.raises(DomainError) as again:
        bench.service.retire(bench.admin, "SL1", "再停一次")
    assert again.value.code == "no_imprint"


def test_how_good_an_enrolled_imprint_is_can_be_seen(bench: Bench) -> None:
    half = bytes([255] * DISTANCES) * (DIRECTIONS // 2)
    raw = half.ljust(DIRECTIONS * DISTANCES, b"\0")
    template = ImprintTemplate(21.0, 2, "", "柳塘村", raw)
    bench.answer = ImprintEnrolled(template.to_bytes(), "ring-1")
    found = bench.service.enrol(bench.admin, "SL1", [jpeg(1)])
    assert (found.pictures, found.read, found.whole) == (2, "柳塘村", 0.5)
    bench.answer = ANSWERS["good"]  # no template at all
    assert bench.service.enrol(bench.admin, "SL1", [jpeg(1)]).whole is None


def test_a_destroyed_seal_gets_no_imprint(bench: Bench) -> None:
    with bench.world.db.write() as conn:
        conn.execute(seal.update().values(status="destroyed"))
    with pytest.raises(DomainError) as refused:
        bench.service.enrol(bench.admin, "SL1", [jpeg(1)])
    assert refused.value.code == "seal_destroyed"
