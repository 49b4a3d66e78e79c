"""Applications as services carry them, on a real database file with a real log."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from backend.domain.actor import Actor, Role
from backend.domain.application import DocumentKind, Kind
from backend.domain.application_checks import AtTheDoor, Incomplete
from backend.domain.errors import DomainError
from backend.services.matters import MatterForm
from backend.services.views import ApplicationView
from backend.store.application_lists import ApplicationFilter
from backend.store.tables import document, organisation, role, seal
from tests.support.office import DAY, HOUR, Office, also, png
from tests.support.world import FAR_VILLAGE, OTHER_VILLAGE, TOWN, VILLAGE, World, org_id


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:
    world = World.create(sqlite_url, tmp_path)
    yield Office.open(world)
    world.close()


def kinds(office: Office) -> list[str]:
    return [one.kind for one in office.world.records() if one.kind != "matter.changed"]


def test_from_draft_to_grant_each_turn_is_one_record(office: Office) -> None:
    made = office.submitted()
    assert made.row.number == "ZY-330109103201-20260922-0001"
    assert made.row.status_zh == "审批中"
    assert made.actions == ["withdraw"]
    seen = office.applications.open_pages(office.approver, made.row.id)
    assert seen.steps[0].document_opened
    done = office.applications.approve(office.approver, made.row.id, made.row.version)
    assert done.row.status == "approved"
    assert kinds(office) == [
        "application.submitted",
        "application.step_approved",
        "application.approved",
        "grant.issued",
    ]
    submitted, _, approved, issued = office.world.records()[-4:]
    assert submitted.person == office.applicant.person_id
    assert len(submitted.data["page_hashes"]) == 2
    assert approved.data["document_opened"] is True
    assert issued.grant_id == done.grants[0].id
    assert "job" not in issued.data
    assert "村民甲" not in str([one.data for one in office.world.records()[-4:]])


def test_numbers_run_within_a_unit_and_a_day(office: Office) -> None:
    first, second = office.submitted(), office.submitted()
    office.world.clock.advance(DAY)
    third = office.submitted()
    ends = [str(one.row.number)[-13:] for one in (first, second, third)]
    assert ends == ["20260922-0001", "20260922-0002", "20260923-0001"]


def test_a_draft_is_its_applicants_alone(office: Office) -> None:
    made = office.draft()
    assert office.reader.get(office.applicant, made.row.id).actions[0] == "edit"
    assert not office.reader.list(office.approver).items
    assert len(office.reader.list(office.applicant).items) == 1
    for other in (office.custodian, office.approver):
        with pytest.raises(DomainError, match="not_found"):
            office.reader.get(other, made.row.id)
        with pytest.raises(DomainError, match="not_found"):
            office.drafts.attach(other, made.row.id, DocumentKind.PAGE, "x", png())


def test_a_draft_says_what_is_missing_until_it_can_be_submitted(office: Office) -> None:
    made = office.drafts.create(office.applicant, office.form(beneficiary=None))
    assert {one.code for one in made.problems} == {
        "beneficiary_missing",
        "pages_missing",
        "attachment_missing",
    }
    with pytest.raises(Incomplete):
        office.applications.submit(office.applicant, made.row.id, made.row.version)
    assert kinds(office) == []
    office.drafts.update(office.applicant, made.row.id, made.row.version, office.form())
    office.drafts.attach(office.applicant, made.row.id, DocumentKind.PAGE, "正文", png())
    made = office.drafts.attach(
        office.applicant, made.row.id, DocumentKind.ATTACHMENT, "居住人身份证复印件.jpg", png(1)
    )
    assert made.problems == []
    assert office.applications.submit(office.applicant, made.row.id, made.row.version).row.number


def test_papers_can_be_taken_out_of_a_draft_only(office: Office) -> None:
    made = office.draft()
    paper = made.documents[0].id
    made = office.drafts.detach(office.applicant, made.row.id, paper)
    assert len(made.documents) == 1
    with pytest.raises(DomainError, match="not_found"):
        office.drafts.detach(office.applicant, made.row.id, paper)
    handed_in = office.submitted()
    with pytest.raises(DomainError, match="wrong_status"):
        office.drafts.detach(office.applicant, handed_in.row.id, handed_in.documents[0].id)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "picture_empty"),
        (b"hello", "picture_unknown_format"),
        (b"%PDF-1.7 broken", "paper_broken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(9 * 1024 * 1024), "paper_too_large"),
    ],
)
def test_what_is_no_paper_is_refused(office: Office, data: bytes, code: str) -> None:
    made = office.drafts.create(office.applicant, office.form())
    with pytest.raises(DomainError, match=code):
        office.drafts.attach(office.applicant, made.row.id, DocumentKind.PAGE, "x", data)


def test_there_are_not_endless_papers(office: Office) -> None:
    few = replace(office.world.context.settings, papers=2)
    drafts = type(office.drafts)(
        replace(office.world.context, settings=few), office.drafts._pictures
    )
    made = office.draft()
    with pytest.raises(DomainError, match="too_many_papers"):
        drafts.attach(office.applicant, made.row.id, DocumentKind.PAGE, "第3页", png(9))


def test_two_who_look_at_once_do_not_both_decide(office: Office) -> None:
    made = office.submitted()
    office.applications.return_for_more(office.approver, made.row.id, made.row.version, "缺照片")
    with pytest.raises(DomainError, match="changed_meanwhile"):
        office.applications.approve(office.approver, made.row.id, made.row.version)
    assert "grant.issued" not in kinds(office)


def test_returned_changed_and_submitted_again(office: Office) -> None:
    made = office.submitted()
    made = office.applications.return_for_more(
        office.approver, made.row.id, made.row.version, "份数不对"
    )
    assert made.reason == "份数不对"
    made = office.drafts.update(
        office.applicant, made.row.id, made.row.version, office.form(copies=2)
    )
    number = made.row.number
    made = office.applications.submit(office.applicant, made.row.id, made.row.version)
    assert (made.row.number, made.row.stamps) == (number, 2)
    assert made.steps[0].decision is None


def test_a_heavier_matter_goes_on_to_the_town(office: Office) -> None:
    form = office.form(
        "asset-lease",
        "cooperative",
        title="厂房租赁合同",
        counterparty="某某五金厂",
        amount_fen=3_000_000,
        resolution="2026-07",
    )
    made = office.submitted(form)
    assert made.amount_capital == "叁万元整"
    made = office.applications.approve(office.approver, made.row.id, made.row.version)
    assert (made.row.status, made.row.step) == ("submitted", "镇街经管部门审批")
    todo = office.reader.list(office.town, ApplicationFilter(todo=True))
    assert [one.id for one in todo.items] == [made.row.id]
    assert not office.reader.list(office.approver, ApplicationFilter(todo=True)).items
    made = office.applications.approve(office.town, made.row.id, made.row.version)
    assert made.row.status == "approved"
    assert [step.decided_by.name for step in made.steps if step.decided_by] == [
        "approver@330109103201",
        "approver@330109103",
    ]


def test_a_forbidden_certificate_is_refused_at_the_door_and_recorded(office: Office) -> None:
    for form in (office.form("no-kinship"), office.form(title="李四无犯罪记录证明")):
        with pytest.raises(AtTheDoor, match="forbidden"):
            office.drafts.create(office.applicant, form)
    refused = office.world.records("application.refused")
    assert [one.data["reason"] for one in refused] == ["forbidden", "forbidden"]
    assert refused[0].person == office.applicant.person_id
    assert not office.reader.list(office.applicant).items


def test_changing_a_draft_into_something_forbidden_is_refused_and_recorded(office: Office) -> None:
    made = office.draft()
    with pytest.raises(AtTheDoor, match="forbidden"):
        office.drafts.update(
            office.applicant, made.row.id, made.row.version, office.form(title="健在证明")
        )
    assert office.world.records("application.refused")[0].application == made.row.id


def test_c26_an_approver_who_applied_is_refused_and_recorded(office: Office) -> None:
    made = office.submitted()
    both = also(office.applicant, Role.APPROVER, VILLAGE)
    with pytest.raises(AtTheDoor, match="approver_is_applicant"):
        office.applications.approve(both, made.row.id, made.row.version)
    refused = office.world.records("application.refused")[0]
    assert refused.data["reason"] == "approver_is_applicant"
    assert refused.application == made.row.id
    assert office.reader.get(office.applicant, made.row.id).row.status == "submitted"


def test_c26_a_custodian_by_role_or_by_seal_does_not_approve(office: Office) -> None:
    made = office.submitted()
    other = office.world.actor(Role.CUSTODIAN)
    for keeper in (office.custodian, other):
        with pytest.raises(AtTheDoor, match="approver_is_custodian"):
            office.applications.approve(
                also(keeper, Role.APPROVER, VILLAGE), made.row.id, made.row.version
            )


def test_c33_whose_term_is_over_neither_stamps_nor_approves(office: Office) -> None:
    made = office.draft()
    with office.world.db.write() as conn:
        conn.execute(
            role.update()
            .where(role.c.person_id.in_([office.operator.person_id, office.approver.person_id]))
            .values(ends_at=office.world.clock())
        )
    with pytest.raises(Incomplete) as refused:
        office.applications.submit(office.applicant, made.row.id, made.row.version)
    codes = {one.code for one in refused.value.problems}
    assert codes == {"operator_not_allowed", "no_eligible_approver"}


def test_a_step_is_delegated_to_somebody_who_holds_the_role(office: Office) -> None:
    made = office.submitted()
    with pytest.raises(DomainError, match="bad_delegate"):
        office.applications.delegate(
            office.approver, made.row.id, made.row.version, office.supervisor.person_id, "出差"
        )
    with pytest.raises(DomainError, match="not_found"):
        office.applications.delegate(
            office.approver, made.row.id, made.row.version, "nobody", "出差"
        )
    made = office.applications.delegate(
        office.approver, made.row.id, made.row.version, office.town.person_id, "出差"
    )
    assert [one.id for one in office.reader.list(office.town, ApplicationFilter(todo=True)).items]
    assert not office.reader.list(office.approver, ApplicationFilter(todo=True)).items
    done = office.applications.approve(office.town, made.row.id, made.row.version)
    assert done.row.status == "approved"


def test_more_stamps_need_a_second_approval_for_the_same_papers(office: Office) -> None:
    made = office.approved()
    wish = office.form(extends_id=made.row.id, details={"more": "多一个单位要"})
    more = office.drafts.create(office.applicant, wish)
    assert {one.sha256 for one in more.documents} == {one.sha256 for one in made.documents}
    more = office.applications.submit(office.applicant, more.row.id, more.row.version)
    assert more.row.status == "submitted"
    more = office.applications.approve(office.approver, more.row.id, more.row.version)
    assert more.grants[0].id != made.grants[0].id
    assert office.world.records("application.submitted")[-1].data["extends"] == made.row.id


def test_there_are_no_more_stamps_for_what_was_never_approved(office: Office) -> None:
    made = office.submitted()
    with pytest.raises(DomainError, match="bad_extension"):
        office.drafts.create(office.applicant, office.form(extends_id=made.row.id))


def test_an_emergency_from_alarm_to_review(office: Office) -> None:
    made = office.drafts.open_emergency(
        office.custodian, office.form("request-report", title="防汛物资调拨函"), "夜间汛情"
    )
    assert (made.row.status, made.row.kind) == ("submitted", "emergency")
    todo = office.reader.list(office.supervisor, ApplicationFilter(todo=True))
    assert [one.id for one in todo.items] == [made.row.id]
    made = office.applications.approve(office.supervisor, made.row.id, made.row.version)
    grant = made.grants[0]
    assert grant.not_after - grant.not_before == 2 * HOUR
    assert kinds(office)[-2:] == ["emergency.opened", "grant.issued"]
    above = office.world.actor(Role.SUPERVISOR, TOWN)
    waiting = office.reader.list(above, ApplicationFilter(unreviewed=True))
    assert [one.id for one in waiting.items] == [made.row.id]
    made = office.applications.review(above, made.row.id, "proper", "情况属实")
    assert made.reviewed_by is not None
    assert not office.reader.list(above, ApplicationFilter(unreviewed=True)).items


def test_an_emergency_for_a_forbidden_certificate_is_no_way_round(office: Office) -> None:
    with pytest.raises(AtTheDoor, match="forbidden"):
        office.drafts.open_emergency(office.custodian, office.form("no-alive"), "很急")
    assert office.world.records("application.refused")[0].data["kind"] == "emergency"


def test_a_batch_is_one_matter_with_many_copies(office: Office) -> None:
    form = office.form("farm-insurance", kind=Kind.BATCH, copies=120, stamps_per_copy=2)
    made = office.approved(form)
    assert made.grants[0].stamps == 240


def test_custodian_alone_where_the_town_chose_so(office: Office) -> None:
    with office.world.db.write() as conn:
        conn.execute(
            organisation.update()
            .where(organisation.c.path == TOWN)
            .values(settings={"custodian_alone": True})
        )
    made = office.submitted(office.form(), office.custodian)
    assert made.row.status == "approved"
    assert office.world.records("application.approved")[0].data["by_rule"] == "custodian_alone"
    assert office.submitted().row.status == "submitted"


def test_what_a_form_may_not_bring_along(office: Office) -> None:
    form = office.form(details={"explanation": "早写好的", "list": ["甲", "乙"]})
    assert office.drafts.create(office.applicant, form).details == {"list": ["甲", "乙"]}


def test_withdrawing_and_filing(office: Office) -> None:
    made = office.submitted()
    gone = office.applications.withdraw(office.applicant, made.row.id, made.row.version, "不办了")
    assert gone.row.status_zh == "已撤回"
    with pytest.raises(DomainError, match="wrong_status"):
        office.applications.close(office.applicant, gone.row.id, gone.row.version)


def test_a_retired_matter_and_a_suspended_seal_are_told_of(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, "/330109/")
    made = office.draft()
    office.matters.retire(admin, "330109.residence")
    with office.world.db.write() as conn:
        conn.execute(seal.update().values(status="suspended"))
    codes = {one.code for one in office.reader.get(office.applicant, made.row.id).problems}
    assert codes == {"matter_retired", "seal_suspended"}


def test_submitted_ones_keep_the_matter_that_they_came_in_under(office: Office) -> None:
    admin = office.world.actor(Role.ADMIN, "/330109/")
    handed_in, waiting = office.submitted(), office.draft()
    old = office.matters.get(admin, "330109.residence")
    spec = {**old.spec, "window_ms": HOUR}
    form = MatterForm("居住说明（新）", old.category, spec)
    office.matters.change(admin, old.id, old.version, form)
    done = office.applications.approve(office.approver, handed_in.row.id, handed_in.row.version)
    assert done.grants[0].not_after - done.grants[0].not_before == 2 * DAY
    later = office.applications.submit(office.applicant, waiting.row.id, waiting.row.version)
    assert later.matter_version == 2
    later = office.applications.approve(office.approver, later.row.id, later.row.version)
    assert later.grants[0].not_after - later.grants[0].not_before == HOUR


# ── lists ────────────────────────────────────────────────────────────────────────────────────────


def test_pages_follow_each_other_without_gap_or_repeat(office: Office) -> None:
    made = []
    for _ in range(5):
        made.append(office.submitted().row.id)
        office.world.clock.advance(1000)
    seen: list[str] = []
    after = None
    while True:
        page = office.reader.list(office.approver, after=after, limit=2)
        assert len(page.items) <= 2
        seen += [one.id for one in page.items]
        after = page.next
        if after is None:
            break
    assert seen == made[::-1]


def test_lists_are_narrowed(office: Office) -> None:
    lease = office.form(
        "asset-lease",
        "cooperative",
        title="厂房_租赁100%合同",
        counterparty="五金厂",
        amount_fen=100,
        resolution="1",
    )
    first = office.submitted()
    office.world.clock.advance(1000)
    second = office.submitted(lease)

    def found(**wanted: object) -> list[str]:
        chosen = ApplicationFilter(**wanted)  # type: ignore[arg-type]  # each case names its own
        return [one.id for one in office.reader.list(office.approver, chosen).items]

    assert found(matter_id="330109.asset-lease") == [second.row.id]
    assert found(seal_id=office.seals["committee"]) == [first.row.id]
    assert found(text="五金") == [second.row.id]
    assert found(text="0%合") == [second.row.id]
    assert found(text="房_租") == [second.row.id]
    assert found(text="房x租") == []
    assert found(text=first.row.number) == [first.row.id]
    assert found(statuses=["approved"]) == []
    assert found(kind="emergency") == []
    assert found(org_path=TOWN) == [second.row.id, first.row.id]
    assert found(org_path=OTHER_VILLAGE) == []
    assert found(from_at=office.world.clock() + 1) == []
    assert found(until_at=office.world.clock() + 1) == [second.row.id, first.row.id]
    assert found(mine=True) == []


def test_a_cursor_of_somebody_elses_making_is_refused(office: Office) -> None:
    with pytest.raises(DomainError, match="bad_cursor"):
        office.reader.list(office.approver, after="zzz")


# ── promise 6 ────────────────────────────────────────────────────────────────────────────────────


def test_promise_6_another_branch_sees_and_does_nothing(office: Office) -> None:
    made = office.submitted()
    for path in (OTHER_VILLAGE, FAR_VILLAGE, "/330109/330109104/"):
        for kind in Role:
            other = office.world.actor(kind, path)
            assert not office.reader.list(other).items
            assert_nothing_works(office, made, other)


def assert_nothing_works(office: Office, made: ApplicationView, other: Actor) -> None:
    apps, drafts, key = office.applications, office.drafts, made.row.id
    attempts: tuple[Callable[[Actor], object], ...] = (
        lambda by: office.reader.get(by, key),
        lambda by: apps.approve(by, key, made.row.version),
        lambda by: apps.reject(by, key, made.row.version, "不同意"),
        lambda by: apps.return_for_more(by, key, made.row.version, "补充"),
        lambda by: apps.delegate(by, key, made.row.version, by.person_id, "转交"),
        lambda by: apps.void(by, key, made.row.version, "作废"),
        lambda by: apps.close(by, key, made.row.version),
        lambda by: apps.review(by, key, "proper", "属实"),
        lambda by: apps.explain(by, key, "原因"),
        lambda by: apps.open_pages(by, key),
        lambda by: apps.withdraw(by, key, made.row.version),
        lambda by: apps.submit(by, key, made.row.version),
        lambda by: drafts.update(by, key, made.row.version, office.form()),
        lambda by: drafts.detach(by, key, made.documents[0].id),
        lambda by: drafts.attach(by, key, DocumentKind.PAGE, "x", png()),
        lambda by: drafts.create(by, office.form()),
        lambda by: drafts.create(by, office.form(extends_id=key)),
    )
    for attempt in attempts:
        with pytest.raises(DomainError) as refused:
            attempt(other)
        # The same answer as for what does not exist: not even that it is there is told.
        assert refused.value.kind == "missing"


def test_promise_6_without_any_role_there_is_nothing(office: Office) -> None:
    office.submitted()
    nobody = replace(office.supervisor, person_id="nobody", roles=())
    assert not office.reader.list(nobody).items


def test_promise_6_the_town_sees_its_villages_and_no_others(office: Office) -> None:
    near = office.submitted()
    elsewhere = Office.open(office.world, FAR_VILLAGE)
    far = elsewhere.submitted()
    town, district = office.town, office.district
    assert [one.id for one in office.reader.list(town).items] == [near.row.id]
    assert {one.id for one in office.reader.list(district).items} == {near.row.id, far.row.id}


def test_promise_6_an_applicant_sees_only_what_they_take_part_in(office: Office) -> None:
    mine = office.submitted()
    other = office.world.actor(Role.APPLICANT)
    theirs = office.submitted(actor=other)
    assert [one.id for one in office.reader.list(office.applicant).items] == [mine.row.id]
    with pytest.raises(DomainError, match="not_found"):
        office.reader.get(office.applicant, theirs.row.id)
    assert {one.id for one in office.reader.list(office.operator).items} == {
        mine.row.id,
        theirs.row.id,
    }


def test_pages_of_an_application_are_kept_encrypted(office: Office) -> None:
    office.draft()
    with office.world.db.read() as conn:
        rows = conn.execute(document.select()).all()
        stored = conn.exec_driver_sql("select ciphertext from picture_blob").scalars().all()
    assert len(rows) == len(stored) == 2
    assert all(png()[:8] not in bytes(one) for one in stored)
    assert org_id(VILLAGE) == "330109103201"
