"""Rules about a use: C1, C2, C7, C8, C10, C12, C17, as timed sequences."""

from datetime import date

import pytest

from alerts.rules.finding import Severity
from alerts.rules.settings import RuleSettings
from backend.domain.record import Record
from tests.support.rules_bench import (
    HOUR,
    MONDAY_10,
    SLEEVE,
    USE,
    Bench,
    Facts,
    check,
    event,
    finished,
    honest_use,
    page,
    stamped,
)

DAY = 24 * HOUR


def test_an_honest_use_finds_nothing() -> None:
    bench = Bench()
    bench.feed(*honest_use())
    assert bench.said == []


# ── C1 ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("worth", ["none", "unknown", "not_started", "expired", "revoked"])
def test_promise_1_a_stamp_without_a_live_grant_is_an_alert(worth: str) -> None:
    bench = Bench()
    bench.feed(page(), stamped(grant=worth))
    assert bench.one("C1").severity is Severity.CRITICAL


def test_c1_without_a_use_is_one_matter_a_day() -> None:
    bench = Bench()
    for at in (MONDAY_10, MONDAY_10 + HOUR, MONDAY_10 + DAY):
        bench.feed(stamped(0, grant="none", use=None, at=at))
    assert [one.dedupe for one in bench.active.values() if one.code == "C1"] == [
        f"C1:{SLEEVE}:2026-09-21",
        f"C1:{SLEEVE}:2026-09-22",
    ]


# ── C2 ───────────────────────────────────────────────────────────────────────────────────────────


def test_c2_fires_on_the_first_stamp_too_many_and_stays_one_matter() -> None:
    bench = Bench()
    for press in (1, 2):
        bench.feed(page(press), stamped(press))
    assert bench.codes == []
    for press in (3, 4):
        bench.feed(page(press), stamped(press))
    found = bench.one("C2")
    assert (found.dedupe, found.data) == (f"C2:{USE}", {"granted": 2, "stamps": 4})


def test_c2_fires_when_the_end_reports_more_than_was_granted() -> None:
    bench = Bench()
    bench.feed(finished(pressed=0, reported=3, agree=False))
    assert bench.one("C2").data["stamps"] == 3


def test_c2_fires_on_a_count_beyond_the_grant() -> None:
    bench = Bench()
    body = {"use": 7, "count": 5}
    bench.feed(event("count_entered", body, verdict={"granted": 2, "over": True}))
    assert bench.one("C2").severity is Severity.MAJOR


# ── C7, C8 ───────────────────────────────────────────────────────────────────────────────────────


def test_c7_a_second_burn_of_one_grant() -> None:
    bench = Bench()
    burnt = {"grant": "used", "reused": True, "offline": True}
    bench.feed(event("grant_burnt", {"grant": "grant-1", "use": 9}, verdict=burnt))
    assert (bench.one("C7").severity, bench.codes) == (Severity.CRITICAL, ["C7"])


def test_c7_a_stamp_after_the_end_of_its_use_unless_it_is_beyond_the_count() -> None:
    bench = Bench()
    bench.feed(page(1), stamped(1), finished(pressed=1), page(2), stamped(2, grant="used"))
    assert bench.codes == ["C7"]
    beyond = Bench()
    beyond.feed(*honest_use(), page(3), stamped(3, grant="used"))
    assert beyond.codes == ["C2"]


@pytest.mark.parametrize(
    "record",
    [
        event("unlock_request", {"grant": "grant-1"}, use=None, verdict={"refused": "used"}),
        event("attempt_refused", {"reason": "grant_used", "grant": "grant-1"}, use=None),
    ],
)
def test_c7_an_attempt_that_was_stopped_is_said_less_loudly(record: object) -> None:
    bench = Bench()
    bench.feed(record)  # type: ignore[arg-type]  # parametrised records
    assert bench.one("C7").severity is Severity.MAJOR


@pytest.mark.parametrize(
    ("record", "severity"),
    [
        (
            event("unlock_request", {"grant": "g"}, use=None, verdict={"refused": "other_device"}),
            Severity.MAJOR,
        ),
        (
            event("attempt_refused", {"reason": "grant_other_device", "grant": "g"}, use=None),
            Severity.MAJOR,
        ),
        (stamped(grant="other_device"), Severity.CRITICAL),
    ],
)
def test_c8_a_grant_at_another_sleeve(record: object, severity: Severity) -> None:
    bench = Bench()
    bench.feed(page(), record)  # type: ignore[arg-type]  # parametrised records
    assert (bench.one("C8").severity, "C1" in bench.codes) == (severity, False)


