"""The worker: reads in log order, writes everything in one transaction, doubles nothing."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, select

from alerts.rules.finding import Finding, Severity, plain
from alerts.settings import AlertSettings
from alerts.worker import Worker
from backend.domain.record import Record
from backend.store.tables import alert, inbox_notice, role, rule_state, seal_use, worker_cursor
from tests.support.alerts_world import SEAL, SLEEVE, AlertsWorld
from tests.support.world import VILLAGE

HOUR = 3_600_000
USE = f"{SLEEVE}:7"


def rogue_stamp(village: AlertsWorld, **options: Any) -> Record:
    """A stamp with no grant."""
    verdict = {"granted": 0, "entered": 0, "press": 1, "grant": "none", "over": True}
    return village.event("stamped", {"use": 0, "press": 1, "total": 1}, verdict=verdict, **options)


def finished(village: AlertsWorld, **options: Any) -> Record:
    """A use of two stamps is over."""
    verdict = {"granted": 2, "pressed": 2, "reported": 2, "agree": True}
    body = {"use": 7, "presses": 2, "reason": "done"}
    return village.event("use_finished", body, verdict=verdict, use_id=USE, **options)


def insert_use(village: AlertsWorld, use_id: str = USE) -> None:
    """The use's row, as the gateway keeps it."""
    now = village.world.clock()
    with village.world.db.write() as conn:
        conn.execute(
            insert(seal_use),
            {
                "id": use_id,
                "org_path": VILLAGE,
                "device_id": SLEEVE,
                "seal_id": SEAL,
                "operator_id": village.people["operator"],
                "state": "finished",
                "person_check": "match",
                "started_at": now,
                "recorded_at": now,
                "last_event_at": now,
                "first_seq": 0,
            },
        )


def test_an_alert_its_record_its_deliveries_and_the_cursor(village: AlertsWorld) -> None:
    village.append(rogue_stamp(village))
    assert not village.alerts.worker.idle
    while village.alerts.worker.step():
        pass
    (row,) = village.raised
    assert (row.code, row.severity, row.active, row.stage) == ("C1", "critical", True, "new")
    (record,) = village.world.records("alert.raised")
    assert record.data["alert"] == row.id
    assert record.data["source"] == row.seq == 0
    assert {one.person_id for one in village.outbox} == {
        village.people[name] for name in ("approver", "town", "district")
    }
    (cursor,) = village.rows(worker_cursor)
    assert cursor.seq == 2
    assert village.alerts.worker.idle


def test_a_journal_record_of_an_alert_holds_no_names(village: AlertsWorld) -> None:
    village.append(rogue_stamp(village))
    village.alerts.run_once()
    for record in village.world.records("alert.raised"):
        assert "用小章" not in repr(record)
        assert "柳塘" not in repr(record)


def test_the_same_active_alert_is_updated_never_doubled(village: AlertsWorld) -> None:
    for _ in range(3):
        village.append(rogue_stamp(village))
        village.alerts.run_once()
    (row,) = village.raised
    assert row._mapping["count"] == 3
    assert len(village.world.records("alert.raised")) == 1
    assert len(village.world.records("alert.updated")) == 2
    assert village.told("approver") == ["C1"]


def test_after_its_case_is_closed_the_same_is_a_new_alert(village: AlertsWorld) -> None:
    village.append(rogue_stamp(village))
    village.alerts.run_once()
    (row,) = village.raised
    cases, town = village.alerts.cases, village.actor("town")
    cases.acknowledge(town, row.id)
    cases.close(town, row.id, "已查清")
    village.append(rogue_stamp(village))
    village.alerts.run_once()
    assert [one.active for one in sorted(village.raised, key=lambda one: one.seq)] == [False, True]


def test_a_finding_that_clears_ends_the_alert_but_not_the_case(village: AlertsWorld) -> None:
    body = {"switch": "seal", "open": True}
    village.append(village.event("tamper", body, verdict={"use_open": False}))
    village.append(village.event("tamper", {**body, "open": False}, verdict={"use_open": False}))
    village.alerts.run_once()
    (row,) = village.raised
    assert (row.active, row.stage, row.cleared_at) == (False, "new", village.world.clock())
    assert [one.kind for one in village.world.records("alert.raised", "alert.cleared")] == [
        "alert.raised",
        "alert.cleared",
    ]


def test_a_late_event_is_told_at_once_with_both_times(village: AlertsWorld) -> None:
    happened = village.world.clock() - HOUR
    village.append(rogue_stamp(village, late=True, happened_at=happened))
    village.alerts.run_once()
    (row,) = village.raised
    assert (row.late, row.happened_at, row.raised_at) == (True, happened, village.world.clock())
    message = village.channel.sent[0]
    assert message.at == happened
    assert any("迟到" in line for line in message.lines)


