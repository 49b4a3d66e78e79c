"""What time alone brings about: watches over rows, escalation, when to look again."""

from dataclasses import replace
from typing import Any

from sqlalchemy import event, insert, select, update

from alerts.timers import Timers
from backend.store.tables import device, parked_event, picture, rule_state, seal_use, use_grant
from tests.support.alerts_world import SEAL, SETTINGS, SLEEVE, AlertsWorld
from tests.support.world import VILLAGE

MINUTE = 60_000
HOUR = 60 * MINUTE


def set_sleeve(village: AlertsWorld, **columns: Any) -> None:
    """Change the sleeve's row, as the gateway would."""
    with village.world.db.write() as conn:
        conn.execute(update(device).where(device.c.id == SLEEVE).values(**columns))


def pass_time(village: AlertsWorld, ms: int) -> None:
    """Let time pass and do what is due."""
    village.world.clock.advance(ms)
    village.alerts.run_once()


def codes(village: AlertsWorld, *, active: bool = True) -> list[str]:
    """Alerts by code."""
    return sorted(row.code for row in village.raised if row.active is active)


def test_promise_3_a_silent_sleeve_is_an_alert_until_it_is_heard(village: AlertsWorld) -> None:
    pass_time(village, 30 * MINUTE)
    assert codes(village) == []
    pass_time(village, MINUTE)
    (row,) = village.raised
    assert row.code == "C18"
    (record,) = village.world.records("alert.raised")
    assert (row.seq, row.last_seq) == (record.seq, record.seq)
    pass_time(village, 10 * MINUTE)
    assert len(village.raised) == 1
    set_sleeve(village, last_seen_at=village.world.clock())
    pass_time(village, 1_000)
    assert codes(village) == []
    assert "C18" in village.told("custodian")


def test_after_our_own_start_sleeves_get_time_to_be_heard(village: AlertsWorld) -> None:
    village.world.clock.advance(5 * HOUR)
    timers = Timers(village.world.context, village.alerts.settings)
    timers.due(village.world.clock())
    assert codes(village) == []
    village.world.clock.advance(3 * MINUTE)
    timers.due(village.world.clock())
    assert codes(village) == ["C18"]


def test_promise_3_a_gap_names_the_missing_numbers(village: AlertsWorld) -> None:
    now = village.world.clock()
    set_sleeve(village, gap_since=now, counter=11)
    with village.world.db.write() as conn:
        conn.execute(
            insert(parked_event),
            {"device_id": SLEEVE, "counter": 14, "raw": b"x", "received_at": now},
        )
    pass_time(village, 31_000)
    (row,) = village.raised
    assert (row.code, row.data["from_counter"], row.data["to_counter"]) == ("C23", 12, 13)


def test_promise_3_a_withheld_tail(village: AlertsWorld) -> None:
    set_sleeve(village, claimed=5, last_seen_at=village.world.clock() + HOUR)
    for _ in range(12):
        pass_time(village, MINUTE)
    assert codes(village) == ["C23"]
    set_sleeve(village, counter=5)
    pass_time(village, MINUTE)
    assert codes(village) == []


def test_a_heartbeat_from_elsewhere(village: AlertsWorld) -> None:
    set_sleeve(village, lat=30.1001, lon=120.2, last_heartbeat_time=2, last_event_time=1)
    pass_time(village, MINUTE)
    assert codes(village) == []
    set_sleeve(village, lat=30.3, last_event_time=3)
    pass_time(village, MINUTE)
    assert codes(village) == []  # an event has come since, and knows better
    set_sleeve(village, last_heartbeat_time=4)
    pass_time(village, MINUTE)
    assert codes(village) == ["C16"]


def test_a_use_left_open_past_its_grant(village: AlertsWorld) -> None:
    now = village.world.clock()
    grant: dict[str, Any] = {
        "id": "grant-1",
        "application_id": "app-1",
        "org_path": VILLAGE,
        "device_id": SLEEVE,
        "seal_id": SEAL,
        "operator_id": village.people["operator"],
        "alternates": [],
        "job": "123456",
        "stamps": 2,
        "title": "证明",
        "not_before": now,
        "not_after": now + 10 * MINUTE,
        "policy": {},
        "state": "burnt",
        "issued_at": now,
    }
    use = {
        "id": f"{SLEEVE}:7",
        "org_path": VILLAGE,
        "device_id": SLEEVE,
        "seal_id": SEAL,
        "grant_id": "grant-1",
        "state": "stamping",
        "person_check": "match",
        "started_at": now,
        "recorded_at": now,
        "last_event_at": now,
        "first_seq": 0,
    }
    with village.world.db.write() as conn:
        conn.execute(insert(use_grant), grant)
        conn.execute(insert(seal_use), use)
    set_sleeve(village, last_seen_at=now + HOUR)
    assert village.alerts.timers.next_due() == now + 10 * MINUTE + 5 * MINUTE + 1
    pass_time(village, 16 * MINUTE)
    assert codes(village) == ["C22", "C32"]
    watched = rule_state.c.name.in_(["watch.unfinished", "watch.past_end"])
    assert len(village.rows(rule_state, watched)) == 2
    with village.world.db.write() as conn:
        conn.execute(update(seal_use).values(state="finished"))
    set_sleeve(village, gap_since=village.world.clock())
    pass_time(village, 1_000)
    assert village.rows(rule_state, watched) == []


