"""Presses that wait for a look at the page: one answer each, and none that came true too late."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select, update

from backend.services.context import ServiceContext
from backend.services.eyes import Eyes
from backend.store.tables import device, look, seal_use
from gateway.pages import WAIT_MS
from gateway.protocol.messages import Grant, PageCaptured, PictureRef, Proceed, Refusal
from gateway.stages.decide import Policy
from tests.support.gateway_world import FakeSleeve, GatewayWorld, Line

SHOT = b"\x07" * 32


class Press:
    """A use that holds its first press; the look at it is ended by hand."""

    def __init__(self, world: GatewayWorld, sleeve: FakeSleeve) -> None:
        self.world, self.sleeve = world, sleeve
        self.line = world.line(policy=Policy(eyes=True))
        self.grant = world.grant("g1", sleeve, policy={"wait_for_page": True})
        self.use = world.unlocked(self.line, sleeve, "g1")
        self.eyes = Eyes(
            ServiceContext(world.db, world.journal, world.clock, world.random.randbytes),
            world.pictures,
        )
        self.captured = sleeve.say(
            PageCaptured(
                use=self.use,
                stage="before",
                press=1,
                picture=PictureRef(commit=SHOT, size=100, pieces=1),
            )
        )
        self.line.take(self.captured)
        self.eyes.read()

    def ends(self, finding: str, *reasons: str) -> None:
        """The look at the page is over."""
        with self.world.db.write() as conn:
            conn.execute(
                update(look).values(
                    state="done", finding=finding, result={"reasons": list(reasons)}
                )
            )

    def answers(self, line: Line | None = None) -> list[Any]:
        """What the sleeve hears: every proceed and refusal."""
        told = line or self.line
        told.work()
        return [
            *self.world.said(told, self.sleeve, Proceed),
            *self.world.said(told, self.sleeve, Refusal),
        ]


@pytest.fixture
def press(world: GatewayWorld, sleeve: FakeSleeve) -> Press:
    """A sleeve that waits."""
    return Press(world, sleeve)


def test_the_grant_says_that_presses_wait_only_where_somebody_looks(
    world: GatewayWorld, sleeve: FakeSleeve
) -> None:
    for name, eyes in (("g1", True), ("g2", False)):
        line = world.line(policy=Policy(eyes=eyes))
        world.grant(name, sleeve, policy={"wait_for_page": True})
        world.unlocked(line, sleeve, name)
        [sent] = world.said(line, sleeve, Grant)
        assert sent.wait_for_page is eyes


def test_nothing_is_said_before_the_look_is_over(press: Press) -> None:
    assert press.answers() == []
    assert press.line.gateway.pages.idle


@pytest.mark.parametrize("finding", ["same", "no_reference"])
def test_the_approved_page_lets_the_press_go_on(press: Press, finding: str) -> None:
    press.ends(finding)
    assert not press.line.gateway.pages.idle
    [said] = press.answers()
    assert isinstance(said, Proceed)
    assert (said.answers, said.use, said.press) == (press.sleeve.counter, press.use, 1)
    assert press.answers() == [said]  # once


@pytest.mark.parametrize(
    ("finding", "reasons", "retry", "text"),
    [
        ("altered", (), False, "不一致"),
        ("another", (), False, "不是审批过的"),
        ("extra", (), False, "换上"),
        ("blank", (), False, "空白"),
        ("reused", (), False, "已经盖过"),
        ("retake", ("dark",), True, "光线太暗"),
        ("retake", ("a_new_one",), True, "重新拍照"),
        ("impossible", ("worker_failed",), True, "重新拍照"),
    ],
)
def test_any_other_finding_is_a_refusal_in_words(
    press: Press, finding: str, reasons: tuple[str, ...], retry: bool, text: str
) -> None:
    press.ends(finding, *reasons)
    [said] = press.answers()
    assert isinstance(said, Refusal)
    assert (said.reason, said.retry) == (f"page_{finding}", retry)
    assert text in said.text


def test_a_look_that_takes_too_long_is_said_and_blocks_nothing(press: Press) -> None:
    press.world.clock.advance(WAIT_MS + 1)
    [said] = press.answers()
    assert isinstance(said, Refusal)
    assert (said.reason, said.retry) == ("page_late", True)
    press.ends("same")
    assert press.answers() == [said]  # the sleeve has been told; nothing may move by it any more


def test_two_gateways_answer_once(press: Press) -> None:
    other = press.world.line(policy=Policy(eyes=True))
    press.ends("same")
    assert len(press.answers(other)) == 1
    assert press.answers() == []


@pytest.mark.parametrize("why", ["revoked", "locked"])
def test_promise_1_no_press_goes_on_when_its_authority_ended_meanwhile(
    press: Press, why: str
) -> None:
    if why == "revoked":
        press.world.revoke_grant("g1")
    else:
        press.world.set(device, press.sleeve.id, locked=True)
    press.world.clock.advance(1)
    press.ends("same")
    [said] = press.answers()
    assert isinstance(said, Refusal)
    assert said.reason == why


def test_promise_1_an_answer_is_not_repeated_after_the_revocation(press: Press) -> None:
    press.ends("same")
    press.answers()
    press.world.revoke_grant("g1")
    press.line.settled(*press.sleeve.again([press.sleeve.counter]))
    assert [type(said) for said in press.answers()] == [Proceed, Refusal]


def test_the_same_event_again_gets_the_same_answer(press: Press) -> None:
    press.ends("same")
    press.answers()
    press.line.settled(*press.sleeve.again([press.sleeve.counter]))
    first, second = press.answers()
    assert first == second


def test_a_use_that_ended_meanwhile_is_not_answered(press: Press) -> None:
    press.ends("same")
    with press.world.db.write() as conn:
        conn.execute(update(seal_use).values(state="finished", finished_at=1))
    assert press.answers() == []
    with press.world.db.read() as conn:
        assert conn.execute(select(look.c.held_since)).scalar_one() is None


def test_an_event_that_comes_late_holds_nothing(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    press = Press(world, sleeve)
    with world.db.read() as conn:
        assert conn.execute(select(look.c.held_since)).scalar_one() is not None
    world.grant("g2", sleeve, policy={"wait_for_page": True})
    use = world.unlocked(press.line, sleeve, "g2")
    late = sleeve.say(
        PageCaptured(
            use=use,
            stage="before",
            press=1,
            picture=PictureRef(commit=b"\x08" * 32, size=100, pieces=1),
        )
    )
    world.clock.advance(120_000)
    press.line.take(late)
    press.eyes.read()
    with world.db.read() as conn:
        held = conn.execute(select(look.c.held_since).order_by(look.c.created_at)).scalars().all()
    assert held[-1] is None
