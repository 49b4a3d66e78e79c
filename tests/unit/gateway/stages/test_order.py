"""Stage 3: each sleeve's events in their own order; nothing withheld or doubled without a trace."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event as sql
from sqlalchemy import update

from backend.store.tables import device, device_key, parked_event, poison, record
from gateway.protocol import envelope
from gateway.protocol.errors import Reason
from gateway.protocol.limits import MAX_RANGES
from gateway.protocol.messages import KeyRotated, Moved, Receipt, Tamper, UnlockRequest
from tests.support.gateway_world import DAY, FakeSleeve, GatewayWorld, Line

OPENED = Tamper(switch="case", open=True)


def say(sleeve: FakeSleeve, count: int) -> list[Any]:
    return [sleeve.say(OPENED) for _ in range(count)]


def test_events_in_order_are_recorded_in_order(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 3))
    assert world.counters(sleeve) == [1, 2, 3]
    row = world.row(device, sleeve.id)
    assert (row.counter, row.tip, row.gap_since) == (3, sleeve.tip, None)
    assert [one.evidence for one in world.records("event.tamper")] == [
        sleeve.said[counter].payload for counter in (1, 2, 3)
    ]
    world.check()


def test_disorder_within_one_batch_is_no_gap(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*reversed(say(sleeve, 5)))
    assert world.counters(sleeve) == [1, 2, 3, 4, 5]
    assert world.records("gap.opened") == []


def test_promise_3_a_reordered_event_is_parked_and_the_gap_shows(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    first, second, third = say(sleeve, 3)
    line.take(first)
    line.take(third)
    assert world.counters(sleeve) == [1]
    assert world.count(parked_event) == 1
    (opened,) = world.records("gap.opened")
    assert (opened.data["first"], opened.data["last"]) == (2, 2)
    receipt = world.receipt(line, sleeve)
    assert (receipt.through, receipt.ranges) == (1, [(3, 3)])
    assert world.row(device, sleeve.id).gap_since == world.clock()

    world.clock.advance(5_000)
    line.take(second)
    assert world.counters(sleeve) == [1, 2, 3]
    assert world.count(parked_event) == 0
    assert len(world.records("gap.healed")) == 1
    receipt = world.receipt(line, sleeve)
    assert (receipt.through, receipt.ranges, receipt.tip) == (3, [], sleeve.tip)
    assert world.row(device, sleeve.id).gap_since is None
    world.check()


def test_promise_3_a_gap_that_shrinks_is_still_the_same_gap(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    first, second, third, fourth = say(sleeve, 4)
    line.one_by_one(first, fourth)
    since = world.clock()
    world.clock.advance(1_000)
    line.take(second)
    assert len(world.records("gap.opened")) == 1
    assert world.records("gap.healed") == []
    assert world.row(device, sleeve.id).gap_since == since
    line.take(third)
    assert len(world.records("gap.healed")) == 1


def test_promise_3_a_second_gap_behind_one_that_heals_is_told_as_its_own(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 6)
    line.one_by_one(messages[0], messages[2])  # 2 is missing
    world.clock.advance(60_000)
    line.take(messages[1], messages[5])  # 2 comes, 4 and 5 are missing
    assert world.counters(sleeve) == [1, 2, 3]
    kinds = [one.kind for one in world.records() if one.kind.startswith("gap.")]
    assert kinds == ["gap.opened", "gap.healed", "gap.opened"]
    assert world.records("gap.opened")[1].data == {"first": 4, "last": 5}
    assert world.row(device, sleeve.id).gap_since == world.clock()


def test_ranges_name_what_is_held_beyond_the_gap(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 10)
    line.take(*(messages[at] for at in (0, 2, 3, 5, 8, 9)))
    assert world.receipt(line, sleeve).ranges == [(3, 4), (6, 6), (9, 10)]


def test_a_receipt_never_has_more_ranges_than_the_contract_allows(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 2 * MAX_RANGES + 10)
    line.take(*messages[1::2])
    receipt = world.receipt(line, sleeve)
    assert len(receipt.ranges) == MAX_RANGES
    assert receipt.ranges[0] == (2, 2)


def test_promise_3_replays_are_counted_and_change_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 3))
    before = world.records()
    line.take(*sleeve.again([1, 2, 3, 1]))
    line.take(*sleeve.again([2, 2]))
    assert world.records() == before
    assert world.row(device, sleeve.id).duplicates == 6
    assert world.receipt(line, sleeve).through == 3


def test_replays_of_what_is_parked_are_counted_too(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 3)
    line.take(messages[0], messages[2])
    line.take(*sleeve.again([3, 3]))
    assert world.row(device, sleeve.id).duplicates == 2
    assert world.count(parked_event) == 1
    assert world.receipt(line, sleeve).ranges == [(3, 3)]


def test_promise_3_a_replay_is_no_sign_of_life(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """Whoever records a sleeve's traffic cannot hide that it fell silent."""
    line.take(*say(sleeve, 2), old := sleeve.beat())
    heard = world.clock()
    world.clock.advance(DAY)
    line.take(*sleeve.again([1, 2]), old)
    row = world.row(device, sleeve.id)
    assert (row.last_seen_at, row.last_event_at) == (heard, heard)
    line.take(sleeve.beat())
    assert world.row(device, sleeve.id).last_seen_at == world.clock()


