"""The committee's handling of alerts on each database: many at once, proof, what is kept quiet."""

from typing import Any

from sqlalchemy import select, update

from backend.store.tables import alert, case_evidence, picture, suppression
from tests.integration.backend.web.conftest import Town
from tests.support.web_world import paper


def open_ids(town: Town) -> list[str]:
    with town.made.world.db.read() as conn:
        query = select(alert.c.id).where(alert.c.closed_at.is_(None)).order_by(alert.c.code)
        return list(conn.execute(query).scalars())


def row(town: Town, alert_id: str) -> Any:
    with town.made.world.db.read() as conn:
        return conn.execute(select(alert).where(alert.c.id == alert_id)).one()


def test_one_step_with_many_says_of_each_what_became_of_it(town: Town) -> None:
    client, (first, second) = town.client("town"), open_ids(town)
    client.post(f"/alerts/{first}/acknowledge")
    answer = client.post("/alerts/bulk", data={"action": "acknowledge", "ids": [first, second]})
    assert answer.status_code == 200
    assert "办好1条，没办成1条" in answer.text
    assert "不能这样操作" in answer.text
    assert row(town, second).stage == "acknowledged"
    done = client.post(
        "/alerts/bulk",
        data={"action": "false_alarm", "ids": [first, second], "text": "演练", "days": "7"},
    )
    assert "办好2条，没办成0条" in done.text
    assert {row(town, one).stage for one in (first, second)} == {"false_alarm"}
    kinds = [one.kind for one in town.made.world.records("alert.false_alarm")]
    assert len(kinds) == 2


def test_each_of_many_needs_what_one_needs(town: Town) -> None:
    client, ids = town.client("town"), open_ids(town)
    answer = client.post("/alerts/bulk", data={"action": "close", "ids": ids, "text": ""})
    assert "办好0条，没办成2条" in answer.text
    assert client.post("/alerts/bulk", data={"action": "close", "text": "好"}).status_code == 422
    assert client.post("/alerts/bulk", data={"action": "erase", "ids": ids}).status_code == 422


def test_promise_6_many_at_once_reach_no_other_branch(town: Town) -> None:
    ids = open_ids(town)
    answer = town.client("stranger").post(
        "/alerts/bulk", data={"action": "acknowledge", "ids": ids}
    )
    assert "柳塘村" not in answer.text
    assert {row(town, one).stage for one in ids} == {"new"}


def test_a_false_alarm_teaches_for_a_while_and_can_be_taken_back(town: Town) -> None:
    client, case = town.client("town"), town.made.day.alert
    client.post(f"/alerts/{case}/false-alarm", data={"text": "维修调试", "days": "7"})
    page = client.get("/suppressions").text
    assert "维修调试" in page
    with town.made.world.db.read() as conn:
        kept = conn.execute(select(suppression)).one()
    assert kept.expires_at - kept.created_at == 7 * 86_400_000
    assert town.client("district").get("/suppressions").text.count("维修调试") == 1
    for other in ("stranger", "approver"):
        stranger = town.client(other)
        assert stranger.get("/suppressions").status_code == 403
        assert stranger.post(f"/suppressions/{kept.id}/end").status_code == 403
    assert client.post(f"/suppressions/{kept.id}/end").status_code == 303
    assert "维修调试" not in client.get("/suppressions").text
    with town.made.world.db.read() as conn:
        assert conn.execute(select(suppression)).one().id == kept.id


def test_proof_is_uploaded_by_whoever_handles_the_case_and_by_nobody_else(town: Town) -> None:
    client, case, photo = town.client("town"), town.made.day.alert, paper("整改", 4)
    files = {"file": ("收回.jpg", photo, "image/jpeg")}
    answer = client.post(f"/alerts/{case}/evidence", files=files, data={"name": ""})
    assert answer.status_code == 303
    page = client.get(f"/alerts/{case}").text
    assert "收回.jpg" in page
    with town.made.world.db.read() as conn:
        proof = conn.execute(select(case_evidence)).one()
        kept = conn.execute(select(picture).where(picture.c.id == proof.picture_id)).one()
    assert kept.kind == "evidence"
    assert f'src="/pictures/{kept.id}' not in page
    client.post("/review", data={"reason": "核对整改"})
    assert f'src="/pictures/{kept.id}' in client.get(f"/alerts/{case}").text
    shown = client.get(client.get(f"/alerts/{case}").text.split('<img src="')[1].split('"')[0])
    assert shown.headers["content-type"] == "image/jpeg"
    script = {"file": ("x.jpg", b"<script>", "image/jpeg")}
    assert client.post(f"/alerts/{case}/evidence", files=script).status_code == 422
    assert town.client("approver").post(f"/alerts/{case}/evidence", files=files).status_code in (
        403,
        422,
    )
    assert town.client("stranger").post(f"/alerts/{case}/evidence", files=files).status_code == 404
    with town.made.world.db.read() as conn:
        assert len(conn.execute(select(case_evidence)).all()) == 1


def test_promise_5_the_two_pictures_are_placeholders_until_a_reason_is_stated(town: Town) -> None:
    client = town.client("town")
    with town.made.world.db.read() as conn:
        case = conn.execute(select(alert.c.id).where(alert.c.code == "C10")).scalar_one()
    page = client.get(f"/alerts/{case}").text
    assert page.count("<figure>") == 2
    assert "没有这张图片" in page
    assert "说明事由后可看" in page
    assert "<img" not in page
    client.post("/review", data={"reason": "核对人脸"})
    assert client.get(f"/alerts/{case}").text.count("<img") == 1


def test_how_far_up_it_went_is_seen(town: Town) -> None:
    case = town.made.day.alert
    with town.made.world.db.write() as conn:
        conn.execute(update(alert).where(alert.c.id == case).values(escalation=2))
    client = town.client("town")
    for address in ("/alerts", f"/alerts/{case}"):
        assert "无人处理，已上报2次" in client.get(address).text


def test_deadlines_and_days_narrow_the_list(town: Town) -> None:
    case, now = town.made.day.alert, town.made.world.clock()
    with town.made.world.db.write() as conn:
        conn.execute(update(alert).where(alert.c.id == case).values(due_at=now - 1))
    client = town.client("town")

    def shown(query: str) -> int:
        return int(client.get(f"/alerts?{query}").text.count('class="tick-row'))

    assert shown("due=over") == 1
    assert shown("due=soon") == 0
    assert shown("from=2026-09-22&until=2026-09-22") == 2
    assert shown("until=2026-09-21") == 0
    assert shown("seal=seal-330109103201-cooperative") == 1
