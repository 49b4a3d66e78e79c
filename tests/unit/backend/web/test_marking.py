"""Marking on a paper where something will still be written: the applicant, before handing in."""

import json

from tests.unit.backend.web.conftest import Town

ROWS = [[0, 550, 800, 330, 60]]


def test_marks_are_kept_with_the_draft_shown_to_the_approver_and_no_more_changed(
    town: Town,
) -> None:
    made, applicant = town.made, town.client("applicant")
    draft = made.day.draft
    address = f"/applications/{draft}/papers/{made.day.page}"
    page = applicant.get(address).text
    assert 'id="zones"' in page
    version = made.web.reader.get(made.people["applicant"], draft).row.version
    sent = {"version": version, "zones": json.dumps(ROWS)}
    assert applicant.post(f"{address}/zones", data=sent).headers["location"].endswith("?done=1")
    assert "已标1处" in applicant.get(f"/applications/{draft}/edit").text
    view = made.web.reader.get(made.people["applicant"], draft)
    assert list(view.details["zones"].values()) == [ROWS]
    # What the form says later does not take them away.
    form = {"version": view.row.version, "purpose": "子女入学", "then": "submit"}
    assert applicant.post(f"/applications/{draft}/edit", data=form).status_code == 303
    approver = town.client("approver")
    assert "批准后还要填写1处" in approver.get(f"/applications/{draft}").text
    paper = approver.get(address).text
    assert '<rect x="550" y="800" width="330" height="60">' in paper
    assert 'id="zones"' not in paper
    late = applicant.post(f"{address}/zones", data={"version": view.row.version + 2, "zones": "[]"})
    assert late.status_code == 422


def test_what_cannot_be_marked_says_why(town: Town) -> None:
    made, applicant = town.made, town.client("applicant")
    address = f"/applications/{made.day.draft}/papers/{made.day.page}"
    for wrong in ("[[0,0,0,1000,900]]", "nonsense", '[["a"]]'):
        answer = applicant.post(f"{address}/zones", data={"version": 3, "zones": wrong})
        assert answer.status_code == 422
        assert 'role="alert"' in answer.text


def test_promise_6_nobody_else_marks_a_draft(town: Town) -> None:
    made = town.made
    address = f"/applications/{made.day.draft}/papers/{made.day.page}"
    sent = {"version": 3, "zones": json.dumps(ROWS)}
    assert town.client("stranger").post(f"{address}/zones", data=sent).status_code == 404
    assert town.client("approver").post(f"{address}/zones", data=sent).status_code == 422
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    assert "zones" not in view.details
