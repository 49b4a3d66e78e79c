"""The life of an application, turn by turn."""

from dataclasses import replace
from typing import Any

import pytest

from backend.domain.actor import Actor, Role
from backend.domain.application import Application, Document, DocumentKind, Kind, Status
from backend.domain.application_actions import possible
from backend.domain.application_checks import AtTheDoor, Facts, Incomplete, Rules
from backend.domain.application_commands import (
    Approve,
    Close,
    Command,
    Delegate,
    Expire,
    Explain,
    NoteOverdue,
    OpenPages,
    Outcome,
    Reject,
    Return,
    Review,
    Submit,
    Void,
    Withdraw,
)
from backend.domain.application_life import decide
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError
from backend.domain.matter import Attachment, Forbidden, SealKind, Threshold
from tests.support.life import (
    APPLICANT,
    APPROVER,
    CUSTODIAN,
    MATTER,
    NOW,
    OPERATOR,
    OTHER_APPROVER,
    STRANGER,
    SUPERVISOR,
    TOWN,
    TOWN_APPROVER,
    TOWN_STEP,
    VILLAGE,
    VILLAGE_STEP,
    actor,
    draft,
    facts,
    submitted,
)

FACTS = facts()


def run(item: Application, *commands: Command, known: Facts = FACTS, now: int = NOW) -> Application:
    for command in commands:
        item = decide(item, command, known, now).application
    return item


def approved(known: Facts = FACTS, **changes: Any) -> Application:
    return run(submitted(known, **changes), Approve(APPROVER), Approve(TOWN_APPROVER), known=known)


def kinds(outcome: Outcome) -> list[str]:
    return [one.kind for one in outcome.happened]


# ── submitting ───────────────────────────────────────────────────────────────────────────────────


def test_submitting_opens_the_first_step_with_its_deadline() -> None:
    item = submitted()
    assert item.status is Status.SUBMITTED
    assert item.number == "ZY-1"
    assert [step.org_path for step in item.steps] == [VILLAGE, TOWN]
    first = item.steps[0]
    # Four working hours from 10:30: 1.5 before noon, 2.5 after half past one.
    assert first.due_at == NOW + (4 + 1.5) * HOUR_MS == item.due_at
    assert item.steps[1].opened_at is None


def test_only_the_applicant_submits() -> None:
    with pytest.raises(DomainError, match="denied"):
        decide(draft(), Submit(CUSTODIAN, "ZY-1"), FACTS, NOW)


@pytest.mark.parametrize(
    ("changes", "field", "code"),
    [
        ({"title": " "}, "title", "title_missing"),
        ({"title": "长" * 201}, "title", "title_too_long"),
        ({"purpose": ""}, "purpose", "purpose_missing"),
        ({"copies": 0}, "copies", "copies_missing"),
        ({"copies": 6}, "copies", "too_many_copies"),
        ({"copies": 101, "kind": Kind.BATCH}, "copies", "too_many_copies"),
        ({"stamps_per_copy": 4}, "stamps_per_copy", "too_many_stamps"),
        ({"documents": ()}, "documents", "pages_missing"),
        ({"operator_id": "stranger"}, "operator_id", "operator_not_allowed"),
        ({"alternates": ("stranger",)}, "alternates", "operator_not_allowed"),
        ({"alternates": ("operator",)}, "alternates", "alternate_twice"),
        ({"alternates": ("custodian",) * 5}, "alternates", "too_many_alternates"),
        ({"wanted_until": NOW - 1}, "wanted_until", "window_over"),
        ({"wanted_from": NOW + 2, "wanted_until": NOW + 1}, "wanted_until", "window_over"),
        ({"amount_fen": -1}, "amount_fen", "bad_amount"),
        ({"extends_id": "x"}, "extends_id", "bad_extension"),
        ({"kind": Kind.EMERGENCY}, "details", "reason_missing"),
        (
            {"kind": Kind.EMERGENCY, "copies": 5, "stamps_per_copy": 3},
            "copies",
            "too_many_stamps",
        ),
    ],
)
def test_what_is_missing_is_named_field_by_field(
    changes: dict[str, Any], field: str, code: str
) -> None:
    with pytest.raises(Incomplete) as refused:
        decide(draft(**changes), Submit(APPLICANT, "ZY-1"), FACTS, NOW)
    assert (field, code) in {(one.field, one.code) for one in refused.value.problems}
    assert all(one.zh and one.en for one in refused.value.problems)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"matter": replace(MATTER, seals=(SealKind.PARTY,))}, "wrong_seal"),
        ({"matter": replace(MATTER, amount=True)}, "amount_missing"),
        ({"matter": replace(MATTER, counterparty=True)}, "counterparty_missing"),
        ({"matter": replace(MATTER, beneficiary=True)}, "beneficiary_missing"),
        ({"matter": replace(MATTER, resolution=True)}, "resolution_missing"),
        ({"matter": replace(MATTER, resolution=True)}, "resolution_page_missing"),
        ({"matter": replace(MATTER, attachments=(Attachment("照片"),))}, "attachment_missing"),
        ({"retired": True}, "matter_retired"),
        ({"seal": replace(FACTS.seal, active=False)}, "seal_suspended"),
        ({"seal": replace(FACTS.seal, device_id=None)}, "seal_without_sleeve"),
        ({"approvers": {VILLAGE: frozenset({"applicant"})}}, "no_eligible_approver"),
        ({"approvers": {VILLAGE: frozenset({"custodian"})}}, "no_eligible_approver"),
        ({"approvers": {VILLAGE: frozenset({"operator"})}}, "no_eligible_approver"),
    ],
)
def test_what_the_surroundings_forbid_is_named(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Incomplete) as refused:
        decide(draft(), Submit(APPLICANT, "ZY-1"), facts(**changes), NOW)
    assert code in {one.code for one in refused.value.problems}


