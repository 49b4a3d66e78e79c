"""What the server says unasked: once when new, again until the sleeve confirms it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from backend.store.tables import device, downlink
from gateway.downlinks import AGAIN_MS, AT_ONCE
from gateway.protocol.messages import GrantStored
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line


def queue(world: GatewayWorld, sleeve: FakeSleeve, count: int = 1) -> None:
    rows: list[dict[str, Any]] = [
        {
            "device_id": sleeve.id,
            "type": "grant",
            "subject": f"g{number}",
            "payload": f"payload {number}".encode(),
            "created_at": world.clock(),
            "sends": 0,
        }
        for number in range(count)
    ]
    with world.db.write() as conn:
        conn.execute(insert(downlink), rows)


@pytest.fixture
def online(world: GatewayWorld, sleeve: FakeSleeve) -> FakeSleeve:
    world.set(device, sleeve.id, online=True)
    return sleeve


def test_it_is_said_once_and_then_rests(
    world: GatewayWorld, line: Line, online: FakeSleeve
) -> None:
    queue(world, online)
    line.work()
    line.work()
    assert line.publisher.sent == [(f"seal/v1/{online.id}/down/grant", b"payload 0")]
    (row,) = world.rows(downlink)
    assert (row.sends, row.sent_at, row.confirmed_at) == (1, world.clock(), None)


def test_it_is_said_again_until_it_is_confirmed(
    world: GatewayWorld, line: Line, online: FakeSleeve
) -> None:
    queue(world, online)
    for _ in range(3):
        line.work()
        world.clock.advance(AGAIN_MS + 1)
    assert len(line.publisher.sent) == 3
    line.take(online.say(GrantStored(grant="g0")))
    line.publisher.sent.clear()
    line.work()
    assert line.publisher.sent == []
    assert world.rows(downlink)[0].sends == 3


def test_a_sleeve_off_line_is_told_when_it_comes_back(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    queue(world, sleeve)
    line.work()
    assert line.publisher.sent == []
    line.settled(sleeve.state(True))
    assert len(line.publisher.sent) == 1


def test_many_are_said_in_order_and_all(
    world: GatewayWorld, line: Line, online: FakeSleeve
) -> None:
    queue(world, online, AT_ONCE + 5)
    line.work()
    assert [payload for _, payload in line.publisher.sent] == [
        f"payload {number}".encode() for number in range(AT_ONCE + 5)
    ]


def test_two_gateways_share_the_work(world: GatewayWorld, line: Line, online: FakeSleeve) -> None:
    queue(world, online, 3)
    line.work()
    other = world.line()
    other.work()
    assert other.publisher.sent == []
