"""The usage log's page and the way from use to use."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest

from backend.ledger.verify import verify
from tests.support.world import OTHER_VILLAGE, VILLAGE
from tests.unit.backend.web.conftest import Town


def text(town: Town, who: str, address: str) -> str:
    answer = town.client(who).get(address)
    assert answer.status_code == 200, answer.text[:400]
    return unescape(answer.text)


def titles(page: str) -> list[str]:
    return re.findall(r'<td class="main"><a [^>]*>([^<]+)</a>', page)


def test_a_word_of_two_characters_is_found_and_one_character_says_why_not(
    shared_town: Town,
) -> None:
    assert "居住情况说明" in titles(text(shared_town, "town", "/uses?q=" + quote("住情")))
    assert titles(text(shared_town, "town", "/uses?q=" + quote("极昼"))) == []
    short = text(shared_town, "town", "/uses?q=" + quote("居"))
    assert "太短" in short
    assert 'aria-invalid="true"' in short


def test_filters_of_the_address_narrow_the_log_and_stay_in_it(shared_town: Town) -> None:
    day = shared_town.made.day
    every = text(shared_town, "town", "/uses")
    cheated = text(shared_town, "town", "/uses?alert=C1&state=stopped")
    assert f"/uses/{day.cheated}" in cheated or f"/uses/{day.cheated}" in every
    assert f"/uses/{day.finished}" in every
    assert f'"/uses/{day.finished}' not in text(shared_town, "town", "/uses?state=mismatch")
    kept = text(shared_town, "town", "/uses?only=unreviewed&from=2020-01-01")
    assert "in=only%3Dunreviewed" in kept or "in=from%3D2020-01-01%26only%3Dunreviewed" in kept


def test_promise_6_the_choices_name_no_seal_and_nobody_of_another_branch(
    shared_town: Town,
) -> None:
    own = text(shared_town, "town", f"/uses?org={VILLAGE}")
    assert "村民委员会章" in own
    person = shared_town.made.people["applicant"].person_id
    for address in (f"/uses?org={VILLAGE}", f"/uses?person={person}", "/uses?state=done"):
        page = text(shared_town, "stranger", address)
        assert "柳塘村" not in page
        assert "孔" not in re.sub(r"<option.*?</option>", "", page)
        assert titles(page) == []


def test_views_are_kept_by_person_replaced_by_name_and_forgotten(town: Town) -> None:
    client = town.client("town")
    query = "q=" + quote("居住") + "&only=unreviewed&evil=1"
    made = client.post("/uses/views", data={"name": " 没看的  居住 ", "query": query})
    assert made.status_code == 303
    assert "evil" not in made.headers["location"]
    page = text(town, "town", made.headers["location"])
    assert "没看的 居住" in page
    assert 'aria-current="page"' in page
    client.post("/uses/views", data={"name": "没看的 居住", "query": "only=alerted"})
    views = re.findall(r'action="/uses/views/([^/]+)/delete"', text(town, "town", "/uses"))
    assert len(views) == 1
    assert "没看的" not in text(town, "custodian", "/uses")
    assert town.client("custodian").post(f"/uses/views/{views[0]}/delete").status_code == 404
    assert client.post(f"/uses/views/{views[0]}/delete").status_code == 303
    assert "没看的" not in text(town, "town", "/uses")
    assert client.post("/uses/views", data={"name": " ", "query": ""}).status_code in (400, 422)


def test_several_are_marked_at_once_and_what_may_not_be_stays(town: Town) -> None:
    day = town.made.day
    data = {
        "use": [day.finished, day.cheated, "nowhere"],
        "remarks": "已看",
        "back": "only=unreviewed",
    }
    client = town.client("town")
    answer = client.post("/uses/reviewed", data=data)
    assert answer.headers["location"] == "/uses?only=unreviewed&marked=2"
    assert client.post("/uses/reviewed", data=data).headers["location"].endswith("marked=0")
    page = text(town, "town", "/uses?only=unreviewed")
    assert f"/uses/{day.finished}" not in page
    records = town.made.world.records("use.reviewed")
    assert {one.use_id for one in records} == {day.finished, day.cheated}
    stranger = town.client("stranger").post("/uses/reviewed", data=data)
    assert "marked=0" in stranger.headers["location"]


def test_from_one_use_to_the_next_within_the_filter(town: Town) -> None:
    listed = re.findall(r'data-use="/uses/([^"?]+)', text(town, "town", "/uses"))
    assert len(listed) >= 3
    middle = text(town, "town", f"/uses/{listed[1]}")
    assert f'data-newer="/uses/{listed[0]}"' in middle
    assert f'data-older="/uses/{listed[2]}"' in middle
    inside = "in=" + quote("state=done")
    narrowed = text(town, "town", f"/uses/{listed[1]}?{inside}")
    assert 'data-back="/uses?state=done"' in narrowed
    done = town.client("town").post(
        f"/uses/{listed[0]}/reviewed", data={"remarks": "已看", "next": f"/uses/{listed[1]}"}
    )
    assert done.headers["location"] == f"/uses/{listed[1]}"
    away = town.client("town").post(
        f"/uses/{listed[1]}/reviewed", data={"remarks": "已看", "next": "//elsewhere"}
    )
    assert away.headers["location"] == f"/uses/{listed[1]}"


def test_promise_5_what_is_compared_are_placeholders_until_a_reason_is_stated(town: Town) -> None:
    address = f"/uses/{town.made.day.finished}"
    before = text(town, "town", address)
    assert "对照" in before
    assert "<img" not in before
    assert town.made.world.records("picture.viewed") == []
    town.client("town").post("/review", data={"reason": "日常巡查", "back": address})
    after = text(town, "town", address)
    shown = re.findall(r'<img src="(/pictures/[^"]+)"', after)
    assert len(shown) >= 3
    assert town.client("town").get(shown[0]).status_code == 200
    (look,) = town.made.world.records("picture.viewed")
    assert look.data["reason"] == "日常巡查"


def test_stating_the_reason_keeps_the_filter_that_one_came_with(town: Town) -> None:
    within = urlencode({"q": "居住情况说明" * 8, "state": "done"})
    address = f"/uses/{town.made.day.finished}?" + urlencode({"in": within})
    form = re.search(
        r'action="/review">\s*<input [^>]*name="back" value="([^"]+)"', text(town, "town", address)
    )
    assert form is not None
    stated = town.client("town").post("/review", data={"reason": "日常巡查", "back": form[1]})
    assert stated.headers["location"] == address
    after = text(town, "town", stated.headers["location"])
    assert f'data-back="/uses?{within}"' in after
    assert "正在查阅图片" in after


def test_promise_4_the_proof_of_a_use_is_verified_by_a_stranger(town: Town, tmp_path: Path) -> None:
    world, use_id = town.made.world, town.made.day.finished
    client = town.client("town")
    assert client.get(f"/uses/{use_id}/proof.zip").status_code == 409
    with world.db.write() as conn:
        world.log.sign_checkpoint(conn, world.ring.log_signer(world.log.origin), world.clock())
    assert "下载证明" in client.get(f"/uses/{use_id}").text
    answer = client.get(f"/uses/{use_id}/proof.zip")
    assert answer.headers["content-type"] == "application/zip"
    file = tmp_path / "proof.zip"
    file.write_bytes(answer.content)
    report = verify(file, log_keys=world.ring.log_keys(world.log.origin))
    problems = {one.code for one in report.findings if one.level == "problem"}
    assert problems <= {"evidence_missing"}, report  # no sleeve signed the events of this town
    (taken,) = world.records("export.made")
    assert taken.data["use"] == use_id


@pytest.mark.parametrize("who", ["stranger", "custodian", "applicant"])
def test_promise_6_nobody_else_takes_the_proof(shared_town: Town, who: str) -> None:
    address = f"/uses/{shared_town.made.day.finished}/proof.zip"
    assert shared_town.client(who).get(address).status_code == 404


def test_the_other_village_is_a_branch_of_the_same_town(shared_town: Town) -> None:
    page = text(shared_town, "town", f"/uses?org={OTHER_VILLAGE}")
    assert "柳塘村</td>" not in page
