"""The gateway's most important properties, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test
from sqlalchemy import delete, update

from backend.ledger.tables import ledger_head
from backend.store import sleeves, uses
from backend.store.db import Database
from backend.store.keyring import KeyRing
from backend.store.tables import (
    application,
    check_job,
    device,
    metadata,
    parked_event,
    picture,
    poison,
    record,
    seal_use,
    use_grant,
)
from gateway.protocol import cbor, cose, topics
from gateway.protocol.messages import (
    CountEntered,
    Grant,
    GrantBurnt,
    Moved,
    PiecesHeld,
    Proceed,
    Refusal,
    Stamped,
    UnlockRequest,
    UseFinished,
)
from tests.support.gateway_machine import GatewayMachine
from tests.support.gateway_world import DAY, Crash, FakeSleeve, GatewayWorld, Line, inbound
from tests.support.prepared import make_tables
from tests.support.shots import burst, jpeg


def test_a_use_from_request_to_end(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    world.grant("g", sleeve)
    use = world.unlocked(line, sleeve, "g")
    event, pieces = burst(world, sleeve, use, jpeg(1, 160), jpeg(2))
    line.settled(sleeve.say(CountEntered(use=use, count=2)), event, *pieces)
    assert {row.state for row in world.rows(picture)} == {"complete"}
    assert len([one for one in world.said(line, sleeve, PiecesHeld) if one.complete]) == 2
    (job,) = world.rows(check_job)
    assert job.state == "done"
    # Nobody is enrolled here: what counts is that the answer comes, and once.
    assert world.said(line, sleeve, Proceed) == []
    assert [one.reason for one in world.said(line, sleeve, Refusal)] == ["no_authority"]
    line.take(
        sleeve.say(Stamped(use=use, press=1, total=1, contact_ms=1)),
        sleeve.say(UseFinished(use=use, presses=1, reason="early")),
    )
    assert world.row(seal_use, f"{sleeve.id}:{use}").state == "finished"
    assert world.row(use_grant, "g").state == "used"
    assert world.row(application, "application-g").status == "finished_early"
    world.check()


def test_promise_3_gaps_replays_and_forks(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = [sleeve.say(Moved()) for _ in range(6)]
    line.one_by_one(messages[0], messages[2], messages[4], messages[2])
    assert world.receipt(line, sleeve).ranges == [(3, 3), (5, 5)]
    rival = sleeve.forge(Moved(moving=False), counter=3, prev=bytes(32))
    line.one_by_one(rival, rival)
    assert len(world.records("fork.found")) == 1
    line.take(messages[1])
    world.clock.advance(DAY + 1)
    line.work()
    assert world.counters(sleeve) == [1, 2, 3, 5]
    line.take(messages[3], messages[5])
    assert world.counters(sleeve) == [1, 2, 3, 5, 4, 6]
    assert world.count(parked_event) == 0
    assert world.row(device, sleeve.id).duplicates == 1
    world.check()


@pytest.mark.parametrize("stage", range(3))
def test_promise_2_a_crash_within_the_transaction_leaves_nothing_of_it(
    world: GatewayWorld, sleeve: FakeSleeve, stage: int
) -> None:
    world.grant("g", sleeve)
    doomed = world.line()
    stages = doomed.gateway.pipeline.in_transaction

    def crash(*_args: Any) -> None:
        raise Crash

    doomed.gateway.pipeline.in_transaction = (*stages[: stage + 1], crash)
    messages = [
        sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")),
        sleeve.say(GrantBurnt(grant="g", use=1)),
    ]
    with pytest.raises(Crash):
        doomed.take(*messages)
    assert doomed.acked == []
    assert world.records() == []
    assert world.row(use_grant, "g").state == "issued"
    anew = world.line()
    anew.take(*messages)
    assert world.counters(sleeve) == [1, 2]
    assert len(world.said(anew, sleeve, Grant)) == 1
    world.check()


def test_extreme_numbers_and_odd_characters_fit_every_database(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    sleeve.boot = 2**53
    odd = cose.sign(cbor.encode({"v": "\x00"}), sleeve.signer)
    line.take(
        sleeve.say(Stamped(use=0, press=999, total=2**53, contact_ms=2**53, contacts=2**53)),
        sleeve.beat(pending_events=2**53, flash_free=2**53, through=2**53, firmware="固" * 200),
        sleeve.state(True),
        inbound(topics.up(sleeve.id, "moved"), odd),
        inbound("\x00", b"\xff"),
        sleeve.forge(Moved(), counter=2**53, prev=bytes(32)),
    )
    assert {row.reason for row in world.rows(poison)} == {"unknown_version", "bad_topic"}
    row = world.row(device, sleeve.id)
    assert (row.counter, row.total, row.claimed) == (1, 2**53, 2**53)
    assert row.online is True


def test_grants_are_locked_in_one_order_however_many_are_named(
    world: GatewayWorld, sleeve: FakeSleeve
) -> None:
    for number in range(3):
        world.grant(f"g{number}", sleeve, job=f"10000{number}")
    wanted = [f"g{number}" for number in (2, 0)] + [f"missing{number}" for number in range(700)]
    jobs = [(sleeve.id, "100001"), (sleeve.id, "999999")]
    with world.db.write() as conn:
        found, named = uses.load_grants(conn, wanted, jobs)
    assert list(found) == ["g0", "g1", "g2"]
    assert named[sleeve.id, "100001"] == "g1"
    with world.db.write() as conn:
        few, named = uses.load_grants(conn, ["g2"], jobs)
    assert list(few) == ["g1", "g2"]
    assert (sleeve.id, "999999") not in named
    with world.db.read() as conn:
        assert uses.load_grants(conn, [])[0] == {}
        assert list(uses.load_grants(conn, ["g0"], lock=False)[0]) == ["g0"]


def test_more_sleeves_than_one_query_names(world: GatewayWorld) -> None:
    with world.db.write() as conn:
        conn.execute(
            device.insert(),
            [
                {
                    "id": f"ZZ{number:05}",
                    "org_id": "o",
                    "org_path": "/1/",
                    "status": "active",
                    "tip": bytes(32),
                    "enrolled_at": 0,
                }
                for number in range(1_200)
            ],
        )
        names = [f"ZZ{number:05}" for number in range(1_200)]
        locked = sleeves.lock_sleeves(conn, reversed(names))
        assert list(locked) == names
        assert len(sleeves.org_paths(conn, names)) == 1_200
        assert sleeves.load_keys(conn, names) == []
        assert sleeves.key_spans(conn, names) == {}


def test_an_erased_body_is_told_from_a_missing_one(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.say(Moved()), sleeve.say(Moved()))
    with world.db.write() as conn:
        conn.execute(update(record).where(record.c.counter == 1).values(body=None, salt=None))
        bodies = sleeves.load_bodies(conn, [(sleeve.id, counter) for counter in (1, 2, 3)])
    assert bodies[sleeve.id, 1] is None
    assert bodies[sleeve.id, 2] is not None
    assert (sleeve.id, 3) not in bodies


def test_promise_1_two_gateways_never_give_more_than_was_granted(
    tables_url: str, ring: KeyRing
) -> None:
    db = Database(tables_url)
    make_tables(db)

    class Machine(GatewayMachine):
        def __init__(self) -> None:
            with db.write() as conn:
                for table in reversed(metadata.sorted_tables):
                    conn.execute(delete(table))
            made = GatewayWorld(db, ring)
            with db.write() as conn:
                made.log.create(conn)
                assert conn.execute(ledger_head.select()).one().size == 0
            super().__init__(made)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            settings.default,
            max_examples=max(6, settings().max_examples // 10),
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )
    db.dispose()
