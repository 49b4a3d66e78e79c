"""The life of a case: who may do what, in which order, with a record and a note of each step."""

from typing import Any

import pytest

from alerts.cases import Cases
from alerts.settings import AlertSettings
from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.errors import DomainError
from backend.store.pictures import PictureStore
from backend.store.tables import (
    alert_note,
    case_evidence,
    picture,
    picture_blob,
    suppression,
)
from tests.support.alerts_world import AlertsWorld
from tests.support.web_world import paper
from tests.support.world import FAR_VILLAGE, OTHER_TOWN, org_id

HOUR = 3_600_000
DAY = 24 * HOUR


@pytest.fixture
def case(village: AlertsWorld) -> str:
    """An alert that was just raised."""
    village.append(_motion(village))
    village.alerts.run_once()
    (row,) = village.raised
    found: str = row.id
    return found


def _motion(village: AlertsWorld) -> Any:
    return village.event("motion_unexpected", {"part": "motor"}, person=None, verdict={})


def _stage(village: AlertsWorld) -> tuple[str, int]:
    (row,) = village.raised
    return row.stage, row.version


def test_the_whole_life_leaves_a_record_and_a_note_of_each_step(
    village: AlertsWorld, case: str
) -> None:
    cases, town, keeper = village.alerts.cases, village.actor("town"), village.actor("custodian")
    assert cases.acknowledge(town, case, 0) == 1
    cases.assign(town, case, keeper.person_id, 1, note="请查")
    assert _stage(village) == ("assigned", 2)
    cases.rectify(keeper, case, "已换锁", 2)
    cases.add_evidence(keeper, case, "换锁单据")
    cases.comment(keeper, case, "明天复查")
    cases.close(town, case, "已整改", 3)
    (row,) = village.raised
    assert (row.stage, row.active, row.closed_by, row.outcome) == (
        "closed",
        False,
        town.person_id,
        "已整改",
    )
    steps = ("acknowledged", "assigned", "rectifying", "closed")
    kinds = [one.kind for one in village.world.records() if one.kind.startswith("alert.")]
    assert kinds == ["alert.raised", *(f"alert.{step}" for step in steps)]
    notes = village.rows(alert_note, alert_note.c.kind == "transition")
    assert {one.data["to"] for one in notes} == set(steps)
    assert len(village.rows(case_evidence)) == 1
    # No words of people in the log: they stand in the note, which can be forgotten.
    assert "已整改" not in repr(village.world.records("alert.closed"))


def test_who_gets_a_case_is_told_with_its_deadline(village: AlertsWorld, case: str) -> None:
    due = village.world.clock() + 3 * DAY
    keeper = village.people["custodian"]
    village.alerts.cases.assign(village.actor("town"), case, keeper, due_at=due)
    village.alerts.run_once()
    assert village.told("custodian") == ["case_assigned"]
    (notice,) = village.inbox("custodian")
    assert notice.message["fields"]["deadline_at"] == due


def test_promise_6_nobody_sees_or_acts_outside_their_branch(
    village: AlertsWorld, case: str
) -> None:
    far = Actor("x", (RoleHeld(Role.SUPERVISOR, org_id(OTHER_TOWN), OTHER_TOWN),))
    nobody = Actor("y", ())
    keeper = village.actor("custodian")
    for actor in (far, nobody, keeper):
        for act in _acts(village, actor, case):
            with pytest.raises(DomainError) as error:
                act()
            assert error.value.code == "not_found"
    assert _stage(village) == ("new", 0)


def _acts(village: AlertsWorld, actor: Actor, case: str) -> list[Any]:
    cases = village.alerts.cases
    return [
        lambda: cases.acknowledge(actor, case),
        lambda: cases.assign(actor, case, actor.person_id),
        lambda: cases.rectify(actor, case, "整改中"),
        lambda: cases.close(actor, case, "了结"),
        lambda: cases.false_alarm(actor, case, "误报"),
        lambda: cases.comment(actor, case, "说明"),
        lambda: cases.add_evidence(actor, case, "材料"),
    ]


def test_an_approver_may_acknowledge_but_not_end_it(village: AlertsWorld, case: str) -> None:
    cases, approver = village.alerts.cases, village.actor("approver")
    cases.acknowledge(approver, case)
    with pytest.raises(DomainError) as error:
        cases.close(approver, case, "没事")
    assert error.value.code == "denied"


def test_nobody_ends_a_case_about_themselves(village: AlertsWorld) -> None:
    town = village.actor("town")
    verdict = {"granted": 0, "press": 1, "grant": "none", "over": True}
    village.append(village.event("stamped", {}, verdict=verdict, person=town.person_id))
    village.alerts.run_once()
    (row,) = village.raised
    cases = village.alerts.cases
    cases.acknowledge(town, row.id)
    for end in (cases.close, cases.false_alarm):
        with pytest.raises(DomainError) as error:
            end(town, row.id, "我没有做")
        assert error.value.code == "denied"
    cases.close(village.actor("district"), row.id, "已查清")


def test_a_step_from_an_old_look_is_refused(village: AlertsWorld, case: str) -> None:
    cases, town = village.alerts.cases, village.actor("town")
    cases.acknowledge(town, case, 0)
    with pytest.raises(DomainError) as error:
        cases.close(village.actor("district"), case, "没事", 0)
    assert error.value.code == "changed_meanwhile"


