"""Rules about the sleeve and its journal: C13, C15, C16, C18, C20, C22, C23, C24."""

from dataclasses import replace
from typing import Any

import pytest

from alerts.rules.finding import Severity
from alerts.rules.settings import RuleSettings
from alerts.rules.watches import SleeveFacts, UseFacts
from backend.domain.permit import Permit, PermitState
from tests.support.rules_bench import (
    HOUR,
    MINUTE,
    MONDAY_10,
    SLEEVE,
    USE,
    VILLAGE,
    Bench,
    Facts,
    event,
    finished,
    honest_use,
    other,
    stamped,
)

AWAY = {"lat": 30.2, "lon": 120.2, "accuracy": 10.0}
AT_HOME = {"lat": 30.1001, "lon": 120.2, "accuracy": 5.0}
SLEEVE_OK = SleeveFacts(SLEEVE, VILLAGE, "seal-1", MONDAY_10, MONDAY_10)


def test_c13_the_seal_taken_out_until_it_is_back() -> None:
    bench = Bench()
    bench.feed(event("tamper", {"switch": "seal", "open": True}, use=None))
    assert bench.one("C13").data["cause"] == "seal_removed"
    bench.feed(event("tamper", {"switch": "case", "open": False}, use=None))
    assert bench.codes == ["C13"]
    bench.feed(event("tamper", {"switch": "seal", "open": False}, use=None))
    assert bench.codes == []


def test_c13_a_mechanical_counter_that_jumped() -> None:
    bench = Bench()
    bench.feed(other("counter.jump", device=SLEEVE, data={"before": 10, "after": 14}))
    found = bench.one("C13")
    assert (found.data["cause"], found.data["count"]) == ("counter_gap", 3)


def test_c15_motion_with_no_job_and_a_burn_of_a_grant_that_we_never_issued() -> None:
    bench = Bench()
    bench.feed(event("motion_unexpected", {"part": "motor"}, use=None))
    assert bench.one("C15").severity is Severity.CRITICAL
    forged = Bench()
    forged.feed(event("grant_burnt", {"grant": "x", "use": 3}, verdict={"grant": "unknown"}))
    assert forged.codes == ["C1", "C15"]


# ── C16 ──────────────────────────────────────────────────────────────────────────────────────────


def _moved(
    position: dict[str, float] | None, *, moving: bool = True, use_open: bool = False
) -> Any:
    body: dict[str, Any] = {"moving": moving}
    if position is not None:
        body["position"] = position
    return event("moved", body, use=None, verdict={"use_open": use_open})


def test_c16_outside_the_fence_until_it_rests_at_home() -> None:
    bench = Bench()
    bench.feed(_moved(AWAY))
    found = bench.one("C16")
    assert (found.severity, found.data["cause"]) == (Severity.CRITICAL, "fence")
    assert 11_000 < found.data["distance_m"] < 11_200
    bench.feed(_moved(AWAY, moving=False))
    assert bench.codes == ["C16"]
    bench.feed(_moved(AT_HOME, moving=False))
    assert bench.codes == []


@pytest.mark.parametrize(
    ("position", "severity"), [(None, Severity.MAJOR), (AT_HOME, Severity.MINOR)]
)
def test_c16_moving_while_locked(position: dict[str, float] | None, severity: Severity) -> None:
    bench = Bench()
    bench.feed(_moved(position))
    assert (bench.one("C16").severity, bench.one("C16").data["cause"]) == (severity, "moving")


def test_c16_not_while_a_use_is_open_and_not_within_the_fence_if_so_chosen() -> None:
    bench = Bench()
    bench.feed(_moved(None, use_open=True))
    assert bench.codes == []
    calm = Bench(Facts(settings=RuleSettings(moves_inside_fence=False)))
    calm.feed(_moved(AT_HOME))
    assert calm.codes == []


def _permit(**changes: Any) -> Permit:
    base = Permit(
        id="p",
        org_path=VILLAGE,
        device_id=SLEEVE,
        carrier_id="operator",
        purpose="入户",
        place="村口",
        from_at=MONDAY_10 - HOUR,
        until_at=MONDAY_10 + HOUR,
        created_at=MONDAY_10 - 2 * HOUR,
        state=PermitState.OUT,
    )
    return replace(base, **changes)


