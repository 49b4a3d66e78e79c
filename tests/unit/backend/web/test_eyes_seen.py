"""What the eyes saw, on the page of its use."""

from html import escape
from typing import Any
from urllib.parse import urlencode

import pytest

from backend.domain.record import Record
from backend.store.pictures import PictureStore
from backend.store.tables import alert, look, picture, seal, seal_use
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town


def look_at(town: Town, use: str, kind: str, finding: str, **result: Any) -> int:
    """A verdict on ``use``; the number of its record."""
    made = town.made
    world = made.world
    now = world.clock()
    data = {"press": 1, "finding": finding, "marks": [], "reasons": result.get("reasons", [])}
    with world.db.write() as conn:
        one = Record(f"{kind}.checked", VILLAGE, now, now, use_id=use, data=data)
        seq = world.context.journal.append(conn, [one])[0].seq
        conn.execute(
            look.insert(),
            {
                "id": f"look-{seq}",
                "kind": kind,
                "org_path": VILLAGE,
                "use_id": use,
                "press": 1,
                "state": "done",
                "input": {},
                "result": {"marks": [], "reasons": [], "crops": [], **result},
                "finding": finding,
                "seq": seq,
                "created_at": now,
                "attempts": 1,
            },
        )
    return seq


ALTERED = [
    {
        "kind": "changed",
        "approved": "伍万元整",
        "found": "伍拾万元整",
        "page": 0,
        "box": [0, 0, 1, 1],
    }
]


def test_both_words_and_both_places_are_shown_and_the_places_only_with_a_reason(town: Town) -> None:
    use = town.made.day.finished
    names = [town.made.world.context.new_id() for _ in range(2)]
    store = PictureStore(town.made.world.ring)
    with town.made.world.db.write() as conn:
        for name in names:
            store.put(
                conn,
                name,
                b"png",
                org_path=VILLAGE,
                kind="crop",
                mime="image/png",
                now=town.made.world.clock(),
                use_id=use,
            )
    look_at(town, use, "page", "altered", marks=ALTERED, crops=[names])
    page = str(town.client("town").get(f"/uses/{use}").text)
    for words in ("与审批的文件有不同", "伍万元整", "伍拾万元整", "核对得对吗"):
        assert words in page
    assert f'id="pic-{names[0]}"' in page
    assert f"/pictures/{names[0]}" not in page  # promise 5: a placeholder until the reason is given


@pytest.mark.parametrize(
    ("kind", "finding", "words"),
    [
        ("page", "same", "与审批的文件一致"),
        ("page", "blank", "是空白纸"),
        ("imprint", "other_seal", "是本村另一枚印章"),
        ("imprint", "right", "一枚印迹，是批准的印章"),
    ],
)
def test_a_finding_is_said_in_words(town: Town, kind: str, finding: str, words: str) -> None:
    use = town.made.day.finished
    look_at(town, use, kind, finding)
    assert words in town.client("town").get(f"/uses/{use}").text


def test_a_reviewer_overrides_a_verdict_with_a_reason(town: Town) -> None:
    use = town.made.day.finished
    seq = look_at(town, use, "page", "altered", marks=ALTERED)
    client = town.client("town")
    answer = client.post(f"/uses/{use}/opinion", data={"seq": seq, "agrees": "false", "reason": ""})
    assert answer.status_code >= 400  # an override says why
    answer = client.post(
        f"/uses/{use}/opinion", data={"seq": seq, "agrees": "false", "reason": "只是折痕"}
    )
    assert answer.headers["location"] == f"/uses/{use}#seq-{seq}"
    page = str(client.get(f"/uses/{use}").text)
    assert "已人工更正：只是折痕" in page


def raise_alert(town: Town, code: str, use: str) -> str:
    """An alert about ``use``; its id."""
    new = town.made.world.context.new_id()
    with town.made.world.db.write() as conn:
        about = conn.execute(seal_use.select().where(seal_use.c.id == use)).one()
        conn.execute(
            alert.insert(),
            {
                "id": new,
                "code": code,
                "dedupe": f"{code}:{use}",
                "org_path": about.org_path,
                "severity": "critical",
                "active": True,
                "stage": "new",
                "device": about.device_id,
                "seal": about.seal_id,
                "application": about.application_id,
                "use_id": use,
                "seq": 1,
                "last_seq": 1,
                "data": {},
                "happened_at": 1,
                "raised_at": 1,
                "updated_at": 1,
            },
        )
    return new


