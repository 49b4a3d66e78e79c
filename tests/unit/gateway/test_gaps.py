"""Promise 3: a loss is waited for, then stays on record, and the journal moves on, once."""

from __future__ import annotations

from typing import Any

import pytest

from backend.store.tables import device, parked_event
from gateway.protocol.messages import Moved
from tests.support.gateway_world import DAY, Crash, FakeSleeve, GatewayWorld, Line


@pytest.fixture
def holed(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> list[Any]:
    """Of eight events, 3, 4 and 7 are missing."""
    messages = [sleeve.say(Moved()) for _ in range(8)]
    line.take(*(messages[at] for at in (0, 1, 4, 5, 7)))
    return messages


def gap_records(world: GatewayWorld) -> list[tuple[str, dict[str, Any]]]:
    return [(one.kind, dict(one.data)) for one in world.records() if one.kind.startswith("gap.")]


def test_promise_3_a_gap_is_closed_only_when_its_time_is_over(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY)
    line.work()
    assert world.counters(sleeve) == [1, 2]
    world.clock.advance(1)
    line.work()
    assert world.counters(sleeve) == [1, 2, 5, 6]
    assert gap_records(world) == [
        ("gap.opened", {"first": 3, "last": 4}),
        ("gap.closed", {"first": 3, "last": 4}),
        ("gap.opened", {"first": 7, "last": 7}),
    ]
    world.check()


def test_promise_3_the_entry_stands_before_what_follows_it(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    line.work()
    kinds = [(one.kind, one.counter) for one in world.records()][3:6]
    assert kinds == [("gap.closed", None), ("event.moved", 5), ("event.moved", 6)]


def test_each_gap_has_its_own_time(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    line.work()
    world.clock.advance(DAY)
    line.work()
    assert world.counters(sleeve)[-1] == 6
    world.clock.advance(1)
    line.work()
    assert world.counters(sleeve) == [1, 2, 5, 6, 8]
    assert world.row(device, sleeve.id).gap_since is None
    assert world.count(parked_event) == 0


def test_a_sleeve_that_stays_silent_afterwards_is_closed_once(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    line.work()
    before = len(world.records())
    for _ in range(5):
        line.work()
    assert len(world.records()) == before


def test_a_gap_that_heals_is_not_closed(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    line.take(holed[2], holed[3], holed[6])
    line.work()
    assert world.counters(sleeve) == list(range(1, 9))
    assert [kind for kind, _ in gap_records(world)] == ["gap.opened", "gap.healed"]


def test_a_gap_that_healed_while_it_was_looked_at_is_left_alone(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    """Between the look and the lock another gateway took what was missing, and misses something
    else by now: that is not what was to be given up."""
    since = world.row(device, sleeve.id).gap_since
    world.clock.advance(DAY + 1)
    world.line().take(holed[2], holed[3])
    assert line.gateway.gaps._close(sleeve.id, since) is False
    assert world.counters(sleeve) == [1, 2, 3, 4, 5, 6]
    assert [kind for kind, _ in gap_records(world)] == ["gap.opened", "gap.healed", "gap.opened"]


def test_two_gateways_close_it_once(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    since = world.row(device, sleeve.id).gap_since
    other = world.line()
    assert line.gateway.gaps._close(sleeve.id, since) is True
    assert other.gateway.gaps._close(sleeve.id, since) is False
    assert [kind for kind, _ in gap_records(world)].count("gap.closed") == 1


def test_promise_2_a_crash_while_closing_leaves_it_to_the_next(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    stages = line.gateway.pipeline.in_transaction

    def crash(*_args: Any) -> None:
        raise Crash

    line.gateway.pipeline.in_transaction = (*stages, crash)
    with pytest.raises(Crash):
        line.work()
    assert world.counters(sleeve) == [1, 2]
    assert [kind for kind, _ in gap_records(world)] == ["gap.opened"]
    anew = world.line()
    anew.work()
    assert world.counters(sleeve) == [1, 2, 5, 6]
    world.check()


def test_the_sleeve_is_told_how_far_it_is(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.clock.advance(DAY + 1)
    line.work()
    receipt = world.receipt(line, sleeve)
    assert (receipt.through, receipt.ranges) == (6, [(8, 8)])


def test_the_time_to_give_up_is_a_setting(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    line = world.line(gap_give_up_ms=1_000)
    messages = [sleeve.say(Moved()) for _ in range(3)]
    line.take(messages[0], messages[2])
    world.clock.advance(1_001)
    line.work()
    assert world.counters(sleeve) == [1, 3]


def test_a_revoked_sleeves_gap_stays_as_it_was(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, holed: list[Any]
) -> None:
    world.set(device, sleeve.id, status="revoked")
    world.clock.advance(DAY + 1)
    line.work()
    assert [kind for kind, _ in gap_records(world)] == ["gap.opened"]