def test_a_batch_may_have_more_copies_than_an_ordinary_application() -> None:
    assert submitted(kind=Kind.BATCH, copies=100).stamps == 100


def test_two_steps_of_one_place_need_two_people() -> None:
    twice = replace(MATTER, chain=(VILLAGE_STEP, VILLAGE_STEP))
    alone = facts(twice, approvers={VILLAGE: frozenset({"approver"})})
    with pytest.raises(Incomplete, match="approver"):
        decide(draft(), Submit(APPLICANT, "ZY-1"), alone, NOW)
    item = submitted(facts(twice))
    item = run(item, Approve(APPROVER), known=facts(twice))
    with pytest.raises(DomainError, match="one person, one step"):
        decide(item, Approve(APPROVER), facts(twice), NOW)
    assert run(item, Approve(OTHER_APPROVER), known=facts(twice)).status is Status.APPROVED


def test_a_larger_amount_goes_through_the_heavier_chain() -> None:
    heavy = Threshold(5_000_000, (VILLAGE_STEP, TOWN_STEP), resolution=True)
    known = facts(replace(MATTER, chain=(VILLAGE_STEP,), thresholds=(heavy,)))
    assert len(submitted(known, amount_fen=4_999_999).steps) == 1
    with pytest.raises(Incomplete, match="resolution"):
        submitted(known, amount_fen=5_000_000)
    paper = Document("r", DocumentKind.RESOLUTION, "决议", "image/png", 1, bytes(32))
    item = draft(amount_fen=5_000_000, resolution="2026-07", documents=(*draft().documents, paper))
    assert len(run(item, Submit(APPLICANT, "ZY-1"), known=known).steps) == 2


def test_a_towns_own_seal_is_approved_at_the_town() -> None:
    places = {level: path for level, path in FACTS.places.items() if level != "village"}
    known = facts(
        replace(MATTER, chain=(VILLAGE_STEP,)),
        places=places,
        seal=replace(FACTS.seal, org_path=TOWN),
    )
    assert submitted(known, org_path=TOWN).steps[0].org_path == TOWN


# ── C29 and C26: refused at the door ─────────────────────────────────────────────────────────────

NO_KINSHIP = replace(
    MATTER,
    id="no",
    name="亲属关系证明",
    forbidden=Forbidden("无法核实。", "去派出所。", ("亲属关系证明",)),
)


def test_c29_a_forbidden_certificate_is_refused_with_the_reason_and_the_way() -> None:
    with pytest.raises(AtTheDoor) as refused:
        decide(draft(), Submit(APPLICANT, "ZY-1"), facts(NO_KINSHIP), NOW)
    assert refused.value.code == "forbidden"
    assert "无法核实" in refused.value.zh
    assert "派出所" in refused.value.zh


