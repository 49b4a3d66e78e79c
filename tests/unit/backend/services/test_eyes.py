"""The eyes: what is looked at, when, and what is written of it. Whoever looks is a stand-in."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from backend.domain.eyes import ImprintFinding, ImprintVerdict, Mark, PageFinding, PageVerdict
from backend.domain.record import Record
from backend.services.eyes import Eyes, EyesSettings
from backend.store import looks
from backend.store.pictures import PictureStore
from backend.store.tables import (
    application,
    document,
    look,
    picture,
    reference_page,
    seal_use,
    sheet,
    use_grant,
    worker_cursor,
)
from backend.vision.workers import wire
from backend.vision.workers.worker import WorkerFailed
from tests.support.world import VILLAGE, World

USE = "ZY0001:7"


class Bench:
    """A village with one use under way, and eyes whose worker says what it is told to."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.store = PictureStore(world.ring, random=world.context.random)
        self.eyes = Eyes(world.context, self.store, EyesSettings(give_up_ms=1_000_000))
        self.asked: list[Any] = []
        self.answers: list[Callable[[], wire.Result]] = []

    def ask(self, task: wire.Task) -> wire.Result:
        self.asked.append(task)
        return self.answers.pop(0)()

    def says(self, result: wire.Result) -> None:
        self.answers.append(lambda: result)

    def dies(self) -> None:
        def die() -> wire.Result:
            raise WorkerFailed("died")

        self.answers.append(die)

    def page_captured(
        self, name: str, stage: str, counter: int, *, data: bytes | None = b"x"
    ) -> None:
        """The sleeve tells of a picture; with ``data`` it is here already."""
        world, now = self.world, self.world.clock()
        kind = f"page_{stage}"
        with world.db.write() as conn:
            if data is not None:
                self.store.put(
                    conn, name, data, org_path=VILLAGE, kind=kind, mime="image/jpeg", now=now
                )
                conn.execute(
                    update(picture)
                    .where(picture.c.id == name)
                    .values(use_id=USE, press=1, counter=counter)
                )
            else:
                conn.execute(
                    picture.insert(),
                    {
                        "id": name,
                        "org_path": VILLAGE,
                        "kind": kind,
                        "use_id": USE,
                        "press": 1,
                        "counter": counter,
                        "size": 1,
                        "pieces": 1,
                        "state": "announced",
                        "created_at": now,
                    },
                )
            body = {
                "use": 7,
                "stage": stage,
                "press": 1,
                "picture": {"commit": bytes.fromhex(name), "size": 1, "pieces": 1},
            }
            world.context.journal.append(
                conn,
                [
                    Record(
                        kind="event.page_captured",
                        org_path=VILLAGE,
                        at=now,
                        happened_at=now - 5,
                        device="ZY0001",
                        counter=counter,
                        seal="SL1",
                        application="A1",
                        grant_id="G1",
                        use_id=USE,
                        data={"event": body, "boot": 1, "verdict": {}},
                    )
                ],
            )

    def arrives(self, name: str, data: bytes = b"x") -> None:
        """A picture that was told of has come."""
        with self.world.db.write() as conn:
            conn.execute(picture.delete().where(picture.c.id == name))
            self.store.put(
                conn,
                name,
                data,
                org_path=VILLAGE,
                kind="page_before",
                mime="image/jpeg",
                now=self.world.clock(),
            )

    def submitted(self, *papers: bytes) -> None:
        """An application with these papers."""
        world, now = self.world, self.world.clock()
        with world.db.write() as conn:
            for position, data in enumerate(papers):
                name = world.context.new_id()
                self.store.put(
                    conn, name, data, org_path=VILLAGE, kind="document", mime="image/jpeg", now=now
                )
                conn.execute(
                    document.insert(),
                    {
                        "id": name,
                        "application_id": "A1",
                        "position": position,
                        "kind": "page",
                        "name": "合同",
                        "mime": "image/jpeg",
                        "size": len(data),
                        "sha256": bytes(32),
                        "picture_id": name,
                        "created_at": now,
                    },
                )
            world.context.journal.append(
                conn,
                [Record("application.submitted", VILLAGE, now, now, application="A1", data={})],
            )

    def run(self) -> None:
        """Everything that can be done now."""
        while self.eyes.read() or self.eyes.release() or self.eyes.look(self.ask):
            pass

    def settled(self) -> bool:
        """Whether the eyes say that nothing is to be done."""
        return self.eyes.idle

    def looks(self) -> list[Any]:
        with self.world.db.read() as conn:
            return list(conn.execute(select(look).order_by(look.c.created_at, look.c.counter)))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Use 7 of sleeve ZY0001, by grant G1 of application A1 for seal SL1."""
    world = World.create(f"sqlite+pysqlite:///{tmp_path / 'eyes.sqlite3'}", tmp_path)
    now = world.clock()
    with world.db.write() as conn:
        conn.execute(
            use_grant.insert(),
            {
                "id": "G1",
                "application_id": "A1",
                "org_path": VILLAGE,
                "device_id": "ZY0001",
                "seal_id": "SL1",
                "operator_id": "P1",
                "alternates": [],
                "job": "12345678",
                "stamps": 1,
                "title": "合同",
                "not_before": 0,
                "not_after": now + 1,
                "policy": {},
                "state": "unlocked",
                "issued_at": now,
            },
        )
        conn.execute(
            seal_use.insert(),
            {
                "id": USE,
                "org_path": VILLAGE,
                "device_id": "ZY0001",
                "seal_id": "SL1",
                "application_id": "A1",
                "grant_id": "G1",
                "operator_id": "P1",
                "state": "cleared",
                "person_check": "match",
                "started_at": now,
                "recorded_at": now,
                "last_event_at": now,
                "first_seq": 0,
            },
        )
    yield Bench(world)
    world.close()


def _page(finding: PageFinding, *marks: Mark, crops: int = 0) -> wire.PageSeen:
    return wire.PageSeen(
        PageVerdict(finding, 0, marks, (), {"inliers": 120.0}),
        [wire.Crop(b"approved", b"found")] * crops,
    )


def _killed() -> wire.Result:
    raise KeyboardInterrupt


def _made(words: str) -> wire.ReferenceMade:
    return wire.ReferenceMade(
        [wire.MadePage(b"features", words, {"title": words}, [(0.1, 0.8, 0.3, 0.1)])]
    )


def test_a_page_is_held_against_the_pages_that_were_approved(bench: Bench) -> None:
    bench.submitted(b"paper one", b"paper two")
    bench.says(_made("土地承包合同"))
    bench.says(_made("第二页"))
    bench.run()
    with bench.world.db.read() as conn:
        pages = conn.execute(select(reference_page).order_by(reference_page.c.position)).all()
    assert [(page.position, page.words) for page in pages] == [(0, "土地承包合同"), (1, "第二页")]

    bench.page_captured("aa" * 32, "before", 9)
    mark = Mark("changed", (0.5, 0.25, 0.1, 0.05), 0, "伍万元", "伍拾万元")
    bench.says(_page(PageFinding.ALTERED, mark, crops=1))
    bench.run()
    task = bench.asked[-1]
    assert isinstance(task, wire.LookAtPage)
    assert task.references == [b"features", b"features"]
    assert task.zones == [[(0.1, 0.8, 0.3, 0.1)]] * 2
    [said] = bench.world.records("page.checked")
    assert said.data["finding"] == "altered"
    assert (said.use_id, said.application, said.seal, said.person) == (USE, "A1", "SL1", "P1")
    assert said.happened_at == bench.world.clock() - 5
    # What a contract says is nobody's business but its readers': the log has the place only.
    assert said.data["marks"] == [{"kind": "changed", "page": 0, "box": [0.5, 0.25, 0.1, 0.05]}]
    [found] = [one for one in bench.looks() if one.kind == "page"]
    assert found.result["marks"][0]["found"] == "伍拾万元"
    assert found.seq == said.seq
    [[approved, seen]] = found.result["crops"]
    with bench.world.db.read() as conn:
        assert bench.store.get(conn, approved) == b"approved"
        assert bench.store.get(conn, seen) == b"found"


def test_what_the_applicant_marked_goes_along_with_the_paper(bench: Bench) -> None:
    bench.submitted(b"paper one", b"paper two")
    with bench.world.db.write() as conn:
        first, _ = conn.execute(select(document.c.id).order_by(document.c.position)).scalars()
        marks = {"zones": {first: [[0, 550, 800, 330, 60]]}}
        values = dict.fromkeys(("matter_id", "seal_id", "applicant_id", "operator_id"), "x")
        values |= {"title": "合同", "purpose": "", "kind": "ordinary", "status": "submitted"}
        counts = {"copies": 1, "stamps": 1, "matter_version": 1, "created_at": 0}
        own = {"id": "A1", "org_path": VILLAGE, "details": marks}
        conn.execute(application.insert(), values | counts | own)
    bench.says(_made("第一页"))
    bench.says(_made("第二页"))
    bench.run()
    assert [task.marks for task in bench.asked] == [[(0, (0.55, 0.8, 0.33, 0.06))], []]


def test_nothing_is_looked_at_twice(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    bench.says(_page(PageFinding.SAME))
    bench.run()
    with bench.world.db.write() as conn:  # as after a backup was put back
        conn.execute(update(worker_cursor).values(seq=0))
    bench.run()
    assert len(bench.world.records("page.checked")) == 1


def test_a_look_waits_for_its_picture_and_for_the_papers(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9, data=None)
    bench.run()
    assert [one.state for one in bench.looks()] == ["waiting"]
    assert bench.settled()
    bench.arrives("aa" * 32)
    assert not bench.settled()
    bench.says(_page(PageFinding.SAME))
    bench.run()
    assert [one.finding for one in bench.looks()] == ["same"]


def test_a_picture_that_never_comes_ends_as_impossible(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9, data=None)
    bench.run()
    bench.world.clock.advance(1_000_001)
    bench.run()
    [said] = bench.world.records("page.checked")
    assert (said.data["finding"], said.data["reasons"]) == ("impossible", ["picture_on_its_way"])


def test_a_worker_that_dies_is_asked_again_then_given_up(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    bench.dies()
    bench.says(_page(PageFinding.SAME))
    bench.run()
    assert [said.data["finding"] for said in bench.world.records("page.checked")] == ["same"]

    bench.page_captured("bb" * 32, "before", 10)
    bench.dies()
    bench.dies()
    bench.run()
    last = bench.world.records("page.checked")[-1]
    assert (last.data["finding"], last.data["reasons"]) == ("impossible", ["worker_failed"])
    assert bench.settled()


def test_a_look_whose_taker_was_killed_is_taken_again(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    bench.answers.append(_killed)
    with pytest.raises(KeyboardInterrupt):
        bench.run()
    assert not bench.eyes.look(bench.ask)  # somebody may still be looking
    bench.world.clock.advance(bench.eyes.settings.lease_ms + 1)
    bench.says(_page(PageFinding.SAME))
    bench.run()
    assert len(bench.world.records("page.checked")) == 1


def test_an_imprint_is_judged_from_the_pair_around_its_press(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9, data=b"first before")
    bench.page_captured("bb" * 32, "before", 10, data=b"second before")
    bench.page_captured("cc" * 32, "after", 12, data=b"after")
    bench.says(_page(PageFinding.RETAKE))
    bench.says(_page(PageFinding.SAME))
    bench.says(wire.ImprintSeen(ImprintVerdict(ImprintFinding.NONE), [], b""))
    bench.run()
    task = bench.asked[-1]
    assert isinstance(task, wire.LookAtImprint)
    assert (task.before, task.after) == (b"second before", b"after")
    [said] = bench.world.records("imprint.checked")
    assert (said.data["finding"], said.data["press"]) == ("none", 1)


def test_an_imprint_without_a_picture_from_before_is_impossible(bench: Bench) -> None:
    bench.page_captured("cc" * 32, "after", 12)
    bench.run()
    [said] = bench.world.records("imprint.checked")
    assert said.data["reasons"] == ["no_before"]


def test_the_look_that_a_sleeve_waits_for_comes_first(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    bench.eyes.read()
    with bench.world.db.write() as conn:
        conn.execute(update(use_grant).values(policy={"wait_for_page": True}))
    bench.world.clock.advance(1)
    bench.page_captured("bb" * 32, "before", 10, data=b"held")
    bench.eyes.read()
    bench.eyes.release()
    bench.says(_page(PageFinding.SAME))
    bench.eyes.look(bench.ask)
    assert bench.asked[0].photo == b"held"


def test_the_backlog_is_seen(bench: Bench) -> None:
    for number in range(3):
        bench.page_captured(f"{number:064}", "before", 9 + number)
    bench.page_captured("ff" * 32, "before", 20, data=None)
    bench.eyes.read()
    bench.eyes.release()
    bench.world.clock.advance(7_000)
    found = bench.eyes.backlog
    assert (found.ready, found.waiting, found.put_off, found.age_ms) == (3, 1, 0, 7_000)


def full(bench: Bench, most: int) -> None:
    """The queue holds ``most`` looks, and has as many; two more pictures have come."""
    bench.eyes.settings = EyesSettings(most=most, give_up_ms=1_000_000)
    for number in range(most + 2):
        bench.world.clock.advance(1)
        bench.page_captured(f"{number:064}", "before", 9 + number)
        bench.eyes.read()
    bench.eyes.release()


def test_beyond_a_full_queue_a_look_is_put_off_and_its_record_says_so(bench: Bench) -> None:
    full(bench, 2)
    said = bench.world.records("page.checked")
    assert [(one.data["finding"], one.data["reasons"]) for one in said] == [
        ("impossible", ["queue_full"])
    ] * 2
    assert [one.data["pictures"] for one in said] == [[f"{2:064}"], [f"{3:064}"]]
    assert (said[0].use_id, said[0].seal) == (USE, "SL1")
    left = bench.eyes.backlog
    assert (left.ready, left.put_off, bench.eyes.stats.put_off) == (2, 2, 2)
    with bench.world.db.read() as conn:  # nothing is lost
        assert bench.store.get(conn, f"{3:064}") == b"x"


def test_what_was_put_off_is_looked_at_after_all_that_came_later(bench: Bench) -> None:
    full(bench, 2)
    for _ in range(2):
        bench.says(_page(PageFinding.SAME))
        bench.eyes.look(bench.ask)
    bench.page_captured("ee" * 32, "before", 30, data=b"later")
    bench.eyes.read()
    bench.eyes.release()
    assert not bench.settled()
    for _ in range(3):
        bench.says(_page(PageFinding.SAME))
        bench.eyes.look(bench.ask)
    assert [task.photo for task in bench.asked] == [b"x", b"x", b"later", b"x", b"x"]
    assert bench.settled()
    last = bench.world.records("page.checked")[-1]
    assert (last.data["finding"], last.data["pictures"]) == ("same", [f"{3:064}"])
    assert bench.eyes.backlog.put_off == 0
    # The page of the use shows the later verdict.
    assert bench.looks()[3].seq == last.seq


def test_a_press_that_a_sleeve_waits_for_is_never_put_off(bench: Bench) -> None:
    with bench.world.db.write() as conn:
        conn.execute(update(use_grant).values(policy={"wait_for_page": True}))
    full(bench, 1)
    assert bench.world.records("page.checked") == []
    assert (bench.eyes.backlog.ready, bench.eyes.backlog.put_off) == (3, 0)


def test_what_was_put_off_too_long_ago_stays_as_it_was_told(bench: Bench) -> None:
    full(bench, 1)
    bench.world.clock.advance(1_000_001)
    bench.eyes.release()
    assert (bench.eyes.backlog.ready, bench.eyes.backlog.put_off) == (1, 0)
    bench.says(_page(PageFinding.SAME))
    bench.run()
    found = [one.data["finding"] for one in bench.world.records("page.checked")]
    assert found == ["impossible", "impossible", "same"]


def test_a_second_process_puts_nothing_off_twice(bench: Bench) -> None:
    full(bench, 1)
    [first, *_] = [one for one in bench.looks() if one.finding == "impossible"]
    with bench.world.db.write() as conn:
        assert not looks.put_off(conn, first.id, finding="impossible", reason="queue_full")


def test_a_stamped_sheet_is_remembered_for_other_uses(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    bench.page_captured("bb" * 32, "after", 10)
    bench.says(_page(PageFinding.SAME))
    bench.says(wire.ImprintSeen(ImprintVerdict(ImprintFinding.RIGHT), [], b"sheet"))
    bench.run()
    bench.page_captured("cc" * 32, "before", 11)
    bench.says(_page(PageFinding.SAME))
    bench.run()
    assert bench.asked[-1].remembered == {}  # the same use: one sheet may be pressed twice
    with bench.world.db.write() as conn:
        conn.execute(update(sheet).values(use_id="ZY0001:1"))
    bench.page_captured("dd" * 32, "before", 12)
    bench.says(_page(PageFinding.REUSED))
    bench.run()
    assert set(bench.asked[-1].remembered.values()) == {b"sheet"}


def test_records_that_say_nothing_to_them_cost_no_write(bench: Bench) -> None:
    bench.page_captured("aa" * 32, "before", 9)
    assert bench.eyes.read() == 1
    now = bench.world.clock()
    with bench.world.db.write() as conn:
        many = [Record("event.stamped", VILLAGE, now, now, data={})] * 5
        bench.world.context.journal.append(conn, many)
        place = conn.execute(select(worker_cursor.c.seq)).scalar_one()
    assert bench.eyes.read() == 0
    with bench.world.db.read() as conn:
        assert conn.execute(select(worker_cursor.c.seq)).scalar_one() == place
    bench.page_captured("bb" * 32, "before", 10)
    assert bench.eyes.read() == 6
    assert len(bench.looks()) == 2


def test_only_whose_papers_are_to_be_looked_at_are(bench: Bench) -> None:
    concerned: list[str | None] = []

    def none(application: str | None) -> bool:
        concerned.append(application)
        return False

    bench.eyes = Eyes(bench.world.context, bench.store, concerned=none)
    bench.submitted(b"paper")
    bench.page_captured("aa" * 32, "before", 3)
    while bench.eyes.read():
        pass
    assert bench.eyes.idle
    assert bench.eyes.presses == set()
    assert not bench.eyes.look(bench.ask)
    assert set(concerned) == {"A1"}


def test_what_becomes_of_presses_is_known_at_every_step(bench: Bench) -> None:
    bench.submitted(b"paper")
    left: list[tuple[str, set[str]]] = []

    def then(what: str) -> None:
        while what != "told of" and bench.eyes.read():
            pass
        bench.eyes.release()
        left.append((what, bench.eyes.presses))

    then("a paper alone is no press")
    bench.page_captured("aa" * 32, "before", 3, data=None)
    then("told of")
    then("its picture is on its way")
    bench.arrives("aa" * 32)
    then("it only waits for its paper to be read")
    bench.says(wire.ReferenceMade([]))
    assert bench.eyes.look(bench.ask)
    then("its paper was read")
    bench.says(wire.PageSeen(PageVerdict(PageFinding.NO_REFERENCE), []))
    assert bench.eyes.look(bench.ask)
    then("it was looked at")
    assert left == [
        ("a paper alone is no press", set()),
        ("told of", {"ready"}),
        ("its picture is on its way", {"waiting"}),
        ("it only waits for its paper to be read", {"ready"}),
        ("its paper was read", {"ready"}),
        ("it was looked at", set()),
    ]


def test_what_somebody_left_behind_is_taken_at_once_by_whoever_is_alone(bench: Bench) -> None:
    bench.submitted(b"paper")
    while bench.eyes.read():
        pass
    with bench.world.db.write() as conn:
        assert looks.lease(conn, bench.world.clock(), 10**9) is not None
    assert not bench.eyes.look(bench.ask)
    with bench.world.db.write() as conn:
        looks.give_all_back(conn)
    bench.says(wire.ReferenceMade([]))
    assert bench.eyes.look(bench.ask)
