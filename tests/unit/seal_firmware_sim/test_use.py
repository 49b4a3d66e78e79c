"""A use at the sleeve: what goes through, and what is refused with which words."""

from __future__ import annotations

import pytest

from gateway.protocol import messages as m
from seal_firmware_sim import inputs, texts
from seal_firmware_sim.hardware.mechanism import Habits
from seal_firmware_sim.session import Phase
from tests.unit.seal_firmware_sim.conftest import Hands


def finished(hands: Hands) -> m.UseFinished:
    body = hands.last(m.UseFinished)
    assert isinstance(body, m.UseFinished)
    return body


def test_an_honest_use_tells_its_whole_story(hands: Hands) -> None:
    hands.offer(stamps=2)
    assert hands.unlock() is Phase.COUNT
    assert "收入证明" in hands.display
    assert hands.do(inputs.EnterCount(2)) is Phase.IDENTIFY
    assert hands.do(inputs.PresentFace()) is Phase.READY
    assert hands.stamp(2) is Phase.IDLE
    assert hands.display == texts.DONE
    assert hands.server.types() == [
        "boot",
        "unlock_request",
        "grant_burnt",
        "count_entered",
        "face_captured",
        *("page_captured", "stamped", "page_captured") * 2,
        "use_finished",
    ]
    stamps = hands.server.bodies(m.Stamped)
    assert [(s.press, s.total) for s in stamps if isinstance(s, m.Stamped)] == [(1, 1), (2, 2)]
    assert len(hands.server.pictures) == 2 + 4
    assert hands.bench.sleeve.idle()
    assert finished(hands).reason == "done"


def test_promise_1_no_grant_no_motor(hands: Hands) -> None:
    hands.press()
    assert hands.pass_time(5_000) is Phase.IDLE
    assert hands.total == 0
    assert hands.refusals() == ["no_grant"]
    assert hands.display == texts.REFUSALS["no_grant"]


def test_promise_1_not_one_press_past_the_count(hands: Hands) -> None:
    hands.offer(stamps=3)
    hands.ready(count=1)
    hands.stamp(3)
    assert hands.total == 1
    assert hands.refusals() == ["past_count", "past_count"]


def test_promise_1_no_count_above_the_grant(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.unlock()
    assert hands.do(inputs.EnterCount(3)) is Phase.COUNT
    assert hands.display == texts.too_many(2)
    assert hands.refusals() == ["past_count"]
    assert hands.do(inputs.EnterCount(2)) is Phase.IDENTIFY


def test_the_servers_refusal_is_shown(hands: Hands) -> None:
    assert hands.unlock("999999") is Phase.IDLE
    assert hands.display == "没有这份用印授权，请核对任务码"
    assert hands.refusals() == []


@pytest.mark.parametrize("job", ["12345", "abcdef", "12345678901", ""])
def test_a_malformed_job_code_is_not_sent(hands: Hands, job: str) -> None:
    hands.do(inputs.RequestUnlock(job=job))
    assert hands.display == texts.JOB_FORM
    assert "unlock_request" not in hands.server.types()


def test_a_second_request_waits_for_the_first(hands: Hands) -> None:
    hands.offer()
    hands.unlock()
    hands.unlock()
    assert hands.display == texts.BUSY
    assert hands.server.types().count("unlock_request") == 1


def test_no_answer_no_unlock(hands: Hands) -> None:
    hands.offer()
    hands.server.quiet = {"unlock_request"}
    assert hands.unlock() is Phase.REQUESTED
    assert hands.pass_time(11_000) is Phase.IDLE
    assert hands.refusals() == ["not_answered"]


def test_another_face_is_refused_and_may_try_again_three_times(hands: Hands) -> None:
    hands.offer()
    hands.server.faces_ok = False
    hands.ready()
    assert hands.phase() is Phase.IDENTIFY
    assert hands.display == "不是授权的用章人"
    hands.do(inputs.PresentFace())
    assert hands.do(inputs.PresentFace()) is Phase.IDLE
    assert finished(hands).reason == "refused"
    assert hands.refusals() == ["too_many_attempts"]
    assert hands.stamp() is Phase.IDLE
    assert hands.total == 0


def test_a_final_refusal_ends_the_use(hands: Hands) -> None:
    hands.offer()
    hands.server.faces_ok = hands.server.retry = False
    assert hands.ready() is Phase.IDLE
    assert finished(hands) == m.UseFinished(
        use=2, presses=0, reason="refused", note="face_mismatch"
    )


def test_an_unanswered_face_may_be_taken_again(hands: Hands) -> None:
    hands.offer()
    hands.server.quiet = {"face_captured"}
    assert hands.ready() is Phase.CHECKING
    assert hands.pass_time(31_000) is Phase.IDENTIFY
    assert hands.refusals() == ["not_answered"]
    hands.server.quiet = set()
    assert hands.do(inputs.PresentFace()) is Phase.READY


@pytest.mark.parametrize(
    "entry", [inputs.PresentFace(), inputs.EnterPin("246810", "p-wang", "1357")]
)
def test_unanswered_attempts_are_attempts_all_the_same(
    hands: Hands, entry: inputs.OperatorAction
) -> None:
    hands.push(m.Config(revision=1, face_attempts=9))
    hands.offer()
    hands.server.quiet = {"face_captured", "pin_entered"}
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    for _ in range(9):
        hands.do(entry)
        assert hands.pass_time(31_000) is Phase.IDENTIFY
    assert hands.do(entry) is Phase.IDLE
    assert hands.refusals() == ["not_answered"] * 9 + ["too_many_attempts"]


def test_pin_and_witness_are_the_other_way(hands: Hands) -> None:
    hands.offer()
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.READY
    entered = hands.last(m.PinEntered)
    assert isinstance(entered, m.PinEntered)
    assert entered.checked is None
    assert b"246810" not in entered.sealed
    assert hands.stamp() is Phase.IDLE
    assert hands.total == 1


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        (inputs.EnterPin("12", "p-wang", "1357"), texts.PIN_FORM),
        (inputs.EnterPin("246810", "", "1357"), texts.PIN_FORM),
        (inputs.EnterPin("246810", "p-zhang", "1357"), texts.WITNESS_SELF),
    ],
)
def test_a_pin_needs_form_and_another_person(
    hands: Hands, entry: inputs.EnterPin, says: str
) -> None:
    hands.offer()
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    assert hands.do(entry) is Phase.IDENTIFY
    assert hands.display == says


