"""Pictures that arrived whole are stored, or refused for good; none holds up the others."""

from __future__ import annotations

from typing import Any

import pytest

from backend.store.pictures import MAX_TRIES, PictureStore
from backend.store.tables import check_job, picture, picture_piece
from gateway.protocol import pictures
from gateway.protocol.messages import PageCaptured, PiecesHeld
from gateway.uploads import AT_ONCE
from tests.support.gateway_world import Crash, FakeSleeve, GatewayWorld, Line
from tests.support.shots import bomb, burst, jpeg, pieces, seal


@pytest.fixture
def use(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> int:
    world.grant("g", sleeve)
    return world.unlocked(line, sleeve, "g")


def page(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, data: bytes
) -> pictures.SealedPicture:
    """A page picture that the sleeve has named and not yet sent."""
    sealed = seal(world, sleeve, data)
    line.take(sleeve.say(PageCaptured(use=1, stage="before", press=1, picture=sealed.ref)))
    return sealed


def test_a_whole_picture_is_stored_and_the_sleeve_may_drop_it(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    sealed = page(world, line, sleeve, jpeg(side=160))
    sent = pieces(sleeve, sealed)
    assert len(sent) > 1
    line.settled(*sent)
    with world.db.read() as conn:
        assert world.pictures.get(conn, sealed.ref.commit.hex()) == jpeg(side=160)
    (held,) = world.said(line, sleeve, PiecesHeld)
    assert (held.commit, held.complete, held.missing, held.failure) == (
        sealed.ref.commit,
        True,
        [],
        "",
    )
    assert world.count(picture_piece) == 0


@pytest.mark.parametrize(
    ("data", "failure"),
    [
        (b"no picture at all", "picture_unknown_format"),
        (bomb(), "picture_too_many_pixels"),
        (jpeg()[:200], "picture_truncated"),
        (b"", "picture_empty"),
    ],
)
def test_what_is_no_picture_is_refused_for_good_with_the_reason(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int, data: bytes, failure: str
) -> None:
    sealed = page(world, line, sleeve, data)
    line.settled(*pieces(sleeve, sealed))
    (held,) = world.said(line, sleeve, PiecesHeld)
    assert (held.complete, held.failure) == (False, failure)
    row = world.row(picture, sealed.ref.commit.hex())
    assert (row.state, row.failure) == ("broken", failure)


def test_what_does_not_decrypt_is_asked_for_again_and_then_given_up(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    sealed = page(world, line, sleeve, jpeg())
    spoilt = pictures.SealedPicture(sealed.ref, sealed.ciphertext[:-1] + b"\x00")
    for _ in range(MAX_TRIES):
        line.settled(*pieces(sleeve, spoilt))
    answers = world.said(line, sleeve, PiecesHeld)
    assert [one.missing for one in answers] == [[(0, 0)], [(0, 0)], []]
    assert [one.failure for one in answers] == ["", "", "does_not_decrypt"]


def test_the_true_picture_after_a_spoilt_one_is_stored(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    sealed = page(world, line, sleeve, jpeg())
    spoilt = pictures.SealedPicture(sealed.ref, sealed.ciphertext[:-1] + b"\x00")
    line.settled(*pieces(sleeve, spoilt))
    line.settled(*pieces(sleeve, sealed))
    assert world.row(picture, sealed.ref.commit.hex()).state == "complete"


def test_promise_2_a_crash_between_pieces_and_picture_is_made_up_for_after_the_start(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    sealed = page(world, line, sleeve, jpeg())
    line.take(*pieces(sleeve, sealed))  # committed and acknowledged; then the power fails
    anew = world.line()
    anew.work()
    assert world.row(picture, sealed.ref.commit.hex()).state == "announced"
    anew.gateway.uploads.find_left_over()  # what every start does
    anew.work()
    assert world.row(picture, sealed.ref.commit.hex()).state == "complete"
    assert len(world.said(anew, sleeve, PiecesHeld)) == 1


def test_promise_2_a_crash_while_storing_leaves_the_pieces(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    use: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    event, sent = burst(world, sleeve, use)
    line.take(event, *sent)

    def crash(*_args: Any) -> None:
        raise Crash

    monkeypatch.setattr(line.gateway.uploads, "_release", crash)
    with pytest.raises(Crash):
        line.work()
    assert world.count(picture_piece) == 1
    assert world.rows(check_job)[0].state == "waiting"
    anew = world.line()
    anew.gateway.uploads.find_left_over()
    anew.work()
    assert world.rows(check_job)[0].state == "done"


def test_one_picture_that_upsets_us_does_not_hold_up_the_others(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    use: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sealed = [page(world, line, sleeve, jpeg(seed)) for seed in range(AT_ONCE + 3)]
    bad = sealed[2].ref.commit.hex()
    complete = PictureStore.complete_many

    def upset(store: PictureStore, conn: Any, names: Any, now: int) -> Any:
        if bad in names and world.row(picture, bad).state == "announced":
            raise ZeroDivisionError
        return complete(store, conn, names, now)

    monkeypatch.setattr(PictureStore, "complete_many", upset)
    line.settled(*(piece for one in sealed for piece in pieces(sleeve, one)))
    states = {row.id: row.state for row in world.rows(picture)}
    assert states.pop(bad) == "broken"
    assert set(states.values()) == {"complete"}
    failures = {one.commit.hex(): one.failure for one in world.said(line, sleeve, PiecesHeld)}
    assert failures.pop(bad) == "internal"
    assert set(failures.values()) == {""}


def test_pieces_may_come_before_and_between_events_over_two_gateways(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    other = world.line()
    event, sent = burst(world, sleeve, use, jpeg(1, 160), jpeg(2, 160))
    other.take(*sent[:1])  # nobody has named it yet
    line.take(event)
    for number, piece in enumerate([*sent[1:], sent[0]]):
        (line, other)[number % 2].settled(piece)
    assert {row.state for row in world.rows(picture)} == {"complete"}
    assert world.rows(check_job)[0].state == "done"
