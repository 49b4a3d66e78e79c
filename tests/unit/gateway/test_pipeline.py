"""Promise 2: no acknowledged event is lost or counted twice, whatever fails, wherever."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from backend.store.db import Database
from backend.store.tables import device, poison, seal_use, use_grant
from gateway.batch import Batch
from gateway.inbox import Inbound
from gateway.pipeline import MAX_EVENTS
from gateway.protocol import topics
from gateway.protocol.messages import Grant, GrantBurnt, Moved, Receipt, Stamped, UnlockRequest
from tests.support.gateway_world import Crash, FakeSleeve, GatewayWorld, Line, inbound


def away() -> OperationalError:
    return OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))


class Weather:
    """Stands before a database: raises what is due, before a transaction or instead of its end."""

    def __init__(self, db: Database) -> None:
        self.before: list[BaseException] = []
        self.at_commit: list[BaseException] = []
        self.after_commit: list[BaseException] = []
        self._write = db.write
        self.writes = 0

    def write(self) -> AbstractContextManager[Connection]:
        return _Write(self)

    def open(self) -> AbstractContextManager[Connection]:
        return self._write()


class _Write(AbstractContextManager[Connection]):
    def __init__(self, weather: Weather) -> None:
        self._weather = weather

    def __enter__(self) -> Connection:
        self._weather.writes += 1
        if self._weather.before:
            raise self._weather.before.pop(0)
        self._inner = self._weather.open()
        return self._inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None and self._weather.at_commit:
            failure = self._weather.at_commit.pop(0)
            self._inner.__exit__(type(failure), failure, None)
            raise failure
        self._inner.__exit__(kind, error, trace)
        if error is None and self._weather.after_commit:
            raise self._weather.after_commit.pop(0)


@pytest.fixture
def weather(world: GatewayWorld, monkeypatch: pytest.MonkeyPatch) -> Weather:
    made = Weather(world.db)
    monkeypatch.setattr(world.db, "write", made.write)
    return made


def a_use(world: GatewayWorld, sleeve: FakeSleeve) -> list[Inbound]:
    """Everything from request to one stamp, sent without waiting for answers."""
    world.grant("g", sleeve)
    messages = [
        sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")),
        sleeve.say(GrantBurnt(grant="g", use=1)),
        sleeve.say(Stamped(use=1, press=1, total=1, contact_ms=300)),
    ]
    sleeve.total = 1
    return messages


def kept_once(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    """Every event of the sleeve stands in the journal once and in order, and acted once."""
    assert world.counters(sleeve) == list(range(1, sleeve.counter + 1))
    assert world.row(device, sleeve.id).counter == sleeve.counter
    use = world.row(seal_use, f"{sleeve.id}:1")
    assert use.pressed == 1
    assert world.records("counter.jump") == []
    world.check()


# ── crashes ──────────────────────────────────────────────────────────────────────────────────────

STAGES = [
    ("before_transaction", 0),
    ("before_transaction", 1),
    ("in_transaction", 0),
    ("in_transaction", 1),
    ("in_transaction", 2),
    ("after_transaction", 0),
    ("after_transaction", 1),
    ("after_transaction", 2),
]


def crash_at(line: Line, where: str, index: int, *, after: bool) -> None:
    """The process ends just before (or after) a stage has done its work."""
    stages: list[Callable[..., None]] = list(getattr(line.gateway.pipeline, where))
    stage = stages[index]

    def crashing(*args: Any) -> None:
        if after:
            stage(*args)
        raise Crash

    stages[index] = crashing
    setattr(line.gateway.pipeline, where, tuple(stages))


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(("where", "index"), STAGES)
def test_promise_2_a_crash_at_any_stage_loses_nothing_and_doubles_nothing(
    world: GatewayWorld, sleeve: FakeSleeve, where: str, index: int, after: bool
) -> None:
    doomed = world.line()
    crash_at(doomed, where, index, after=after)
    messages = a_use(world, sleeve)
    with pytest.raises(Crash):
        doomed.take(*messages)
    durable = where == "after_transaction"
    assert world.counters(sleeve) == ([1, 2, 3] if durable else [])
    acknowledged = durable and (index, after) > (1, False)
    assert doomed.acked == (messages if acknowledged else [])

    # The broker delivers what was not acknowledged; the sleeve sends what no receipt covers.
    anew = world.line()
    anew.take(*([] if acknowledged else messages))
    anew.take(*sleeve.again([1, 2, 3]))
    kept_once(world, sleeve)
    assert world.receipt(anew, sleeve).through == 3
    assert world.row(use_grant, "g").state == "burnt"


def test_promise_2_a_crash_between_commit_and_answer_answers_after_the_restart(
    world: GatewayWorld, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    doomed = world.line()
    crash_at(doomed, "after_transaction", 0, after=False)
    message = sleeve.say(UnlockRequest(nonce=bytes(16), grant="g"))
    with pytest.raises(Crash):
        doomed.take(message)
    assert doomed.publisher.sent == []
    anew = world.line()
    anew.take(message)
    assert len(world.said(anew, sleeve, Grant)) == 1
    assert world.count(seal_use) == 1


def test_promise_2_acknowledged_only_after_commit(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, weather: Weather
) -> None:
    held: list[int] = []
    acknowledge = line.acked.extend

    def watched(messages: Any) -> None:
        held.append(len(world.counters(sleeve)))
        acknowledge(messages)

    stages = line.gateway.pipeline.after_transaction
    line.gateway.pipeline.after_transaction = (
        stages[0],
        lambda batch: watched(batch.inbound),
        stages[2],
    )
    weather.at_commit = [away()]
    line.take(sleeve.say(Moved()), sleeve.say(Moved()))
    assert held == [2]
    assert len(line.acked) == 2


# ── the store is away ────────────────────────────────────────────────────────────────────────────


def test_promise_2_a_store_that_is_away_is_waited_for_without_acknowledging(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, weather: Weather
) -> None:
    messages = a_use(world, sleeve)
    weather.before = [away() for _ in range(9)]
    seen: list[int] = []

    def pause(seconds: float) -> None:
        line.pauses.append(seconds)
        seen.append(len(line.acked))

    line.gateway.pipeline._pause = pause
    line.take(*messages)
    assert seen == [0] * 9
    assert line.pauses == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0]
    assert line.acked == messages
    kept_once(world, sleeve)
    assert line.gateway.pipeline.stats.retries == 9
    assert line.gateway.pipeline.stats.waiting_since is None
    assert world.count(poison) == 0


def test_promise_2_a_commit_whose_outcome_is_unknown_is_not_done_twice(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, weather: Weather
) -> None:
    """The connection broke while COMMIT was under way: it happened, and we were not told."""
    messages = a_use(world, sleeve)
    weather.after_commit = [away()]
    line.take(*messages)
    kept_once(world, sleeve)
    assert len(world.said(line, sleeve, Grant)) <= 1


def test_promise_2_a_store_away_while_keeping_poison_is_waited_for_too(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, weather: Weather
) -> None:
    line.gateway.pipeline.in_transaction = (_upset, *line.gateway.pipeline.in_transaction)
    weather.at_commit = [away()]
    sleeve.boot = 13
    line.take(sleeve.say(Moved()))
    assert len(line.pauses) == 1
    assert [row.reason for row in world.rows(poison)] == ["internal"]


def test_stopping_while_the_store_is_away_ends_and_acknowledges_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, weather: Weather
) -> None:
    weather.before = [away() for _ in range(100)]
    pipeline = line.gateway.pipeline
    pipeline._pause = lambda _seconds: pipeline.stop() if weather.writes == 3 else None
    line.inbox.put(sleeve.say(Moved()))
    pipeline.step(0)
    assert weather.writes == 3
    assert line.acked == []
    assert line.inbox.idle


# ── poison ───────────────────────────────────────────────────────────────────────────────────────


def _upset(batch: Batch, _conn: Connection) -> None:
    """A stage that cannot stand the movement of a sleeve at boot 13."""
    if any(message.boot == 13 for message in batch.events):
        raise ZeroDivisionError("division by zero")


def test_promise_2_poison_alone_is_set_aside_and_the_line_goes_on(
    world: GatewayWorld, line: Line
) -> None:
    line.gateway.pipeline.in_transaction = (_upset, *line.gateway.pipeline.in_transaction)
    sleeves = [world.sleeve(f"ZY{number:04}") for number in range(20)]
    sleeves[13].boot = 13
    messages = [one.say(Moved()) for one in sleeves]
    line.take(*messages)
    recorded = {one.device for one in world.records("event.moved")}
    assert recorded == {one.id for one in sleeves} - {"ZY0013"}
    (kept,) = world.rows(poison)
    assert (kept.reason, kept.payload) == ("internal", messages[13].payload)
    assert kept.detail == "ZeroDivisionError: division by zero"
    assert sorted(one.token for one in line.acked) == [one.token for one in messages]
    # No receipt covers it: the sleeve goes on sending, and once we are mended it is taken.
    assert world.said(line, sleeves[13], Receipt) == []
    line.gateway.pipeline.in_transaction = line.gateway.pipeline.in_transaction[1:]
    line.take(*sleeves[13].again([1]))
    assert world.counters(sleeves[13]) == [1]


def test_a_batch_with_one_poison_is_halved_not_scattered(world: GatewayWorld, line: Line) -> None:
    line.gateway.pipeline.in_transaction = (_upset, *line.gateway.pipeline.in_transaction)
    sleeves = [world.sleeve(f"ZY{number:04}") for number in range(16)]
    sleeves[9].boot = 13
    line.take(*(one.say(Moved()) for one in sleeves))
    assert line.gateway.pipeline.stats.batches == 5  # 8, 4, 2, 1, and the one aside


def test_the_order_of_a_sleeve_survives_the_halving(world: GatewayWorld, line: Line) -> None:
    line.gateway.pipeline.in_transaction = (_upset, *line.gateway.pipeline.in_transaction)
    good, bad = world.sleeve("ZY0001"), world.sleeve("ZY0002")
    bad.boot = 13
    messages = [good.say(Moved()) for _ in range(9)]
    line.take(*messages[:5], bad.say(Moved()), *messages[5:])
    assert world.counters(good) == list(range(1, 10))
    assert world.records("gap.opened") == []


def test_promise_2_what_cannot_even_be_set_aside_stays_with_the_broker(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    def broken(_batch: Batch, _conn: Connection) -> None:
        raise ZeroDivisionError

    line.gateway.pipeline.in_transaction = (broken,)
    line.take(sleeve.say(Moved()))
    assert line.acked == []


def test_a_passing_error_of_a_later_stage_rolls_everything_back(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    errors = [away(), away()]

    def shaky(_batch: Batch, _conn: Connection) -> None:
        if errors:
            raise errors.pop()

    line.gateway.pipeline.in_transaction = (*line.gateway.pipeline.in_transaction, shaky)
    line.take(*a_use(world, sleeve))
    kept_once(world, sleeve)
    assert len(line.acked) == 3


# ── what comes after ─────────────────────────────────────────────────────────────────────────────


def test_a_listener_that_fails_undoes_nothing(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    line = world.line(committed=broken)
    message = sleeve.say(Moved())
    line.take(message)
    assert line.acked == [message]
    assert world.counters(sleeve) == [1]
    assert world.count(poison) == 0


def test_listeners_hear_of_records_only(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    calls: list[int] = []
    line = world.line(committed=lambda: calls.append(1))
    line.take(sleeve.beat())
    assert calls == []
    line.take(sleeve.say(Moved()))
    assert calls == [1]


def test_batches_have_an_end(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    for _ in range(MAX_EVENTS + 1):
        line.inbox.put(sleeve.say(Moved()))
    assert line.gateway.pipeline.step(0) == MAX_EVENTS
    assert line.gateway.pipeline.step(0) == 1
    assert world.row(device, sleeve.id).counter == MAX_EVENTS + 1


def test_an_unlock_goes_before_the_pieces_that_wait(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    for _ in range(40):
        line.inbox.put(inbound(topics.up(sleeve.id, topics.PIECE), b"x"))
    line.inbox.put(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")))
    assert line.gateway.pipeline.step(0) == 1
    assert len(line.publisher.sent) == 1


def test_the_thread_outlives_what_fails_in_it(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    handled = threading.Event()
    pipeline = line.gateway.pipeline
    line.publisher.broken = ZeroDivisionError()  # a receipt that cannot be sent ends a step
    pipeline.after_transaction = (
        *pipeline.after_transaction,
        lambda batch: handled.set() if len(batch.accepted) == 2 else None,
    )
    thread = threading.Thread(target=pipeline.run, daemon=True)
    thread.start()
    line.inbox.put(sleeve.say(Moved()))
    while not line.pauses:  # until the first step has failed
        threading.Event().wait(0.001)
    first, second = sleeve.say(Moved()), sleeve.say(Moved())
    with line.inbox._ready:  # both at once
        line.inbox._urgent.extend([first, second])
        line.inbox._ready.notify()
    assert handled.wait(60)
    pipeline.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert world.counters(sleeve) == [1, 2, 3]


def test_stats_count_what_was_done(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    messages = [sleeve.say(Moved()) for _ in range(4)]
    line.take(messages[0], messages[0], messages[3], inbound("x", b"\xff"))
    line.take(*sleeve.again([1]))
    stats = line.gateway.pipeline.stats
    assert (stats.batches, stats.events, stats.parked, stats.refused) == (2, 1, 1, 1)
    assert stats.duplicates == 1
