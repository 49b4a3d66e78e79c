"""Rules about approval: C19, C26, C28, C32; and about a person's word: C35."""

from typing import Any

import pytest

from alerts.rules.finding import Severity
from backend.domain.record import Record
from tests.support.rules_bench import HOUR, MONDAY_10, Bench, Facts, event, finished, other


def _said(kind: str, person: str | None = "approver", **data: Any) -> Record:
    base = {"applicant": "applicant", "position": 0, **data}
    return other(
        f"application.{kind}", application="app-1", seal="seal-1", person=person, data=base
    )


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("approver_is_applicant", "own_application"),
        ("approver_is_operator", "own_application"),
        ("approver_is_custodian", "keeps_seal"),
    ],
)
def test_c26_refused_at_the_door(reason: str, cause: str) -> None:
    bench = Bench()
    bench.feed(_said("refused", reason=reason))
    assert (bench.one("C26").severity, bench.one("C26").data["cause"]) == (Severity.MINOR, cause)


def test_c26_a_forbidden_certificate_is_refused_for_another_reason() -> None:
    bench = Bench()
    bench.feed(_said("refused", reason="forbidden"))
    assert bench.codes == []


def test_c26_an_own_approval_that_got_into_the_journal_is_critical() -> None:
    bench = Bench()
    bench.feed(_said("step_approved", person="applicant"))
    assert bench.one("C26").severity is Severity.CRITICAL
    keeper = Bench(Facts(keepers=frozenset({"approver"})))
    keeper.feed(_said("step_approved"))
    assert keeper.one("C26").data["cause"] == "keeps_seal"
    honest = Bench()
    honest.feed(_said("step_approved"), _said("approved", by_rule="custodian_alone"))
    assert honest.codes == []


def test_c28_a_step_overdue_until_it_is_decided() -> None:
    bench = Bench()
    bench.feed(_said("overdue", person=None, step="村主任", due_at=MONDAY_10 - HOUR))
    found = bench.one("C28")
    assert (found.data["over_ms"], found.data["step"]) == (HOUR, "村主任")
    bench.feed(_said("overdue", person=None, position=1, due_at=MONDAY_10))
    bench.feed(_said("step_approved", position=0))
    assert [one.dedupe for one in bench.active.values()] == ["C28:app-1:1"]
    bench.feed(_said("approved"))
    assert bench.codes == []


@pytest.mark.parametrize("kind", ["rejected", "returned", "withdrawn", "voided"])
def test_c28_any_end_of_the_application_ends_it(kind: str) -> None:
    bench = Bench()
    bench.feed(_said("overdue", person=None, due_at=MONDAY_10), _said(kind))
    assert bench.codes == []


def test_c28_an_application_that_nobody_decided_until_it_expired() -> None:
    bench = Bench()
    bench.feed(_said("overdue", person=None, due_at=MONDAY_10))
    bench.feed(_said("expired", person=None, was="submitted"))
    assert [one.dedupe for one in bench.active.values()] == ["C28:app-1:expired"]
    unused = Bench()
    unused.feed(_said("expired", person=None, was="approved"))
    assert unused.codes == []


@pytest.mark.parametrize(
    ("was", "severity"), [("issued", Severity.MINOR), ("unlocked", Severity.MAJOR)]
)
def test_c32_a_grant_left_open_until_a_late_use_of_it_arrives(was: str, severity: Severity) -> None:
    bench = Bench()
    bench.feed(other("grant.expired", grant_id="grant-1", data={"was": was, "not_after": 5}))
    assert bench.one("C32").severity is severity
    burnt = {"grant": "live", "reused": False, "offline": True}
    bench.feed(event("grant_burnt", {"grant": "grant-1", "use": 7}, verdict=burnt))
    assert bench.codes == []


def test_c32_a_finished_use_leaves_nothing_open() -> None:
    bench = Bench()
    bench.feed(finished())
    assert bench.codes == []


def test_c35_a_question_opens_a_case_and_only_its_handling_closes_it() -> None:
    bench = Bench()
    asked = other("use.questioned", use_id="SL-1:7", person="villager", data={"reason": "不是我"})
    bench.feed(asked)
    assert (bench.one("C35").severity, bench.one("C35").data["reason"]) == (
        Severity.MAJOR,
        "不是我",
    )
    bench.feed(other("use.reviewed", use_id="SL-1:7", data={"remarks": "已看"}))
    assert bench.codes == ["C35"]


def test_c19_breaking_the_glass_is_always_told_until_it_is_reviewed() -> None:
    bench = Bench()
    opened = other("emergency.opened", application="app-1", data={"reason": "防汛"})
    bench.feed(opened)
    assert bench.one("C19").data["reason"] == "防汛"
    bench.feed(other("emergency.reviewed", application="app-1", data={"outcome": "proper"}))
    assert bench.codes == []
