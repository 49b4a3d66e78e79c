"""The pages for everybody hold nothing of anybody."""

import re

from tests.unit.backend.web.conftest import Town

VILLAGE = "330109103201"
PEOPLE = ("王芳", "李建国", "陈小红", "赵水根", "孔阿毛")


def test_the_slip_leads_to_an_answer_without_names_once_the_village_allows_it(town: Town) -> None:
    admin, guest, use = town.client("admin"), town.guest(), town.made.day.finished
    slip = town.client("custodian").get(f"/uses/{use}/slip").text
    (code,) = re.findall(r"<code>([0-9A-Z-]{24})</code>", slip)
    assert "<svg" in slip
    assert "还没有开通对外查询" in slip
    assert guest.get(f"/public/{VILLAGE}").status_code == 404
    assert "没有查到" in guest.get(f"/public/check?c={code}").text

    settings = {"name": "柳塘村", "public_page": "yes"}
    assert admin.post(f"/admin/orgs/{VILLAGE}/settings", data=settings).status_code == 303
    answer = guest.get(f"/public/check?c={code}")
    assert "登记在册，经过审批" in answer.text
    assert "柳塘村" in answer.text
    month = guest.get(f"/public/{VILLAGE}")
    assert month.status_code == 200
    assert "村(居)委会章" in month.text
    for text in (answer.text, month.text):
        assert not [name for name in PEOPLE if name in text]
        assert "困难补助" not in text  # the title of a paper may name somebody
        assert "SL-" not in text
    assert answer.headers["cache-control"] == "no-store"
    assert guest.get(f"/public/{VILLAGE}?month=2026-13").status_code == 200
    assert guest.get(f"/public/{VILLAGE}?month=2026-08").text.count("这个月没有用印") == 1


def test_guessing_is_slowed_down(town: Town) -> None:
    guest = town.guest()
    answers = [guest.get(f"/public/check?c=guess{place}").status_code for place in range(22)]
    assert answers[:20] == [200] * 20
    assert answers[-1] == 429


def test_promise_6_a_slip_of_another_branch_does_not_exist(shared_town: Town) -> None:
    use = shared_town.made.day.finished
    assert shared_town.client("stranger").get(f"/uses/{use}/slip").status_code == 404
    assert shared_town.guest().get(f"/uses/{use}/slip").status_code == 303
