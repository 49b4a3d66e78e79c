"""What the server says unasked: once when new, again until the sleeve confirms it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from backend.store.keyfiles import Purpose
from backend.store.keyring import KeyRing
from backend.store.tables import device, downlink
from gateway.downlinks import AGAIN_MS, AT_ONCE
from gateway.protocol import cose, envelope
from gateway.protocol.messages import GrantStored, KeysApplied, Lock
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


# ── after a rotation of the server's keys ────────────────────────────────────────────────────────

LOCK = Lock(order=3, locked=True, text="清点印章")


@pytest.fixture
def older(tmp_path: Path) -> KeyRing:
    """The keys before the rotation."""
    return KeyRing.create(tmp_path / "keys")


@pytest.fixture
def rotated(tmp_path: Path, older: KeyRing) -> KeyRing:
    """The same with a second generation of the grant key."""
    KeyRing.rotate(tmp_path / "keys", Purpose.GRANT)
    return KeyRing.load(tmp_path / "keys")


def waiting(
    world: GatewayWorld, sleeve: FakeSleeve, signer: cose.Signer, *, keys: str | None
) -> None:
    """A lock ordered under ``signer``; a list of keys that is ``keys``: open, confirmed, none."""
    lock = envelope.seal_down(LOCK, signer, device=sleeve.id, time=1)
    rows: list[tuple[str, str, bytes, int | None]] = [("lock", "3", lock, None)]
    if keys is not None:
        rows.append(("keys", "7", b"the list", 1 if keys == "confirmed" else None))
    with world.db.write() as conn:
        for kind, subject, payload, confirmed in rows:
            conn.execute(
                insert(downlink),
                {
                    "device_id": sleeve.id,
                    "type": kind,
                    "subject": subject,
                    "payload": payload,
                    "created_at": 1,
                    "confirmed_at": confirmed,
                    "sends": 0,
                },
            )


def said_lock(line: Line) -> bytes:
    (found,) = (payload for topic, payload in line.publisher.sent if topic.endswith("/lock"))
    line.publisher.sent.clear()
    return found


def test_an_open_order_is_signed_anew_once_the_sleeve_has_the_new_keys(
    world: GatewayWorld, online: FakeSleeve, older: KeyRing, rotated: KeyRing
) -> None:
    waiting(world, online, older.grant, keys="open")
    line = world.line(grant_key=rotated.grant, grant_keys=rotated.grant_keys)
    line.work()
    before = said_lock(line)
    assert envelope.open_down(before, device=online.id, keys=older.grant_keys) == LOCK

    line.take(online.say(KeysApplied(serial=7)))
    world.clock.advance(AGAIN_MS + 1)
    line.work()
    after = said_lock(line)
    newest = {rotated.grant.public.kid: rotated.grant.public}
    assert envelope.open_down(after, device=online.id, keys=newest) == LOCK
    assert [row.payload for row in world.rows(downlink) if row.type == "lock"] == [after]


@pytest.mark.parametrize("keys", [None, "confirmed"])
def test_what_we_did_not_sign_is_not_signed_anew(
    world: GatewayWorld,
    online: FakeSleeve,
    older: KeyRing,
    rotated: KeyRing,
    tmp_path: Path,
    keys: str | None,
) -> None:
    class Pretends:
        """Names our older key and signs by its own."""

        public = older.grant.public

        def sign(self, message: bytes) -> bytes:
            return KeyRing.create(tmp_path / "foreign").grant.sign(message)

    waiting(world, online, Pretends(), keys=keys)
    line = world.line(grant_key=rotated.grant, grant_keys=rotated.grant_keys)
    (forged,) = (row.payload for row in world.rows(downlink) if row.type == "lock")
    line.work()
    assert said_lock(line) == forged


def test_without_a_rotation_nothing_is_signed_anew(
    world: GatewayWorld, online: FakeSleeve, older: KeyRing
) -> None:
    waiting(world, online, older.grant, keys="confirmed")
    line = world.line(grant_key=older.grant, grant_keys=older.grant_keys)
    line.work()
    assert envelope.open_down(said_lock(line), device=online.id, keys=older.grant_keys) == LOCK
    assert cose.parse(world.rows(downlink)[0].payload).kid == older.grant.public.kid
