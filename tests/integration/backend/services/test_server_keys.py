"""New server keys reach every sleeve: those on line, those that come back, those enrolled after."""

from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from sqlalchemy import select

from backend.domain.actor import Role
from backend.services.context import ServiceContext
from backend.services.devices import DeviceService
from backend.services.server_keys import ServerKeyService, Told
from backend.store.keyfiles import Purpose
from backend.store.keyring import KeyRing
from backend.store.tables import device, downlink
from gateway.downlinks import AGAIN_MS
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Keys, KeysApplied
from gateway.protocol.trust import Trust
from tests.integration.backend.services.test_devices import public_pem, sleeve
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line
from tests.support.world import World

DAY = 86_400_000


class Installation:
    """A world with a gateway over it, and its keys on disk."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder / "keys"
        self.gateway = GatewayWorld(world.db, world.ring)
        self.gateway.clock, self.gateway.log = world.clock, world.log
        self.gateway.journal = world.context.journal
        self.line: Line = self.gateway.line()

    @property
    def context(self) -> ServiceContext:
        return self.world.context

    def rotate(self, purpose: Purpose = Purpose.GRANT, overlap_ms: int = 90 * DAY) -> Told:
        KeyRing.rotate(self.folder, purpose, self.context.random)
        return self.announce(overlap_ms)

    def announce(self, overlap_ms: int = 90 * DAY) -> Told:
        ring = KeyRing.load(self.folder)
        return ServerKeyService(self.context, ring).announce(overlap_ms)

    def sleeve(self, name: str, *, online: bool = True) -> "ToldSleeve":
        return ToldSleeve(self, self.gateway.sleeve(name, online=online))

    def say(self) -> None:
        """What the gateway says now, to those on line."""
        self.line.publisher.sent.clear()
        self.line.work()
        self.world.clock.advance(AGAIN_MS + 1)


class ToldSleeve:
    """Believes as the contract says, and confirms."""

    def __init__(self, made: Installation, sleeve: FakeSleeve) -> None:
        self.made, self.sleeve = made, sleeve
        ring = made.world.ring
        picture = ring.picture_wire.public_key().public_bytes_raw()
        self.trust = Trust(ring.grant_keys, ring.receipt_keys, picture)

    def hear(self) -> int:
        """Take what was said to it; how much of it was not to be verified."""
        strange = 0
        for topic, payload in self.made.line.publisher.sent:
            if topic != f"seal/v1/{self.sleeve.id}/down/keys":
                continue
            now = self.made.world.clock()
            try:
                body = self.trust.open(payload, device=self.sleeve.id, least_now=now)
            except ProtocolError:
                strange += 1
                continue
            assert isinstance(body, Keys)
            if self.trust.take(body):
                self.made.line.take(self.sleeve.say(KeysApplied(serial=body.serial)))
        return strange


@pytest.fixture
def made(world: World, tmp_path: Path) -> Installation:
    return Installation(world, tmp_path)


def waiting(made: Installation, name: str) -> list[Any]:
    with made.world.db.read() as conn:
        query = select(downlink).where(
            downlink.c.device_id == name, downlink.c.confirmed_at.is_(None)
        )
        return list(conn.execute(query.order_by(downlink.c.id)))


def test_every_sleeve_is_told_and_confirms(made: Installation) -> None:
    near, far = made.sleeve("ZY0001"), made.sleeve("ZY0002", online=False)
    assert made.rotate() == Told(serial=1, sleeves=2, confirmed=0)
    made.say()
    assert near.hear() == 0
    far.hear()
    new = KeyRing.load(made.folder).grant.public
    assert (near.trust.serial, far.trust.serial) == (1, 0)
    assert made.announce() == Told(1, 2, 1)
    assert waiting(made, "ZY0001") == []
    (record,) = made.world.records("server.keys_announced")
    assert record.data["grant"][-1] == {"key": new.kid, "public": new.raw, "until": None}
    assert record.data["grant"][0]["until"] > made.world.clock()
    # Days later the other one comes back.
    made.world.clock.advance(5 * DAY)
    made.gateway.set(device, "ZY0002", online=True)
    made.say()
    far.hear()
    assert made.announce() == Told(1, 2, 2)


def test_a_sleeve_that_was_away_through_two_rotations_is_told_the_last_list(
    made: Installation,
) -> None:
    away = made.sleeve("ZY0001", online=False)
    made.rotate()
    made.world.clock.advance(DAY)
    assert made.rotate(Purpose.RECEIPT).serial == 2
    made.world.clock.advance(DAY)
    assert made.rotate().serial == 3
    assert {row.subject for row in waiting(made, "ZY0001")} == {"3"}
    made.gateway.set(device, "ZY0001", online=True)
    made.say()
    away.hear()
    assert away.trust.serial == 3
    assert made.announce() == Told(3, 1, 1)


def test_an_old_key_keeps_the_end_that_it_was_given_and_then_falls_out(
    made: Installation,
) -> None:
    near = made.sleeve("ZY0001")
    made.rotate(overlap_ms=2 * DAY)
    first = made.world.records("server.keys_announced")[0].data["grant"][0]
    made.world.clock.advance(DAY)
    made.rotate(overlap_ms=30 * DAY)
    second = made.world.records("server.keys_announced")[1].data["grant"]
    assert second[0] == first
    assert len(second) == 3
    made.world.clock.advance(3 * DAY)
    made.rotate(Purpose.PICTURE_WIRE)
    third = made.world.records("server.keys_announced")[2].data
    assert first["key"] not in {one["key"] for one in third["grant"]}
    made.say()
    near.hear()
    wire = KeyRing.load(made.folder).picture_wire.public_key().public_bytes_raw()
    assert (near.trust.serial, near.trust.picture) == (3, wire)


def test_announcing_the_same_keys_again_makes_no_new_list(made: Installation) -> None:
    made.sleeve("ZY0001")
    first = made.announce()
    assert made.announce() == first
    assert len(waiting(made, "ZY0001")) == 1
    late = made.sleeve("ZY0002")
    assert made.announce().sleeves == 2
    made.say()
    late.hear()
    assert made.announce().confirmed == 1
    assert len(made.world.records("server.keys_announced")) == 1


def test_a_sleeve_commissioned_after_a_rotation_is_told_the_list_too(made: Installation) -> None:
    # By a part that was not restarted since, and hands out the old keys only.
    devices = DeviceService(made.context, made.world.ring)
    admin = made.world.actor(Role.ADMIN)
    first, second = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
    devices.enrol(admin, sleeve(public_pem(first), name="ZY0008"))
    assert waiting(made, "ZY0008") == []  # no list yet: commissioning says all
    made.rotate()
    devices.enrol(admin, sleeve(public_pem(second), name="ZY0009"))
    (row,) = waiting(made, "ZY0009")
    assert (row.type, row.subject) == ("keys", "1")
    old = Trust(made.world.ring.grant_keys, made.world.ring.receipt_keys, bytes(32))
    body = old.open(row.payload, device="ZY0009", least_now=made.world.clock())
    assert isinstance(body, Keys)
    # After a repair that lost its flash, it knows no list any more.
    made.gateway.set(downlink, row.id, confirmed_at=1)
    third = ed25519.Ed25519PrivateKey.generate()
    devices.replace_key(admin, "ZY0009", public_pem(third))
    assert len(waiting(made, "ZY0009")) == 1