@pytest.mark.parametrize("code", ["unknown_grant", "expired", "not_started", "locked"])
def test_other_refusals_are_no_alert(code: str) -> None:
    bench = Bench()
    bench.feed(event("unlock_request", {"job": "123456"}, use=None, verdict={"refused": code}))
    assert bench.codes == []


# ── C10 ──────────────────────────────────────────────────────────────────────────────────────────


def test_c10_a_mismatch_is_said_at_once_and_a_match_of_the_same_use_ends_it() -> None:
    bench = Bench()
    bench.feed(check("mismatch", score=0.1, who="somebody"))
    found = bench.one("C10")
    assert (found.severity, found.data["who"], found.data["operator"]) == (
        Severity.MAJOR,
        "somebody",
        "operator",
    )
    bench.feed(check("match", score=0.8, who="operator"))
    assert bench.codes == []


def test_c10_stamping_on_after_a_mismatch_makes_it_critical_and_nothing_ends_it() -> None:
    bench = Bench()
    bench.feed(check("mismatch", score=0.1), page(), stamped())
    assert bench.one("C10").severity is Severity.CRITICAL
    bench.feed(check("match", score=0.8))
    assert bench.codes == ["C10"]


def test_c10_found_at_sync_of_an_offline_use_is_critical_with_both_times() -> None:
    bench = Bench()
    late = check("mismatch", score=0.2, offline=True, finished=True)
    bench.feed(page(), stamped(late_by=3 * HOUR), late)
    found = bench.one("C10")
    assert (found.severity, found.happened_at) == (Severity.CRITICAL, MONDAY_10)


def test_c10_a_mistyped_pin_is_nobody_else_but_guessing_is() -> None:
    bench = Bench()
    bench.feed(check("pin_wrong", kind="pin", reasons=["wrong"]))
    assert bench.codes == []
    bench.feed(check("pin_wrong", kind="pin", reasons=["locked"]))
    assert bench.codes == ["C10"]


def test_c10_forgets_a_use_that_is_over() -> None:
    bench = Bench()
    bench.feed(check("mismatch"), finished(pressed=0, reported=0))
    assert bench.states["another_person", USE] == {}


# ── C11 ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("reason", "cause"), [("replay", "replayed_capture"), ("flat", "held_up_picture")]
)
def test_c11_a_picture_instead_of_a_person_is_said_at_once_and_stays(
    reason: str, cause: str
) -> None:
    bench = Bench()
    bench.feed(check("unusable", reasons=[reason]))
    assert bench.one("C11").data["cause"] == cause
    bench.feed(check("match", score=0.8, who="operator"))
    assert "C11" in bench.codes


def tries(bench: Bench, *reasons: str, turn: float = 0.03) -> None:
    for attempt, reason in enumerate(reasons, 1):
        bench.feed(check("unusable", attempt=attempt, reasons=[reason], turn=turn))


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        ("no_turn", "no_turn", "no_turn"),
        ("not_continuous", "wrong_way", "no_turn"),
        ("no_turn", "no_turn", "blurred"),
        ("turned_other", "no_frontal", "turned_other"),
    ],
)
def test_c11_no_head_that_turned_in_all_tries(first: str, second: str, third: str) -> None:
    bench = Bench()
    tries(bench, first, second)
    assert "C11" not in bench.codes
    bench.feed(check("unusable", attempt=3, reasons=[third], turn=0.0))
    assert bench.one("C11").data["cause"] == "failed_challenge"


@pytest.mark.parametrize("last", [check("match", attempt=3), check("pin_ok", kind="pin")])
def test_c11_an_awkward_person_is_not_accused_while_there_is_another_try(last: Record) -> None:
    bench = Bench()
    tries(bench, "no_turn", "no_turn")
    bench.feed(last)
    assert bench.codes == []


def test_c11_who_turns_to_the_wrong_side_or_too_far_has_a_head_that_turns() -> None:
    bench = Bench()
    tries(bench, "wrong_way", "too_far", "wrong_way")
    assert bench.codes == []
    tries(bench, "no_turn", "wrong_way", "no_frontal")
    assert bench.codes == []


def test_c11_who_turns_too_little_has_a_head_that_turns() -> None:
    bench = Bench()
    tries(bench, "no_turn", "turned_other", "no_turn", turn=0.15)
    assert bench.codes == []


def test_c11_a_check_that_was_slower_than_a_match_is_withdrawn() -> None:
    bench = Bench()
    tries(bench, "no_turn", "no_turn", "no_turn")
    bench.feed(check("match", attempt=3))
    assert "C11" not in bench.codes