def test_c29_a_forbidden_certificate_under_another_name_is_refused() -> None:
    known = facts(forbidden=(NO_KINSHIP,))
    with pytest.raises(AtTheDoor, match="forbidden"):
        decide(draft(title="张三亲属关系证明"), Submit(APPLICANT, "ZY-1"), known, NOW)
    assert run(draft(), Submit(APPLICANT, "ZY-1"), known=known).status is Status.SUBMITTED


def test_c26_nobody_approves_their_own_application() -> None:
    both = actor("applicant", (Role.APPLICANT, VILLAGE), (Role.APPROVER, VILLAGE))
    for command in (Approve(both), Reject(both, "不同意"), Return(both, "补充")):
        with pytest.raises(AtTheDoor, match="approver_is_applicant"):
            decide(submitted(), command, FACTS, NOW)


def test_c26_whoever_keeps_the_seal_does_not_approve() -> None:
    both = actor("custodian", (Role.CUSTODIAN, VILLAGE), (Role.APPROVER, VILLAGE))
    with pytest.raises(AtTheDoor, match="approver_is_custodian"):
        decide(submitted(), Approve(both), FACTS, NOW)


def test_c26_the_operator_does_not_approve_unless_that_was_chosen() -> None:
    both = actor("operator", (Role.OPERATOR, VILLAGE), (Role.APPROVER, VILLAGE))
    with pytest.raises(AtTheDoor, match="approver_is_operator"):
        decide(submitted(), Approve(both), FACTS, NOW)
    lenient = facts(rules=Rules(approver_may_stamp=True))
    assert run(submitted(lenient), Approve(both), known=lenient).step == 1


def test_c26_delegating_does_not_get_around_it() -> None:
    for name in ("applicant", "custodian", "operator"):
        other = actor(name, (Role.APPROVER, VILLAGE))
        with pytest.raises(AtTheDoor, match="approver_is_"):
            decide(submitted(), Delegate(APPROVER, other, "出差"), FACTS, NOW)


def test_a_custodian_may_apply_for_a_villager() -> None:
    item = submitted(applicant_id="custodian", beneficiary="村民甲")
    assert item.status is Status.SUBMITTED


def test_custodian_alone_is_a_choice_for_plain_facts_only() -> None:
    fact = replace(MATTER, basic_fact=True)
    chosen = facts(fact, rules=Rules(custodian_alone=True))
    alone = decide(draft(applicant_id="custodian"), Submit(CUSTODIAN, "ZY-1"), chosen, NOW)
    assert alone.application.status is Status.APPROVED
    assert alone.issue
    assert alone.happened[-1].data["by_rule"] == "custodian_alone"
    for known, who in (
        (facts(fact), "custodian"),
        (facts(rules=Rules(custodian_alone=True)), "custodian"),
        (chosen, "applicant"),
    ):
        assert submitted(known, applicant_id=who).status is Status.SUBMITTED


# ── deciding ─────────────────────────────────────────────────────────────────────────────────────


def test_the_last_approval_yields_the_grant_and_only_that_one() -> None:
    first = decide(submitted(), Approve(APPROVER), FACTS, NOW + 1000)
    assert not first.issue
    assert kinds(first) == ["application.step_approved"]
    assert first.happened[0].data["next_at"] == TOWN
    last = decide(first.application, Approve(TOWN_APPROVER), FACTS, NOW + 2000)
    assert last.issue
    assert kinds(last) == ["application.step_approved", "application.approved"]
    assert last.application.status is Status.APPROVED
    assert last.happened[1].data["took_ms"] == 2000


def test_c27_a_decision_says_how_long_it_took_and_whether_the_pages_were_seen() -> None:
    item = submitted()
    blind = decide(item, Approve(APPROVER), FACTS, NOW + 3000).happened[0].data
    assert (blind["took_ms"], blind["document_opened"]) == (3000, False)
    seen = run(item, OpenPages(APPROVER))
    assert decide(seen, Approve(APPROVER), FACTS, NOW).happened[0].data["document_opened"] is True


def test_opening_the_pages_does_not_make_anybody_look_again() -> None:
    item = submitted()
    assert run(item, OpenPages(APPROVER)).version == item.version
    assert run(item, Approve(APPROVER)).version == item.version + 1


@pytest.mark.parametrize("who", [TOWN_APPROVER, SUPERVISOR, APPLICANT, STRANGER])
def test_promise_6_only_who_sits_there_decides_the_step(who: Actor) -> None:
    for command in (Approve(who), Reject(who, "不同意"), OpenPages(who)):
        with pytest.raises(DomainError, match="denied"):
            decide(submitted(), command, FACTS, NOW)


