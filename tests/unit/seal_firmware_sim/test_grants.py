"""Grants that must not open anything, and grants pushed ahead for off-line use."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from gateway.protocol import cose, envelope
from gateway.protocol import messages as m
from seal_firmware_sim import inputs, texts
from seal_firmware_sim.session import Phase
from seal_firmware_sim.state import GrantEntry
from tests.unit.seal_firmware_sim.conftest import JOB, Hands
from tests.unit.seal_firmware_sim.model import (
    GRANT_KEY,
    HOME,
    START,
    make_grant,
    pin_check,
    pump,
)

HOUR = 3_600_000
Forge = Callable[[Hands, m.Grant], bytes]


def answer_with(hands: Hands, forge: Forge) -> None:
    """Ask, and get ``forge``'s bytes instead of the server's grant."""
    hands.server.quiet.add("unlock_request")
    hands.unlock()
    request = hands.last(m.UnlockRequest)
    assert isinstance(request, m.UnlockRequest)
    grant = make_grant(request=hands.server.through, nonce=request.nonce)
    hands.raw("grant", forge(hands, grant))


def sealed(hands: Hands, grant: m.Grant, **header: object) -> bytes:
    values = {"device": hands.server.device, "time": hands.bench.clock()} | header
    return envelope.seal_down(grant, GRANT_KEY, **values)  # type: ignore[arg-type]  # header fields


def changed(**fields: object) -> Forge:
    return lambda hands, grant: sealed(hands, msgspec.structs.replace(grant, **fields))


FORGERIES: dict[str, tuple[Forge, str]] = {
    "a nonce that was not asked with": (changed(nonce=b"n" * 16), "grant_bad"),
    "an answer to another request": (changed(request=99), "grant_bad"),
    "a time that is over": (changed(not_after=START - 1), "grant_expired"),
    "a time to come": (changed(not_before=START + HOUR), "grant_bad"),
    "another place": (changed(place=m.Place(lat=31, lon=120, radius=500)), "outside_place"),
    "a key of somebody else": (
        lambda hands, grant: envelope.seal_down(
            grant, cose.Ed25519Signer(b"x" * 32), device=hands.server.device, time=START
        ),
        "grant_bad",
    ),
    "the receipt key": (
        lambda hands, grant: envelope.seal_down(
            grant, cose.Ed25519Signer(b"r" * 32), device=hands.server.device, time=START
        ),
        "grant_bad",
    ),
    "another sleeve": (
        lambda hands, grant: sealed(hands, grant, device="YQ02-W"),
        "grant_other_device",
    ),
    "a changed byte": (
        lambda hands, grant: sealed(hands, grant)[:-1] + b"\x00",
        "grant_bad",
    ),
    "no bytes": (lambda _hands, _grant: b"", "grant_bad"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_promise_1_a_grant_with_a_flaw_opens_nothing(hands: Hands, name: str) -> None:
    forge, reason = FORGERIES[name]
    answer_with(hands, forge)
    assert hands.phase() is not Phase.COUNT
    hands.pass_time(11_000)
    assert hands.refusals()[0] == reason
    assert "grant_burnt" not in hands.server.types()


def test_the_right_answer_opens(hands: Hands) -> None:
    answer_with(hands, changed())
    assert hands.phase() is Phase.COUNT


def test_a_grant_that_names_a_place_needs_a_position(hands: Hands) -> None:
    hands.bench.receiver.position = None
    hands.do(inputs.Sensed(80, 20.0, None))
    answer_with(hands, changed(place=m.Place(lat=30.09, lon=120.24, radius=500)))
    assert hands.refusals() == ["outside_place"]


def test_promise_1_a_used_grant_answers_no_second_request(hands: Hands) -> None:
    hands.offer()
    hands.ready()
    hands.stamp()
    answer_with(hands, changed())
    assert hands.refusals() == ["grant_used"]
    hands.pass_time(11_000)
    assert hands.server.types().count("grant_burnt") == 1


def test_the_same_answer_twice_is_no_news(hands: Hands) -> None:
    hands.offer()
    hands.unlock()
    again = hands.server.seal(
        msgspec.structs.replace(
            hands.server.jobs[JOB],
            request=2,
            nonce=hands.server.bodies(m.UnlockRequest)[0].nonce,  # type: ignore[attr-defined]
        )
    )
    hands.raw("grant", again)
    assert hands.phase() is Phase.COUNT
    hands.do(inputs.FinishEarly())
    hands.raw("grant", again)
    assert hands.refusals() == []


def test_a_grant_that_comes_too_late_is_refused(hands: Hands) -> None:
    hands.server.quiet.add("unlock_request")
    hands.unlock()
    request = hands.last(m.UnlockRequest)
    assert isinstance(request, m.UnlockRequest)
    hands.pass_time(11_000)
    late = hands.server.seal(make_grant(request=2, nonce=request.nonce))
    hands.raw("grant", late)
    hands.raw("grant", late)
    assert hands.phase() is Phase.IDLE
    assert hands.refusals() == ["not_answered", "grant_expired"]
    assert hands.display == texts.LATE_GRANT


def test_noise_on_the_grant_topic_fills_no_flash(hands: Hands) -> None:
    for nth in range(50):
        hands.raw("grant", b"noise %d" % nth)
    assert hands.refusals() == ["grant_bad"]


def test_what_is_not_understood_is_counted_and_harms_nothing(hands: Hands) -> None:
    hands.raw("receipt", b"\xff")
    hands.raw("proceed", hands.server.seal(m.Proceed(answers=1, use=1)))
    assert hands.bench.sleeve.firmware is not None
    assert hands.bench.sleeve.firmware.strange == 1
    assert hands.phase() is Phase.IDLE


# ── off line ─────────────────────────────────────────────────────────────────────────────────────


def stored(hands: Hands, **changes: object) -> m.Grant:
    grant = make_grant(
        "off-1", **{"offline": True, "pin": pin_check(), "max_clock_age": HOUR, **changes}
    )
    hands.push(grant)
    return grant


def offline_use(hands: Hands, pin: str = "246810") -> Phase:
    hands.do(inputs.RequestUnlock(grant="off-1"))
    hands.do(inputs.EnterCount(1))
    hands.do(inputs.PresentFace())
    hands.do(inputs.EnterPin(pin, "p-wang", "1357"))
    return hands.stamp()


def test_off_line_the_pin_opens_and_the_burst_is_kept(hands: Hands) -> None:
    stored(hands)
    hands.link(False)
    assert offline_use(hands) is Phase.IDLE
    assert hands.total == 1
    hands.link(True)
    hands.pass_time(10_000)
    assert hands.bench.sleeve.idle()
    burnt = hands.last(m.GrantBurnt)
    assert isinstance(burnt, m.GrantBurnt)
    assert burnt.offline
    named = [event for event in hands.server.events if event.body == burnt]
    assert burnt.use == named[0].counter
    face, pin = hands.last(m.FaceCaptured), hands.last(m.PinEntered)
    assert isinstance(face, m.FaceCaptured)
    assert isinstance(pin, m.PinEntered)
    assert face.pictures[0].commit in hands.server.pictures
    assert pin.checked is True


def test_promise_1_a_stored_grant_is_good_for_one_use(hands: Hands) -> None:
    grant = stored(hands)
    hands.link(False)
    offline_use(hands)
    offline_use(hands)
    assert hands.total == 1
    hands.link(True)
    hands.push(grant)
    hands.link(False)
    offline_use(hands)
    assert hands.total == 1
    hands.link(True)
    assert "grant_used" in hands.refusals()
    assert hands.server.types().count("grant_stored") == 1


def test_off_line_a_wrong_pin_opens_nothing(hands: Hands) -> None:
    stored(hands)
    hands.link(False)
    offline_use(hands, pin="111111")
    for _ in range(3):
        hands.do(inputs.EnterPin("111111", "p-wang", "1357"))
    assert hands.phase() is Phase.IDLE
    hands.link(True)
    assert hands.total == 0
    assert hands.refusals()[-1] == "too_many_attempts"


def test_off_line_the_face_comes_first(hands: Hands) -> None:
    stored(hands)
    hands.link(False)
    hands.do(inputs.RequestUnlock(grant="off-1"))
    hands.do(inputs.EnterCount(1))
    hands.do(inputs.EnterPin("246810", "p-wang", "1357"))
    assert hands.display == texts.FACE_FIRST
    hands.bench.camera.broken = "坏了"
    hands.do(inputs.PresentFace())
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.READY


def test_off_line_more_bursts_than_allowed_lead_to_the_pin(hands: Hands) -> None:
    hands.push(m.Config(revision=1, face_attempts=9))
    stored(hands)
    hands.link(False)
    hands.do(inputs.RequestUnlock(grant="off-1"))
    hands.do(inputs.EnterCount(1))
    for _ in range(12):
        hands.do(inputs.PresentFace())
    assert hands.display == texts.ENTER_PIN
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.READY
    hands.link(True)
    assert len(hands.server.bodies(m.FaceCaptured)) == 9


def test_off_line_a_broken_camera_is_no_way_round_a_face_only_grant(hands: Hands) -> None:
    stored(hands, pin_allowed=False)
    hands.link(False)
    hands.do(inputs.RequestUnlock(grant="off-1"))
    hands.do(inputs.EnterCount(1))
    hands.bench.camera.broken = "坏了"
    hands.do(inputs.PresentFace())
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.IDENTIFY


def test_off_line_a_stale_clock_refuses(hands: Hands) -> None:
    stored(hands, max_clock_age=60_000)
    hands.link(False)
    hands.pass_time(61_000)
    hands.do(inputs.RequestUnlock(grant="off-1"))
    assert hands.phase() is Phase.IDLE
    assert hands.display == texts.REFUSALS["clock_untrusted"]


def test_off_line_after_a_reboot_there_is_no_trusted_time(hands: Hands) -> None:
    stored(hands)
    hands.link(False)
    hands.reboot()
    hands.do(inputs.RequestUnlock(grant="off-1"))
    assert hands.phase() is Phase.IDLE
    assert hands.display == texts.REFUSALS["clock_untrusted"]
    hands.link(True)
    hands.link(False)
    assert offline_use(hands) is Phase.IDLE
    assert hands.total == 1


def test_off_line_without_a_stored_grant(hands: Hands) -> None:
    hands.link(False)
    hands.unlock()
    assert hands.display == texts.OFFLINE_NEEDS_LIST


def test_a_pushed_grant_must_be_for_off_line_use(hands: Hands) -> None:
    hands.push(make_grant("g-9"))
    assert hands.refusals() == ["grant_bad"]


def test_off_line_nobody_is_identified_without_a_pin(hands: Hands) -> None:
    stored(hands, pin=None)
    hands.link(False)
    hands.do(inputs.RequestUnlock(grant="off-1"))
    assert hands.phase() is Phase.IDLE


def test_a_stored_grant_is_told_of_once_and_survives_a_reboot(hands: Hands) -> None:
    grant = stored(hands)
    hands.push(grant)
    assert hands.server.types().count("grant_stored") == 1
    hands.reboot()
    assert hands.bench.sleeve.firmware is not None
    assert [g.grant for g in hands.bench.sleeve.firmware.shelf.stored] == ["off-1"]


def test_a_held_grant_that_is_pushed_again_takes_its_new_window_and_place(hands: Hands) -> None:
    grant = stored(hands, not_after=START + 120_000)
    hands.pass_time(60_000)
    there = m.Place(lat=HOME.lat, lon=HOME.lon, radius=50.0)
    longer = msgspec.structs.replace(grant, not_after=START + HOUR, place=there)
    hands.push(longer)
    assert hands.server.types().count("grant_stored") == 2
    assert held(hands) == [longer]
    hands.reboot()
    assert held(hands) == [longer]
    hands.pass_time(90_000)  # past the first end
    assert hands.server.types().count("grant_dropped") == 0
    hands.link(False)
    offline_use(hands)
    assert hands.total == 1


def test_a_window_that_was_shortened_ends_a_held_grant_sooner(hands: Hands) -> None:
    grant = stored(hands)
    hands.pass_time(1_000)
    hands.push(msgspec.structs.replace(grant, not_after=START + 30_000))
    hands.pass_time(60_000)
    assert hands.last(m.GrantDropped) == m.GrantDropped(grant="off-1", reason="expired")


def test_an_older_push_does_not_come_back_over_a_newer_one(hands: Hands) -> None:
    grant = make_grant("off-1", offline=True, pin=pin_check(), max_clock_age=HOUR)
    first = hands.server.seal(grant)
    hands.pass_time(1_000)
    shorter = msgspec.structs.replace(grant, not_after=START + 30_000)
    hands.push(shorter)
    hands.raw("grant", first)
    assert held(hands) == [shorter]
    assert hands.server.types().count("grant_stored") == 1


def test_promise_1_a_second_push_never_brings_a_burnt_grant_back(hands: Hands) -> None:
    grant = stored(hands)
    hands.link(False)
    offline_use(hands)
    assert hands.total == 1
    hands.link(True)
    hands.pass_time(60_000)
    hands.push(msgspec.structs.replace(grant, not_after=START + 2 * HOUR, stamps=9))
    assert held(hands) == []
    assert hands.refusals()[-1] == "grant_used"
    hands.link(False)
    offline_use(hands)
    assert hands.total == 1


def held(hands: Hands) -> list[m.Grant]:
    assert hands.bench.sleeve.firmware is not None
    return hands.bench.sleeve.firmware.shelf.stored


def test_a_grant_written_into_flash_by_somebody_else_is_not_believed(hands: Hands) -> None:
    firmware = hands.bench.sleeve.firmware
    assert firmware is not None
    forged = envelope.seal_down(
        make_grant("off-x", offline=True, pin=pin_check(), max_clock_age=HOUR),
        cose.Ed25519Signer(b"x" * 32),
        device=hands.server.device,
        time=START,
    )
    firmware.core.note(GrantEntry("off-x", forged))
    hands.do(inputs.Tick())
    hands.reboot()
    assert hands.bench.sleeve.firmware is not None
    assert hands.bench.sleeve.firmware.shelf.stored == []


def test_a_revoked_grant_is_dropped_and_cannot_be_pushed_again(hands: Hands) -> None:
    grant = stored(hands)
    hands.push(m.Revoke(grant="off-1"))
    assert hands.last(m.GrantDropped) == m.GrantDropped(grant="off-1", reason="revoked")
    hands.push(grant)
    hands.link(False)
    offline_use(hands)
    assert hands.total == 0


def test_a_revocation_that_overtakes_its_grant(hands: Hands) -> None:
    hands.push(m.Revoke(grant="off-1"))
    stored(hands)
    hands.link(False)
    offline_use(hands)
    assert hands.total == 0


def test_a_stored_grant_expires_by_trusted_time(hands: Hands) -> None:
    stored(hands, not_after=START + 120_000)
    hands.pass_time(125_000)
    assert hands.last(m.GrantDropped) == m.GrantDropped(grant="off-1", reason="expired")
    assert hands.bench.sleeve.firmware is not None
    assert hands.bench.sleeve.firmware.shelf.stored == []


def test_a_silent_server_gives_way_to_the_stored_grant(hands: Hands) -> None:
    stored(hands)
    hands.server.quiet.add("unlock_request")
    hands.do(inputs.RequestUnlock(grant="off-1"))
    assert hands.phase() is Phase.REQUESTED
    assert hands.pass_time(11_000) is Phase.COUNT
    burnt = hands.last(m.GrantBurnt)
    assert isinstance(burnt, m.GrantBurnt)
    assert burnt.offline


def test_a_link_lost_in_the_middle_is_bridged_where_the_grant_allows_it(hands: Hands) -> None:
    hands.offer(offline=True, pin=pin_check(), max_clock_age=HOUR)
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.link(False)
    hands.do(inputs.PresentFace())
    assert hands.do(inputs.EnterPin("246810", "p-wang", "1357")) is Phase.READY
    hands.link(True)
    pump(hands.bench, hands.server)
    entered = hands.last(m.PinEntered)
    assert isinstance(entered, m.PinEntered)
    assert entered.checked is True


def test_a_link_lost_in_the_middle_stops_an_on_line_grant(hands: Hands) -> None:
    hands.offer()
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    hands.link(False)
    assert hands.do(inputs.PresentFace()) is Phase.CHECKING
    assert hands.pass_time(400_000) is Phase.IDLE
    assert hands.total == 0


@pytest.mark.parametrize(
    ("verdicts", "phase"),
    [([True], Phase.READY), ([False, True], Phase.READY), ([False] * 3, Phase.IDLE)],
)
def test_matching_inside_the_sleeve(hands: Hands, verdicts: list[bool], phase: Phase) -> None:
    class Matcher:
        def match(self, pictures: object, people: object) -> bool | None:
            assert people == ("p-zhang", "p-li")
            return verdicts.pop(0)

    hands.bench.sleeve.hardware.matcher = Matcher()
    hands.offer(check="face_in_sleeve", alternates=["p-li"])
    hands.unlock()
    hands.do(inputs.EnterCount(1))
    for _ in range(len(verdicts)):
        hands.do(inputs.PresentFace())
    assert hands.phase() is phase


def test_without_a_matcher_the_server_decides(hands: Hands) -> None:
    hands.offer(check="face_in_sleeve")
    assert hands.ready() is Phase.READY
    captured = hands.last(m.FaceCaptured)
    assert isinstance(captured, m.FaceCaptured)
    assert captured.matched is None
