"""Enrolling a face from a page: consent first, word for word; withdrawn, it is gone."""

from sqlalchemy import select

from backend.store.tables import consent, face_template
from tests.support.web_world import PASSWORD, portrait
from tests.unit.backend.web.conftest import Town


def upload(count: int) -> list[tuple[str, tuple[str, bytes, str]]]:
    return [("pictures", (f"{seed}.jpg", portrait(seed), "image/jpeg")) for seed in range(count)]


def test_consent_then_pictures_then_withdrawal(town: Town) -> None:
    client, person = town.client("custodian"), town.made.people["operator"].person_id
    base = f"/faces/{person}"
    page = client.get(base).text
    assert "谁来处理：柳塘村。" in page
    assert 'id="camera"' not in page
    look = {"picture": ("f.jpg", portrait(1), "image/jpeg")}
    assert client.post(f"{base}/look", files=look).status_code == 422  # no consent yet
    assert client.post(f"{base}/consent", data={}).status_code == 422
    assert client.post(f"{base}/consent", data={"agreed": "yes"}).status_code == 303
    with town.made.world.db.read() as conn:
        kept = conn.execute(select(consent)).one()
    assert kept.wording.startswith("同意登记人脸\n谁来处理：柳塘村。")
    assert kept.recorded_by == town.made.people["custodian"].person_id
    assert 'id="camera"' in client.get(base).text
    assert client.post(f"{base}/look", files=look).json() == {"good": True, "words": ""}

    refused = client.post(f"{base}/pictures", files=upload(2))
    assert refused.status_code == 422
    assert client.post(f"{base}/pictures", files=upload(3)).status_code == 303
    assert "已登记人脸（3张照片，照片没有保存）。" in client.get(base).text
    assert client.post(f"{base}/withdraw").status_code == 303
    with town.made.world.db.read() as conn:
        assert [bytes(one.sealed) for one in conn.execute(select(face_template))] == [b""]
    kinds = [one.kind for one in town.made.world.records() if one.kind.startswith(("co", "face"))]
    assert kinds == ["consent.given", "face.enrolled", "consent.withdrawn", "face.retired"]


def test_the_pin_is_the_other_way(town: Town) -> None:
    client, me = town.client("applicant"), town.made.people["applicant"].person_id
    page = client.get(f"/faces/{me}").text
    assert "不登记人脸：用PIN加见证人" in page
    wrong = client.post(f"/faces/{me}/pin", data={"pin": "274913", "password": "x"})
    assert wrong.status_code == 422
    done = client.post(f"/faces/{me}/pin", data={"pin": "274913", "password": PASSWORD})
    assert done.status_code == 303
    assert "已设PIN。" in client.get(f"/faces/{me}").text


def test_promise_6_no_face_page_of_another_branch(shared_town: Town) -> None:
    client, person = (
        shared_town.client("stranger"),
        shared_town.made.people["operator"].person_id,
    )
    assert client.get(f"/faces/{person}").status_code == 404
    for what in ("consent", "withdraw", "pin"):
        answer = client.post(f"/faces/{person}/{what}", data={"agreed": "yes", "pin": "274913"})
        assert answer.status_code == 404
    look = {"picture": ("f.jpg", portrait(1), "image/jpeg")}
    assert client.post(f"/faces/{person}/look", files=look).status_code == 404
    # A colleague of the village without the office sees that there is one, and changes nothing.
    colleague = shared_town.client("applicant")
    answer = colleague.post(f"/faces/{person}/consent", data={"agreed": "yes"})
    assert answer.status_code in (404, 422)
