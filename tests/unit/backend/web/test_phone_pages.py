"""The phone's own pages, without a browser: permits, emergencies, standing in, papers in pieces."""

import hashlib
import re
from datetime import datetime, timedelta
from urllib.parse import unquote

from fastapi.testclient import TestClient

from alerts.service import Alerts
from backend.services.paper_pieces import PIECE_BYTES
from backend.store import push
from backend.web import formats
from tests.support.photographs import long_pdf
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town


def field(town: Town, hours: float) -> str:
    moment: datetime = formats.local(town.made.world.clock()) + timedelta(hours=hours)
    return moment.strftime("%Y-%m-%dT%H:%M")


def asked(town: Town, client: TestClient) -> str:
    answer = client.post(
        "/permits",
        data={
            "device": "SL-330109103201-committee",
            "place": "镇便民服务中心",
            "purpose": "集中办理社保",
            "from_at": field(town, -0.1),
            "until_at": field(town, 5),
            "carrier": town.made.people["custodian"].person_id,
        },
    )
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"]).partition("?")[0]


def test_a_permit_is_asked_for_approved_carried_out_and_returned(town: Town) -> None:
    custodian, approver = town.client("custodian"), town.client("approver")
    address = asked(town, custodian)
    assert "等我批准外带" in approver.get("/home").text
    Alerts(town.made.world.context, {}).run_once()
    said = r'href="(/inbox/[0-9a-f-]{36})"><span class="task-main"><b>有一份印章外带申请'
    (notice,) = re.findall(said, approver.get("/inbox").text)
    assert approver.get(notice).headers["location"] == address
    assert "同意外带" not in custodian.get(address).text
    assert "同意外带" in approver.get(address).text
    # Nobody approves what they keep, even when they post it all the same (C26).
    assert custodian.post(f"{address}/approve").status_code == 422
    assert approver.post(f"{address}/approve").status_code == 303
    assert "登记外带" in custodian.get("/home").text
    assert custodian.post(f"{address}/out").status_code == 303
    assert "外带中" in custodian.get("/permits").text
    assert custodian.post(f"{address}/back").status_code == 303
    kinds = [one.kind for one in town.made.world.records() if one.kind.startswith("permit.")]
    assert kinds == [
        "permit.wanted",
        "permit.approved",
        "permit.out",
        "permit.returned",
    ]


def test_a_refused_permit_says_why(town: Town) -> None:
    address = asked(town, town.client("custodian"))
    approver = town.client("approver")
    assert approver.post(f"{address}/reject", data={"reason": " "}).status_code == 422
    assert approver.post(f"{address}/reject", data={"reason": "请到村里办"}).status_code == 303
    assert "请到村里办" in town.client("custodian").get(address).text


def test_promise_6_another_branch_sees_and_decides_no_permit(town: Town) -> None:
    address = asked(town, town.client("custodian"))
    stranger = town.client("stranger")
    assert stranger.get(address).status_code == 404
    assert stranger.post(f"{address}/approve").status_code == 404
    assert "镇便民服务中心" not in stranger.get("/permits").text


def test_an_emergency_takes_two_people_and_a_review(town: Town) -> None:
    made = town.made
    applicant, approver = town.client("applicant"), town.client("approver")
    form = {
        "org": VILLAGE,
        "matter": "330109.residence",
        "operator": made.people["operator"].person_id,
        "beneficiary": "孔阿毛",
        "reason": "山洪转移，安置点等着要",
    }
    assert applicant.post("/emergency", data={**form, "reason": " "}).status_code == 422
    answer = applicant.post("/emergency", data=form)
    assert answer.status_code == 303, answer.text
    address = str(answer.headers["location"]).partition("?")[0]
    assert applicant.post(f"{address}/approve", data={"version": "1"}).status_code == 422
    assert approver.post(f"{address}/approve", data={"version": "1"}).status_code == 303
    (opened,) = made.world.records("emergency.opened")
    assert opened.data["confirmed_by"] == made.people["approver"].person_id
    town_desk = town.client("town")
    assert "等我复核的应急用印" in town_desk.get("/home").text
    assert "复核应急用印" in town_desk.get(address).text
    sent = town_desk.post(f"{address}/review", data={"outcome": "proper", "note": "情况属实"})
    assert sent.status_code == 303
    (reviewed,) = made.world.records("emergency.reviewed")
    assert reviewed.data["outcome"] == "proper"


