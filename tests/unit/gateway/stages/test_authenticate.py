"""Stage 2: signatures, and which key must have made them."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from backend.store.tables import device, device_key
from gateway.batch import Batch
from gateway.inbox import Inbound
from gateway.protocol import cose, envelope
from gateway.protocol.errors import Reason
from gateway.protocol.messages import KeyRotated, Tamper
from gateway.stages.authenticate import Authenticate, Keys
from gateway.stages.decode import decode
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line, inbound

OPENED = Tamper(switch="case", open=True)


@pytest.fixture
def authenticate(world: GatewayWorld) -> Authenticate:
    return Authenticate(Keys(world.db))


def check(authenticate: Authenticate, *messages: Inbound) -> Batch:
    batch = Batch(inbound=list(messages), now=0)
    decode(batch)
    assert not batch.refused
    authenticate(batch)
    return batch


def reasons(batch: Batch) -> list[Reason]:
    return [item.error.reason for item in batch.refused]


def rotation(key: cose.Signer) -> KeyRotated:
    return KeyRotated(alg=key.public.alg, public=key.public.raw)


@pytest.mark.parametrize("alg", [cose.EDDSA, cose.ES256])
def test_genuine_messages_pass(world: GatewayWorld, authenticate: Authenticate, alg: int) -> None:
    sleeve = world.sleeve("ZY0002", alg=alg)
    batch = check(authenticate, sleeve.say(OPENED), sleeve.beat())
    assert [message.counter for message in batch.events] == [1]
    assert list(batch.heartbeats) == ["ZY0002"]
    assert not batch.refused


def test_a_wrong_signature_is_refused(authenticate: Authenticate, sleeve: FakeSleeve) -> None:
    good = sleeve.say(OPENED).payload
    batch = check(authenticate, inbound(sleeve.said[1].topic, good[:-1] + bytes([good[-1] ^ 1])))
    assert reasons(batch) == [Reason.BAD_SIGNATURE]
    assert batch.refused[0].device == sleeve.id


def test_a_key_of_nobody_is_refused(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve
) -> None:
    forged = sleeve.forge(OPENED, counter=1, prev=envelope.GENESIS, signer=world.signer())
    assert reasons(check(authenticate, forged)) == [Reason.UNKNOWN_KEY]


def test_the_key_of_another_sleeve_is_refused(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve
) -> None:
    other = world.sleeve("ZY0002")
    forged = sleeve.forge(OPENED, counter=1, prev=envelope.GENESIS, signer=other.signer)
    assert reasons(check(authenticate, forged)) == [Reason.UNKNOWN_KEY]


def test_an_unknown_sleeve_is_refused_and_known_as_soon_as_it_is_enrolled(
    world: GatewayWorld, authenticate: Authenticate
) -> None:
    stranger = FakeSleeve("ZY0009", world.signer(), world.clock)
    assert reasons(check(authenticate, stranger.say(OPENED))) == [Reason.UNKNOWN_DEVICE]
    with world.db.write() as conn:
        conn.execute(
            insert(device),
            {
                "id": "ZY0009",
                "org_id": "o",
                "org_path": "/1/",
                "status": "active",
                "tip": bytes(32),
                "enrolled_at": 0,
            },
        )
        conn.execute(insert(device_key), world.key_row("ZY0009", stranger.signer))
    assert not check(authenticate, *stranger.again([1])).refused


@pytest.mark.parametrize("jump", [0, -86_400_000, 86_400_000])
def test_a_new_key_is_found_on_a_clock_that_stands_or_jumps(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve, jump: int
) -> None:
    assert not check(authenticate, sleeve.say(OPENED)).refused
    world.clock.advance(jump)
    new = world.signer()
    with world.db.write() as conn:
        conn.execute(
            update(device_key).where(device_key.c.device_id == sleeve.id).values(until_counter=1)
        )
        conn.execute(insert(device_key), world.key_row(sleeve.id, new, from_counter=2))
    sleeve.signer = new
    assert not check(authenticate, sleeve.say(OPENED)).refused


@pytest.mark.parametrize(
    ("counter", "span", "good"),
    [
        (4, {"from_counter": 5}, False),
        (5, {"from_counter": 5}, True),
        (7, {"from_counter": 5, "until_counter": 7}, True),
        (8, {"from_counter": 5, "until_counter": 7}, False),
    ],
)
def test_a_key_signs_the_counters_it_was_registered_for(
    world: GatewayWorld,
    authenticate: Authenticate,
    sleeve: FakeSleeve,
    counter: int,
    span: dict[str, Any],
    good: bool,
) -> None:
    with world.db.write() as conn:
        conn.execute(update(device_key).where(device_key.c.device_id == sleeve.id).values(**span))
    batch = check(authenticate, sleeve.forge(OPENED, counter=counter, prev=bytes(32)))
    assert reasons(batch) == ([] if good else [Reason.UNKNOWN_KEY])


@pytest.mark.parametrize("backwards", [False, True])
def test_a_rotation_introduces_the_key_of_what_follows_in_the_same_batch(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve, backwards: bool
) -> None:
    new = world.signer(cose.ES256)
    messages = [sleeve.say(OPENED), sleeve.say(rotation(new))]
    sleeve.signer = new
    messages += [sleeve.say(OPENED), sleeve.beat(), sleeve.say(OPENED)]
    if backwards:
        messages.reverse()
    batch = check(authenticate, *messages)
    assert not batch.refused
    assert {message.counter for message in batch.events} == {1, 2, 3, 4}


def test_several_rotations_in_one_batch(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve
) -> None:
    messages = []
    for _ in range(3):
        new = world.signer()
        messages.append(sleeve.say(rotation(new)))
        sleeve.signer = new
    messages.append(sleeve.say(OPENED))
    messages.reverse()
    assert not check(authenticate, *messages).refused


def test_a_parked_rotation_introduces_its_key_to_another_gateway(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    sleeve.say(OPENED)  # lost for now
    new = world.signer()
    line.take(sleeve.say(rotation(new)))
    sleeve.signer = new
    other = world.line()
    other.take(sleeve.say(OPENED), sleeve.beat())
    assert world.records("poison.kept", "device.unknown") == []
    line.take(*sleeve.again([1]))
    assert world.counters(sleeve) == [1, 2, 3]


def test_a_rotation_that_the_old_key_may_no_longer_sign_introduces_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """A stolen old key cannot rotate itself back in."""
    stolen, thief, new = sleeve.signer, world.signer(), world.signer()
    line.take(sleeve.say(rotation(new)))
    sleeve.signer = new
    line.take(sleeve.say(OPENED))
    back = sleeve.forge(rotation(thief), counter=3, prev=sleeve.tip, signer=stolen)
    then = sleeve.forge(OPENED, counter=4, prev=envelope.digest(back.payload), signer=thief)
    line.take(back, then)
    assert world.counters(sleeve) == [1, 2]
    assert [one.data["reason"] for one in world.records("poison.kept")] == ["unknown_key"] * 2


def test_a_second_history_by_the_current_key_introduces_no_key_of_its_own(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """A rotation that was told apart as a fork is believed by nobody."""
    thief = world.signer()
    line.take(sleeve.say(OPENED), sleeve.say(OPENED))
    rival = sleeve.forge(rotation(thief), counter=2, prev=envelope.digest(sleeve.said[1].payload))
    then = sleeve.forge(OPENED, counter=3, prev=sleeve.tip, signer=thief)
    line.take(rival, then)
    assert world.counters(sleeve) == [1, 2]
    assert len(world.records("fork.found")) == 1
    line.take(sleeve.say(OPENED))
    assert world.counters(sleeve) == [1, 2, 3]


def test_of_several_heartbeats_the_newest_counts(
    world: GatewayWorld, authenticate: Authenticate, sleeve: FakeSleeve
) -> None:
    old = sleeve.beat(battery=20)
    world.clock.advance(1)
    new = sleeve.beat(battery=10)
    for messages in ([old, new], [new, old]):
        batch = check(authenticate, *messages)
        assert batch.heartbeats[sleeve.id].raw == new.payload


def test_a_bad_neighbour_spoils_nothing(authenticate: Authenticate, sleeve: FakeSleeve) -> None:
    good = sleeve.say(OPENED)
    bad = inbound(good.topic, good.payload[:-1] + b"\x00")
    batch = check(authenticate, bad, good, bad)
    assert len(batch.events) == 1
    assert len(batch.refused) == 2