def test_promise_3_an_old_heartbeat_does_not_lower_what_the_sleeve_claimed(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    old = sleeve.beat(through=3, battery=90)
    world.clock.advance(1)
    new = sleeve.beat(through=9, battery=50)
    for message in (old, new, old):
        line.take(message)
    row = world.row(device, sleeve.id)
    assert (row.claimed, row.battery) == (9, 50)


def test_a_sleeve_whose_clock_was_corrected_backwards_is_still_heard(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.beat(through=3, time=world.clock() + DAY))
    line.take(sleeve.beat(through=4, battery=7))  # its clock_set is event 4
    assert world.row(device, sleeve.id).battery == 7


# ── forks ────────────────────────────────────────────────────────────────────────────────────────


def rival(sleeve: FakeSleeve, counter: int, prev: bytes | None = None) -> Any:
    before = envelope.digest(sleeve.said[counter - 1].payload) if counter > 1 else bytes(32)
    return sleeve.forge(Moved(), counter=counter, prev=before if prev is None else prev)


def test_promise_3_a_second_history_is_a_fork_recorded_once(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 3))
    other = rival(sleeve, 2)
    line.one_by_one(other, other, other)
    (fork,) = world.records("fork.found")
    assert fork.device == sleeve.id
    assert fork.counter is None
    assert fork.data["counter"] == 2
    assert fork.data["kept"] == envelope.digest(sleeve.said[2].payload)
    assert fork.data["other"] == envelope.digest(other.payload)
    assert fork.data["raw"] == other.payload
    (kept,) = world.rows(poison)
    assert (kept.reason, kept.seen) == (Reason.FORK, 3)
    assert world.counters(sleeve) == [1, 2, 3]
    assert world.row(device, sleeve.id).duplicates == 0
    world.check()


def test_promise_3_a_second_history_of_a_parked_event_is_a_fork(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 3)
    line.take(messages[0], messages[2])
    line.take(rival(sleeve, 3))
    assert len(world.records("fork.found")) == 1
    line.take(messages[1])
    assert world.counters(sleeve) == [1, 2, 3]


def test_promise_3_two_histories_in_one_batch_are_a_fork(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    first = sleeve.say(OPENED)
    line.take(first, rival(sleeve, 1))
    assert world.counters(sleeve) == [1]
    assert len(world.records("fork.found")) == 1


def test_promise_3_the_next_event_must_chain_to_the_last(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 2))
    line.take(rival(sleeve, 3, prev=bytes(32)))
    assert world.counters(sleeve) == [1, 2]
    assert world.records("fork.found")[0].data["kept"] == sleeve.tip
    assert world.receipt(line, sleeve).through == 2  # what forks is never receipted
    line.take(sleeve.say(OPENED))
    assert world.counters(sleeve) == [1, 2, 3]


