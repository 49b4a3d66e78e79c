"""What people say of verdicts, and what that says of the machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import true

from alerts.rules import papers
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.domain.record import Record
from backend.services.second_opinions import (
    ALARMING,
    CLEARING,
    Rate,
    SecondOpinionService,
    rates,
    together,
)
from tests.support.world import OTHER_VILLAGE, VILLAGE, World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World.create(f"sqlite+pysqlite:///{tmp_path / 'opinions.sqlite3'}", tmp_path)
    yield made
    made.close()


def verdict(world: World, finding: str = "altered", kind: str = "page.checked") -> int:
    """A machine's verdict; the number of its record."""
    now = world.clock()
    data = {"verdict" if kind == "check.done" else "finding": finding}
    with world.db.write() as conn:
        one = Record(kind, VILLAGE, now, now, device="ZY1", seal="SL1", use_id="ZY1:1", data=data)
        return world.context.journal.append(conn, [one])[0].seq


def test_an_override_is_on_record_with_its_reason_and_counts_as_wrong(world: World) -> None:
    service = SecondOpinionService(world.context)
    judge = world.actor(Role.SUPERVISOR)
    seqs = [verdict(world) for _ in range(3)]
    service.give(judge, seqs[0], agrees=True, reason="")
    service.give(judge, seqs[1], agrees=True, reason="")
    service.give(judge, seqs[2], agrees=False, reason="只是纸张折痕")
    face = verdict(world, "mismatch", "check.done")
    service.give(judge, face, agrees=True, reason="")
    page_rate, face_rate = sorted(service.report(judge), key=lambda rate: rate.kind, reverse=True)
    assert (page_rate.finding, page_rate.reviewed, page_rate.wrong) == ("altered", 3, 1)
    assert page_rate.low < 1 / 3 < page_rate.high
    assert (face_rate.kind, face_rate.finding, face_rate.wrong) == ("face", "mismatch", 0)
    said = world.records("eyes.reviewed")
    assert [(one.data["subject"], one.data["agrees"]) for one in said[:3]] == [
        (seqs[0], True),
        (seqs[1], True),
        (seqs[2], False),
    ]


def test_a_later_opinion_takes_the_place_of_an_earlier_one(world: World) -> None:
    service = SecondOpinionService(world.context)
    judge = world.actor(Role.SUPERVISOR)
    seq = verdict(world)
    service.give(judge, seq, agrees=True, reason="")
    service.give(judge, seq, agrees=False, reason="看错了")
    [rate] = service.report(judge)
    assert (rate.reviewed, rate.wrong) == (1, 1)
    with world.db.read() as conn:
        assert service.of(conn, [seq, 10_000])[seq].reason == "看错了"
    assert len(world.records("eyes.reviewed")) == 2


def test_an_override_says_why(world: World) -> None:
    service = SecondOpinionService(world.context)
    with pytest.raises(DomainError) as refused:
        service.give(world.actor(Role.SUPERVISOR), verdict(world), agrees=False, reason=" ")
    assert refused.value.code == "reason_needed"


def test_promise_6_verdicts_of_another_branch_do_not_exist(world: World) -> None:
    service = SecondOpinionService(world.context)
    seq = verdict(world)
    stranger = world.actor(Role.SUPERVISOR, OTHER_VILLAGE)
    with pytest.raises(DomainError) as refused:
        service.give(stranger, seq, agrees=True, reason="")
    assert refused.value.code == "not_found"
    service.give(world.actor(Role.SUPERVISOR), seq, agrees=True, reason="")
    assert service.report(stranger) == []


def test_only_verdicts_and_only_by_reviewers(world: World) -> None:
    service = SecondOpinionService(world.context)
    with world.db.write() as conn:
        other = world.context.journal.append(
            conn, [Record("use.reviewed", VILLAGE, 1, 1, data={})]
        )[0].seq
    with pytest.raises(DomainError, match="verdict"):
        service.give(world.actor(Role.SUPERVISOR), other, agrees=True, reason="")
    with pytest.raises(DomainError) as refused:
        service.give(world.actor(Role.APPLICANT), verdict(world), agrees=True, reason="")
    assert refused.value.code == "denied"


def test_alarms_and_misses_are_added_up_by_kind() -> None:
    found = [
        Rate("page", "altered", 10, 1, 0, 1),
        Rate("page", "blank", 5, 1, 0, 1),
        Rate("page", "same", 40, 1, 0, 1),
        Rate("page", "retake", 9, 9, 0, 1),
        Rate("face", "mismatch", 4, 0, 0, 1),
    ]
    page, face = together(found, ALARMING, "false_alarms")
    assert (page.kind, page.finding, page.reviewed, page.wrong) == ("page", "false_alarms", 15, 2)
    assert page.low < 2 / 15 < page.high
    assert (face.kind, face.reviewed, face.wrong, face.low) == ("face", 4, 0, 0.0)
    [missed] = together(found, CLEARING, "missed")
    assert (missed.reviewed, missed.wrong) == (40, 1)


def test_what_counts_as_an_alarm_is_what_raises_an_alert() -> None:
    assert ALARMING["page"] == set(papers._PAGES)
    assert ALARMING["imprint"] == set(papers._IMPRINTS)


def test_rates_since_a_moment_leave_out_what_was_said_before(world: World) -> None:
    service = SecondOpinionService(world.context)
    judge = world.actor(Role.SUPERVISOR)
    service.give(judge, verdict(world), agrees=True, reason="")
    world.clock.advance(1000)
    service.give(judge, verdict(world), agrees=False, reason="折痕")
    with world.db.read() as conn:
        [late] = rates(conn, world.clock(), true())
        [both] = rates(conn, 0, true())
    assert (late.reviewed, late.wrong, both.reviewed) == (1, 1, 2)