def test_pins_where_the_grant_wants_faces_only(hands: Hands) -> None:
    hands.offer(pin_allowed=False)
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.do(inputs.EnterPin("246810", "p-wang", "1357"))
    assert hands.display == texts.NO_PIN


def test_faces_where_the_grant_wants_pins(hands: Hands) -> None:
    hands.offer(check="pin")
    hands.ready()
    assert hands.display == texts.PIN_ONLY
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.READY


def test_no_face_picture_no_check(hands: Hands) -> None:
    hands.offer()
    hands.bench.camera.broken = "镜头被遮挡"
    assert hands.ready() is Phase.IDENTIFY
    assert hands.refusals() == ["no_picture"]
    hands.bench.camera.broken = ""
    assert hands.do(inputs.PresentFace()) is Phase.READY
    faults = [(f.code, f.cleared) for f in hands.server.bodies(m.Fault) if isinstance(f, m.Fault)]
    assert faults == [("camera", False), ("camera", True)]


def test_no_page_picture_no_stamp(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.camera.broken = "镜头被遮挡"
    assert hands.stamp() is Phase.READY
    assert hands.total == 0
    assert hands.refusals() == ["no_picture"]
    captured = hands.last(m.PageCaptured)
    assert isinstance(captured, m.PageCaptured)
    assert (captured.picture, captured.failure) == (None, "镜头被遮挡")
    hands.bench.camera.broken = ""
    assert hands.stamp() is Phase.IDLE
    assert hands.total == 1


def test_a_missing_picture_after_the_stamp_is_recorded(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.press()
    hands.bench.camera.broken = "坏了"
    assert hands.pass_time(3_000) is Phase.IDLE
    captured = hands.last(m.PageCaptured)
    assert isinstance(captured, m.PageCaptured)
    assert (captured.stage, captured.picture, captured.failure) == ("after", None, "坏了")
    assert finished(hands).reason == "done"


def test_a_page_that_must_be_checked_waits_for_its_verdict(hands: Hands) -> None:
    hands.offer(wait_for_page=True)
    hands.ready()
    assert hands.press() is Phase.PAGE_CHECKING
    before = hands.server.events[-1]
    assert hands.pass_time(2_000) is Phase.PAGE_CHECKING
    assert hands.total == 0
    hands.push(m.Proceed(answers=before.counter, use=2, press=2))
    assert hands.phase() is Phase.PAGE_CHECKING, "the verdict on another press"
    hands.push(m.Proceed(answers=before.counter, use=2, press=1))
    assert hands.phase() is Phase.PRESSING
    hands.pass_time(3_000)
    assert hands.total == 1


def test_a_wrong_page_is_not_stamped(hands: Hands) -> None:
    hands.offer(wait_for_page=True)
    hands.ready()
    hands.press()
    answers = hands.server.events[-1].counter
    hands.push(m.Refusal(answers=answers, reason="other_page", text="不是批准的文件", retry=True))
    assert hands.phase() is Phase.READY
    assert hands.display == "不是批准的文件"
    hands.press()
    answers = hands.server.events[-1].counter
    hands.push(m.Refusal(answers=answers, reason="other_page", text="不是批准的文件"))
    assert hands.phase() is Phase.IDLE
    assert hands.total == 0
    assert finished(hands).reason == "refused"


def test_no_verdict_on_the_page_no_stamp(hands: Hands) -> None:
    hands.offer(wait_for_page=True)
    hands.ready()
    hands.press()
    assert hands.pass_time(31_000) is Phase.READY
    assert hands.total == 0
    assert hands.refusals() == ["not_answered"]


def test_the_button_held_down_is_one_press(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.do(inputs.Press())
    hands.pass_time(3_000)
    hands.do(inputs.Press())
    hands.pass_time(3_000)
    assert hands.total == 1
    hands.do(inputs.Release())
    assert hands.stamp() is Phase.IDLE
    assert hands.total == 2


def test_finishing_early_keeps_the_reason(hands: Hands) -> None:
    hands.offer(stamps=5)
    hands.ready(count=5)
    hands.stamp(2)
    assert hands.do(inputs.FinishEarly("材料\n有误")) is Phase.IDLE
    body = finished(hands)
    assert (body.presses, body.reason, body.note) == (2, "early", "材料 有误")


def test_a_use_nobody_goes_on_with_times_out(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    assert hands.pass_time(299_000) is Phase.READY
    assert hands.pass_time(2_000) is Phase.IDLE
    assert finished(hands).reason == "timeout"
    assert hands.stamp() is Phase.IDLE
    assert hands.total == 0


def test_promise_1_no_press_after_the_grant_has_expired(hands: Hands) -> None:
    start = hands.bench.clock.now
    hands.offer(stamps=2, not_after=start + 20_000)
    hands.ready(count=2)
    hands.stamp()
    hands.pass_time(20_000)
    hands.stamp()
    assert hands.total == 1
    assert hands.refusals() == ["grant_expired"]
    assert finished(hands).reason == "refused"


def test_carried_away_in_the_middle_no_further_press(hands: Hands) -> None:
    hands.offer(stamps=2, place=m.Place(lat=30.09, lon=120.24, radius=100))
    hands.ready(count=2)
    hands.stamp()
    hands.bench.motion.carry(m.Position(lat=30.2, lon=120.24), moving=False)
    hands.stamp()
    assert hands.total == 1
    assert hands.refusals() == ["outside_place"]


def test_a_revoked_grant_ends_its_use(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.stamp()
    hands.push(m.Revoke(grant="g-1"))
    assert hands.phase() is Phase.IDLE
    assert finished(hands).reason == "stopped"


def test_a_use_revoked_while_the_seal_is_down_ends_when_it_is_in_again(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.press()
    hands.push(m.Revoke(grant="g-1"))
    assert hands.phase() is Phase.PRESSING
    assert hands.pass_time(3_000) is Phase.IDLE
    body = finished(hands)
    assert (body.presses, body.reason) == (1, "stopped")
    assert hands.server.types()[-3:] == ["stamped", "page_captured", "use_finished"]


def test_a_jam_ends_the_use_and_blocks_until_the_seal_is_in(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.bench.mechanism.habits = Habits(jam=True)
    hands.press()
    assert hands.pass_time(3_000) is Phase.IDLE
    assert finished(hands).reason == "fault"
    hands.unlock()
    assert hands.refusals() == ["fault"]
    assert "卡住" in hands.display
    hands.do(inputs.LimitSwitch(True))
    hands.offer(name="g-2")
    assert hands.unlock() is Phase.COUNT


def test_a_seal_that_does_not_come_back_is_a_fault_within_the_limit(hands: Hands) -> None:
    hands.offer(stamps=2)
    hands.ready(count=2)
    hands.bench.mechanism.habits = Habits(stuck_ms=30_000)
    hands.press()
    hands.pass_time(9_000)
    assert hands.last(m.Fault) == m.Fault(code="not_closed")
    hands.pass_time(30_000)
    assert hands.last(m.Fault) == m.Fault(code="not_closed", cleared=True)
    assert hands.phase() is Phase.READY


def test_a_seal_that_never_comes_back_ends_the_use(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.mechanism.habits = Habits(stuck_ms=10_000_000)
    hands.press()
    assert hands.pass_time(310_000) is Phase.IDLE
    assert finished(hands).reason == "fault"
    hands.offer(name="g-2")
    hands.unlock()
    assert hands.refusals() == ["fault"]


def test_a_press_that_met_no_paper_counts_and_says_so(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.bench.mechanism.habits = Habits(misses=True)
    assert hands.stamp() is Phase.IDLE
    stamped = hands.last(m.Stamped)
    assert isinstance(stamped, m.Stamped)
    assert (stamped.press, stamped.total, stamped.contacts) == (1, 0, 0)


def test_settings_change_the_limits(hands: Hands) -> None:
    hands.push(m.Config(revision=2, use_timeout_ms=20_000, face_attempts=1))
    hands.offer()
    hands.server.faces_ok = False
    assert hands.ready() is Phase.IDLE
    assert hands.refusals() == ["too_many_attempts"]
    hands.server.faces_ok = True
    hands.offer(name="g-2")
    hands.ready()
    assert hands.pass_time(21_000) is Phase.IDLE
    assert finished(hands).reason == "timeout"
