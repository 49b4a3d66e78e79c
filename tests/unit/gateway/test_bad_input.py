"""Bad input, each kind from the broker to the database: a recorded reason, all of it acknowledged,
nothing lost, and the line goes on.

Pictures that are none are in test_uploads; grants that are not good in stages/test_decide; a store
that is away in test_pipeline.
"""

from __future__ import annotations

from collections.abc import Callable

import cbor2
import pytest
from sqlalchemy import event as sql
from sqlalchemy import text

from backend.store.tables import device, parked_event, picture_piece, poison
from gateway.inbox import Inbound
from gateway.protocol import cbor, cose, envelope, topics
from gateway.protocol.messages import Moved, Piece
from tests.support.gateway_world import DAY, FakeSleeve, GatewayWorld, Line, inbound

Bad = Callable[[GatewayWorld, FakeSleeve], Inbound]


def changed(change: Callable[[bytes], bytes]) -> Bad:
    """The sleeve's next event, spoilt on the way."""

    def make(_world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
        good = sleeve.forge(Moved(), counter=sleeve.counter + 1, prev=sleeve.tip)
        return inbound(good.topic, change(good.payload))

    return make


def told(**fields: object) -> Bad:
    """A signed payload whose header says something else."""

    def make(world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
        payload: dict[str, object] = {
            "v": 1,
            "device": sleeve.id,
            "boot": 1,
            "time": world.clock(),
            "type": "moved",
            "body": {},
            "counter": sleeve.counter + 1,
            "prev": sleeve.tip,
        }
        raw = cose.sign(cbor.encode(payload | fields), sleeve.signer)
        return inbound(topics.up(sleeve.id, "moved"), raw)

    return make


def unknown_sleeve(world: GatewayWorld, _sleeve: FakeSleeve) -> Inbound:
    return FakeSleeve("ZY0666", world.signer(), world.clock).say(Moved())


def unknown_key(world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
    return sleeve.forge(Moved(), counter=sleeve.counter + 1, prev=sleeve.tip, signer=world.signer())


def revoked(world: GatewayWorld, _sleeve: FakeSleeve) -> Inbound:
    return world.sleeve("ZY0777", status="revoked").say(Moved())


def forked(_world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
    return sleeve.forge(Moved(moving=False), counter=1, prev=envelope.GENESIS)


def state(_world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
    return inbound(topics.state(sleeve.id), b"online")


def piece(_world: GatewayWorld, sleeve: FakeSleeve) -> Inbound:
    return inbound(topics.up(sleeve.id, Piece.type), b"\xa0")


@pytest.mark.parametrize(
    ("reason", "make", "kind"),
    [
        ("bad_signature", changed(lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])), "poison.kept"),
        ("unknown_key", unknown_key, "poison.kept"),
        ("unknown_device", unknown_sleeve, "device.unknown"),
        ("revoked_device", revoked, "poison.kept"),
        ("fork", forked, "fork.found"),
        ("wrong_device", told(device="ZY0002"), "poison.kept"),
        ("not_cbor", changed(lambda raw: raw[: len(raw) // 2]), None),
        ("not_cbor", changed(lambda raw: raw + b"\x00"), None),
        ("not_cbor", changed(lambda _raw: b"hello, gateway"), None),
        ("not_cose", changed(lambda _raw: cbor2.dumps({"type": "moved"})), None),
        ("too_large", changed(lambda raw: raw + bytes(20_000)), None),
        ("bad_field", told(counter="one"), None),
        ("bad_field", told(body={"moving": "yes"}), None),
        ("unknown_version", told(v=2), None),
        ("unknown_type", told(type="levitated"), None),
        (
            "bad_topic",
            told(
                type="boot",
                body=dict.fromkeys(("firmware", "hardware"), "1") | {"reason": "power_on"},
            ),
            None,
        ),
        ("not_cbor", state, None),
        ("bad_field", piece, None),
    ],
)
def test_bad_input_is_kept_with_its_reason_and_stops_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, reason: str, make: Bad, kind: str | None
) -> None:
    line.take(sleeve.say(Moved()))
    bad = make(world, sleeve)
    good = sleeve.say(Moved())
    line.take(bad, good, bad)
    (kept,) = world.rows(poison)
    assert (kept.reason, kept.seen, kept.size) == (reason, 2, len(bad.payload))
    told_of = [one.kind for one in world.records() if not one.kind.startswith("event.")]
    assert told_of == ([kind] if kind else [])
    assert world.counters(sleeve) == [1, 2]
    acked = sorted(one.token for one in line.acked[1:])
    assert acked == sorted([bad.token, good.token, bad.token])
    world.check()


def test_a_full_disk_is_waited_for_and_nothing_is_acknowledged_meanwhile(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """Promise 2. SQLite says that its file may grow no more, as it does on a full disk."""
    line.take(sleeve.say(Moved()))
    with world.db.read() as conn:
        most = [int(conn.execute(text("PRAGMA page_count")).scalar_one())]
    engine = world.db.engine

    def limit(conn: object) -> None:
        conn.exec_driver_sql(f"PRAGMA max_page_count = {most[0]}")  # type: ignore[attr-defined]  # a Connection

    sql.listen(engine, "begin", limit)
    messages = [sleeve.say(Moved()) for _ in range(200)]
    tries: list[int] = []

    def pause(_seconds: float) -> None:
        tries.append(len(line.acked))
        if len(tries) == 5:
            most[0] = 2**30  # somebody made room

    line.gateway.pipeline._pause = pause
    line.take(*messages)
    sql.remove(engine, "begin", limit)
    assert tries == [1] * 5
    assert len(line.acked) == 201
    assert world.counters(sleeve) == list(range(1, 202))
    assert world.count(poison) == 0
    world.check()


def test_a_sleeve_that_claims_the_end_of_all_counters_harms_only_itself(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    other = world.sleeve("ZY0002")
    line.take(
        sleeve.forge(Moved(), counter=2**53, prev=bytes(32)),
        sleeve.beat(through=2**53),
        other.say(Moved()),
    )
    assert world.count(parked_event) == 1
    assert world.counters(other) == [1]
    line.take(sleeve.say(Moved()))
    world.clock.advance(DAY + 1)
    line.work()
    assert world.counters(sleeve) == [1, 2**53]
    world.check()


def test_pieces_that_nobody_named_leave_nothing_behind(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    for index in range(20):
        body = Piece(commit=bytes([index]) * 32, index=index, data=b"x" * 16_384)
        line.take(inbound(topics.up(sleeve.id, Piece.type), envelope.encode_piece(body)))
    assert world.count(picture_piece) == 0
    assert world.count(poison) == 0
    assert len(line.acked) == 20
    assert world.row(device, sleeve.id).last_seen_at == 0