def test_promise_7_a_finished_use_is_told_to_keeper_stamper_and_approver(
    village: AlertsWorld,
) -> None:
    insert_use(village)
    village.append(finished(village))
    village.alerts.run_once()
    assert village.told("custodian") == ["use_finished"]
    assert village.told("operator") == ["use_finished"]
    assert village.told("town") == []
    (notice,) = village.inbox("custodian")
    assert notice.kind == "use_finished"
    assert village.channel.sent[0].title.startswith("用印完成")


def test_a_use_without_a_stamp_is_no_news(village: AlertsWorld) -> None:
    insert_use(village)
    record = finished(village)
    data = {**record.data, "verdict": {"pressed": 0, "reported": 0, "agree": True}}
    village.append(village.event("use_finished", {}, use_id=USE, verdict=data["verdict"]))
    village.alerts.run_once()
    assert village.channel.sent == []


def test_late_uses_are_told_together_after_a_moment(village: AlertsWorld) -> None:
    for number in range(3):
        insert_use(village, f"{SLEEVE}:{number}")
        record = finished(village, late=True)
        village.append(
            village.event(
                "use_finished",
                record.data["event"],
                verdict=record.data["verdict"],
                late=True,
                use_id=f"{SLEEVE}:{number}",
                happened_at=village.world.clock() - HOUR,
            )
        )
    village.alerts.run_once()
    assert village.channel.sent == []
    village.world.clock.advance(60_000)
    village.alerts.run_once()
    assert village.told("custodian") == ["late_uses_bundled"]
    (bundle,) = [one for one in village.channel.sent if one.recipient == village.people["operator"]]
    assert bundle.title.startswith("补报用印 3 件")
    assert sum("用小章" in line for line in bundle.lines) == 3
    parts = [one for one in village.outbox if one.kind == "use_finished"]
    assert {one.state for one in parts} == {"bundled"}


def test_a_worker_that_dies_before_its_commit_says_nothing_twice(
    village: AlertsWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    village.append(rogue_stamp(village))
    journal = village.world.context.journal
    append = journal.append

    def die(*_arguments: object) -> list[Record]:
        raise SystemError("killed")

    monkeypatch.setattr(journal, "append", die)
    with pytest.raises(SystemError):
        village.alerts.worker.step()
    assert (village.raised, village.outbox, village.rows(inbox_notice)) == ([], [], [])
    monkeypatch.setattr(journal, "append", append)
    village.alerts.run_once()
    assert len(village.raised) == 1


def test_a_rule_that_falls_over_silences_neither_the_others_nor_the_line(
    village: AlertsWorld,
) -> None:
    def fall(record: Record, _context: object) -> list[Finding]:
        raise ValueError(record.kind)

    def speak(record: Record, _context: object) -> list[Finding]:
        return [Finding("C9", "C9:x", Severity.MINOR, record.org_path, record.happened_at)]

    kinds = ("event.stamped",)
    rules = (plain("falls", "C9", kinds, fall), plain("speaks", "C9", kinds, speak))
    worker = Worker(village.world.context, AlertSettings(), rules=rules)
    village.append(rogue_stamp(village))
    # C9 has no words, so nobody can be told; what matters here is the book.
    with village.world.db.write() as conn:
        conn.execute(role.delete())
    while worker.step():
        pass
    assert worker.stats.failed == 1
    assert [one.code for one in village.raised] == ["C9"]


def test_state_is_kept_while_it_means_something(village: AlertsWorld) -> None:
    check = village.event("x", {}, use_id=USE)
    mismatch = Record(
        kind="check.done",
        org_path=VILLAGE,
        at=check.at,
        happened_at=check.at,
        device=SLEEVE,
        use_id=USE,
        data={"kind": "face", "verdict": "mismatch", "score": 0.1, "reasons": []},
    )
    village.append(mismatch)
    village.alerts.run_once()
    assert len(village.rows(rule_state, rule_state.c.name == "another_person")) == 1
    village.append(finished(village))
    village.alerts.run_once()
    assert village.rows(rule_state, rule_state.c.name == "another_person") == []


def test_what_is_found_out_of_its_order_ends_nothing(village: AlertsWorld) -> None:
    opened = village.event("tamper", {"switch": "seal", "open": True}, verdict={})
    old = village.event("tamper", {"switch": "seal", "open": False}, verdict={})
    village.append(opened, replace(old, data={**old.data, "found": True}))
    village.alerts.run_once()
    assert [row.active for row in village.raised] == [True]
    village.append(old)
    village.alerts.run_once()
    assert [row.active for row in village.raised] == [False]


def test_two_workers_take_turns(village: AlertsWorld) -> None:
    other = Worker(village.world.context, village.alerts.settings)
    for _ in range(5):
        village.append(rogue_stamp(village))
    while village.alerts.worker.step() + other.step():
        pass
    (row,) = village.raised
    assert row._mapping["count"] == 5
    with village.world.db.read() as conn:
        assert len(conn.execute(select(alert)).all()) == 1