def test_a_parked_event_that_turns_out_not_to_chain_makes_room_for_the_true_one(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    messages = say(sleeve, 4)
    line.take(messages[0], rival(sleeve, 3, prev=bytes(32)))
    line.take(messages[1], messages[3])
    assert world.counters(sleeve) == [1, 2]
    assert len(world.records("fork.found")) == 1
    line.take(messages[2])
    assert world.counters(sleeve) == [1, 2, 3, 4]
    assert world.count(parked_event) == 0


def test_two_forks_of_one_counter_are_two_records(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 2))
    line.take(
        rival(sleeve, 2), sleeve.forge(UnlockRequest(nonce=bytes(16)), counter=2, prev=b"x" * 32)
    )
    assert len(world.records("fork.found")) == 2


def test_an_erased_event_is_no_fork(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    line.take(*say(sleeve, 2))
    with world.db.write() as conn:
        conn.execute(update(record).values(body=None, salt=None))
    line.take(*sleeve.again([1]))
    assert world.count(poison) == 0
    assert world.row(device, sleeve.id).duplicates == 1


# ── what lies in a gap that was closed ───────────────────────────────────────────────────────────


@pytest.fixture
def given_up(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> list[Any]:
    """Events 1 to 6, of which 2 to 4 were lost and given up."""
    messages = say(sleeve, 6)
    line.take(messages[0], *messages[4:])
    world.clock.advance(DAY + 1)
    line.work()
    assert world.counters(sleeve) == [1, 5, 6]
    return messages


def test_promise_2_an_event_out_of_a_closed_gap_is_recorded_after_all(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, given_up: list[Any]
) -> None:
    line.take(given_up[2], given_up[1], given_up[1])
    line.take(*sleeve.again([4, 3]))
    assert world.counters(sleeve) == [1, 5, 6, 2, 3, 4]
    found = world.records("event.tamper")[-1]
    assert found.data["found"] is True
    assert found.data["late"] is True
    assert found.evidence == given_up[3].payload
    assert world.row(device, sleeve.id).counter == 6
    assert world.row(device, sleeve.id).duplicates == 2
    assert world.count(poison) == 0
    world.check()


@pytest.mark.parametrize(("counter", "prev"), [(2, b"x" * 32), (4, None)])
def test_an_event_that_does_not_fit_beside_a_closed_gap_is_a_fork(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    given_up: list[Any],
    counter: int,
    prev: bytes | None,
) -> None:
    line.take(rival(sleeve, counter, prev))
    assert world.counters(sleeve) == [1, 5, 6]
    assert len(world.records("fork.found")) == 1


def test_found_events_must_fit_each_other(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, given_up: list[Any]
) -> None:
    line.take(given_up[1], rival(sleeve, 3, prev=b"x" * 32))
    assert world.counters(sleeve) == [1, 5, 6, 2]
    assert len(world.records("fork.found")) == 1


def test_promise_1_an_unlock_request_found_late_unlocks_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    grant = world.grant("g", sleeve, not_after=world.clock() + 10 * DAY)
    line.take(sleeve.say(OPENED))
    asked = sleeve.say(UnlockRequest(nonce=bytes(16), grant=grant))
    line.take(sleeve.say(OPENED))
    world.clock.advance(DAY + 1)
    line.work()
    line.take(asked)
    assert world.verdict(sleeve, 2) == {"refused": "found"}
    assert [topic for topic, _ in line.publisher.sent if not topic.endswith(Receipt.type)] == []


# ── who may speak ────────────────────────────────────────────────────────────────────────────────


def test_a_revoked_sleeve_is_refused_and_told_apart(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 2))
    world.set(device, sleeve.id, status="revoked")
    refused = sleeve.say(OPENED)
    line.one_by_one(refused, refused, sleeve.beat(), sleeve.beat(battery=3))
    assert world.counters(sleeve) == [1, 2]
    assert {one.data["reason"] for one in world.records("poison.kept")} == {"revoked_device"}
    assert sorted(one.seen for one in world.rows(poison)) == [2, 2]
    assert world.row(device, sleeve.id).battery is None


def test_a_key_revoked_behind_a_gateway_that_knows_it_signs_nothing_more(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(*say(sleeve, 2))
    with world.db.write() as conn:
        conn.execute(update(device_key).values(revoked_at=world.clock()))
    line.take(sleeve.say(OPENED), sleeve.beat())
    assert world.counters(sleeve) == [1, 2]
    assert {one.data["reason"] for one in world.records("poison.kept")} == {"revoked_device"}


def test_the_key_that_was_rotated_away_at_another_gateway_signs_nothing_more(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    stolen, new, other = sleeve.signer, world.signer(), world.line()
    line.take(sleeve.say(OPENED))
    other.take(sleeve.say(KeyRotated(alg=new.public.alg, public=new.public.raw)))
    forged = sleeve.forge(OPENED, counter=3, prev=sleeve.tip, signer=stolen)
    ahead = sleeve.forge(OPENED, counter=7, prev=sleeve.tip, signer=stolen)
    line.take(forged, ahead, sleeve.beat(through=9, signer=stolen))
    assert world.counters(sleeve) == [1, 2]
    assert world.count(parked_event) == 0
    assert world.row(device, sleeve.id).claimed == 0
    assert {one.data["reason"] for one in world.records("poison.kept")} == {"unknown_key"}
    sleeve.signer = new
    line.take(sleeve.say(OPENED), sleeve.beat())
    assert world.counters(sleeve) == [1, 2, 3]
    assert world.row(device, sleeve.id).claimed == 3


def test_a_heartbeat_made_before_a_rotation_and_heard_after_it_is_genuine(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    new = world.signer()
    line.take(sleeve.say(OPENED))
    beat = sleeve.beat()
    line.take(sleeve.say(KeyRotated(alg=new.public.alg, public=new.public.raw)))
    line.take(beat)
    assert world.count(poison) == 0
    assert world.row(device, sleeve.id).claimed == 1


# ── at length ────────────────────────────────────────────────────────────────────────────────────


def test_of_many_parked_events_only_those_whose_turn_comes_are_read(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """A sleeve back from a month off line must not have its whole past read with each batch."""
    messages = say(sleeve, 600)
    line.take(*messages[1:300], *messages[301:])
    read: list[str] = []
    sql.listen(
        world.db.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_: read.append(statement),
    )
    line.take(*sleeve.again([600]))
    assert sum("parked_event.raw" in one for one in read) == 1
    assert world.row(device, sleeve.id).duplicates == 1
    line.take(messages[0], messages[300])
    assert world.counters(sleeve) == list(range(1, 601))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(data=st.data())
def test_promise_2_any_order_any_number_of_times_gives_each_event_once_in_order(
    world: GatewayWorld, data: st.DataObject
) -> None:
    """Two gateways on one database, deliveries shuffled, doubled and batched at will."""
    name = f"ZY{world.count(device):05}"
    sleeve, lines = world.sleeve(name), [world.line(), world.line()]
    say(sleeve, 8)
    plan = data.draw(st.lists(st.integers(1, 8), max_size=20)) + list(range(8, 0, -1))
    while plan:
        size = data.draw(st.integers(1, 5))
        data.draw(st.sampled_from(lines)).take(*sleeve.again(plan[:size]))
        plan = plan[size:]
    assert world.counters(sleeve) == list(range(1, 9))
    row = world.row(device, name)
    assert (row.counter, row.tip, row.gap_since) == (8, sleeve.tip, None)
    gaps = [one.kind for one in world.records("gap.opened", "gap.healed") if one.device == name]
    assert gaps == ["gap.opened", "gap.healed"] * (len(gaps) // 2)
    assert world.rows(parked_event, parked_event.c.device_id == name) == []
