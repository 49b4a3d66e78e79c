"""Stage 5: what was decided is written, whole; what was refused is kept aside with its reason."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from sqlalchemy import update

from backend.store.tables import check_job, device, picture, picture_piece, poison, seal_use
from gateway.batch import Batch
from gateway.inbox import Inbound
from gateway.protocol import cbor, cose, envelope, topics
from gateway.protocol.messages import (
    FaceCaptured,
    Moved,
    PictureRef,
    Piece,
    PiecesHeld,
    Position,
    Stamped,
    UnlockRequest,
)
from tests.support.gateway_world import DAY, FakeSleeve, GatewayWorld, Line, inbound

PIECE = 16_384


def junk(topic: str, payload: bytes = b"\xff") -> Inbound:
    return inbound(topic, payload)


# ── what was refused ─────────────────────────────────────────────────────────────────────────────


def test_what_is_refused_is_kept_aside_once_and_counted(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    topic = topics.up(sleeve.id, "moved")
    for _ in range(3):
        line.take(junk(topic), junk(topic))
    (kept,) = world.rows(poison)
    assert (kept.reason, kept.seen, kept.device) == ("not_cbor", 6, sleeve.id)
    assert (kept.topic, kept.size, kept.payload) == (topic, 1, b"\xff")
    assert kept.digest == hashlib.sha256(b"\xff").digest()
    assert world.records() == []  # noise is no record


def test_of_a_huge_payload_only_the_beginning_is_kept(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(junk(topics.up(sleeve.id, "moved"), bytes(50_000)))
    (kept,) = world.rows(poison)
    assert (kept.reason, kept.size, len(kept.payload)) == ("too_large", 50_000, 8192)


def test_what_a_stranger_says_is_kept_as_a_record_of_the_root(
    world: GatewayWorld, line: Line
) -> None:
    stranger = FakeSleeve("ZY0666", world.signer(), world.clock)
    line.take(stranger.say(Moved()), stranger.say(Moved()))
    found = world.records()
    assert [one.kind for one in found] == ["device.unknown"] * 2
    assert {(one.device, one.org_path, one.counter) for one in found} == {("ZY0666", "/", None)}
    assert found[0].data["digest"] == hashlib.sha256(stranger.said[1].payload).digest()


def test_a_forged_signature_is_a_record_of_the_sleeves_village(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    good = sleeve.say(Moved())
    line.take(inbound(good.topic, good.payload[:-1] + b"\x00"))
    (found,) = world.records()
    assert (found.kind, found.data["reason"]) == ("poison.kept", "bad_signature")
    assert found.org_path == world.row(device, sleeve.id).org_path


def test_an_event_on_another_sleeves_topic_is_a_record(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    other = world.sleeve("ZY0002")
    line.take(inbound(topics.up(other.id, "moved"), sleeve.say(Moved()).payload))
    (found,) = world.records()
    assert (found.kind, found.device, found.data["reason"]) == (
        "poison.kept",
        other.id,
        "wrong_device",
    )


def test_a_stranger_that_beats_for_ever_is_one_record(world: GatewayWorld, line: Line) -> None:
    stranger = FakeSleeve("ZY0666", world.signer(), world.clock)
    for _ in range(5):
        world.clock.advance(60_000)
        line.take(stranger.beat())
    assert len(world.records()) == 1
    assert [row.seen for row in world.rows(poison)] == [5]


def test_reasons_with_odd_characters_can_be_kept_by_every_database(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    payload = cose.sign(cbor.encode({"v": "\x00\x01\n"}), sleeve.signer)
    line.take(junk(topics.up(sleeve.id, "moved"), payload), junk("a\x00b/\x07", b"\xff"))
    details = {row.reason: (row.topic, row.detail) for row in world.rows(poison)}
    assert not any("\x00" in text or "\n" in text for pair in details.values() for text in pair)
    assert set(details) == {"unknown_version", "bad_topic"}


# ── telemetry ────────────────────────────────────────────────────────────────────────────────────


def test_a_heartbeat_is_kept_as_it_is_and_no_record(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.beat(through=5, pending_events=2**40, position=Position(lat=30.0, lon=120.0)))
    row = world.row(device, sleeve.id)
    assert (row.claimed, row.battery, row.firmware, row.online) == (5, 90, "1.0", True)
    assert (row.lat, row.lon, row.pending_events) == (30.0, 120.0, 2**31 - 1)
    assert row.last_heartbeat_time == row.last_seen_at == world.clock()
    assert row.counter == 0
    assert world.records() == []


def test_a_heartbeat_without_a_position_leaves_the_last_known_one(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.beat(position=Position(lat=30.0, lon=120.0)))
    world.clock.advance(60_000)
    line.take(sleeve.beat())
    assert world.row(device, sleeve.id).lat == 30.0


def test_states_say_who_is_on_line(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    seen = []
    for online in (True, False, True):
        line.take(sleeve.state(online))
        seen.append(world.row(device, sleeve.id).online)
    assert seen == [True, False, True]
    assert world.row(device, sleeve.id).last_seen_at == 0  # unsigned: anybody could have said it


def test_a_last_will_from_before_the_newest_start_says_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    sleeve.boot = 7
    line.take(sleeve.say(Moved()), sleeve.state(True))
    line.take(sleeve.state(False, boot=6))
    assert world.row(device, sleeve.id).online is True


def test_states_of_strangers_say_nothing(world: GatewayWorld, line: Line) -> None:
    stranger = FakeSleeve("ZY0666", world.signer(), world.clock)
    line.take(stranger.state(True))
    assert world.count(device) == 0
    assert world.count(poison) == 0


# ── pieces ───────────────────────────────────────────────────────────────────────────────────────


def piece(name: str, commit: bytes, index: int, data: bytes = b"x" * PIECE) -> Inbound:
    body = Piece(commit=commit, index=index, data=data)
    return inbound(topics.up(name, Piece.type), envelope.encode_piece(body))


@pytest.fixture
def commit(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> bytes:
    """A picture of three pieces that the sleeve's only use has named."""
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    shot = PictureRef(commit=b"c" * 32, size=3 * PIECE, pieces=3)
    line.take(sleeve.say(FaceCaptured(use=number, attempt=1, pictures=[shot])))
    return shot.commit