@pytest.mark.parametrize(
    ("permit", "allowed"),
    [
        (_permit(), True),
        (_permit(state=PermitState.APPROVED), True),
        (_permit(state=PermitState.WANTED), False),
        (_permit(state=PermitState.REJECTED), False),
        (_permit(from_at=MONDAY_10 + MINUTE), False),
        (_permit(from_at=MONDAY_10 - 9 * HOUR, until_at=MONDAY_10 - 2 * HOUR), False),
        (_permit(state=PermitState.RETURNED, returned_at=MONDAY_10 - MINUTE), False),
    ],
)
def test_c16_an_off_site_permit_of_that_time_allows_it(permit: Permit, allowed: bool) -> None:
    bench = Bench(Facts(off_site=(permit,)))
    bench.feed(_moved(AWAY), stamped(body={"position": AWAY}))
    assert ("C16" not in bench.codes) is allowed


def test_c16_a_poor_position_proves_nothing() -> None:
    bench = Bench()
    bench.feed(_moved({"lat": 30.105, "lon": 120.2, "accuracy": 900.0}, use_open=True))
    assert bench.codes == []


def test_c16_a_permit_that_is_overdue_until_the_sleeve_is_back() -> None:
    bench = Bench()
    bench.feed(other("permit.overdue", device=SLEEVE, data={"permit": "p"}))
    assert bench.one("C16").data["cause"] == "permit_overdue"
    bench.feed(other("permit.returned", device=SLEEVE, data={"permit": "p"}))
    assert bench.codes == []


def test_c16_the_position_of_heartbeats_is_watched() -> None:
    bench = Bench()
    away = replace(SLEEVE_OK, position=(30.2, 120.2))
    bench.watch(MONDAY_10, away)
    bench.watch(MONDAY_10 + MINUTE, away)
    bench.watch(MONDAY_10 + MINUTE, SLEEVE_OK)  # nothing newer is known
    assert [one.code for one in bench.said] == bench.codes == ["C16"]
    bench.watch(MONDAY_10 + 2 * MINUTE, replace(SLEEVE_OK, position=(30.1, 120.2)))
    assert bench.codes == []


# ── C18 ──────────────────────────────────────────────────────────────────────────────────────────


def test_promise_3_a_silent_sleeve_alarms_once_and_until_it_speaks_again() -> None:
    bench = Bench()
    for minutes in (10, 30, 31, 60):
        bench.watch(MONDAY_10 + minutes * MINUTE, SLEEVE_OK)
    (found,) = bench.said
    assert (found.code, found.data["silent_ms"]) == ("C18", 31 * MINUTE)
    heard = replace(SLEEVE_OK, last_seen_at=MONDAY_10 + 61 * MINUTE)
    bench.watch(MONDAY_10 + 62 * MINUTE, heard)
    assert bench.codes == []


def test_c18_a_sleeve_never_heard_gets_a_day() -> None:
    bench = Bench()
    fresh = replace(SLEEVE_OK, last_seen_at=0)
    bench.watch(MONDAY_10 + 23 * HOUR, fresh)
    assert bench.codes == []
    bench.watch(MONDAY_10 + 25 * HOUR, fresh)
    assert bench.codes == ["C18"]


def _burn(offline: bool, at: int) -> Any:
    verdict = {"grant": "live", "reused": False, "offline": offline}
    return event("grant_burnt", {"grant": "g", "use": 1}, at=at, verdict=verdict)


def test_c18_too_large_a_share_of_uses_off_line() -> None:
    bench = Bench()
    for number in range(4):
        bench.feed(_burn(True, MONDAY_10 + number * HOUR))
    assert bench.codes == []
    bench.feed(_burn(True, MONDAY_10 + 5 * HOUR))
    assert bench.one("C18").data["offline_share"] == 1.0
    for number in range(15):
        bench.feed(_burn(False, MONDAY_10 + (6 + number) * HOUR))
    assert bench.codes == []