def test_more_stamps_are_asked_for_beside_the_sleeve_and_approved_again(town: Town) -> None:
    made, applicant = town.made, town.client("applicant")
    made.stamp(made.day.granted)
    first = f"/applications/{made.day.granted}"
    assert f'href="{first}?more=1#more"' in applicant.get(f"{first}/sleeve").text
    assert '<details class="act" id="more" open>' in applicant.get(f"{first}?more=1").text
    for wrong in ({"stamps": "2", "reason": " "}, {"stamps": "0", "reason": "存档"}):
        refused = applicant.post(f"{first}/more", data=wrong)
        assert refused.status_code == 422
        assert 'role="alert"' in refused.text
    answer = applicant.post(f"{first}/more", data={"stamps": "2", "reason": "多要两份存档"})
    more = str(answer.headers["location"]).partition("?")[0]
    assert answer.headers["location"] == f"{more}?done=submit"
    approver = town.client("approver")
    page = approver.get(more).text
    assert "多要两份存档" in page
    assert f'href="{first}"' in page
    # The same papers come along.
    assert f"{more}/papers/" in page
    assert approver.post(f"{more}/approve", data={"version": "1"}).status_code in (303, 422)
    view = made.web.reader.get(made.people["approver"], more.rsplit("/", 1)[-1])
    assert (view.row.stamps, view.extends_id) == (2, made.day.granted)
    # Who may not ask for a seal there is not offered it.
    assert "还要多盖几个" not in town.client("approver").get(first).text


def test_more_stamps_than_a_matter_allows_are_put_right_where_applications_are_filled_in(
    town: Town,
) -> None:
    made, applicant = town.made, town.client("applicant")
    first = f"/applications/{made.day.granted}"
    answer = applicant.post(f"{first}/more", data={"stamps": "60", "reason": "发给各家"})
    assert str(answer.headers["location"]).endswith("/edit?tried=1")
    page = applicant.get(answer.headers["location"]).text
    assert "发给各家" in page
    assert 'class="wrong"' in page


def test_a_signature_that_is_none_is_refused_beside_the_buttons(shared_town: Town) -> None:
    address = f"/applications/{shared_town.made.day.waiting}"
    approver = shared_town.client("approver")
    made = shared_town.made
    view = made.web.reader.get(made.people["approver"], made.day.waiting)
    parts = {"authenticator_data": "AAAA", "client_data": "AAAA", "key": "nobody"}
    sent = {"version": str(view.row.version), "value": "AAAA", **parts}
    answer = approver.post(f"{address}/approve", data=sent)
    assert answer.status_code == 422
    assert "这把签名密钥不是您登记的" in answer.text
    assert approver.post(f"{address}/approve", data=sent | {"value": "!!"}).status_code == 422
    assert "同意并签名" not in approver.get(address).text
    keys = shared_town.client("applicant").post("/me/keys/nobody/revoke", data={"reason": "换了"})
    assert keys.status_code == 404