def test_an_alert_shows_what_was_seen_and_nothing_that_it_is_not_about(town: Town) -> None:
    use = town.made.day.finished
    seq = look_at(town, use, "page", "altered", marks=ALTERED)
    look_at(town, use, "imprint", "right")
    look_at(town, use, "page", "retake", reasons=["dark"])
    page = town.client("town").get(f"/alerts/{raise_alert(town, 'C5', use)}").text
    assert "核对结果" in page
    assert "伍拾万元整" in page
    assert page.count("核对得对吗") == 1
    assert f'name="seq" value="{seq}"' in page
    assert "光线太暗" not in page


@pytest.mark.parametrize(
    ("code", "finding", "label"), [("C3", "another", "不同"), ("C6", "blank", "缺少")]
)
def test_both_pages_stand_whole_beside_each_other_and_the_photographs_below(
    town: Town, code: str, finding: str, label: str
) -> None:
    use = town.made.day.finished
    kind = "changed" if finding == "another" else "missing"
    found = "借款担保书" if finding == "another" else ""
    marks = [{"kind": kind, "approved": "居住证明", "found": found, "page": 0, "box": [0, 0, 1, 1]}]
    look_at(town, use, "page", finding, marks=marks, crops=[[None, None]])
    page = town.client("town").get(f"/alerts/{raise_alert(town, code, use)}").text
    assert '<div class="two-pics pages">' in page
    assert f">{label}</span>" in page
    assert "居住证明" in page
    assert found in page
    assert page.count("看整张照片") == 1
    assert page.index("核对结果") < page.index("看整张照片")


def test_an_approved_pdf_is_not_asked_for_as_a_picture(town: Town) -> None:
    use = town.made.day.finished
    address = f"/alerts/{raise_alert(town, 'C3', use)}"
    assert "没有这张图片" not in town.client("town").get(address).text
    with town.made.world.db.write() as conn:
        conn.execute(
            picture.update().where(picture.c.kind == "document").values(mime="application/pdf")
        )
    assert "没有这张图片" in town.client("town").get(address).text


def test_an_alert_about_a_face_shows_no_verdict_on_papers(town: Town) -> None:
    use = town.made.day.finished
    look_at(town, use, "page", "altered", marks=ALTERED)
    page = town.client("town").get(f"/alerts/{raise_alert(town, 'C10', use)}").text
    assert "核对结果" not in page


def test_whose_imprint_it_is_is_said_and_its_pictures_are_before_and_after(town: Town) -> None:
    use, world = town.made.day.finished, town.made.world
    with world.db.read() as conn:
        other = conn.execute(seal.select().where(seal.c.kind == "party")).first()
    assert other is not None
    look_at(
        town,
        use,
        "imprint",
        "other_seal",
        imprints=[{"seal": other.id}, {"seal": None}],
        crops=[[None, None]],
    )
    for address in (f"/uses/{use}", f"/alerts/{raise_alert(town, 'C8', use)}"):
        page = town.client("town").get(address).text
        assert f"印迹像是“{other.name}”" in page
        assert [page.count(f">{one}</figcaption>") for one in ("盖章前", "盖章后", "审批件")] == [
            1,
            1,
            0,
        ]


def test_promise_6_a_stranger_gives_no_opinion(town: Town) -> None:
    use = town.made.day.finished
    seq = look_at(town, use, "page", "altered")
    answer = town.client("stranger").post(
        f"/uses/{use}/opinion", data={"seq": seq, "agrees": "true"}
    )
    assert answer.status_code in (403, 404)
    assert town.made.world.records("eyes.reviewed") == []


def test_after_an_opinion_or_a_question_one_goes_on_in_the_same_filter(town: Town) -> None:
    use, client = town.made.day.finished, town.client("town")
    seq = look_at(town, use, "page", "altered", marks=ALTERED)
    kept = "org=%2F330109%2F330109103%2F&only=alerted"
    asked = urlencode({"in": kept})
    page = client.get(f"/uses/{use}?{asked}").text
    hidden = f'<input type="hidden" name="in" value="{escape(kept)}">'
    assert page.count(hidden) >= 1
    sent = {"seq": seq, "agrees": "true", "in": kept}
    answer = client.post(f"/uses/{use}/opinion", data=sent)
    assert answer.headers["location"] == f"/uses/{use}?{asked}#seq-{seq}"
    answer = town.client("operator").post(
        f"/uses/{use}/question", data={"reason": "当天我不在", "in": kept}
    )
    assert answer.headers["location"] == f"/uses/{use}?questioned=1&{asked}#story"
    # What is no filter is left away.
    answer = client.post(f"/uses/{use}/opinion", data=sent | {"in": "//elsewhere"})
    assert answer.headers["location"] == f"/uses/{use}#seq-{seq}"