def test_a_rejection_needs_a_reason_and_ends_it() -> None:
    with pytest.raises(DomainError, match="reason_missing"):
        decide(submitted(), Reject(APPROVER, " "), FACTS, NOW)
    item = run(submitted(), Reject(APPROVER, "材料不实"))
    assert (item.status, item.reason) == (Status.REJECTED, "材料不实")
    with pytest.raises(DomainError, match="wrong_status"):
        decide(item, Approve(TOWN_APPROVER), FACTS, NOW)


def test_one_returned_for_more_keeps_its_number_and_starts_again() -> None:
    item = run(submitted(), Approve(APPROVER), Return(TOWN_APPROVER, "缺照片"))
    assert item.status is Status.RETURNED
    again = run(item, Submit(APPLICANT, "ZY-2"))
    assert again.number == "ZY-1"
    assert again.step == 0
    assert all(step.decision is None for step in again.steps)


def test_a_delegate_from_above_may_stand_in() -> None:
    item = run(submitted(), Delegate(APPROVER, TOWN_APPROVER, "出差"))
    with pytest.raises(DomainError, match="denied"):
        decide(item, Approve(APPROVER), FACTS, NOW)
    told = decide(item, Approve(TOWN_APPROVER), FACTS, NOW).happened[0].data
    assert told["delegated_by"] == "approver"


@pytest.mark.parametrize("to", [APPROVER, STRANGER, SUPERVISOR])
def test_promise_6_a_step_is_not_delegated_out_of_the_branch(to: Actor) -> None:
    with pytest.raises(DomainError, match="bad_delegate"):
        decide(submitted(), Delegate(APPROVER, to, "出差"), FACTS, NOW)


def test_after_its_time_it_is_not_approved_any_more() -> None:
    item = submitted(wanted_until=NOW + HOUR_MS)
    with pytest.raises(DomainError, match="application_expired"):
        decide(item, Approve(APPROVER), FACTS, NOW + HOUR_MS)
    with pytest.raises(DomainError, match="not_due"):
        decide(item, Expire(), FACTS, NOW)
    assert run(item, Expire(), now=NOW + HOUR_MS).status is Status.EXPIRED


def test_c28_a_missed_deadline_is_said_once_for_each_step() -> None:
    item = submitted()
    late = NOW + DAY_MS
    with pytest.raises(DomainError, match="not_due"):
        decide(item, NoteOverdue(), FACTS, NOW)
    noted = decide(item, NoteOverdue(), FACTS, late)
    assert noted.happened[0].kind == "application.overdue"
    assert noted.happened[0].data["step"] == "村审批"
    with pytest.raises(DomainError, match="not_due"):
        decide(noted.application, NoteOverdue(), FACTS, late)
    assert decide(noted.application, Approve(APPROVER), FACTS, late).happened[0].data["late"]


def test_only_the_applicant_withdraws_and_a_draft_leaves_no_trace() -> None:
    assert not decide(draft(), Withdraw(APPLICANT), FACTS, NOW).happened
    gone = decide(submitted(), Withdraw(APPLICANT, "不办了"), FACTS, NOW)
    assert gone.application.status is Status.WITHDRAWN
    assert kinds(gone) == ["application.withdrawn"]
    with pytest.raises(DomainError, match="denied"):
        decide(submitted(), Withdraw(APPROVER), FACTS, NOW)
    with pytest.raises(DomainError, match="wrong_status"):
        decide(approved(), Withdraw(APPLICANT), FACTS, NOW)


# ── after approval ───────────────────────────────────────────────────────────────────────────────


def test_voiding_takes_the_grant_along() -> None:
    for by in (APPLICANT, APPROVER, TOWN_APPROVER, SUPERVISOR):
        outcome = decide(approved(), Void(by, "不需要了"), FACTS, NOW)
        assert outcome.revoke
        assert outcome.application.status is Status.VOIDED
    for by in (OPERATOR, STRANGER, CUSTODIAN):
        with pytest.raises(DomainError, match="denied"):
            decide(approved(), Void(by, "不需要了"), FACTS, NOW)
    in_use = replace(approved(), status=Status.IN_USE)
    with pytest.raises(DomainError, match="denied"):
        decide(in_use, Void(APPLICANT, "不需要了"), FACTS, NOW)


