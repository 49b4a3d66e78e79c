"""Promise 2 with a real PostgreSQL that goes away, and two gateways that lock the same rows."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import pytest
from sqlalchemy import func, select, update

from backend.services import issuing
from backend.store import grants
from backend.store.db import is_passing
from backend.store.keyring import KeyRing
from backend.store.tables import downlink, poison, record, use_grant
from gateway.inbox import Inbound
from gateway.protocol.messages import Grant, GrantBurnt, Moved, Stamped, UnlockRequest
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line
from tests.support.postgres import PostgresServer

WAIT_S = 60.0


@pytest.fixture
def server() -> Iterator[PostgresServer]:
    """A PostgreSQL of the test's own, to be stopped at will."""
    with PostgresServer() as made:
        yield made


@pytest.fixture
def stoppable(server: PostgresServer, ring: KeyRing) -> Iterator[GatewayWorld]:
    world = GatewayWorld.create(server.create_database(f"t_{secrets.token_hex(4)}"), ring)
    yield world
    world.close()


class Gate:
    """Lets a test wait for something that a gateway's thread does."""

    def __init__(self, holds: Callable[[], bool]) -> None:
        self._holds = holds
        self._changed = threading.Condition()

    def tell(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            assert self._changed.wait_for(self._holds, WAIT_S)


@contextmanager
def running(line: Line) -> Iterator[None]:
    """The pipeline in its thread."""
    thread = threading.Thread(target=line.gateway.pipeline.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        line.gateway.pipeline.stop()
        thread.join(WAIT_S)
        assert not thread.is_alive()


@pytest.mark.needs_postgres
@pytest.mark.parametrize("end", ["stop", "kill"])
def test_promise_2_a_database_that_goes_away_is_waited_for(
    server: PostgresServer, stoppable: GatewayWorld, end: str
) -> None:
    world, line = stoppable, stoppable.line()
    sleeve = world.sleeve()
    world.grant("g", sleeve)
    acked: list[Inbound] = []
    gate = Gate(lambda: len(acked) >= wanted[0] and len(line.pauses) >= pauses[0])
    wanted, pauses, idle = [1], [0], threading.Event()
    pipeline = line.gateway.pipeline

    def acknowledge(batch: object) -> None:
        acked.extend(batch.inbound)  # type: ignore[attr-defined]  # a Batch
        gate.tell()

    def pause(seconds: float) -> None:
        line.pauses.append(seconds)
        gate.tell()
        idle.wait(0.05)

    pipeline.after_transaction = (pipeline.after_transaction[0], acknowledge)
    pipeline._pause = pause
    with running(line):
        line.inbox.put(sleeve.say(Moved()))
        gate.wait()
        (server.stop if end == "stop" else server.kill)()
        line.inbox.put(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")))
        line.inbox.put(sleeve.say(GrantBurnt(grant="g", use=2)))
        wanted[0], pauses[0] = 1, 3
        gate.wait()
        assert len(acked) == 1
        server.start()
        wanted[0] = 3
        gate.wait()
    assert world.counters(sleeve) == [1, 2, 3]
    assert len(world.said(line, sleeve, Grant)) == 1
    assert world.count(poison) == 0
    assert pipeline.stats.retries >= 3
    world.check()


@pytest.mark.needs_postgres
def test_promise_2_connections_ended_by_the_server_are_waited_for_too(
    postgres_world: GatewayWorld,
) -> None:
    """A restart of the database behind a pooler: each transaction's connection is gone once."""
    world, line = postgres_world, postgres_world.line()
    sleeve = world.sleeve()
    ended = [0]
    stages = line.gateway.pipeline.in_transaction

    def end(_batch: object, conn: object) -> None:
        if ended[0] < 3:
            ended[0] += 1
            pid = conn.exec_driver_sql("SELECT pg_backend_pid()").scalar()  # type: ignore[attr-defined]  # a Connection
            with world.db.read() as other:
                other.exec_driver_sql(f"SELECT pg_terminate_backend({pid})")

    line.gateway.pipeline.in_transaction = (stages[0], end, *stages[1:])
    line.take(*(sleeve.say(Moved()) for _ in range(3)))
    assert ended == [3]
    assert len(line.pauses) == 3
    assert world.counters(sleeve) == [1, 2, 3]
    world.check()


@pytest.mark.needs_postgres
def test_gateways_and_services_never_wait_for_each_other_in_a_ring(
    postgres_world: GatewayWorld,
) -> None:
    """Three gateways with every sleeve's events in different orders, and revocations meanwhile:
    PostgreSQL would end one of two that wait for each other, and that would show as a retry."""
    world = postgres_world
    sleeves = [world.sleeve(f"ZY{number:04}") for number in range(6)]
    for one in sleeves:
        for number in range(5):
            world.grant(f"{one.id}-{number}", one)
    said: list[tuple[FakeSleeve, int]] = []
    for one in sleeves:
        for number in range(5):
            # Now and then somebody else's grant: a lock on a row that another sleeve's events take.
            other = sleeves[(sleeves.index(one) + number) % len(sleeves)]
            one.say(UnlockRequest(nonce=bytes(16), grant=f"{other.id}-{number}"))
            use = one.counter
            one.say(GrantBurnt(grant=f"{one.id}-{number}", use=use))
            one.total += 1
            one.say(Stamped(use=use, press=1, total=one.total, contact_ms=1))
        said += [(one, counter) for counter in range(1, one.counter + 1)]
    lines = [world.line() for _ in range(3)]
    errors: list[BaseException] = []
    barrier = threading.Barrier(4)

    def deliver(line: Line, seed: int) -> None:
        order = list(said)
        Random(seed).shuffle(order)
        try:
            barrier.wait(WAIT_S)
            for start in range(0, len(order), 15):
                line.take(*(one.again([at])[0] for one, at in order[start : start + 15]))
        except BaseException as error:
            errors.append(error)

    def revoke() -> None:
        try:
            barrier.wait(WAIT_S)
            for one in sleeves:
                for number in (4, 1):
                    with world.db.write() as conn:
                        live = grants.lock_of_application(conn, f"application-{one.id}-{number}")
                        grants.end(conn, [grant.id for grant in live], "revoked", world.clock(), "")
                        world.journal.append(
                            conn,
                            [
                                issuing._ended(grant, "grant.revoked", world.clock(), None, {})
                                for grant in live
                            ],
                        )
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=revoke)]
    threads += [
        threading.Thread(target=deliver, args=(line, seed)) for seed, line in enumerate(lines)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert errors == []
    assert [line.gateway.pipeline.stats.retries for line in lines] == [0, 0, 0]
    for one in sleeves:
        assert world.counters(one) == list(range(1, one.counter + 1))
    with world.db.read() as conn:
        twice = conn.execute(
            select(record.c.device, record.c.counter)
            .where(record.c.counter.is_not(None))
            .group_by(record.c.device, record.c.counter)
            .having(func.count() > 1)
        ).all()
    assert twice == []
    assert world.count(poison) == 0
    world.check()


@pytest.mark.needs_postgres
def test_the_same_junk_at_two_gateways_is_one_record(postgres_world: GatewayWorld) -> None:
    world = postgres_world
    stranger = FakeSleeve("ZY0666", world.signer(), world.clock)
    messages = [stranger.say(Moved()) for _ in range(40)]
    lines, barrier = [world.line(), world.line()], threading.Barrier(2)

    def deliver(line: Line, order: list[Inbound]) -> None:
        barrier.wait(WAIT_S)
        line.take(*order)

    threads = [
        threading.Thread(target=deliver, args=(lines[0], messages)),
        threading.Thread(target=deliver, args=(lines[1], messages[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_S)
    assert len(world.records("device.unknown")) == 40
    assert {row.seen for row in world.rows(poison)} == {2}
    assert [line.gateway.pipeline.stats.retries for line in lines] == [0, 0]


@pytest.mark.needs_postgres
def test_promise_1_a_revocation_waits_for_the_unlock_that_looked_first(
    postgres_world: GatewayWorld,
) -> None:
    """Between the look at a grant and the commit of its unlock nobody can end it."""
    world, line = postgres_world, postgres_world.line()
    sleeve = world.sleeve()
    world.grant("g", sleeve)
    stages = line.gateway.pipeline.in_transaction
    order: list[str] = []

    def revoke() -> None:
        world.revoke_grant("g")
        order.append("revoked")

    thread = threading.Thread(target=revoke)

    def between(_batch: object, _conn: object) -> None:
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()  # it waits for the row that we hold
        order.append("unlocked")

    line.gateway.pipeline.in_transaction = (*stages[:2], between, stages[2])
    line.take(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")))
    thread.join(WAIT_S)
    assert order == ["unlocked", "revoked"]
    assert world.row(use_grant, "g").state == "revoked"
    line.gateway.pipeline.in_transaction = stages
    line.take(*sleeve.again([1]))
    assert len(world.said(line, sleeve, Grant)) == 1


@pytest.mark.needs_postgres
def test_a_read_only_standby_is_waited_for(postgres_world: GatewayWorld) -> None:
    world = postgres_world
    with pytest.raises(Exception, match="read-only") as refused:
        _write_read_only(world)
    assert is_passing(refused.value)


def _write_read_only(world: GatewayWorld) -> None:
    with world.db.write() as conn:
        conn.exec_driver_sql("SET TRANSACTION READ ONLY")
        conn.execute(update(downlink).values(sends=0))
