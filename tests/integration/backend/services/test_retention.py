"""What is past its time is forgotten by itself; what proves anything stays provable."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from backend.domain.record import Record
from backend.ledger.disclosure import Scope
from backend.ledger.records import check_records, export_scope
from backend.ledger.verify import verify
from backend.services.retention import FORGOTTEN, Keep, RetentionService
from backend.store.tables import (
    alert,
    answer,
    application,
    check_job,
    delivery,
    delivery_attempt,
    document,
    downlink,
    look,
    poison,
    record,
    reference_page,
    seal_use,
    search_due,
    sheet,
)
from gateway.protocol.messages import Moved
from tests.support.office import Office
from tests.support.open_sleeve import OpenSleeve
from tests.support.world import ORIGIN, VILLAGE, World

DAY = 86_400_000
YEARS_3, DAYS_200 = 1095 * DAY, 200 * DAY
KEEP = Keep(YEARS_3, DAYS_200)


@pytest.fixture
def office(world: World) -> Office:
    return Office.open(world)


@pytest.fixture
def service(world: World) -> RetentionService:
    return RetentionService(world.context)


def a_use(office: Office, sleeve: OpenSleeve) -> tuple[str, str]:
    """An application that was used: its id and the use's."""
    made = office.approved()
    job = made.grants[0].job
    assert job is not None
    use = sleeve.unlock(job)
    sleeve.stamp(use, 1)
    name = f"{sleeve.sleeve.id}:{use}"
    with office.world.db.write() as conn:
        conn.execute(
            update(seal_use)
            .where(seal_use.c.id == name)
            .values(lat=30.1, lon=120.2, score=0.9, remarks="已核实")
        )
    return made.row.id, name


def bodies(world: World) -> dict[str, bool]:
    """Of each kind of record, whether all of them still have their content."""
    with world.db.read() as conn:
        rows = conn.execute(select(record.c.kind, record.c.body)).all()
    found: dict[str, bool] = {}
    for row in rows:
        found[row.kind] = found.get(row.kind, True) and row.body is not None
    return found


def verified(world: World, folder: Path) -> Any:
    with world.db.write() as conn:
        world.log.sign_checkpoint(conn, world.ring.log_signer(ORIGIN), world.clock())
    keys = world.ring.log_keys(ORIGIN)
    with world.db.read() as conn:
        export_scope(conn, folder / "e.zip", Scope.everything(), log=world.log, log_keys=keys)
        assert not check_records(conn)
        assert not world.log.check(conn).findings
    return verify(folder / "e.zip", log_keys=keys)


def test_promise_5_records_of_use_lose_their_content_after_three_years_and_stay_proven(
    office: Office, service: RetentionService, tmp_path: Path
) -> None:
    world, sleeve = office.world, OpenSleeve(office)
    a_use(office, sleeve)
    sleeve.line.take(sleeve.sleeve.say(Moved()))
    with world.db.write() as conn:
        kept = Record("device.enrolled", VILLAGE, world.clock(), world.clock(), device="x")
        world.context.journal.append(conn, [kept])
    before = verified(world, tmp_path)
    assert before.erased == 0
    world.clock.advance(YEARS_3)
    assert service.sweep(KEEP)["records"] == 0  # not a day too soon
    assert all(bodies(world).values())
    world.clock.advance(1)
    a_use(office, sleeve)  # of today
    gone = service.sweep(KEEP)["records"]
    assert gone > 8
    assert service.sweep(KEEP)["records"] == 0
    found = bodies(world)
    assert not found["event.stamped"]
    assert not found["application.approved"]
    assert found["device.enrolled"]
    with world.db.read() as conn:
        rows = conn.execute(
            select(record).where(record.c.body.is_(None)).order_by(record.c.seq)
        ).all()
    assert len(rows) == gone
    assert all(row.salt is None and len(row.commitment) == 32 for row in rows)
    (told,) = world.records("record.erased")
    assert told.data == {
        "first": rows[0].seq,
        "last": rows[-1].seq,
        "count": gone,
        "reason": "retention",
    }
    after = verified(world, tmp_path)
    assert after.erased == gone
    assert [one.code for one in after.findings if one.level == "problem"] == []