def held(world: GatewayWorld) -> list[int]:
    return sorted(row.position for row in world.rows(picture_piece))


def test_pieces_are_kept_in_any_order_and_any_number_of_times(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, commit: bytes
) -> None:
    for index in (2, 0, 0, 2):
        line.take(piece(sleeve.id, commit, index))
    assert held(world) == [0, 2]
    answers = world.said(line, sleeve, PiecesHeld)
    assert [one.missing for one in answers] == [[(0, 1)], [(1, 1)]]
    assert not any(one.complete for one in answers)


@pytest.mark.parametrize(("index", "data"), [(3, b"x"), (127, b"x")])
def test_pieces_that_are_no_part_of_the_picture_are_dropped(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, commit: bytes, index: int, data: bytes
) -> None:
    line.take(piece(sleeve.id, commit, index, data))
    assert held(world) == []


def test_pieces_before_their_event_are_asked_for_once_it_came(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    """Over two gateways a piece may overtake its event: it is dropped, and missed aloud."""
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    shot = PictureRef(commit=b"c" * 32, size=2 * PIECE, pieces=2)
    named = sleeve.say(FaceCaptured(use=number, attempt=1, pictures=[shot]))
    line.take(piece(sleeve.id, shot.commit, 0))
    assert held(world) == []
    assert world.said(line, sleeve, PiecesHeld) == []
    line.take(named)
    line.take(piece(sleeve.id, shot.commit, 1))
    assert [one.missing for one in world.said(line, sleeve, PiecesHeld)] == [[(0, 0)]]
    line.take(piece(sleeve.id, shot.commit, 0), piece(sleeve.id, shot.commit, 1))
    assert held(world) == [0, 1]


def test_pieces_of_another_sleeves_picture_are_neither_kept_nor_answered(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, commit: bytes
) -> None:
    other = world.sleeve("ZY0002")
    line.take(piece(sleeve.id, commit, 0), piece(other.id, commit, 2))
    assert held(world) == [0]
    assert world.said(line, other, PiecesHeld) == []
    line.take(piece(sleeve.id, commit, 2), piece(other.id, commit, 1))
    assert held(world) == [0, 2]
    assert [one.missing for one in world.said(line, sleeve, PiecesHeld)] == [[(1, 1)]]


def test_pieces_of_what_is_done_are_answered_with_its_end(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, commit: bytes
) -> None:
    for state, failure in (("complete", None), ("broken", "not_a_picture"), ("erased", "erased")):
        world.set(picture, commit.hex(), state=state, failure=failure)
        line.take(piece(sleeve.id, commit, 1))
    answers = world.said(line, sleeve, PiecesHeld)
    assert [(one.complete, one.failure) for one in answers] == [
        (True, ""),
        (False, "not_a_picture"),
        (False, "erased"),
    ]


def test_a_picture_named_again_by_a_later_event_is_not_waited_for(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, commit: bytes
) -> None:
    """A burst is shown once: naming an old one again must neither pass nor wait for ever."""
    again = PictureRef(commit=commit, size=3 * PIECE, pieces=3)
    line.take(sleeve.say(FaceCaptured(use=1, attempt=2, pictures=[again])))
    states = {row.counter: row.state for row in world.rows(check_job)}
    assert states == {3: "waiting", 4: "ready"}
    assert world.row(picture, commit.hex()).counter == 3


# ── one transaction ──────────────────────────────────────────────────────────────────────────────


def test_uses_point_to_their_first_record(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    other = world.sleeve("ZY0002")
    world.grant("g", sleeve)
    world.grant("h", other)
    line.take(
        sleeve.say(Moved()),
        sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")),
        other.say(UnlockRequest(nonce=bytes(16), grant="h")),
    )
    for row in world.rows(seal_use):
        (first, *_) = [one for one in world.records() if one.use_id == row.id]
        assert row.first_seq == first.seq


def test_nothing_is_written_when_the_log_fails(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.grant("g", sleeve)
    line.take(sleeve.say(Moved()))

    def full(*_args: Any) -> int:
        raise RuntimeError("no room in the log")

    monkeypatch.setattr(world.log, "append", full)
    batch = Batch(inbound=[], now=world.clock())
    message = envelope.open_event(sleeve.say(UnlockRequest(nonce=bytes(16), grant="g")).payload)
    batch.events.append(message)
    with pytest.raises(RuntimeError):
        line.gateway.pipeline.apply(batch)
    row = world.row(device, sleeve.id)
    assert row.counter == 1
    assert world.count(seal_use) == 0


def test_the_sleeves_row_is_read_under_its_lock_and_not_from_memory(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.say(Stamped(use=0, press=0, total=1, contact_ms=1)))
    with world.db.write() as conn:
        conn.execute(update(device).values(total=41, seal_id="another", org_path="/9/"))
    line.take(sleeve.say(Stamped(use=0, press=0, total=42, contact_ms=1)))
    assert len(world.records("counter.jump")) == 0
    newest = world.records("event.stamped")[-1]
    assert (newest.seal, newest.org_path) == ("another", "/9/")


def test_records_tell_both_times(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    then = world.clock()
    message = sleeve.say(Moved())
    world.clock.advance(DAY)
    line.take(message)
    (record,) = world.records()
    assert (record.happened_at, record.at) == (then, then + DAY)