def test_one_that_ended_early_is_filed_after_it_was_explained() -> None:
    early = replace(approved(), status=Status.FINISHED_EARLY)
    with pytest.raises(DomainError, match="explain_first"):
        decide(early, Close(CUSTODIAN), FACTS, NOW)
    with pytest.raises(DomainError, match="denied"):
        decide(early, Explain(STRANGER, "纸张用完"), FACTS, NOW)
    assert run(early, Explain(OPERATOR, "纸张用完"), Close(CUSTODIAN)).status is Status.CLOSED


def test_a_used_one_is_filed() -> None:
    used = replace(approved(), status=Status.USED)
    assert run(used, Close(APPLICANT)).status is Status.CLOSED
    with pytest.raises(DomainError, match="denied"):
        decide(used, Close(STRANGER), FACTS, NOW)


# ── emergencies ──────────────────────────────────────────────────────────────────────────────────

URGENT: dict[str, Any] = {
    "kind": Kind.EMERGENCY,
    "details": {"emergency": "防汛抢险"},
    "documents": (),
}


def test_an_emergency_takes_two_people_and_is_always_on_record() -> None:
    item = submitted(**URGENT)
    with pytest.raises(AtTheDoor, match="approver_is_applicant"):
        decide(item, Approve(actor("applicant", (Role.APPROVER, VILLAGE))), FACTS, NOW)
    lenient = facts(rules=Rules(approver_may_stamp=True))
    with pytest.raises(AtTheDoor, match="approver_is_operator"):
        decide(item, Approve(actor("operator", (Role.APPROVER, VILLAGE))), lenient, NOW)
    with pytest.raises(DomainError, match="denied"):
        decide(item, Approve(STRANGER), FACTS, NOW)
    for second in (APPROVER, TOWN_APPROVER, SUPERVISOR):
        outcome = decide(item, Approve(second), FACTS, NOW)
        assert outcome.issue
        assert kinds(outcome)[-1] == "emergency.opened"
        assert outcome.happened[-1].data["confirmed_by"] == second.person_id


def test_an_emergency_is_reviewed_by_somebody_else_before_it_is_filed() -> None:
    used = replace(run(submitted(**URGENT), Approve(SUPERVISOR)), status=Status.USED)
    with pytest.raises(DomainError, match="review_first"):
        decide(used, Close(CUSTODIAN), FACTS, NOW)
    with pytest.raises(DomainError, match="denied"):
        decide(used, Review(SUPERVISOR, "proper", "情况属实"), FACTS, NOW)
    other = actor("supervisor-2", (Role.SUPERVISOR, TOWN))
    with pytest.raises(DomainError, match="bad_outcome"):
        decide(used, Review(other, "fine", "情况属实"), FACTS, NOW)
    seen = decide(used, Review(other, "improper", "并不紧急"), FACTS, NOW)
    assert kinds(seen) == ["emergency.reviewed"]
    with pytest.raises(DomainError, match="already_reviewed"):
        decide(seen.application, Review(other, "proper", "情况属实"), FACTS, NOW)
    assert run(seen.application, Close(CUSTODIAN)).status is Status.CLOSED


def test_an_ordinary_application_is_no_emergency() -> None:
    with pytest.raises(DomainError, match="not_an_emergency"):
        decide(approved(), Review(SUPERVISOR, "proper", "情况属实"), FACTS, NOW)
    with pytest.raises(Incomplete, match="emergency"):
        submitted(facts(replace(MATTER, emergency=False)), **URGENT)


# ── what a page offers ───────────────────────────────────────────────────────────────────────────


def test_a_page_offers_what_works() -> None:
    assert possible(submitted(), APPROVER, FACTS) == ("approve", "reject", "return", "delegate")
    assert possible(submitted(), TOWN_APPROVER, FACTS) == ()
    assert possible(draft(), APPLICANT, FACTS) == ("edit", "submit", "withdraw")
    assert possible(approved(), APPLICANT, FACTS) == ("void", "extend")
    assert possible(approved(), OPERATOR, FACTS) == ()
    used = replace(approved(), status=Status.USED)
    assert possible(used, SUPERVISOR, FACTS) == ("void", "close")
    early = replace(approved(), status=Status.FINISHED_EARLY)
    assert possible(early, OPERATOR, FACTS) == ("explain",)
    urgent = run(submitted(**URGENT), Approve(APPROVER))
    assert "review" in possible(urgent, SUPERVISOR, FACTS)
    assert "review" not in possible(urgent, APPROVER, FACTS)