def test_c12_pictures_that_were_announced_and_never_sent(village: AlertsWorld) -> None:
    now, day = village.world.clock(), 24 * HOUR
    use_id = f"{SLEEVE}:7"
    shot = {
        "id": "aa",
        "org_path": VILLAGE,
        "kind": "face",
        "device_id": SLEEVE,
        "use_id": use_id,
        "size": 1,
        "state": "announced",
        "created_at": now,
    }
    use = {
        "id": use_id,
        "org_path": VILLAGE,
        "device_id": SLEEVE,
        "seal_id": SEAL,
        "state": "finished",
        "person_check": "pending",
        "started_at": now,
        "recorded_at": now,
        "last_event_at": now,
        "first_seq": 0,
    }
    with village.world.db.write() as conn:
        conn.execute(insert(picture), shot)
        conn.execute(insert(seal_use), use)
    set_sleeve(village, last_seen_at=now + 10 * day)
    pass_time(village, day)
    assert codes(village) == []
    for _ in range(2):
        pass_time(village, MINUTE)
    (row,) = village.raised
    assert (row.code, row.data["count"], row.use_id) == ("C12", 1, use_id)
    with village.world.db.write() as conn:
        conn.execute(update(picture).values(state="complete"))
    pass_time(village, MINUTE)
    assert codes(village) == []


def test_next_due_is_never_too_late(village: AlertsWorld) -> None:
    due = village.alerts.timers.next_due()
    assert due is not None
    village.world.clock.time = due - 1
    village.alerts.run_once()
    assert codes(village) == []
    village.world.clock.time = due
    village.alerts.run_once()
    assert codes(village) == ["C18"]


def test_sweeps_are_run_and_their_records_read(village: AlertsWorld) -> None:
    done: list[int] = []
    timers = Timers(village.world.context, SETTINGS, [lambda: done.append(village.world.clock())])
    timers.due(village.world.clock())
    assert done == [village.world.clock()]


# ── escalation ───────────────────────────────────────────────────────────────────────────────────


def _alarm(village: AlertsWorld) -> str:
    village.append(village.event("motion_unexpected", {"part": "motor"}, verdict={}))
    village.alerts.run_once()
    found: str = village.raised[0].id
    set_sleeve(village, last_seen_at=village.world.clock() + 100 * HOUR)
    return found


def test_what_nobody_acknowledges_goes_up_step_by_step(village: AlertsWorld) -> None:
    _alarm(village)
    pass_time(village, 29 * MINUTE)
    assert "escalated" not in village.told("town")
    pass_time(village, MINUTE)
    assert village.told("town").count("escalated") == 1
    assert "escalated" not in village.told("district")
    pass_time(village, 90 * MINUTE)
    assert village.told("district").count("escalated") == 1
    pass_time(village, 22 * HOUR)
    assert village.told("admin") == ["escalated"]
    pass_time(village, 48 * HOUR)
    assert village.told("town").count("escalated") == 1
    assert village.told("district").count("escalated") == 2


def test_acknowledging_stops_it(village: AlertsWorld) -> None:
    case = _alarm(village)
    village.alerts.cases.acknowledge(village.actor("approver"), case)
    pass_time(village, 30 * HOUR)
    assert [one for one in village.channel.sent if one.kind == "escalated"] == []


def test_the_delays_and_targets_are_settings(village: AlertsWorld) -> None:
    assert replace(SETTINGS, escalation=()).escalation == ()
    _alarm(village)
    timers = Timers(village.world.context, replace(SETTINGS, escalation=()))
    village.world.clock.advance(HOUR)
    timers.due(village.world.clock())
    assert [row.escalation for row in village.raised] == [0]


def test_many_quiet_sleeves_are_watched_with_as_many_questions_as_one(
    village: AlertsWorld,
) -> None:
    asked: list[str] = []
    db = village.world.db

    def count(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    def questions() -> int:
        asked.clear()
        village.alerts.timers.due(village.world.clock())
        return len(asked)

    village.world.clock.advance(5 * HOUR)
    pass_time(village, 5 * MINUTE)
    event.listen(db.engine, "before_cursor_execute", count)
    one = questions()
    with db.write() as conn:
        (row,) = conn.execute(select(device).where(device.c.id == SLEEVE)).mappings()
        now = village.world.clock()
        # Heard of a moment ago, with a gap that may still heal: nothing to say yet.
        same = {**row, "seal_id": None, "last_seen_at": now, "gap_since": now}
        conn.execute(insert(device), [{**same, "id": f"{SLEEVE}-{n}"} for n in range(20)])
    assert questions() <= one + 1  # which numbers are missing, of all at once