def test_c18_old_uses_do_not_count() -> None:
    bench = Bench()
    for number in range(4):
        bench.feed(_burn(True, MONDAY_10 + number * HOUR))
    bench.feed(_burn(True, MONDAY_10 + 31 * 24 * HOUR))
    assert bench.codes == []


# ── C20 ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("clock", "direction"),
    [
        ({"offset_ms": -7_200_000, "back": True, "back_ms": 7_200_000}, "slow"),
        ({"offset_ms": 7_200_000, "back": False}, "fast"),
    ],
)
def test_c20_a_clock_that_is_wrong_until_it_is_right(clock: dict[str, Any], direction: str) -> None:
    bench = Bench()
    bench.feed(event("boot", use=None, clock=clock))
    assert bench.one("C20").data == {"direction": direction, "skew_ms": 7_200_000}
    bench.feed(event("moved", {"moving": False}, use=None, late_by=HOUR))
    assert bench.codes == ["C20"]  # a late event says nothing of the clock now
    bench.feed(event("moved", {"moving": False}, use=None))
    assert bench.codes == []


def _clock_set(before: int, after: int, *, signed: bool) -> Any:
    body = {"before": before, "after": after, "signed": signed}
    return event("clock_set", body, use=None)


def test_c20_a_signed_correction_forwards_is_no_alert_and_a_hand_is() -> None:
    bench = Bench()
    bench.feed(_clock_set(0, MONDAY_10, signed=True))
    assert bench.codes == []
    bench.feed(_clock_set(MONDAY_10, MONDAY_10 - HOUR, signed=False))
    assert bench.one("C20").data["direction"] == "slow"


def test_c20_the_jump_of_a_small_signed_correction_is_not_called_back() -> None:
    bench = Bench()
    bench.feed(_clock_set(MONDAY_10, MONDAY_10 - 5_000, signed=True))
    bench.feed(event("boot", use=None, clock={"offset_ms": 0, "back": True, "back_ms": 5_000}))
    assert bench.codes == []
    bench.feed(event("boot", use=None, clock={"offset_ms": 0, "back": True, "back_ms": 5_000}))
    assert bench.codes == ["C20"]


# ── C22 ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("code", "cause"), [("jam", "jam"), ("not_closed", "door_open")])
def test_c22_until_it_works_again(code: str, cause: str) -> None:
    bench = Bench()
    bench.feed(event("fault", {"code": code}, use=None))
    assert bench.one("C22").data["cause"] == cause
    bench.feed(event("fault", {"code": code, "cleared": True}, use=None))
    assert bench.codes == []


def test_c22_other_faults_are_not_it() -> None:
    bench = Bench()
    bench.feed(event("fault", {"code": "battery"}, use=None))
    assert bench.codes == []


OPEN_USE = UseFacts(
    id=USE,
    org_path=VILLAGE,
    device=SLEEVE,
    seal="seal-1",
    state="stamping",
    last_event_at=MONDAY_10,
    grant="grant-1",
    granted=2,
    pressed=1,
    not_after=MONDAY_10 + HOUR,
)


def test_c22_a_use_left_open_until_it_ends() -> None:
    bench = Bench()
    bench.watch(MONDAY_10 + 15 * MINUTE, OPEN_USE)
    assert bench.codes == []
    for minutes in (16, 17):
        bench.watch(MONDAY_10 + minutes * MINUTE, OPEN_USE)
    assert [one.code for one in bench.said] == ["C22"]
    bench.feed(finished())
    assert bench.codes == []


def test_c22_an_unlocked_grant_that_was_never_burnt_left_no_door_open() -> None:
    bench = Bench()
    bench.watch(MONDAY_10 + HOUR, replace(OPEN_USE, state="unlocked"))
    assert bench.codes == []


def test_c32_a_use_that_runs_on_past_its_end() -> None:
    bench = Bench()
    at = MONDAY_10 + HOUR + 6 * MINUTE
    bench.watch(at, replace(OPEN_USE, last_event_at=at - MINUTE))
    assert bench.one("C32").data["stamps"] == 1
    bench.feed(finished())
    assert bench.codes == []


# ── C23 ──────────────────────────────────────────────────────────────────────────────────────────