def test_what_an_open_case_is_about_waits_until_it_is_closed(
    office: Office, service: RetentionService
) -> None:
    world, sleeve = office.world, OpenSleeve(office)
    key, use = a_use(office, sleeve)
    other, _ = a_use(office, sleeve)
    now = world.clock()
    with world.db.write() as conn:
        conn.execute(
            alert.insert(),
            {
                "id": "a1",
                "code": "C10",
                "dedupe": use,
                "org_path": VILLAGE,
                "severity": "major",
                "active": True,
                "stage": "new",
                "application": key,
                "use_id": use,
                "seq": 0,
                "last_seq": 0,
                "data": {},
                "happened_at": now,
                "raised_at": now,
                "updated_at": now,
            },
        )
    world.clock.advance(YEARS_3 + 1)
    service.sweep(KEEP)

    def told(application_id: str) -> bool:
        with world.db.read() as conn:
            query = select(record.c.body).where(record.c.application == application_id)
            return all(row.body is not None for row in conn.execute(query))

    assert (told(key), told(other)) == (True, False)
    assert world_row(world, application, key).title != FORGOTTEN
    assert world_row(world, seal_use, use).score == 0.9
    with world.db.write() as conn:
        conn.execute(update(alert).values(closed_at=world.clock()))
    service.sweep(KEEP)
    assert not told(key)
    assert world_row(world, application, key).title == FORGOTTEN
    assert world_row(world, seal_use, use).score is None


def world_row(world: World, table: Any, key: str) -> Any:
    with world.db.read() as conn:
        return conn.execute(select(table).where(table.c.id == key)).one()


def test_the_register_keeps_its_numbers_and_loses_its_words(
    office: Office, service: RetentionService
) -> None:
    world, sleeve = office.world, OpenSleeve(office)
    key, use = a_use(office, sleeve)
    running = office.approved().row.id
    office.sweeps.number_uses()
    number = world_row(world, seal_use, use).number
    assert number
    world.clock.advance(YEARS_3 + 1)
    swept = service.sweep(KEEP)
    assert (swept["applications"], swept["uses"]) == (1, 1)
    item, kept = world_row(world, application, key), world_row(world, seal_use, use)
    assert (item.title, item.purpose, item.beneficiary, item.details) == (FORGOTTEN, "", None, {})
    assert (item.status, item.stamps, bool(item.number)) == ("used", 1, True)
    assert (kept.number, kept.pressed, kept.operator_id) == (number, 1, office.operator.person_id)
    assert (kept.lat, kept.lon, kept.score, kept.remarks) == (None, None, None, None)
    with world.db.read() as conn:
        names = conn.execute(
            select(document.c.name).where(document.c.application_id == key)
        ).scalars()
        assert set(names) == {FORGOTTEN}
        assert use in set(conn.execute(select(search_due.c.use_id)).scalars())
    assert world_row(world, application, running).title != FORGOTTEN  # its grant still lives
    assert office.reader.get(office.applicant, key).row.title == FORGOTTEN


def _count(world: World, table: Any) -> int:
    with world.db.read() as conn:
        return len(conn.execute(select(table)).all())