# ── C12 ──────────────────────────────────────────────────────────────────────────────────────────


def test_c12_a_stamp_without_a_picture_before_it() -> None:
    bench = Bench()
    bench.feed(page(1), stamped(1))
    assert bench.codes == []
    bench.feed(stamped(2))
    assert bench.one("C12").data["cause"] == "missing"


@pytest.mark.parametrize(
    ("failure", "cause"), [("covered", "camera_covered"), ("too_dark", "too_dark"), ("", "missing")]
)
def test_c12_a_picture_that_could_not_be_taken(failure: str, cause: str) -> None:
    bench = Bench()
    bench.feed(page(picture=False, failure=failure))
    assert bench.one("C12").data["cause"] == cause


def test_a_head_that_does_not_turn_is_no_fault_of_the_camera() -> None:
    bench = Bench()
    for reason in ("no_turn", "too_far", "no_frontal", "flat"):
        bench.feed(check("unusable", reasons=[reason]))
    assert bench.codes == ["C11"]


def test_c12_the_third_unusable_burst_or_the_first_covered_one() -> None:
    bench = Bench()
    for _ in range(2):
        bench.feed(check("unusable", reasons=["blurred"]))
    assert bench.codes == []
    bench.feed(check("unusable", reasons=["blurred"]))
    assert bench.one("C12").data == {"cause": "blurred", "count": 3}
    covered = Bench()
    covered.feed(check("unusable", reasons=["camera_covered"]))
    assert covered.codes == ["C12"]


def test_c12_the_number_of_unusable_bursts_is_a_setting() -> None:
    bench = Bench(Facts(settings=RuleSettings(unusable_pictures=1)))
    bench.feed(check("unusable", reasons=["blurred"]))
    assert bench.codes == ["C12"]


def test_c12_a_broken_camera_until_it_works_again() -> None:
    bench = Bench()
    bench.feed(event("fault", {"code": "camera", "detail": "dark"}, use=None))
    assert bench.one("C12").data["cause"] == "too_dark"
    bench.feed(event("fault", {"code": "camera", "cleared": True}, use=None))
    assert bench.codes == []


# ── C17 ──────────────────────────────────────────────────────────────────────────────────────────


def _at(hours: float, day: int = 0) -> int:
    """So many hours after 10:00 of the Monday."""
    return MONDAY_10 + day * DAY + round(hours * HOUR)


@pytest.mark.parametrize(
    ("at", "cause"),
    [
        (_at(0), None),
        (_at(2.25), None),  # 12:15, the break
        (_at(7.75), None),  # 17:45, within the grace
        (_at(8.1), "night"),  # 18:06
        (_at(-4), "night"),
        (_at(0, day=5), "rest_day"),
    ],
)
def test_c17_outside_working_hours(at: int, cause: str | None) -> None:
    bench = Bench()
    bench.feed(page(at=at), stamped(at=at))
    assert [one.data["cause"] for one in bench.active.values()] == ([cause] if cause else [])


def test_c17_public_holidays_and_make_up_workdays() -> None:
    saturday, wednesday = date(2026, 9, 26), date(2026, 9, 23)
    facts = Facts(published={saturday: True, wednesday: False}, names={wednesday: "中秋"})
    bench = Bench(facts)
    bench.feed(page(at=_at(0, day=5)), stamped(at=_at(0, day=5)))
    assert bench.codes == []
    bench.feed(stamped(at=_at(0, day=2)))
    found = bench.one("C17")
    assert (found.data["cause"], found.data["calendar_note"]) == ("holiday", "中秋")


def test_c17_a_year_that_is_not_published_goes_by_weekdays_and_says_so() -> None:
    bench = Bench(Facts(known_years=frozenset()))
    bench.feed(page(at=_at(0)), stamped(at=_at(0)))
    assert bench.codes == []
    bench.feed(stamped(at=_at(0, day=6)))
    found = bench.one("C17")
    assert found.data["calendar_note"] == "calendar_unpublished"
    assert found.data["calendar"] == "weekday"


def test_c17_the_organisations_own_day_goes_before() -> None:
    bench = Bench(Facts(exceptions={date(2026, 9, 21): False}))
    bench.feed(page(), stamped())
    assert bench.one("C17").data["calendar"] == "organisation"


def test_c17_stamps_of_one_use_are_one_matter() -> None:
    bench = Bench()
    night = _at(12)
    bench.feed(page(1, at=night), stamped(1, at=night), page(2, at=night), stamped(2, at=night))
    assert bench.one("C17").data["stamps"] == 2
