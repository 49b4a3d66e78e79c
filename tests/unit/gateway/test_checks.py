"""Checks of the person: jobs that survive whoever takes them, answers that arrive once."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from sqlalchemy import insert, update
from sqlalchemy.exc import OperationalError

from backend.store import people
from backend.store.tables import (
    application,
    check_job,
    device,
    face_template,
    person,
    role,
    seal,
    seal_use,
    use_grant,
)
from gateway.checks import LEASE_MS, MAX_LEASES, Finding
from gateway.identify import PIN_GUESSES, PIN_WINDOW_MS
from gateway.protocol import pictures
from gateway.protocol.messages import (
    FaceCaptured,
    GrantBurnt,
    PictureRef,
    PinEntered,
    Proceed,
    Refusal,
    Stamped,
    UseFinished,
)
from tests.support.gateway_world import (
    DAY,
    HOUR,
    VILLAGE,
    Crash,
    FakeSleeve,
    GatewayWorld,
    Line,
)
from tests.support.shots import burst, jpeg
from tests.support.world import START

ROUNDS = 1  # as few as there can be: the digest is not what is tested here
PINS = {"operator": "135790", "witness": "246801"}


def enrol(world: GatewayWorld, name: str, *, path: str = VILLAGE, **columns: Any) -> None:
    """A person with a face, a PIN where there is one, and the role that may stamp."""
    check = people.PinCheck(name.encode().ljust(16, b"."), ROUNDS, b"")
    pin = PINS.get(name)
    with world.db.write() as conn:
        conn.execute(
            insert(person),
            {
                "id": name,
                "org_path": path,
                "name": name,
                "status": "active",
                "created_at": START,
                "pin_salt": check.salt if pin else None,
                "pin_rounds": ROUNDS if pin else None,
                "pin_digest": people.pin_digest(pin, check) if pin else None,
            }
            | columns,
        )
        conn.execute(
            insert(role),
            {
                "id": f"role-{name}",
                "person_id": name,
                "org_id": "o",
                "org_path": path,
                "role": "operator",
                "starts_at": START,
            },
        )
        sealed = world.ring.seal_template(
            f"face of {name}".encode(), people.template_context(name), bytes(12)
        )
        conn.execute(
            insert(face_template),
            {
                "id": f"template-{name}",
                "person_id": name,
                "engine": "e",
                "model": "m",
                "sealed": sealed,
                "pictures": 1,
                "consent_id": "c",
                "created_at": START,
            },
        )


@pytest.fixture
def use(world: GatewayWorld, line: Line, sleeve: FakeSleeve) -> int:
    """An open use of an enrolled operator."""
    enrol(world, "operator")
    world.grant("g", sleeve)
    return world.unlocked(line, sleeve, "g")


def face(world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int, **more: Any) -> None:
    """A burst, all of it, and what the background makes of it."""
    event, pieces = burst(world, sleeve, use, **more)
    line.settled(event, *pieces)


def pins(
    world: GatewayWorld,
    sleeve: FakeSleeve,
    use: int,
    operator: str = PINS["operator"],
    witness_pin: str = PINS["witness"],
    witness: str = "witness",
    attempt: int = 1,
) -> Any:
    sealed = pictures.seal_pins(
        operator,
        witness_pin,
        device=sleeve.id,
        use=use,
        server_key=world.ring.picture_wire.public_key().public_bytes_raw(),
    )
    return sleeve.say(PinEntered(use=use, attempt=attempt, witness=witness, sealed=sealed))


def done(world: GatewayWorld) -> dict[str, Any]:
    return dict(world.records("check.done")[-1].data)


# ── faces ────────────────────────────────────────────────────────────────────────────────────────


def test_the_right_face_may_go_on(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    face(world, line, sleeve, use)
    (proceed,) = world.said(line, sleeve, Proceed)
    assert (proceed.answers, proceed.use, proceed.press) == (sleeve.counter, use, 0)
    row = world.row(seal_use, f"{sleeve.id}:{use}")
    assert (row.state, row.person_check, row.stamped_by) == ("cleared", "match", "operator")
    (record,) = world.records("check.done")
    assert (record.device, record.use_id, record.person) == (sleeve.id, row.id, "operator")
    assert (record.grant_id, record.application) == ("g", "application-g")
    assert record.data["verdict"] == "match"
    assert (record.data["counter"], record.data["attempt"]) == (3, 1)
    assert world.faces.bursts == [[jpeg()]]
    world.check()


def test_a_burst_is_looked_at_in_its_order_and_only_when_all_of_it_is_there(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    event, pieces = burst(world, sleeve, use, jpeg(1), jpeg(2), jpeg(3))
    line.settled(event, pieces[2], pieces[0])
    assert world.records("check.done") == []
    assert line.gateway.checks.idle
    line.settled(pieces[1])
    assert world.faces.bursts == [[jpeg(1), jpeg(2), jpeg(3)]]


def test_a_picture_that_is_none_does_not_hold_up_the_check(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    face_event, pieces = burst(world, sleeve, use, jpeg(1), b"no picture")
    line.settled(face_event, *pieces)
    assert world.faces.bursts == [[jpeg(1)]]


def test_no_picture_at_all_is_unusable(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    event, pieces = burst(world, sleeve, use, b"no picture")
    line.settled(event, *pieces)
    assert done(world)["reasons"] == ["no_picture"]
    (refusal,) = world.said(line, sleeve, Refusal)
    assert (refusal.reason, refusal.retry) == ("no_picture", True)


@pytest.mark.parametrize(
    ("finding", "reason"),
    [
        (Finding("mismatch", 0.1, "neighbour", text="不是登记的用章人"), "mismatch"),
        (Finding("unusable", reasons=("dark", "blur"), text="光线太暗" + "，" * 300), "dark"),
        (Finding("doubtful", 0.3, None, text="请正对镜头\n再拍一次"), "doubtful"),
    ],
)
def test_another_face_may_not(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int, finding: Finding, reason: str
) -> None:
    world.faces.findings = [finding]
    face(world, line, sleeve, use)
    (refusal,) = world.said(line, sleeve, Refusal)
    assert (refusal.answers, refusal.reason, refusal.retry) == (3, reason, True)
    assert world.said(line, sleeve, Proceed) == []
    assert done(world)["who"] == finding.who
    line.take(sleeve.say(Stamped(use=use, press=1, total=1, contact_ms=1)))
    assert world.verdict(sleeve)["cleared"] is False


def test_the_third_attempt_is_the_last(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    world.faces.findings = [Finding("mismatch", 0.1)]
    for attempt in (1, 2, 3):
        face(world, line, sleeve, use, attempt=attempt)
    assert [one.retry for one in world.said(line, sleeve, Refusal)] == [True, True, False]


def test_alternates_may_stamp_too_and_the_village_only_serves_to_say_who_it_was(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    for name in ("operator", "second", "neighbour"):
        enrol(world, name)
    enrol(world, "far", path="/330109/330109104/330109104201/")
    world.grant("g", sleeve, alternates=["second", "far"])
    use = world.unlocked(line, sleeve, "g")
    face(world, line, sleeve, use)
    ((templates, expected),) = world.faces.seen
    assert expected == {"operator", "second"}  # `far` holds no role here any more
    assert set(templates) == {"operator", "second", "neighbour"}
    assert templates["second"] == [b"face of second"]


def test_somebody_who_is_not_enrolled_is_sent_to_the_pin(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    with world.db.write() as conn:
        conn.execute(update(face_template).values(retired_at=START))
    face(world, line, sleeve, use)
    assert done(world)["verdict"] == "unchecked"
    assert world.said(line, sleeve, Refusal)[0].reason == "not_enrolled"


@pytest.mark.parametrize(
    "ended", [{"ends_at": START}, {"revoked_at": START}, {"starts_at": START + DAY}]
)
def test_authority_ends_with_the_term_of_office(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int, ended: dict[str, Any]
) -> None:
    with world.db.write() as conn:
        conn.execute(update(role).values(**ended))
    face(world, line, sleeve, use)
    assert world.said(line, sleeve, Refusal)[0].reason == "no_authority"
    assert world.faces.bursts == []


def test_the_custodian_of_the_seal_may_stamp_without_another_role(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    with world.db.write() as conn:
        conn.execute(update(role).values(revoked_at=START))
        conn.execute(
            insert(seal),
            {
                "id": f"seal-{sleeve.id}",
                "org_id": "o",
                "org_path": VILLAGE,
                "kind": "committee",
                "name": "s",
                "custodian_id": "operator",
                "status": "active",
                "created_at": START,
            },
        )
    face(world, line, sleeve, use)
    assert len(world.said(line, sleeve, Proceed)) == 1


def test_one_template_that_cannot_be_opened_does_not_stop_the_others(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    enrol(world, "neighbour")
    with world.db.write() as conn:
        conn.execute(
            update(face_template)
            .where(face_template.c.person_id == "neighbour")
            .values(sealed=bytes(60))
        )
    face(world, line, sleeve, use)
    assert len(world.said(line, sleeve, Proceed)) == 1


def test_promise_1_a_burst_shown_before_does_not_pass_again(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    """C11: the same pictures named by another event, of this sleeve or of another."""
    event, pieces = burst(world, sleeve, use)
    line.settled(event, *pieces)
    shot = world.rows(check_job)[0].input["pictures"]
    again = FaceCaptured(
        use=use,
        attempt=2,
        pictures=[PictureRef(commit=bytes.fromhex(shot[0]), size=9_000, pieces=1)],
    )
    line.settled(sleeve.say(again))
    assert done(world)["reasons"] == ["no_picture"]

    other = world.sleeve("ZY0002")
    world.grant("h", other)
    number = world.unlocked(line, other, "h")
    line.settled(other.say(FaceCaptured(use=number, attempt=1, pictures=list(again.pictures))))
    assert world.said(line, other, Proceed) == []
    assert world.said(line, other, Refusal)[0].reason == "no_picture"


def test_pictures_that_never_come_are_a_finding_in_the_end(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    """Whoever keeps back the face of an off-line use does not keep back the question."""
    event, _ = burst(world, sleeve, use)
    line.settled(event)
    world.clock.advance(DAY)
    line.work()
    assert world.records("check.done") == []
    world.clock.advance(1)
    line.work()
    assert (done(world)["verdict"], done(world)["reasons"]) == ("unusable", ["no_picture"])


# ── PINs ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def witnessed(world: GatewayWorld, use: int) -> int:
    enrol(world, "witness")
    return use


def test_two_right_pins_may_go_on(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int
) -> None:
    line.settled(pins(world, sleeve, witnessed))
    assert len(world.said(line, sleeve, Proceed)) == 1
    row = world.row(seal_use, f"{sleeve.id}:{witnessed}")
    assert (row.person_check, row.stamped_by, row.witness_id) == ("pin", "operator", "witness")


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("wrong", {"operator": "000000"}),
        ("wrong", {"witness_pin": "000000"}),
        ("wrong", {"operator": PINS["witness"], "witness_pin": PINS["operator"]}),
        ("same_person", {"witness": "operator", "witness_pin": PINS["operator"]}),
        ("no_pin", {"witness": "nobody"}),
    ],
)
def test_other_pins_may_not(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    witnessed: int,
    reason: str,
    wrong: dict[str, Any],
) -> None:
    line.settled(pins(world, sleeve, witnessed, **wrong))
    (refusal,) = world.said(line, sleeve, Refusal)
    assert refusal.reason == reason
    assert done(world)["verdict"] == "pin_wrong"


@pytest.mark.parametrize("sealed", [b"", b"junk", bytes(200)])
def test_pins_that_cannot_be_read_may_not(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int, sealed: bytes
) -> None:
    line.settled(sleeve.say(PinEntered(use=witnessed, attempt=1, witness="w", sealed=sealed)))
    assert world.said(line, sleeve, Refusal)[0].reason == "unreadable"


def test_pins_of_another_use_may_not(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int
) -> None:
    world.grant("h", sleeve)
    other = world.unlocked(line, sleeve, "h")
    line.settled(pins(world, sleeve, witnessed))
    assert len(world.said(line, sleeve, Proceed)) == 1
    copied = world.rows(check_job)[0].input["sealed"]
    line.settled(
        sleeve.say(
            PinEntered(use=other, attempt=1, witness="witness", sealed=bytes.fromhex(copied))
        )
    )
    assert world.said(line, sleeve, Refusal)[0].reason == "unreadable"


def test_a_role_that_ended_ends_the_pin(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int
) -> None:
    with world.db.write() as conn:
        conn.execute(
            update(role).where(role.c.person_id == "witness").values(ends_at=world.clock())
        )
    line.settled(pins(world, sleeve, witnessed))
    assert world.said(line, sleeve, Refusal)[0].reason == "no_pin"


def test_a_face_that_policy_asks_for_cannot_be_replaced_by_pins(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int
) -> None:
    world.set(use_grant, "g", policy={"check": "face", "pin_allowed": False})
    line.settled(pins(world, sleeve, witnessed))
    assert world.said(line, sleeve, Refusal)[0].reason == "pin_not_allowed"
    world.set(use_grant, "g", policy={"check": "pin", "pin_allowed": False})
    line.settled(pins(world, sleeve, witnessed, attempt=2))
    assert len(world.said(line, sleeve, Proceed)) == 1


def test_guessing_ends_on_whichever_sleeve(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, witnessed: int
) -> None:
    for _ in range(PIN_GUESSES):
        line.settled(pins(world, sleeve, witnessed, operator="000000"))
    other = world.sleeve("ZY0002")
    world.grant("h", other)
    number = world.unlocked(line, other, "h")
    line.settled(pins(world, other, number))
    assert world.said(line, other, Refusal)[0].reason == "locked"
    world.clock.advance(PIN_WINDOW_MS)
    line.settled(pins(world, other, number, attempt=2))
    assert len(world.said(line, other, Proceed)) == 1


# ── what happened meanwhile ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("reason", ["revoked", "expired", "locked"])
def test_promise_1_the_right_face_does_not_open_what_ended_meanwhile(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int, reason: str
) -> None:
    event, pieces = burst(world, sleeve, use)
    line.take(event, *pieces)
    if reason == "revoked":
        world.revoke_grant("g")
    elif reason == "locked":
        world.set(device, sleeve.id, locked=True)
    else:
        world.clock.advance(2 * HOUR)
    line.work()
    assert world.said(line, sleeve, Proceed) == []
    (refusal,) = world.said(line, sleeve, Refusal)
    assert (refusal.reason, refusal.retry) == (reason, False)
    assert done(world)["verdict"] == "match"


def test_promise_1_a_proceed_is_not_said_again_after_the_revocation(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    face(world, line, sleeve, use)
    line.publisher.sent.clear()
    line.take(*sleeve.again([3]))
    assert len(world.said(line, sleeve, Proceed)) == 1
    world.revoke_grant("g")
    line.publisher.sent.clear()
    line.take(*sleeve.again([3]))
    assert world.said(line, sleeve, Proceed) == []
    assert world.said(line, sleeve, Refusal)[0].reason == "revoked"


def test_a_check_of_a_use_that_is_over_is_recorded_and_answered_by_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    event, pieces = burst(world, sleeve, use)
    line.take(
        event,
        sleeve.say(Stamped(use=use, press=1, total=1, contact_ms=1)),
        sleeve.say(UseFinished(use=use, presses=1, reason="timeout")),
    )
    world.faces.findings = [Finding("mismatch", 0.1)]
    line.settled(*pieces)
    assert done(world)["finished"] is True
    assert world.said(line, sleeve, Refusal) == []
    row = world.row(seal_use, f"{sleeve.id}:{use}")
    assert (row.state, row.person_check) == ("finished", "mismatch")


def test_an_off_line_use_is_checked_when_it_arrives(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    enrol(world, "operator")
    world.grant("g", sleeve, policy={"offline": True})
    burnt = sleeve.say(GrantBurnt(grant="g", use=1, offline=True))
    event, pieces = burst(world, sleeve, 1)
    end = sleeve.say(UseFinished(use=1, presses=0, reason="done"))
    with world.db.write() as conn:  # the term ended while the events were on their way
        conn.execute(update(role).values(ends_at=world.clock() + 1))
    world.clock.advance(HOUR // 2)
    line.settled(burnt, event, end, *pieces)
    assert (done(world)["verdict"], done(world)["offline"]) == ("match", True)


def test_a_check_without_a_use_is_unchecked(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve
) -> None:
    event, pieces = burst(world, sleeve, 77)
    line.settled(event, *pieces)
    assert world.verdict(sleeve) == {"use": "unknown"}
    assert world.count(check_job) == 0


def test_a_slow_first_attempt_does_not_overwrite_the_second(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    """Two gateways: one hangs on attempt 1 while the other finishes attempt 2."""
    slow, quick = world.line(), world.line()
    first, pieces = burst(world, sleeve, use)
    line.take(first, *pieces)
    line.gateway.uploads.tick()
    slow.gateway.checks._job = slow.gateway.checks._lease()
    second, more = burst(world, sleeve, use, attempt=2)
    quick.settled(second, *more)
    slow.gateway.checks._finding = Finding("mismatch", 0.1)
    slow.work()
    row = world.row(seal_use, f"{sleeve.id}:{use}")
    assert row.person_check == "match"
    assert [one.data["verdict"] for one in world.records("check.done")] == ["match", "mismatch"]
    assert world.said(slow, sleeve, Proceed) == []


# ── who takes the job ────────────────────────────────────────────────────────────────────────────


def ready(world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int) -> None:
    event, pieces = burst(world, sleeve, use)
    line.take(event, *pieces)
    line.gateway.uploads.tick()


def test_two_gateways_do_a_job_once(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    ready(world, line, sleeve, use)
    job = line.gateway.checks._lease()
    assert job is not None
    other = world.line()
    other.work()
    assert world.records("check.done") == []
    line.gateway.checks._job = job
    line.work()
    assert len(world.records("check.done")) == 1


def test_promise_2_a_gateway_that_dies_in_a_check_leaves_it_to_another(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    ready(world, line, sleeve, use)
    world.faces.findings = [Crash(), Finding("match", 0.9, "operator")]
    with pytest.raises(Crash):
        line.work()
    other = world.line()
    other.work()
    assert world.records("check.done") == []
    world.clock.advance(LEASE_MS + 1)
    other.work()
    assert len(world.said(other, sleeve, Proceed)) == 1
    assert len(world.records("check.done")) == 1


def test_whoever_was_slower_than_its_lease_changes_nothing(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    ready(world, line, sleeve, use)
    line.gateway.checks._job = line.gateway.checks._lease()
    world.clock.advance(LEASE_MS + 1)
    other = world.line()
    other.work()
    world.faces.findings = [Finding("mismatch", 0.1)]
    line.work()
    assert len(world.records("check.done")) == 1
    assert world.said(line, sleeve, Refusal) == []


def test_a_picture_that_kills_whoever_looks_at_it_is_given_up(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    ready(world, line, sleeve, use)
    world.faces.findings = [Crash()]
    for _ in range(MAX_LEASES):
        with pytest.raises(Crash):
            world.line().work()
        world.clock.advance(LEASE_MS + 1)
    last = world.line()
    last.work()
    assert (done(world)["verdict"], done(world)["reasons"]) == ("unusable", ["internal"])
    assert world.said(last, sleeve, Refusal)[0].reason == "internal"


def test_a_matcher_that_fails_says_so_and_does_not_stop_the_line(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    world.faces.findings = [ValueError("no model")]
    face(world, line, sleeve, use)
    assert done(world)["reasons"] == ["internal"]
    assert line.gateway.checks.stats.failed == 1


@pytest.mark.parametrize("where", ["match", "finish"])
def test_promise_2_a_store_that_is_away_does_not_become_a_verdict(
    world: GatewayWorld,
    line: Line,
    sleeve: FakeSleeve,
    use: int,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On a clock that stands still, too: the job is held and done as soon as the store is back."""
    error = OperationalError("SELECT", {}, sqlite3.OperationalError("disk I/O error"))
    ready(world, line, sleeve, use)
    if where == "match":
        world.faces.findings = [error, Finding("match", 0.9, "operator")]
    else:
        failing = [error]
        append = world.journal.append

        def away(conn: Any, records: Any) -> Any:
            if failing:
                raise failing.pop()
            return append(conn, records)

        monkeypatch.setattr(world.journal, "append", away)
    with pytest.raises(OperationalError):
        line.work()
    line.work()
    assert len(world.said(line, sleeve, Proceed)) == 1
    assert [one.data["verdict"] for one in world.records("check.done")] == ["match"]


def test_an_answer_lost_with_its_gateway_is_given_again_to_the_event_sent_again(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    ready(world, line, sleeve, use)
    line.publisher.broken = Crash()
    with pytest.raises(Crash):
        line.work()
    anew = world.line()
    anew.take(*sleeve.again([3]))
    assert len(world.said(anew, sleeve, Proceed)) == 1
    assert len(world.records("check.done")) == 1


def test_the_application_of_a_check_is_left_to_the_events(
    world: GatewayWorld, line: Line, sleeve: FakeSleeve, use: int
) -> None:
    world.set(application, "application-g", status="voided")
    face(world, line, sleeve, use)
    assert world.row(application, "application-g").status == "voided"