def test_somebody_stands_in_and_it_is_taken_back(town: Town) -> None:
    approver = town.client("approver")
    to = town.made.people["operator"].person_id
    page = approver.get("/away").text
    assert "赵水根" in page
    assert "王芳" not in page, "who keeps the seal does not approve (C26)"
    assert approver.post("/away", data={"to": to, "until_at": ""}).status_code == 422
    sent = approver.post("/away", data={"to": to, "until_at": field(town, 72)})
    assert sent.status_code == 303
    page = approver.get("/away").text
    assert "赵水根代您审批" in page
    role_id = page.partition("/away/")[2].partition("/")[0]
    assert town.client("stranger").post(f"/away/{role_id}/end").status_code == 404
    assert approver.post(f"/away/{role_id}/end").status_code == 303
    assert "赵水根代您审批" not in approver.get("/away").text


def test_pieces_over_http_make_a_paper(town: Town) -> None:
    client, data = town.client("applicant"), long_pdf()
    base = f"/applications/{town.made.day.draft}/papers/pieces"
    query = {"digest": hashlib.sha256(data).hexdigest(), "size": len(data), "name": "合同.pdf"}
    told = client.get(base, params=query).json()
    assert told == {"held": [], "pieces": -(-len(data) // PIECE_BYTES), "bytes": PIECE_BYTES}
    for position in range(told["pieces"]):
        piece = data[position * PIECE_BYTES : (position + 1) * PIECE_BYTES]
        answer = client.post(base, params=query | {"position": position}, content=piece)
        assert answer.status_code == 200
    assert "合同.pdf" in unquote(answer.text)
    too_long = client.post(base, params=query | {"position": 0}, content=bytes(PIECE_BYTES * 2))
    assert too_long.status_code == 413
    assert town.client("approver").get(base, params=query).status_code == 404


def test_what_changes_of_an_application_comes_without_its_papers(town: Town) -> None:
    approver, waiting = town.client("approver"), town.made.day.waiting
    state = approver.get(f"/applications/{waiting}/state").text
    assert "同意" in state
    assert "<img" not in state
    assert "application-said" not in state
    version = state.partition('name="version" value="')[2].partition('"')[0]
    answer = approver.post(
        f"/applications/{waiting}/approve",
        data={"version": version},
        headers={"hx-request": "true"},
    )
    assert answer.status_code == 200
    assert "已同意" in answer.text
    assert len(answer.content) < 6000


def test_push_goes_to_ones_own_browser_over_https_only(town: Town) -> None:
    client, made = town.client("approver"), town.made
    device = {"endpoint": "https://fcm.googleapis.com/x", "p256dh": "p", "auth": "a"}
    assert client.post("/inbox/push", data=device | {"endpoint": "http://x"}).status_code == 404
    assert client.post("/inbox/push", data=device).status_code == 303
    with made.world.db.read() as conn:
        assert list(push.devices(conn, made.people["approver"].person_id)) == [device]
    # Somebody else's endpoint is not theirs to switch off.
    off = {"endpoint": device["endpoint"]}
    assert town.client("applicant").post("/inbox/push/off", data=off).status_code == 303
    with made.world.db.read() as conn:
        assert len(push.devices(conn, made.people["approver"].person_id)) == 1
    assert client.post("/inbox/push/off", data=off).status_code == 303
    with made.world.db.read() as conn:
        assert list(push.devices(conn, made.people["approver"].person_id)) == []


def test_what_is_handed_in_just_as_it_was_saved_needs_no_newer_version(town: Town) -> None:
    applicant = town.client("applicant")
    address = f"/applications/{town.made.day.draft}/edit"
    page = applicant.get(address).text
    (version,) = re.findall(r'id="version" name="version" value="(\d+)"', page)
    form = {"version": version, "title": "居住情况说明", "purpose": "子女入学"}
    # The page is left, and loaded anew, while its save is on its way.
    assert "wrong" not in applicant.post(address, data=form, headers={"HX-Request": "true"}).text
    # Whoever writes something else meanwhile is told.
    other = form | {"purpose": "贷款", "then": "submit"}
    assert applicant.post(address, data=other).status_code == 422
    answer = applicant.post(address, data=form | {"then": "submit"})
    assert answer.headers["location"].endswith("?done=submit"), answer.text
