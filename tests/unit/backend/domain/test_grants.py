"""The terms of a grant."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest

from backend.domain.application import Application, Kind, Status
from backend.domain.application_checks import Rules
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.grant import (
    JOB_DRAWS,
    Terms,
    job_codes,
    may_expire,
    may_revoke,
    must_tell_sleeve,
    terms_of,
)
from backend.domain.matter import Check, Liveness, Matter, Offline, PlaceRule
from backend.domain.use import Grant
from tests.support.life import MATTER, NOW, draft

HOME = (30.0, 120.0, 150.0)
TRIP = (31.0, 121.0, 300.0)


def terms(matter: Matter = MATTER, application: Application | None = None, **more: Any) -> Terms:
    given: dict[str, Any] = {"rules": Rules(), "home": HOME, "permitted": None, "now": NOW}
    return terms_of(
        application or draft(status=Status.APPROVED),
        matter,
        random=Random(1).randbytes,
        **given | more,
    )


def test_a_grant_allows_copies_times_stamps_per_copy() -> None:
    assert terms(application=draft(copies=4, stamps_per_copy=3)).stamps == 12


def test_it_lives_for_the_matters_window_within_the_wanted_time() -> None:
    assert (terms().not_before, terms().not_after) == (NOW, NOW + MATTER.window_ms)
    later = draft(wanted_from=NOW + DAY_MS, wanted_until=NOW + DAY_MS + HOUR_MS)
    bounded = terms(application=later)
    assert (bounded.not_before, bounded.not_after) == (NOW + DAY_MS, NOW + DAY_MS + HOUR_MS)
    with pytest.raises(DomainError, match="window_over"):
        terms(application=draft(wanted_until=NOW))


def test_promise_1_every_grant_expires() -> None:
    for kind in Kind:
        made = terms(application=draft(kind=kind))
        assert made.not_before < made.not_after <= NOW + MATTER.window_ms


def test_an_emergency_is_short_and_on_line() -> None:
    matter = replace(MATTER, offline=Offline(allowed=True))
    made = terms(matter, draft(kind=Kind.EMERGENCY))
    assert made.not_after == NOW + Rules().emergency_window_ms
    assert made.pushed_until is None
    assert made.policy["offline"] is False


def test_off_line_use_is_the_matters_policy_and_lives_shortly() -> None:
    offline = Offline(allowed=True, window_ms=HOUR_MS, max_clock_age_ms=2 * HOUR_MS)
    made = terms(replace(MATTER, offline=offline))
    assert made.pushed_until == NOW + HOUR_MS
    assert made.policy["max_clock_age"] == 2 * HOUR_MS
    assert terms().pushed_until is None


@pytest.mark.parametrize(
    ("rule", "permitted", "place"),
    [
        (PlaceRule.HOME, None, HOME),
        (PlaceRule.HOME, TRIP, HOME),
        (PlaceRule.PERMIT, None, HOME),
        (PlaceRule.PERMIT, TRIP, TRIP),
        (PlaceRule.ANYWHERE, TRIP, None),
    ],
)
def test_the_place_follows_the_matters_rule(rule: PlaceRule, permitted: Any, place: Any) -> None:
    assert terms(replace(MATTER, place=rule), permitted=permitted).place == place


def test_the_head_turn_is_drawn_and_not_asked_without_a_face() -> None:
    drawn = {
        terms_of(
            draft(),
            MATTER,
            Rules(),
            home=None,
            permitted=None,
            now=NOW,
            random=Random(seed).randbytes,
        ).policy["challenge"]
        for seed in range(20)
    }
    assert drawn == {"left", "right"}
    assert terms(replace(MATTER, liveness=False)).policy["challenge"] == "none"
    assert terms(replace(MATTER, check=Check.PIN)).policy["challenge"] == "none"


@pytest.mark.parametrize(
    ("level", "frames", "turns", "check"),
    [
        (Liveness.NONE, 1, False, "face"),
        (Liveness.BURST, 3, False, "face"),
        (Liveness.CHALLENGE, 4, True, "face"),
        (Liveness.PIN, 3, False, "pin"),
    ],
)
def test_c11_the_organisation_says_how_sure_of_a_living_person_it_wants_to_be(
    level: Liveness, frames: int, turns: bool, check: str
) -> None:
    made = terms(replace(MATTER, pin_allowed=False), rules=Rules(liveness=level)).policy
    assert (made["frames"], made["check"]) == (frames, check)
    assert (made["challenge"] != "none") is turns
    assert made["pin_allowed"] is (level is Liveness.PIN)
    calm = terms(replace(MATTER, liveness=False), rules=Rules(liveness=level)).policy
    assert calm["challenge"] == "none"
    assert (calm["frames"] > 1) is (level is not Liveness.NONE)


@pytest.mark.parametrize("digits", [6, 7, 8])
def test_job_codes_have_their_digits(digits: int) -> None:
    codes = job_codes(digits, Random(2).randbytes)
    assert len(codes) == JOB_DRAWS
    assert len(set(codes)) > 1
    assert all(len(one) == digits and one.isdigit() for one in codes)


def grant(state: str, *, offline: bool = False) -> Grant:
    return Grant(
        "g", "a", "/1/", "sl", "s", "o", (), 1, 0, NOW, "t", state, None, None, {"offline": offline}
    )


@pytest.mark.parametrize(
    ("state", "expires", "revocable"),
    [
        ("issued", True, True),
        ("unlocked", True, True),
        ("burnt", False, True),
        ("used", False, False),
        ("expired", False, False),
        ("revoked", False, False),
    ],
)
def test_what_ends_and_how(state: str, expires: bool, revocable: bool) -> None:
    assert may_expire(grant(state), NOW + 1) is expires
    assert not may_expire(grant(state), NOW)
    assert may_revoke(grant(state)) is revocable


def test_a_sleeve_is_told_when_it_may_hold_the_grant() -> None:
    assert must_tell_sleeve(grant("issued", offline=True))
    assert must_tell_sleeve(grant("unlocked"))
    assert must_tell_sleeve(grant("burnt"))
    assert not must_tell_sleeve(grant("issued"))
