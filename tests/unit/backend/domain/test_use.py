"""What a sleeve's events mean: unlock, burn, stamp, finish, and what a clock may not spoil."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.use import (
    GRACE_MS,
    Grant,
    Judgement,
    Sleeve,
    Use,
    checked,
    distance_m,
    grant_code,
    judge,
    open_use,
    refusal,
    unlock,
    use_id,
)

NOW = 1_790_000_000_000
MINUTE = 60_000
HOUR = 60 * MINUTE
SLEEVE = Sleeve("ZY1", "/1/2/", "seal", locked=False, total=0, open_use=None)
GRANT = Grant(
    id="g",
    application="a",
    org_path="/1/2/",
    device="ZY1",
    seal="seal",
    operator="operator",
    alternates=(),
    stamps=2,
    not_before=NOW - MINUTE,
    not_after=NOW + HOUR,
    title="土地承包合同",
    state="issued",
    use_id=None,
    place=None,
    policy={},
)
OFFLINE = replace(GRANT, policy={"offline": True})
UNLOCKED = replace(GRANT, state="unlocked", use_id="ZY1:7")
BURNT = replace(UNLOCKED, state="burnt", burnt_at=NOW)
USED = replace(BURNT, state="used", ended_at=NOW)
REVOKED = replace(UNLOCKED, state="revoked", ended_at=NOW)
OPENED = open_use(SLEEVE, UNLOCKED, 7, NOW, NOW, offline=False)
OPEN = replace(OPENED, state="open")


def told(kind: str, body: dict[str, Any], **context: Any) -> Judgement:
    """``judge`` with what most events share; ``at`` is when it happened."""
    known: dict[str, Any] = {
        "sleeve": SLEEVE,
        "use": OPEN,
        "grant": BURNT,
        "counter": 9,
        "happened_at": context.pop("at", NOW),
        "now": NOW,
        "late": False,
    }
    return judge(kind, body, **known | context)


def verdict(judged: Judgement) -> dict[str, Any]:
    assert judged.verdict is not None
    return dict(judged.verdict)


def burn(**context: Any) -> Judgement:
    return told(
        "grant_burnt", {"grant": "g", "use": 7}, **{"use": OPENED, "grant": UNLOCKED} | context
    )


def stamp(press: int = 1, total: int = 1, **context: Any) -> Judgement:
    body = {"use": 7, "press": press, "total": total, "contact_ms": 500}
    return told("stamped", body, **context)


def finish(presses: int = 2, reason: str = "done", **context: Any) -> Judgement:
    return told("use_finished", {"use": 7, "presses": presses, "reason": reason}, **context)


# ── may it unlock ────────────────────────────────────────────────────────────────────────────────


def test_a_live_grant_unlocks() -> None:
    assert unlock(SLEEVE, GRANT, NOW, None) is None


def test_an_unlocked_grant_unlocks_again_because_nothing_has_moved() -> None:
    assert unlock(SLEEVE, UNLOCKED, NOW, None) is None


@pytest.mark.parametrize(
    ("code", "sleeve", "grant"),
    [
        ("locked", replace(SLEEVE, locked=True), GRANT),
        ("no_seal", replace(SLEEVE, seal=None), GRANT),
        ("unknown_grant", SLEEVE, None),
        ("other_device", SLEEVE, replace(GRANT, device="ZY2")),
        ("other_device", SLEEVE, replace(GRANT, seal="another seal")),
        ("used", SLEEVE, BURNT),
        ("used", SLEEVE, USED),
        ("used", SLEEVE, replace(GRANT, state="expired", burnt_at=NOW)),
        ("revoked", SLEEVE, REVOKED),
        ("revoked", SLEEVE, replace(BURNT, state="revoked")),
        ("expired", SLEEVE, replace(GRANT, state="expired")),
        ("expired", SLEEVE, replace(GRANT, not_after=NOW - 1)),
        ("not_started", SLEEVE, replace(GRANT, not_before=NOW + 1)),
    ],
)
def test_promise_1_no_unlock_by_what_is_no_live_grant_of_this_sleeve(
    code: str, sleeve: Sleeve, grant: Grant | None
) -> None:
    refused = unlock(sleeve, grant, NOW, None)
    assert refused == refusal(code)
    assert refused is not None
    assert refused.text


def test_the_window_holds_at_both_ends() -> None:
    exact = replace(GRANT, not_before=NOW, not_after=NOW)
    assert unlock(SLEEVE, exact, NOW, None) is None
    assert unlock(SLEEVE, exact, NOW - 1, None) == refusal("not_started")
    assert unlock(SLEEVE, exact, NOW + 1, None) == refusal("expired")


def test_a_place_binds_when_the_sleeve_knows_where_it_is() -> None:
    bound = replace(GRANT, place=(30.0, 120.0, 200.0))
    assert unlock(SLEEVE, bound, NOW, (30.001, 120.0)) is None
    assert unlock(SLEEVE, bound, NOW, (30.01, 120.0)) == refusal("outside_place")
    assert unlock(SLEEVE, bound, NOW, None) is None


def test_distances() -> None:
    assert distance_m((30.0, 120.0), (31.0, 120.0)) == pytest.approx(111_195, rel=1e-3)
    assert distance_m((0.0, 0.0), (0.0, 180.0)) == pytest.approx(20_015_087, rel=1e-3)
    assert distance_m((30.0, 120.0), (30.0, 120.0)) == 0


# ── what a grant is worth ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("code", "grant", "at"),
    [
        ("live", GRANT, NOW),
        ("live", GRANT, GRANT.not_after + GRACE_MS),
        ("expired", GRANT, GRANT.not_after + GRACE_MS + 1),
        ("live", GRANT, GRANT.not_before - GRACE_MS),
        ("not_started", GRANT, GRANT.not_before - GRACE_MS - 1),
        ("used", USED, NOW),
        ("live", BURNT, NOW),
        ("live", REVOKED, NOW - 1),
        ("revoked", REVOKED, NOW),
        ("revoked", replace(REVOKED, ended_at=None), 0),
        ("other_device", replace(GRANT, device="ZY2"), NOW),
        ("unknown", None, NOW),
    ],
)
def test_grant_codes(code: str, grant: Grant | None, at: int) -> None:
    assert grant_code(grant, "ZY1", at) == code


# ── burning ──────────────────────────────────────────────────────────────────────────────────────


def test_a_burn_opens_the_use_and_takes_the_grant() -> None:
    judged = burn()
    assert judged.use is not None
    assert judged.grant is not None
    assert (judged.use.state, judged.use.id) == ("open", "ZY1:7")
    assert (judged.grant.state, judged.grant.use_id, judged.grant.burnt_at) == (
        "burnt",
        "ZY1:7",
        NOW,
    )
    assert judged.sleeve.open_use == "ZY1:7"
    assert judged.application_status == "in_use"
    assert verdict(judged) == {"grant": "live", "reused": False, "offline": False}


def test_an_off_line_burn_opens_its_own_use_under_its_own_counter() -> None:
    judged = told(
        "grant_burnt",
        {"grant": "g", "use": 9, "offline": True},
        use=None,
        grant=OFFLINE,
        counter=9,
    )
    assert judged.use is not None
    assert (judged.use.id, judged.use.offline, judged.use.state) == ("ZY1:9", True, "open")
    assert (judged.use.grant, judged.use.operator, judged.use.granted) == ("g", "operator", 2)
    assert verdict(judged)["grant"] == "live"


@pytest.mark.parametrize("grant", [BURNT, USED, replace(BURNT, state="revoked", ended_at=NOW)])
@pytest.mark.parametrize("number", [7, 9])
@pytest.mark.parametrize("at", [NOW, NOW - HOUR])
def test_promise_1_a_second_burn_is_reuse_under_whatever_use_and_whatever_clock(
    grant: Grant, number: int, at: int
) -> None:
    use = OPENED if number == 7 else None
    judged = told("grant_burnt", {"grant": "g", "use": number}, use=use, grant=grant, at=at)
    assert verdict(judged)["reused"] is True
    assert verdict(judged)["grant"] == "used"
    assert judged.grant is None
    assert judged.application_status is None


def test_a_reused_grant_never_reopens_a_finished_use() -> None:
    done = replace(OPEN, state="finished", finished_at=NOW - 1, pressed=2)
    judged = burn(use=done, grant=USED)
    assert judged.use is not None
    assert judged.use.state == "finished"
    assert judged.use.finished_at == NOW - 1


def test_promise_1_a_grant_that_was_never_given_to_the_sleeve_is_none() -> None:
    assert verdict(burn(grant=GRANT, use=None))["grant"] == "none"
    expired = replace(GRANT, state="expired")
    assert verdict(burn(grant=expired, use=None, at=NOW - 1))["grant"] == "none"
    assert verdict(burn(grant=OFFLINE, use=None))["grant"] == "live"


def test_promise_1_a_revoked_grant_that_is_burnt_stays_revoked() -> None:
    judged = burn(grant=REVOKED)
    assert judged.grant is not None
    assert (judged.grant.state, judged.grant.burnt_at) == ("revoked", NOW)
    assert verdict(judged)["grant"] == "revoked"
    assert judged.application_status is None
    after = stamp(grant=judged.grant, use=judged.use)
    assert verdict(after)["grant"] == "revoked"


def test_a_burn_before_the_revocation_counts_as_in_time() -> None:
    judged = burn(grant=replace(REVOKED, ended_at=NOW), at=NOW - MINUTE)
    assert judged.grant is not None
    assert judged.grant.state == "burnt"
    assert verdict(judged)["grant"] == "live"


def test_a_grant_of_another_sleeve_opens_nothing() -> None:
    judged = burn(grant=replace(UNLOCKED, device="ZY2"), use=None)
    assert verdict(judged)["grant"] == "other_device"
    assert (judged.use, judged.grant, judged.sleeve) == (None, None, SLEEVE)


def test_an_unknown_grant_opens_nothing() -> None:
    judged = burn(grant=None, use=None)
    assert verdict(judged)["grant"] == "unknown"
    assert (judged.use, judged.grant) == (None, None)


def test_a_use_never_takes_a_number_that_a_later_request_will_bear() -> None:
    judged = told("grant_burnt", {"grant": "g", "use": 500}, use=None, grant=UNLOCKED, counter=9)
    assert judged.use is not None
    assert judged.use.id == "ZY1:9"


def test_a_use_given_up_and_burnt_after_all_is_open_again() -> None:
    given_up = told("attempt_refused", {"use": 7, "reason": "not_answered"}, use=OPENED).use
    assert given_up is not None
    assert (given_up.state, given_up.open) == ("refused", False)
    again = burn(use=given_up).use
    assert again is not None
    assert (again.state, again.finished_at) == ("open", None)


def test_an_attempt_refused_within_an_open_use_leaves_it_open() -> None:
    judged = told("attempt_refused", {"use": 7, "reason": "past_count"}, use=OPEN)
    assert judged.use is None
    assert verdict(judged) == {"use_open": True}


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


def test_a_clock_that_is_ahead_cannot_expire_a_grant() -> None:
    ending = replace(BURNT, not_after=NOW + MINUTE)
    assert verdict(stamp(grant=ending, at=NOW + 10 * MINUTE))["grant"] == "live"


def test_a_clock_that_is_ahead_still_shows_what_happened_after_the_end() -> None:
    ended = replace(BURNT, not_after=NOW - MINUTE)
    assert verdict(stamp(grant=ended, at=NOW + 10 * MINUTE))["grant"] == "expired"


def test_a_clock_that_is_behind_does_not_unbegin_a_use_that_we_opened() -> None:
    slow = GRANT.not_before - 5 * MINUTE
    assert verdict(burn(at=slow))["grant"] == "live"
    assert verdict(stamp(at=slow))["grant"] == "live"


def test_an_off_line_use_before_the_window_is_not_started() -> None:
    judged = told(
        "grant_burnt",
        {"grant": "g", "use": 9, "offline": True},
        use=None,
        grant=OFFLINE,
        at=GRANT.not_before - HOUR,
    )
    assert verdict(judged)["grant"] == "not_started"
    assert judged.application_status is None


# ── counting and stamping ────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("count", "over"), [(1, False), (2, False), (3, True)])
def test_counts(count: int, over: bool) -> None:
    judged = told("count_entered", {"use": 7, "count": count})
    assert verdict(judged) == {"granted": 2, "over": over}
    assert judged.use is not None
    assert (judged.use.entered, judged.use.state) == (count, "counted")


def test_stamps_are_counted_and_the_one_too_many_shows() -> None:
    use: Use | None = OPEN
    seen = []
    for press in (1, 2, 3):
        assert use is not None
        judged = stamp(press, press, use=use, sleeve=replace(SLEEVE, total=press - 1))
        use = judged.use
        seen.append((verdict(judged)["press"], verdict(judged)["over"]))
        assert judged.extra == ()
    assert seen == [(1, False), (2, False), (3, True)]


def test_a_press_that_is_told_twice_still_counts_as_another() -> None:
    judged = stamp(1, 2, use=replace(OPEN, pressed=1), sleeve=replace(SLEEVE, total=1))
    assert verdict(judged)["press"] == 2


def test_a_jump_of_the_mechanical_counter_is_a_finding() -> None:
    judged = stamp(1, 9, sleeve=replace(SLEEVE, total=5))
    assert judged.extra == (("counter.jump", {"before": 5, "after": 9}),)
    assert judged.sleeve.total == 9
    back = stamp(1, 3, sleeve=replace(SLEEVE, total=5))
    assert back.extra == (("counter.jump", {"before": 5, "after": 3}),)
    assert back.sleeve.total == 5


def test_promise_1_a_stamp_without_a_use_has_no_grant() -> None:
    judged = stamp(use=None, grant=None)
    assert verdict(judged) == {
        "granted": 0,
        "entered": 0,
        "press": 1,
        "grant": "none",
        "cleared": False,
        "over": True,
    }


def test_promise_1_a_stamp_without_a_burn_has_no_grant_and_takes_it() -> None:
    judged = stamp(use=OPENED, grant=UNLOCKED)
    assert verdict(judged)["grant"] == "none"
    assert judged.grant is not None
    assert (judged.grant.state, judged.grant.use_id) == ("burnt", "ZY1:7")
    assert unlock(SLEEVE, judged.grant, NOW, None) == refusal("used")


def test_promise_1_a_stamp_after_the_end_of_its_use_is_reuse() -> None:
    done = replace(OPEN, state="finished", finished_at=NOW - 1, pressed=1)
    assert verdict(stamp(2, 2, use=done, grant=USED))["grant"] == "used"


def test_promise_1_two_open_uses_of_one_grant_do_not_double_its_stamps() -> None:
    """Asked twice, answered twice, burnt once: only the use that burnt it may stamp."""
    other = replace(OPENED, id="ZY1:5")
    assert verdict(stamp(1, 1, use=other, grant=BURNT))["grant"] == "used"
    assert verdict(stamp(1, 1, use=OPEN, grant=BURNT))["grant"] == "live"


def test_a_stamp_found_late_belongs_to_its_use_if_it_happened_before_the_end() -> None:
    done = replace(OPEN, state="finished", finished_at=NOW, pressed=1)
    assert verdict(stamp(2, 2, use=done, grant=USED, found=True, at=NOW - 1))["grant"] == "live"
    assert verdict(stamp(2, 2, use=done, grant=USED, found=True, at=NOW + 1))["grant"] == "used"


def test_what_is_found_late_moves_neither_sleeve_nor_state() -> None:
    done = replace(OPEN, state="finished", finished_at=NOW, pressed=1)
    moved = replace(SLEEVE, total=40, open_use="ZY1:30")
    judged = stamp(2, 2, use=done, grant=USED, sleeve=moved, found=True)
    assert judged.sleeve == moved
    assert judged.extra == ()
    assert judged.use is not None
    assert judged.use.state == "finished"


def test_cleared_is_who_was_checked_or_who_was_off_line() -> None:
    assert verdict(stamp(use=OPEN))["cleared"] is False
    assert verdict(stamp(use=replace(OPEN, person_check="match")))["cleared"] is True
    assert verdict(stamp(use=replace(OPEN, person_check="pin")))["cleared"] is True
    assert verdict(stamp(use=replace(OPEN, offline=True)))["cleared"] is True


def test_a_stamp_keeps_the_first_time_and_the_newest_place() -> None:
    body = {
        "use": 7,
        "press": 2,
        "total": 2,
        "contact_ms": 1,
        "position": {"lat": 30.5, "lon": 120.5},
    }
    use = replace(OPEN, pressed=1, first_stamp_at=NOW - 5, lat=1.0, lon=2.0)
    judged = told("stamped", body, use=use, sleeve=replace(SLEEVE, total=1))
    assert judged.use is not None
    assert (judged.use.first_stamp_at, judged.use.lat, judged.use.lon) == (NOW - 5, 30.5, 120.5)


# ── the person ───────────────────────────────────────────────────────────────────────────────────


def test_faces_and_pins_ask_for_a_check() -> None:
    face = told("face_captured", {"use": 7, "attempt": 1, "pictures": []})
    assert face.check is not None
    assert (face.check.kind, face.check.use_id) == ("face", "ZY1:7")
    assert face.use is not None
    assert face.use.person_check == "pending"
    pin = told("pin_entered", {"use": 7, "attempt": 2, "witness": "w", "sealed": b""})
    assert pin.check is not None
    assert pin.check.kind == "pin"
    assert pin.use is not None
    assert pin.use.witness == "w"
    assert verdict(pin) == {"attempt": 2}


def test_a_match_in_the_sleeve_counts_only_where_policy_says_so() -> None:
    body = {"use": 7, "attempt": 1, "pictures": [], "matched": True}
    inside = replace(BURNT, policy={"check": "face_in_sleeve"})
    trusted = told("face_captured", body, grant=inside).use
    claimed = told("face_captured", body).use
    missed = told("face_captured", body | {"matched": False}, grant=inside).use
    assert trusted is not None
    assert claimed is not None
    assert missed is not None
    assert (trusted.cleared, claimed.cleared, missed.cleared) == (True, False, False)


@pytest.mark.parametrize(
    ("found", "kept", "cleared"),
    [
        ("match", "match", True),
        ("pin_ok", "pin", True),
        ("pin_wrong", "mismatch", False),
        ("mismatch", "mismatch", False),
        ("doubtful", "doubtful", False),
        ("unusable", "unusable", False),
        ("unchecked", "unchecked", False),
    ],
)
def test_what_a_check_leaves_in_the_use(found: str, kept: str, cleared: bool) -> None:
    use = checked(replace(OPEN, state="checking"), found, score=0.5, who="p")
    assert (use.person_check, use.cleared, use.score, use.stamped_by) == (kept, cleared, 0.5, "p")
    assert use.state == ("cleared" if cleared else "checking")


@pytest.mark.parametrize("state", ["stamping", "finished", "refused"])
def test_a_check_that_comes_late_does_not_move_the_use_back(state: str) -> None:
    assert checked(replace(OPEN, state=state), "match").state == state


@pytest.mark.parametrize("kind", ["count_entered", "face_captured", "pin_entered", "use_finished"])
def test_events_of_a_use_that_nobody_knows(kind: str) -> None:
    body = {"use": 7, "count": 1, "attempt": 1, "witness": "w", "presses": 0, "reason": "done"}
    judged = told(kind, body, use=None, grant=None)
    assert verdict(judged) == {"use": "unknown"}
    assert (judged.use, judged.check) == (None, None)


def test_pages() -> None:
    seen = told("page_captured", {"use": 7, "picture": {"commit": b""}})
    assert verdict(seen) == {"use": "known", "picture": True}
    blind = told("page_captured", {"use": 7, "failure": "dark"}, use=None)
    assert verdict(blind) == {"use": "unknown", "picture": False}


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("pressed", "status"), [(2, "used"), (3, "used"), (1, "finished_early"), (0, "finished_early")]
)
def test_the_end_of_a_use_ends_grant_and_application(pressed: int, status: str) -> None:
    judged = finish(pressed, use=replace(OPEN, pressed=pressed))
    assert judged.use is not None
    assert judged.grant is not None
    assert (judged.grant.state, judged.grant.ended_at) == ("used", NOW)
    assert judged.application_status == status
    assert judged.use.state == ("finished" if pressed else "refused")
    assert verdict(judged)["agree"] is True
    assert verdict(judged)["ends"] == status


def test_a_grant_never_burnt_survives_the_end_of_its_use() -> None:
    judged = finish(0, "refused", use=OPENED, grant=UNLOCKED)
    assert (judged.grant, judged.application_status) == (None, None)
    assert "ends" not in verdict(judged)


@pytest.mark.parametrize("elsewhere", [None, "ZY1:30"])
def test_promise_1_presses_told_only_at_the_end_take_the_grant(elsewhere: str | None) -> None:
    judged = finish(1, use=OPENED, grant=replace(UNLOCKED, use_id=elsewhere))
    assert judged.grant is not None
    assert judged.grant.state == "used"
    assert verdict(judged)["agree"] is False


def test_the_end_of_one_use_leaves_a_grant_that_another_use_burnt() -> None:
    judged = finish(2, grant=replace(BURNT, use_id="ZY1:8"), use=replace(OPEN, pressed=2))
    assert (judged.grant, judged.application_status) == (None, None)


def test_a_revoked_grant_stays_revoked_at_the_end() -> None:
    judged = finish(1, grant=replace(BURNT, state="revoked"), use=replace(OPEN, pressed=1))
    assert judged.grant is None
    assert judged.application_status == "finished_early"


def test_a_second_end_changes_nothing() -> None:
    done = replace(OPEN, state="finished", finished_at=NOW - 1, finish_reason="done", pressed=2)
    judged = finish(2, "power", use=done, grant=USED)
    assert (judged.use, judged.grant, judged.application_status) == (None, None, None)
    assert judged.sleeve.open_use is None


def test_counts_that_disagree_show() -> None:
    assert verdict(finish(1, use=replace(OPEN, pressed=2)))["agree"] is False


# ── the sleeve itself ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", ["tamper", "moved", "motion_unexpected"])
def test_the_body_of_the_sleeve_knows_whether_a_use_is_open(kind: str) -> None:
    during = replace(SLEEVE, open_use="ZY1:7")
    assert verdict(told(kind, {}, use=None, sleeve=during)) == {"use_open": True}
    assert verdict(told(kind, {}, use=None)) == {"use_open": False}


def test_lateness_sticks_and_time_only_goes_forward() -> None:
    late = stamp(late=True, at=NOW - HOUR).use
    assert late is not None
    assert late.late is True
    assert late.last_event_at == NOW
    on_time = stamp(2, 2, use=late, late=False, at=NOW + 1).use
    assert on_time is not None
    assert (on_time.late, on_time.last_event_at) == (True, NOW + 1)


def test_names_of_uses() -> None:
    assert use_id("ZY1", 7) == "ZY1:7"
    assert OPENED.id == "ZY1:7"


# ── whatever a sleeve may say ────────────────────────────────────────────────────────────────────

KINDS = [
    "grant_burnt",
    "count_entered",
    "face_captured",
    "pin_entered",
    "page_captured",
    "stamped",
    "use_finished",
    "attempt_refused",
    "tamper",
    "boot",
]
bodies = st.fixed_dictionaries(
    {
        "grant": st.just("g"),
        "use": st.integers(1, 20),
        "count": st.integers(1, 9),
        "attempt": st.integers(1, 9),
        "witness": st.just("w"),
        "press": st.integers(0, 5),
        "total": st.integers(0, 20),
        "presses": st.integers(0, 5),
        "reason": st.just("done"),
        "offline": st.booleans(),
    }
)
steps = st.lists(
    st.tuples(
        st.sampled_from(KINDS),
        bodies,
        st.integers(-2 * HOUR, 2 * HOUR),
        st.booleans(),
        st.sampled_from(["", "", "", "revoke", "expire", "unlock"]),
    ),
    max_size=25,
)


@given(steps, st.booleans())
def test_promise_1_whatever_a_sleeve_says_a_grant_is_good_once(
    said: list[tuple[str, dict[str, Any], int, bool, str]], offline: bool
) -> None:
    """Any events, any clock, revocations in between: one burn, no more live stamps than granted."""
    grant = OFFLINE if offline else GRANT
    sleeve, uses = SLEEVE, dict[str, Use]()
    live_burns = live_stamps = 0
    order = ["unlocked", "open", "counted", "checking", "cleared", "stamping", "finished"]
    for counter, (kind, body, skew, late, before) in enumerate(said, start=1):
        if before == "revoke" and grant.state in ("issued", "unlocked", "burnt"):
            grant = replace(grant, state="revoked", ended_at=NOW)
        elif before == "expire" and grant.state in ("issued", "unlocked"):
            grant = replace(grant, state="expired", ended_at=NOW)
        elif before == "unlock" and unlock(sleeve, grant, NOW, None) is None:
            name = use_id("ZY1", counter)
            grant = replace(grant, state="unlocked", use_id=name)
            uses[name] = open_use(sleeve, grant, counter, NOW, NOW, offline=False)
            continue
        use = uses.get(use_id("ZY1", body["use"]))
        judged = judge(
            kind,
            body,
            sleeve=sleeve,
            use=use,
            grant=grant if kind == "grant_burnt" or use is not None else None,
            counter=counter,
            happened_at=NOW + skew,
            now=NOW,
            late=late,
        )
        found = dict(judged.verdict or {})
        if kind == "grant_burnt" and not found["reused"]:
            live_burns += 1
        if kind == "stamped" and found["grant"] == "live" and not found["over"]:
            live_stamps += 1
        if judged.grant is not None:
            assert judged.grant.consumed
            assert not grant.consumed or grant.burnt_at == judged.grant.burnt_at
            assert grant.state != "used"
            grant = judged.grant
        if judged.use is not None:
            if use is not None and use.id == judged.use.id and use.state in order:
                assert judged.use.state == "refused" or (
                    order.index(judged.use.state) >= order.index(use.state)
                )
            uses[judged.use.id] = judged.use
            assert int(judged.use.id.split(":")[1]) <= counter
        sleeve = judged.sleeve
    assert live_burns <= 1
    if grant.consumed:
        assert unlock(sleeve, grant, NOW, None) is not None
    assert live_stamps <= grant.stamps