def test_promise_3_a_gap_that_stays_alarms_and_healing_ends_it() -> None:
    bench = Bench()
    gap = replace(SLEEVE_OK, gap_since=MONDAY_10, gap=(12, 13), counter=11)
    bench.watch(MONDAY_10 + 20_000, gap)
    assert bench.codes == []
    for seconds in (31, 90):
        bench.watch(MONDAY_10 + seconds * 1000, gap)
    (found,) = bench.said
    assert (found.code, found.data["from_counter"], found.data["count"]) == ("C23", 12, 2)
    bench.feed(other("gap.healed", device=SLEEVE))
    assert bench.codes == []


def test_promise_3_events_that_are_lost_for_certain_are_critical() -> None:
    bench = Bench()
    bench.watch(MONDAY_10 + MINUTE, replace(SLEEVE_OK, gap_since=MONDAY_10, gap=(12, 13)))
    bench.feed(other("gap.closed", device=SLEEVE, data={"first": 12, "last": 13}))
    found = bench.one("C23")
    assert (found.severity, found.data["cause"]) == (Severity.CRITICAL, "gap_lost")


def test_promise_3_a_withheld_tail_alarms() -> None:
    bench = Bench()
    behind = replace(SLEEVE_OK, counter=10, claimed=14)
    for minutes in (0, 5, 10):
        bench.watch(MONDAY_10 + minutes * MINUTE, behind)
    assert bench.codes == []
    bench.watch(MONDAY_10 + 11 * MINUTE, behind)
    assert bench.one("C23").data["count"] == 4
    bench.watch(MONDAY_10 + 12 * MINUTE, replace(behind, counter=14))
    assert bench.codes == []


def test_c23_a_tail_that_makes_progress_is_only_slow() -> None:
    bench = Bench()
    for minutes in range(0, 60, 5):
        moving = replace(SLEEVE_OK, counter=10 + minutes, claimed=100)
        bench.watch(MONDAY_10 + minutes * MINUTE, replace(moving, last_seen_at=MONDAY_10 + HOUR))
    assert bench.codes == []


def test_c23_the_same_events_again_and_again() -> None:
    bench = Bench()
    seen = replace(SLEEVE_OK, duplicates=10)
    bench.watch(MONDAY_10, seen)
    bench.watch(MONDAY_10 + MINUTE, replace(seen, duplicates=200))
    assert bench.codes == []
    bench.watch(MONDAY_10 + 2 * MINUTE, replace(seen, duplicates=600))
    assert bench.one("C23").data["cause"] == "replay"


def test_c23_what_the_flash_lost_and_presses_that_do_not_agree() -> None:
    bench = Bench()
    bench.feed(event("boot", {"lost": 2}, use=None, counter=40))
    assert bench.one("C23").data["count"] == 2
    counts = Bench()
    counts.feed(finished(pressed=1, reported=2, agree=False))
    assert counts.one("C23").data["cause"] == "count_differs"


# ── C24 ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "data", "cause"),
    [
        ("fork.found", {"reason": "fork", "counter": 9}, "two_chains"),
        ("poison.kept", {"reason": "bad_signature"}, "bad_signature"),
        ("poison.kept", {"reason": "unknown_key"}, "unknown_key"),
        ("poison.kept", {"reason": "revoked_device"}, "revoked_key"),
        ("device.unknown", {"reason": "unknown_device"}, "unknown_device"),
    ],
)
def test_c24_forged_or_cloned(kind: str, data: dict[str, Any], cause: str) -> None:
    bench = Bench()
    bench.feed(other(kind, device=SLEEVE, data=data))
    assert bench.one("C24").data["cause"] == cause


def test_c24_mere_rubbish_is_not_it() -> None:
    bench = Bench()
    bench.feed(other("poison.kept", device=SLEEVE, data={"reason": "not_cbor"}))
    assert bench.codes == []


def test_an_honest_day_is_quiet() -> None:
    bench = Bench()
    for hours in range(5):
        at = MONDAY_10 + hours * HOUR
        bench.feed(*honest_use(at))
        bench.watch(at + MINUTE, replace(SLEEVE_OK, last_seen_at=at, position=(30.1, 120.2)))
    assert bench.said == []
