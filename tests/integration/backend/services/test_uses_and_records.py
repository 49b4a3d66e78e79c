"""Uses and records as people read them: their branch, their story, a proof that stands alone."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.record import Record
from backend.ledger.checkpoint import open_checkpoint
from backend.ledger.entries import commitment, decode_entry
from backend.ledger.proof import LogProof
from backend.services.records import RecordFilter, RecordService
from backend.services.uses import UseFilter, UseService
from backend.store import search
from backend.store.tables import alert, record, seal_use
from tests.support.world import (
    FAR_VILLAGE,
    ORIGIN,
    OTHER_VILLAGE,
    START,
    TOWN,
    VILLAGE,
    World,
)


@pytest.fixture
def uses(world: World) -> UseService:
    return UseService(world.context)


@pytest.fixture
def records(world: World) -> RecordService:
    return RecordService(world.context, world.log)


def code(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(DomainError) as caught:
        attempt(*given)
    return caught.value.code


def use(world: World, number: int, path: str = VILLAGE, **columns: Any) -> str:
    use_id = f"YQ-0001:{number}"
    with world.db.write() as conn:
        conn.execute(
            seal_use.insert(),
            {
                "id": use_id,
                "org_path": path,
                "device_id": "YQ-0001",
                "seal_id": "s1",
                "state": "finished",
                "person_check": "match",
                "started_at": START + number,
                "recorded_at": START + number,
                "last_event_at": START + number,
                "first_seq": 0,
            }
            | columns,
        )
        search.read_again(conn, [use_id])  # no record tells of it
    return use_id


def write(world: World, kind: str, path: str = VILLAGE, **fields: Any) -> None:
    with world.db.write() as conn:
        world.context.journal.append(
            conn, [Record(kind=kind, org_path=path, at=START, happened_at=START, **fields)]
        )


def an_alert(world: World, use_id: str, closed_at: int | None = None) -> None:
    with world.db.write() as conn:
        conn.execute(
            alert.insert(),
            {
                "id": f"a-{use_id}",
                "code": "C10",
                "dedupe": use_id,
                "org_path": VILLAGE,
                "severity": "major",
                "active": closed_at is None,
                "stage": "new",
                "use_id": use_id,
                "seq": 0,
                "last_seq": 0,
                "data": {},
                "happened_at": START,
                "raised_at": START,
                "updated_at": START,
                "closed_at": closed_at,
            },
        )


def listed(uses: UseService, actor: Actor, **wanted: Any) -> list[str]:
    return [one.id[-1] for one in uses.find(actor, UseFilter(**wanted)).items]


def test_uses_are_listed_newest_first_in_pages(world: World, uses: UseService) -> None:
    supervisor = world.actor(Role.SUPERVISOR)
    for number in range(1, 6):
        use(world, number, started_at=START + number // 2)

    first = uses.find(supervisor, UseFilter(), limit=2)
    second = uses.find(supervisor, UseFilter(), cursor=first.next, limit=2)
    third = uses.find(supervisor, UseFilter(), cursor=second.next, limit=2)
    numbers = [one.id[-1] for part in (first, second, third) for one in part.items]
    assert numbers == ["5", "4", "3", "2", "1"]
    assert third.next is None
    assert code(lambda: uses.find(supervisor, UseFilter(), cursor="W10")) == "bad_cursor"


def test_uses_are_filtered(world: World, uses: UseService) -> None:
    town = world.actor(Role.SUPERVISOR, TOWN)
    use(world, 1)
    use(world, 2, OTHER_VILLAGE, seal_id="s2")
    use(world, 3, state="stamping", person_check="mismatch")
    an_alert(world, use(world, 4))
    an_alert(world, use(world, 5), closed_at=START)

    assert listed(uses, town) == ["5", "4", "3", "2", "1"]
    assert listed(uses, town, branch=OTHER_VILLAGE) == ["2"]
    assert listed(uses, town, seal_id="s2") == ["2"]
    assert listed(uses, town, state="stamping") == ["3"]
    assert listed(uses, town, person_check="mismatch") == ["3"]
    assert listed(uses, town, alerted=True) == ["4"]
    assert listed(uses, town, alerted=False) == ["5", "3", "2", "1"]
    assert listed(uses, town, from_at=START + 2, until_at=START + 4) == ["3", "2"]
    assert listed(uses, town, state="counted") == listed(uses, town, state="refused") == []
    assert listed(uses, town, state="finished") == ["5", "4", "2", "1"]
    assert listed(uses, town, alert_code="C10") == ["5", "4"]
    assert listed(uses, town, reviewed=True) == []
    assert listed(uses, town, reviewed=False) == ["5", "4", "3", "2", "1"]
    assert listed(uses, town, text="柳塘") == ["5", "4", "3", "1"]
    assert code(lambda: uses.find(town, UseFilter(text="柳"))) == "search_too_short"


def test_promise_6_uses_of_another_branch_are_not_seen(world: World, uses: UseService) -> None:
    mine, far = use(world, 1), use(world, 2, FAR_VILLAGE)
    supervisor = world.actor(Role.SUPERVISOR)

    assert listed(uses, supervisor) == ["1"]
    assert not listed(uses, supervisor, branch=FAR_VILLAGE)
    assert uses.get(supervisor, mine).use.id == mine
    assert code(uses.get, supervisor, far) == "not_found"
    assert not listed(uses, world.actor(Role.ADMIN))


def test_who_took_part_sees_that_use_and_no_other(world: World, uses: UseService) -> None:
    operator = world.actor(Role.OPERATOR)
    use(world, 1)
    mine = use(world, 2, operator_id=operator.person_id)

    assert listed(uses, operator) == ["2"]
    detail = uses.get(operator, mine)
    assert detail.use.operator is not None
    assert detail.use.operator.name == "operator@330109103201"


def test_promise_6_who_took_part_reads_no_alerts_and_not_who_looked(
    world: World, uses: UseService
) -> None:
    operator = world.actor(Role.OPERATOR)
    use_id = use(world, 1, operator_id=operator.person_id)
    an_alert(world, use_id)
    write(world, "event.stamped", use_id=use_id)
    write(world, "picture.viewed", use_id=use_id)
    own, watched = uses.get(operator, use_id), uses.get(world.actor(Role.SUPERVISOR), use_id)
    assert [one.kind for one in own.story] == ["event.stamped"]
    assert (own.alerts, own.use.alerts, uses.find(operator, UseFilter()).items[0].alerts) == (
        [],
        0,
        0,
    )
    assert [one.kind for one in watched.story] == ["event.stamped", "picture.viewed"]
    assert watched.use.alerts == 1


def test_a_use_tells_its_story_in_log_order_without_secrets(world: World, uses: UseService) -> None:
    operator = world.actor(Role.OPERATOR)
    use_id = use(world, 1)
    an_alert(world, use_id)
    write(world, "event.unlock_request", use_id=use_id, person=operator.person_id)
    write(world, "event.stamped", use_id="YQ-0001:2")
    write(
        world,
        "event.pin_entered",
        use_id=use_id,
        counter=9,
        data={"event": {"sealed": b"secret", "witness": "p9", "commit": b"\x01\x02"}},
    )
    write(world, "event.stamped", use_id=use_id, data={"event": {"press": 1}})
    with world.db.write() as conn:
        conn.execute(update(record).where(record.c.seq == 3).values(body=None, salt=None))

    detail = uses.get(world.actor(Role.SUPERVISOR), use_id)

    assert [(one.seq, one.kind) for one in detail.story] == [
        (0, "event.unlock_request"),
        (2, "event.pin_entered"),
        (3, "event.stamped"),
    ]
    assert detail.story[0].person is not None
    assert detail.story[1].data == {"event": {"witness": "p9", "commit": "0102"}}
    assert (detail.story[2].erased, detail.story[2].data) == (True, {})
    assert [one.code for one in detail.alerts] == ["C10"]
    assert detail.use.alerts == 1


# ── records ──────────────────────────────────────────────────────────────────────────────────────


def test_records_are_listed_newest_first_filtered_and_within_the_branch(
    world: World, records: RecordService
) -> None:
    town = world.actor(Role.SUPERVISOR, TOWN)
    write(world, "person.created", person="p1")
    write(world, "person_x", OTHER_VILLAGE, device="d1")
    write(world, "person.left", FAR_VILLAGE)
    write(world, "device.bound", seal="s1", data={"key": b"\xff"})

    def kinds(**wanted: Any) -> list[str]:
        return [one.kind for one in records.find(town, RecordFilter(**wanted)).items]

    assert kinds() == ["device.bound", "person_x", "person.created"]
    assert kinds(kind="person.") == ["person.created"]
    assert kinds(kind="person_x") == ["person_x"]
    assert kinds(branch=OTHER_VILLAGE) == ["person_x"]
    assert kinds(person="p1") == ["person.created"]
    first = records.find(town, RecordFilter(), limit=2)
    rest = records.find(town, RecordFilter(), limit=2, cursor=first.next)
    assert [one.seq for one in (*first.items, *rest.items)] == [3, 1, 0]
    assert records.get(town, 3).data == {"key": "ff"}
    for seq in (2, 99):
        assert code(records.get, town, seq) == "not_found"
        assert code(records.proof, town, seq) == "not_found"
    assert code(records.get, world.actor(Role.CUSTODIAN), 0) == "not_found"


def test_a_record_proves_itself_to_somebody_who_has_only_the_logs_public_key(
    world: World, records: RecordService
) -> None:
    supervisor = world.actor(Role.SUPERVISOR)
    for number in range(5):
        write(world, "event.stamped", counter=number + 1, device="d")
    assert code(records.proof, supervisor, 3) == "not_signed_yet"
    assert code(records.checkpoint) == "not_found"
    with world.db.write() as conn:
        world.log.sign_checkpoint(conn, world.ring.log_signer(ORIGIN), START)
    write(world, "event.boot")

    found = records.proof(supervisor, 3)

    entry = base64.b64decode(found.entry)
    proof = LogProof.parse(found.proof)
    proof.verify(entry)
    signed = open_checkpoint(proof.checkpoint, log_keys=world.ring.log_keys(ORIGIN))
    assert signed.checkpoint.size == 5
    assert found.salt is not None
    assert found.body is not None
    salt, body = base64.b64decode(found.salt), base64.b64decode(found.body)
    assert decode_entry(entry).commit == commitment(salt, body)
    assert records.checkpoint() == proof.checkpoint
    assert code(records.proof, supervisor, 5) == "not_signed_yet"
    assert len(records.consistency(3, 5)) > 0
    for old, new in ((5, 3), (1, 99)):
        assert code(records.consistency, old, new) == "bad_size"