def test_what_the_eyes_read_goes_too(office: Office, service: RetentionService) -> None:
    world, sleeve = office.world, OpenSleeve(office)
    key, use = a_use(office, sleeve)
    now = world.clock()
    with world.db.write() as conn:
        conn.execute(
            reference_page.insert(),
            {
                "application_id": key,
                "position": 0,
                "org_path": VILLAGE,
                "picture_id": "p",
                "sheet": 0,
                "features": b"f",
                "words": "甲方",
                "facts": {},
                "zones": [],
                "made_at": now,
            },
        )
        conn.execute(
            look.insert(),
            {
                "id": "l1",
                "kind": "page",
                "org_path": VILLAGE,
                "use_id": use,
                "state": "done",
                "input": {},
                "result": {"marks": [{"found": "伍拾万元"}]},
                "created_at": now,
                "attempts": 1,
            },
        )
        conn.execute(
            sheet.insert(),
            {
                "id": "s1",
                "org_path": VILLAGE,
                "use_id": use,
                "press": 1,
                "features": b"f",
                "seen_at": now,
            },
        )
    world.clock.advance(DAYS_200 + 1)
    service.sweep(KEEP)
    assert [_count(world, table) for table in (reference_page, look, sheet)] == [1, 1, 0]
    world.clock.advance(YEARS_3)
    service.sweep(KEEP)
    assert [_count(world, table) for table in (reference_page, look, sheet)] == [0, 0, 0]


def test_technical_rows_go_after_200_days_and_no_sooner(
    office: Office, service: RetentionService
) -> None:
    world = office.world
    now = world.clock()
    with world.db.write() as conn:
        conn.execute(
            poison.insert(),
            {
                "at": now,
                "topic": "t",
                "reason": "not_cbor",
                "detail": "",
                "size": 1,
                "payload": b"x",
                "digest": bytes(32),
            },
        )
        said = {"device_id": "d", "payload": b"", "created_at": now, "confirmed_at": now}
        conn.execute(
            downlink.insert(),
            [
                said | {"type": "lock", "subject": "1"},
                said | {"type": "keys", "subject": "1"},
                said | {"type": "config", "subject": "1", "confirmed_at": None},
            ],
        )
        conn.execute(
            answer.insert(),
            {"device_id": "d", "counter": 1, "type": "grant", "payload": b"", "at": now},
        )
        job = {"kind": "face", "device_id": "d", "use_id": "d:1", "counter": 1, "input": {}}
        conn.execute(
            check_job.insert(),
            [
                job | {"id": "done", "state": "done", "result": {"score": 1}, "created_at": now},
                job | {"id": "ready", "state": "ready", "result": {}, "created_at": now},
            ],
        )
        message = {
            "kind": "done",
            "org_path": VILLAGE,
            "channel": "inbox",
            "address": "a",
            "locale": "zh_CN",
            "message": {},
            "created_at": now,
            "due_at": now,
        }
        conn.execute(
            delivery.insert(),
            [
                message | {"id": "d1", "dedupe": "1", "state": "delivered"},
                message | {"id": "d2", "dedupe": "2", "state": "waiting"},
            ],
        )
        conn.execute(
            delivery_attempt.insert(), {"delivery_id": "d1", "at": now, "outcome": "delivered"}
        )
    world.clock.advance(DAYS_200)
    assert service.sweep(KEEP)["technical"] == 0
    world.clock.advance(1)
    assert service.sweep(KEEP)["technical"] == 6
    with world.db.read() as conn:
        assert conn.execute(select(poison)).all() == []
        assert conn.execute(select(answer)).all() == []
        assert conn.execute(select(delivery_attempt)).all() == []
        assert [row.id for row in conn.execute(select(delivery))] == ["d2"]
        assert [row.id for row in conn.execute(select(check_job))] == ["ready"]
        assert {row.type for row in conn.execute(select(downlink))} == {"keys", "config"}
    assert world.records("record.erased") == []


def test_a_little_at_a_time_and_all_of_it_in_the_end(
    office: Office, service: RetentionService
) -> None:
    sleeve = OpenSleeve(office)
    for _ in range(3):
        a_use(office, sleeve)
    office.world.clock.advance(YEARS_3 + 1)
    swept = service.sweep(KEEP, batch=2)
    assert swept["applications"] == 3
    told = office.world.records("record.erased")
    assert max(one.data["count"] for one in told) == 2
    assert sum(one.data["count"] for one in told) == swept["records"]
    assert not any(
        kept for kind, kept in bodies(office.world).items() if kind.startswith("application.")
    )