def test_steps_have_an_order(village: AlertsWorld, case: str) -> None:
    cases, town = village.alerts.cases, village.actor("town")
    with pytest.raises(DomainError, match="wrong_stage"):
        cases.close(town, case, "没看就了结")
    with pytest.raises(DomainError, match="wrong_stage"):
        cases.rectify(town, case, "没受理就整改")
    cases.acknowledge(town, case)
    with pytest.raises(DomainError, match="wrong_stage"):
        cases.acknowledge(town, case)
    cases.false_alarm(town, case, "误报")
    with pytest.raises(DomainError, match="wrong_stage"):
        cases.assign(town, case, town.person_id)


@pytest.mark.parametrize("words", ["", " ", "无"])
def test_an_end_needs_words(village: AlertsWorld, case: str, words: str) -> None:
    with pytest.raises(DomainError) as error:
        village.alerts.cases.false_alarm(village.actor("town"), case, words)
    assert error.value.code == "text_missing"


def test_a_suppression_silences_for_a_while_and_deletes_nothing(
    village: AlertsWorld, case: str
) -> None:
    town = village.actor("town")
    until = village.world.clock() + DAY
    village.alerts.cases.false_alarm(town, case, "维修中", suppress_until=until)
    (kept,) = village.rows(suppression)
    assert (kept.code, kept.expires_at) == ("C15", until)
    sent = len(village.channel.sent)
    village.append(_motion(village))
    village.alerts.run_once()
    assert len(village.channel.sent) == sent
    quiet = [row for row in village.raised if row.active]
    assert [row.data["suppressed"] for row in quiet] == [kept.id]
    assert len(village.world.records("alert.suppressed")) == 1
    village.world.clock.advance(DAY + HOUR)
    village.append(_motion(village))
    village.alerts.run_once()
    # Its time is over, and it is another day's matter.
    assert "C15" in [one.kind for one in village.channel.sent[sent:]]


@pytest.mark.parametrize("days", [0, 31])
def test_a_suppression_has_an_end_not_far_away(village: AlertsWorld, case: str, days: int) -> None:
    until = village.world.clock() + days * DAY
    with pytest.raises(DomainError) as error:
        village.alerts.cases.false_alarm(
            village.actor("town"), case, "维修中", suppress_until=until
        )
    assert error.value.code == "bad_expiry"


def test_an_assignee_has_a_role_here_or_above(village: AlertsWorld, case: str) -> None:
    stranger = village.world.person("外人", FAR_VILLAGE)
    village.world.grant_role(stranger, Role.OPERATOR, FAR_VILLAGE, starts_at=0)
    for to in (stranger, "nobody"):
        with pytest.raises(DomainError) as error:
            village.alerts.cases.assign(village.actor("town"), case, to)
        assert error.value.code == "bad_assignee"


def test_evidence_of_another_place_is_not_taken(village: AlertsWorld, case: str) -> None:
    with pytest.raises(DomainError) as error:
        village.alerts.cases.add_evidence(village.actor("town"), case, "照片", "not-there")
    assert error.value.code == "not_found"


def test_a_suppression_is_listed_and_ended_early_on_record(village: AlertsWorld, case: str) -> None:
    town, cases = village.actor("town"), village.alerts.cases
    cases.false_alarm(town, case, "维修中", suppress_until=village.world.clock() + DAY)
    (found,) = cases.suppressions(town)
    assert (found.code, found.reason, found.by, found.may_end) == ("C15", "维修中", "镇监督", True)
    cases.end_suppression(town, found.id)
    assert cases.suppressions(town) == []
    assert len(village.rows(suppression)) == 1
    (ended,) = village.world.records("alert.unsuppressed")
    assert (ended.person, ended.data["suppression"]) == (town.person_id, found.id)
    village.append(_motion(village))
    village.alerts.run_once()
    assert "suppressed" not in next(row for row in village.raised if row.active).data
    with pytest.raises(DomainError) as error:
        cases.end_suppression(town, found.id)
    assert error.value.code == "ended_before"


def test_promise_6_a_suppression_elsewhere_is_not_there(village: AlertsWorld, case: str) -> None:
    cases, until = village.alerts.cases, village.world.clock() + DAY
    cases.false_alarm(village.actor("town"), case, "维修中", suppress_until=until)
    (kept,) = village.rows(suppression)
    stranger = Actor("p", (RoleHeld(Role.SUPERVISOR, org_id(OTHER_TOWN), OTHER_TOWN),))
    for other in (stranger, village.actor("custodian"), village.actor("approver")):
        assert cases.suppressions(other) == []
        with pytest.raises(DomainError) as error:
            cases.end_suppression(other, kept.id)
        assert error.value.code == "not_found"


def test_uploaded_evidence_is_kept_encrypted_and_only_of_papers(
    village: AlertsWorld, case: str
) -> None:
    cases = Cases(village.world.context, AlertSettings(), PictureStore(village.world.ring))
    town, photo = village.actor("town"), paper("整改照片", 1)
    cases.attach(town, case, "整改照片", photo)
    (kept,) = village.rows(case_evidence)
    (stored,) = village.rows(picture)
    assert (stored.id, stored.kind, stored.mime) == (kept.picture_id, "evidence", "image/jpeg")
    (blob,) = village.rows(picture_blob)
    assert photo[:64] not in blob.ciphertext
    with pytest.raises(DomainError):
        cases.attach(town, case, "脚本", b"<script>")
    with pytest.raises(DomainError) as error:
        cases.attach(village.actor("approver"), case, "照片", photo)
    assert error.value.code == "denied"
    assert len(village.rows(picture)) == 1
