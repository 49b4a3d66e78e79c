"""Marking on a paper where something will still be written: the applicant, before handing in."""

import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from backend.store.tables import look, reference_page
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
    assert town.client("approver").post(f"{address}/zones", data=sent).status_code == 404
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    assert "zones" not in view.details


FOUND = {"sheets": [[{"kind": "signature", "at": [0.1, 0.8, 0.3, 0.04]}]]}
PROPOSED = [0, 100, 800, 300, 40]


@pytest.fixture
def reading(town: Town) -> Town:
    """A town where somebody reads papers."""
    town.made.app.state.services.add(replace(town.made.web, reads_papers=True))
    return town


def read(town: Town) -> None:
    """The papers of drafts were read."""
    with town.made.world.db.write() as conn:
        conn.execute(look.update().where(look.c.kind == "draft").values(state="done", result=FOUND))


def test_proposals_come_when_the_paper_was_read_and_nobody_waits(reading: Town) -> None:
    made, applicant = reading.made, reading.client("applicant")
    address = f"/applications/{made.day.draft}/papers/{made.day.page}"
    page = applicant.get(address).text
    assert f'data-reading="{address}/proposals"' in page
    assert 'data-proposed="[]"' in page
    assert applicant.get(f"{address}/proposals").json() == {"reading": True, "places": []}
    read(reading)
    told = applicant.get(f"{address}/proposals").json()
    assert told == {"reading": False, "places": [{"row": PROPOSED, "name": "建议签字处"}]}
    assert "data-reading" not in applicant.get(address).text


def test_where_nobody_reads_papers_nothing_is_awaited(town: Town) -> None:
    made, applicant = town.made, town.client("applicant")
    address = f"/applications/{made.day.draft}/papers/{made.day.page}"
    assert "data-reading" not in applicant.get(address).text
    assert applicant.get(f"{address}/proposals").json() == {"reading": False, "places": []}
    with made.world.db.read() as conn:
        assert conn.execute(look.select().where(look.c.kind == "draft")).all() == []


def test_a_paper_that_was_attached_is_read_while_the_form_is_filled_in(reading: Town) -> None:
    made, applicant = reading.made, reading.client("applicant")
    data = picture_of_a_page()
    answer = applicant.post(
        f"/applications/{made.day.draft}/papers",
        data={"kind": "page", "name": "第二页"},
        files={"file": ("page.png", data, "image/png")},
    )
    assert answer.status_code == 303
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    pages = [one.picture_id for one in view.documents if one.kind == "page"]
    with made.world.db.read() as conn:
        rows = conn.execute(look.select().where(look.c.kind == "draft")).all()
    assert sorted(row.input["pictures"][0] for row in rows) == sorted(map(str, pages))


def test_what_was_taken_is_approved_and_what_was_left_out_does_not_count(reading: Town) -> None:
    made, applicant = reading.made, reading.client("applicant")
    address = f"/applications/{made.day.draft}/papers/{made.day.page}"
    applicant.get(address)
    read(reading)
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    sent = {"version": view.row.version, "zones": "[]", "settled": "true"}
    assert applicant.post(f"{address}/zones", data=sent).status_code == 303
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    paper = next(one for one in view.documents if one.id == made.day.page)
    assert view.details["zones_settled"] == [paper.picture_id]
    assert "data-settled" in applicant.get(address).text
    sent = {"version": view.row.version, "zones": json.dumps([PROPOSED]), "settled": "true"}
    applicant.post(f"{address}/zones", data=sent)
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    assert view.details["zones"] == {paper.picture_id: [PROPOSED]}
    submit(reading)
    seen = reading.client("approver").get(address).text
    assert '<rect x="100" y="800" width="300" height="40">' in seen
    assert "程序找到的" not in seen


def test_the_approver_sees_what_counts_without_anybody_having_gone_through_it(
    reading: Town,
) -> None:
    made = reading.made
    submit(reading)
    view = made.web.reader.get(made.people["approver"], made.day.draft)
    paper = next(one for one in view.documents if one.id == made.day.page)
    with made.world.db.write() as conn:
        conn.execute(
            reference_page.insert(),
            {
                "application_id": made.day.draft,
                "position": 0,
                "org_path": view.row.org_path,
                "picture_id": paper.picture_id,
                "sheet": 0,
                "features": b"",
                "words": "",
                "facts": {"places": FOUND["sheets"][0]},
                "zones": [],
                "made_at": 1,
            },
        )
    page = reading.client("approver").get(f"/applications/{made.day.draft}/papers/{paper.id}").text
    assert '<rect class="found" x="100" y="800" width="300" height="40">' in page
    assert "申请人没有逐个确认" in page


def test_promise_6_nobody_else_is_told_what_is_proposed(reading: Town) -> None:
    made = reading.made
    address = f"/applications/{made.day.draft}/papers/{made.day.page}/proposals"
    assert reading.client("stranger").get(address).status_code == 404
    assert reading.client("approver").get(address).status_code == 404


def submit(town: Town) -> None:
    made = town.made
    view = made.web.reader.get(made.people["applicant"], made.day.draft)
    form = {"version": view.row.version, "purpose": "子女入学", "then": "submit"}
    answer = town.client("applicant").post(f"/applications/{made.day.draft}/edit", data=form)
    assert answer.headers["location"].endswith("?done=submit"), answer.text


def picture_of_a_page() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (900, 1270), "white").save(out, "PNG")
    return out.getvalue()
