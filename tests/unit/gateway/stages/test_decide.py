"""Stage 4: what each event means, over the rows of a real database."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import insert, update

from backend.domain import use as domain
from backend.store.tables import (
    application,
    check_job,
    device,
    device_key,
    downlink,
    picture,
    poison,
    seal_use,
    use_grant,
)
from gateway.protocol import cbor, cose, envelope, topics
from gateway.protocol.messages import (
    AttemptRefused,
    ConfigApplied,
    CountEntered,
    FaceCaptured,
    Grant,
    GrantBurnt,
    GrantDropped,
    GrantStored,
    KeyRotated,
    LockChanged,
    Moved,
    PageCaptured,
    PictureRef,
    PinEntered,
    Position,
    Refusal,
    Stamped,
    Tamper,
    UnlockRequest,
    UseFinished,
)
from gateway.stages.decide import Policy
from tests.support.gateway_world import HOUR, FakeSleeve, GatewayWorld, Line, inbound

NONCE = bytes(range(16))


def ask(sleeve: FakeSleeve, grant: str, **fields: Any) -> Any:
    return sleeve.say(UnlockRequest(nonce=NONCE, grant=grant, **fields))


def stamp(sleeve: FakeSleeve, use: int, press: int, **fields: Any) -> Any:
    sleeve.total += 1
    return sleeve.say(Stamped(use=use, press=press, total=sleeve.total, contact_ms=400), **fields)


def ref(seed: int, pieces: int = 1) -> PictureRef:
    return PictureRef(commit=bytes([seed]) * 32, size=pieces * 16_384, pieces=pieces)


# ── unlocking ────────────────────────────────────────────────────────────────────────────────────


def test_a_live_grant_is_answered_with_what_the_sleeve_needs(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    policy = {"check": "face", "challenge": "left", "frames": 4, "pin_allowed": False}
    world.grant("g", sleeve, policy=policy, alternates=["second"], stamps=3)
    line.take(ask(sleeve, "g"))
    (answer,) = world.said(line, sleeve, Grant)
    assert (answer.grant, answer.request, answer.nonce) == ("g", 1, NONCE)
    assert (answer.operator, answer.alternates, answer.stamps) == ("operator", ["second"], 3)
    assert (answer.challenge, answer.frames, answer.pin_allowed) == ("left", 4, False)
    assert answer.offline is False
    row = world.row(use_grant, "g")
    assert (row.state, row.use_id) == ("unlocked", f"{sleeve.id}:1")
    use = world.row(seal_use, f"{sleeve.id}:1")
    assert (use.state, use.granted, use.first_seq) == ("unlocked", 3, 0)
    assert world.verdict(sleeve) == {"granted": 3}


def test_a_job_code_names_the_grant_at_its_own_sleeve_only(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    other = world.sleeve("ZY0002")
    world.grant("mine", sleeve, job="123456")
    world.grant("theirs", other, job="123456")
    world.grant("elsewhere", other, job="654321")
    line.take(sleeve.say(UnlockRequest(nonce=NONCE, job="123456")))
    assert world.said(line, sleeve, Grant)[0].grant == "mine"
    line.take(sleeve.say(UnlockRequest(nonce=NONCE, job="654321")))
    assert world.said(line, sleeve, Refusal)[0].reason == "unknown_grant"


def change(**values: Any) -> Callable[[GatewayWorld, FakeSleeve], None]:
    return lambda world, _sleeve: world.set(use_grant, "g", **values)


def sleeve_is(**values: Any) -> Callable[[GatewayWorld, FakeSleeve], None]:
    return lambda world, sleeve: world.set(device, sleeve.id, **values)


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("other_device", change(device_id="ZY0002")),
        ("other_device", change(seal_id="another")),
        ("expired", change(not_after=0)),
        ("expired", change(state="expired")),
        ("not_started", change(not_before=10**14)),
        ("revoked", change(state="revoked")),
        ("used", change(state="burnt")),
        ("used", change(state="used")),
        ("used", change(state="expired", burnt_at=1)),
        ("locked", sleeve_is(locked=True)),
        ("no_seal", sleeve_is(seal_id=None)),
        ("outside_place", change(lat=31.0, lon=121.0, radius_m=100.0)),
        ("bad_grant", change(policy={"frames": 99})),
        ("bad_grant", change(policy={"check": "mind-reading"})),
        ("bad_grant", change(stamps=0)),
    ],
)
def test_promise_1_no_other_grant_is_answered_and_the_refusal_is_recorded(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    code: str,
    before: Callable[[GatewayWorld, FakeSleeve], None],
) -> None:
    world.grant("g", sleeve)
    before(world, sleeve)
    line.take(ask(sleeve, "g", position=Position(lat=30.0, lon=120.0)))
    (refusal,) = world.said(line, sleeve, Refusal)
    assert (refusal.answers, refusal.reason, refusal.retry) == (1, code, False)
    assert refusal.text
    assert world.said(line, sleeve, Grant) == []
    assert world.verdict(sleeve) == {"refused": code}
    assert world.count(seal_use) == 0
    assert world.count(poison) == 0
    line.take(sleeve.say(Moved()))  # and the line goes on
    assert world.counters(sleeve) == [1, 2]


@pytest.mark.parametrize("grant", ["nobody's", None])
def test_an_unknown_grant_is_refused(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, grant: str | None
) -> None:
    line.take(sleeve.say(UnlockRequest(nonce=NONCE, grant=grant)))
    assert world.said(line, sleeve, Refusal)[0].reason == "unknown_grant"


def test_a_long_title_with_line_feeds_is_cut_for_the_sleeve(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve, title="合同\n" * 200)
    line.take(ask(sleeve, "g"))
    assert len(world.said(line, sleeve, Grant)[0].title) == 200


def test_one_grant_asked_for_twice_in_one_batch_by_two_sleeves(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    thief = world.sleeve("ZY0002")
    world.grant("g", sleeve)
    line.take(ask(thief, "g"), ask(sleeve, "g"))
    assert world.said(line, thief, Refusal)[0].reason == "other_device"
    assert len(world.said(line, sleeve, Grant)) == 1
    # What is another's is named by the event, yet is no reference of this sleeve's record.
    (refused,) = [one for one in world.records("event.unlock_request") if one.device == thief.id]
    assert (refused.grant_id, refused.application) == (None, None)


# ── answers again ────────────────────────────────────────────────────────────────────────────────


def answers(line: Line) -> list[bytes]:
    kinds = (Grant.type, Refusal.type)
    return [raw for topic, raw in line.publisher.sent if topic.rsplit("/", 1)[1] in kinds]


def test_a_request_sent_again_gets_the_same_bytes_again(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    line.take(ask(sleeve, "g"), ask(sleeve, "unknown"))
    first = answers(line)
    world.clock.advance(7_000)
    world.line().take(*sleeve.again([2]))
    other = world.line()
    other.take(*sleeve.again([1, 2]))
    assert sorted(answers(other)) == sorted(first)
    assert world.count(seal_use) == 1


def test_the_same_request_twice_in_one_batch_is_answered_once(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    message = ask(sleeve, "g")
    line.take(message, *sleeve.again([1]))
    assert len(answers(line)) == 1


@pytest.mark.parametrize(
    ("code", "before"),
    [
        ("revoked", change(state="revoked")),
        ("expired", change(not_after=0)),
        ("expired", change(state="expired")),
        ("locked", sleeve_is(locked=True)),
        ("other_device", sleeve_is(seal_id="another")),
    ],
)
def test_promise_1_what_ended_meanwhile_is_not_answered_again(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    code: str,
    before: Callable[[GatewayWorld, FakeSleeve], None],
) -> None:
    """The first answer got lost; a revocation that overtakes it must not be undone by a resend."""
    world.grant("g", sleeve)
    line.take(ask(sleeve, "g"))
    before(world, sleeve)
    other = world.line()
    other.take(*sleeve.again([1]))
    assert world.said(other, sleeve, Grant) == []
    assert [one.reason for one in world.said(other, sleeve, Refusal)] == [code]


def test_promise_1_a_burnt_grant_is_not_answered_again_to_its_own_use(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    world.unlocked(line, sleeve, "g")
    other = world.line()
    other.take(*sleeve.again([1]))
    assert answers(other) == []


# ── a whole use ──────────────────────────────────────────────────────────────────────────────────


def test_a_use_from_request_to_end(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    assert world.row(application, "application-g").status == "in_use"
    line.take(
        sleeve.say(CountEntered(use=number, count=2)),
        stamp(sleeve, number, 1),
        stamp(sleeve, number, 2),
        sleeve.say(UseFinished(use=number, presses=2, reason="done")),
    )
    use = world.row(seal_use, f"{sleeve.id}:{number}")
    assert (use.state, use.entered, use.pressed, use.finish_reason) == ("finished", 2, 2, "done")
    assert use.application_id == "application-g"
    assert world.row(use_grant, "g").state == "used"
    assert world.row(application, "application-g").status == "used"
    assert world.row(device, sleeve.id).open_use is None
    assert world.row(device, sleeve.id).total == 2
    stamped = world.records("event.stamped")
    assert {(one.use_id, one.grant_id, one.application, one.person) for one in stamped} == {
        (f"{sleeve.id}:1", "g", "application-g", "operator")
    }
    assert [one.data["verdict"]["grant"] for one in stamped] == ["live", "live"]
    assert world.records("counter.jump") == []


def test_an_off_line_use_arrives_in_one_batch_named_by_its_burn(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve, policy={"offline": True, "max_clock_age": HOUR})
    then = world.clock()
    burnt = sleeve.say(GrantBurnt(grant="g", use=1, offline=True))
    messages = [
        burnt,
        sleeve.say(CountEntered(use=1, count=1)),
        stamp(sleeve, 1, 1),
        sleeve.say(UseFinished(use=1, presses=1, reason="done")),
    ]
    world.clock.advance(30 * 60_000)
    line.take(*reversed(messages))
    use = world.row(seal_use, f"{sleeve.id}:1")
    assert (use.offline, use.late, use.started_at, use.pressed) == (True, True, then, 1)
    assert use.recorded_at == world.clock()
    assert [one.data.get("late") for one in world.records()] == [True] * 4
    assert world.verdict(sleeve, 3)["grant"] == "live"
    assert world.row(application, "application-g").status == "finished_early"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("approved", "in_use"),
        ("expired", "in_use"),
        ("voided", "voided"),
        ("closed", "closed"),
        ("rejected", "rejected"),
        ("withdrawn", "withdrawn"),
        ("used", "used"),
    ],
)
def test_a_burn_moves_an_application_only_forward(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, before: str, after: str
) -> None:
    world.grant("g", sleeve)
    line.take(ask(sleeve, "g"))
    world.set(application, "application-g", status=before)
    line.take(sleeve.say(GrantBurnt(grant="g", use=1)))
    assert world.row(application, "application-g").status == after


@pytest.mark.parametrize("status", ["voided", "closed", "rejected", "withdrawn"])
def test_the_end_of_a_use_overwrites_no_decision(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, status: str
) -> None:
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    world.set(application, "application-g", status=status, closed_at=5)
    line.take(sleeve.say(UseFinished(use=number, presses=0, reason="early")))
    row = world.row(application, "application-g")
    assert (row.status, row.closed_at) == (status, 5)


def test_promise_1_stamps_after_a_revocation_show_and_the_grant_stays_revoked(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    line.take(ask(sleeve, "g"))
    world.revoke_grant("g")
    line.take(sleeve.say(GrantBurnt(grant="g", use=1)), stamp(sleeve, 1, 1))
    line.take(sleeve.say(UseFinished(use=1, presses=1, reason="done")))
    assert world.verdict(sleeve, 2)["grant"] == "revoked"
    assert world.verdict(sleeve, 3)["grant"] == "revoked"
    row = world.row(use_grant, "g")
    assert (row.state, row.burnt_at) == ("revoked", world.clock())


def test_an_unanswered_request_that_the_sleeve_gave_up_leaves_nothing_open(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    line.take(ask(sleeve, "g"), sleeve.say(AttemptRefused(reason="not_answered", use=1)))
    assert world.row(seal_use, f"{sleeve.id}:1").state == "refused"
    line.take(ask(sleeve, "g"))
    assert len(world.said(line, sleeve, Grant)) == 2


def test_a_sleeve_that_invents_a_use_number_ahead_does_not_block_its_own_line(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve, policy={"offline": True})
    world.grant("h", sleeve)
    line.take(sleeve.say(GrantBurnt(grant="g", use=2, offline=True)))
    line.take(ask(sleeve, "h"))
    assert world.counters(sleeve) == [1, 2]
    assert world.count(poison) == 0
    assert {one.id for one in world.rows(seal_use)} == {f"{sleeve.id}:1", f"{sleeve.id}:2"}


# ── clocks ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("skew", "late", "clock"),
    [
        (0, None, None),
        (-60_000, None, None),
        (-60_001, True, None),
        (120_000, None, None),
        (120_001, None, {"offset_ms": 120_001, "back": False}),
    ],
)
def test_late_and_ahead(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    skew: int,
    late: bool | None,
    clock: dict[str, Any] | None,
) -> None:
    line.take(sleeve.say(Moved(), time=world.clock() + skew))
    (moved,) = world.records("event.moved")
    assert moved.data.get("late") is late
    assert moved.data.get("clock") == clock
    assert (moved.happened_at, moved.at) == (world.clock() + skew, world.clock())


def test_a_clock_set_back_shows_once(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    now = world.clock()
    line.take(
        sleeve.say(Moved(), time=now),
        sleeve.say(Moved(), time=now - 2_000),
        sleeve.say(Moved(), time=now - 30_000),
        sleeve.say(Moved(), time=now - 29_000),
    )
    clocks = [one.data.get("clock") for one in world.records("event.moved")]
    assert clocks == [None, None, {"offset_ms": -30_000, "back": True, "back_ms": 28_000}, None]


def test_the_thresholds_are_settings(world: GatewayWorld, sleeve: FakeSleeve) -> None:
    strict = world.line(policy=Policy(late_ms=10, ahead_ms=10))
    strict.take(sleeve.say(Moved(), time=world.clock() - 11))
    strict.take(sleeve.say(Moved(), time=world.clock() + 11))
    late, ahead = world.records("event.moved")
    assert late.data["late"] is True
    assert ahead.data["clock"]["back"] is False


# ── what events bring along ──────────────────────────────────────────────────────────────────────


def test_faces_and_pages_are_expected_and_faces_are_checked(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    line.take(
        sleeve.say(FaceCaptured(use=number, attempt=1, pictures=[ref(1), ref(2, 3)])),
        sleeve.say(PageCaptured(use=number, stage="before", press=1, picture=ref(3))),
        sleeve.say(PageCaptured(use=number, stage="after", press=1, failure="dark")),
    )
    rows = {row.id[:2]: row for row in world.rows(picture)}
    assert {key: (row.kind, row.frame, row.press) for key, row in rows.items()} == {
        "01": ("face", 0, None),
        "02": ("face", 1, None),
        "03": ("page_before", None, 1),
    }
    assert {row.use_id for row in rows.values()} == {f"{sleeve.id}:{number}"}
    assert rows["02"].pieces == 3
    (job,) = world.rows(check_job)
    assert (job.kind, job.state, job.counter) == ("face", "waiting", 3)
    assert job.input["pictures"] == ["01" * 32, "02" * 32]


def test_pins_are_checked_at_once(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    line.take(sleeve.say(PinEntered(use=number, attempt=1, witness="w", sealed=b"sealed")))
    (job,) = world.rows(check_job)
    assert (job.kind, job.state) == ("pin", "ready")
    assert world.row(seal_use, f"{sleeve.id}:{number}").witness_id == "w"


def test_a_rotation_ends_the_old_key_and_begins_the_new_one(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    new = world.signer(cose.ES256)
    line.take(sleeve.say(Moved()), sleeve.say(KeyRotated(alg=-7, public=new.public.raw)))
    keys = {row.kid: row for row in world.rows(device_key)}
    old = keys[sleeve.signer.public.kid]
    assert (old.from_counter, old.until_counter) == (1, 2)
    row = keys[new.public.kid]
    assert (row.from_counter, row.until_counter, row.alg) == (3, None, -7)


def test_rotating_to_the_same_key_changes_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.say(KeyRotated(alg=-8, public=sleeve.signer.public.raw)))
    line.take(sleeve.say(Moved()))
    assert world.counters(sleeve) == [1, 2]


@pytest.mark.parametrize(
    ("kind", "subject", "body"),
    [
        ("grant", "g", GrantStored(grant="g")),
        ("revoke", "g", GrantDropped(grant="g", reason="revoked")),
        ("lock", "4", LockChanged(order=4, locked=True)),
        ("config", "9", ConfigApplied(revision=9)),
    ],
)
def test_events_confirm_what_was_said(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, kind: str, subject: str, body: Any
) -> None:
    def waiting(name: str, type_: str, what: str) -> dict[str, Any]:
        return {
            "device_id": name,
            "type": type_,
            "subject": what,
            "payload": b"x",
            "created_at": 0,
            "sends": 0,
        }

    with world.db.write() as conn:
        conn.execute(
            insert(downlink),
            [
                waiting(sleeve.id, kind, subject),
                waiting("ZY0002", kind, subject),
                waiting(sleeve.id, "other", subject),
                waiting(sleeve.id, kind, "other"),
            ],
        )
    line.take(sleeve.say(body))
    confirmed = [row.id for row in world.rows(downlink, downlink.c.confirmed_at.is_not(None))]
    assert len(confirmed) == 1
    assert world.row(downlink, confirmed[0]).subject == subject


def test_a_jump_of_the_mechanical_counter_is_recorded_beside_its_event(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    line.take(sleeve.say(Stamped(use=0, press=0, total=7, contact_ms=300)))
    stamped, jump = world.records()
    assert (stamped.kind, jump.kind) == ("event.stamped", "counter.jump")
    assert jump.data == {"before": 0, "after": 7}
    assert (jump.counter, jump.evidence, jump.device) == (None, None, sleeve.id)
    assert stamped.data["verdict"]["grant"] == "none"


# ── our own mistakes, and what later versions may say ────────────────────────────────────────────


def test_promise_2_an_event_that_upsets_us_is_recorded_undecided(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: Any, **_options: Any) -> domain.Judgement:
        raise ZeroDivisionError("our mistake")

    monkeypatch.setattr(domain, "judge", broken)
    line.take(sleeve.say(Moved()), sleeve.say(Tamper(switch="case", open=True)))
    assert world.counters(sleeve) == [1, 2]
    assert world.verdict(sleeve) == {"undecided": "ZeroDivisionError", "detail": "our mistake"}


@pytest.mark.parametrize("extra", [{"grant": {"a": 1}}, {"grant": [1]}, {"use": "x"}, {"use": [2]}])
def test_fields_that_a_later_version_may_add_are_kept_and_ignored(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, extra: dict[Any, Any]
) -> None:
    payload = {
        "v": 1,
        "device": sleeve.id,
        "boot": 1,
        "time": world.clock(),
        "type": "tamper",
        "body": {"switch": "case", "open": True} | extra,
        "counter": 1,
        "prev": envelope.GENESIS,
    }
    raw = cose.sign(cbor.encode(payload), sleeve.signer)
    line.take(inbound(topics.up(sleeve.id, "tamper"), raw))
    (kept,) = world.records("event.tamper")
    assert kept.data["event"] == payload["body"]
    assert world.count(poison) == 0


def test_the_newest_boot_stays(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> None:
    sleeve.boot = 2**40
    line.take(sleeve.say(Moved()))
    assert world.row(device, sleeve.id).boot == 2**31 - 1
    assert world.records()[0].data["boot"] == 2**40


def test_promise_1_the_same_grant_burnt_twice_is_reuse(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    world.grant("g", sleeve)
    number = world.unlocked(line, sleeve, "g")
    line.take(sleeve.say(GrantBurnt(grant="g", use=number)))
    line.take(sleeve.say(GrantBurnt(grant="g", use=4, offline=True)))
    burns = [one.data["verdict"]["reused"] for one in world.records("event.grant_burnt")]
    assert burns == [False, True, True]
    with world.db.write() as conn:  # whatever the services make of it later
        conn.execute(update(use_grant).values(state="expired"))
    line.take(sleeve.say(GrantBurnt(grant="g", use=5)))
    assert world.verdict(sleeve)["reused"] is True
