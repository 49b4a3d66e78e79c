"""What pages promise whoever opens them, without a browser."""

import gzip
import re
from html.parser import HTMLParser

import pytest
from fastapi.testclient import TestClient

from backend.api.deps import undeclared
from tests.support.web_pages import PAGES, fill
from tests.support.web_world import PASSWORD
from tests.unit.backend.web.conftest import Town

ALL = [(who, address) for who, found in PAGES.items() for address in found]


class Inline(HTMLParser):
    """Collects what the content security policy would refuse, and what comes from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = dict(attrs)
        if tag == "style" or (tag == "script" and not names.get("src")):
            self.found.append(f"<{tag}>")
        self.found += [name for name in names if name == "style" or name.startswith("on")]
        for name in ("src", "href", "action"):
            value = names.get(name) or "/"
            if not value.startswith(("/", "#")) or value.startswith("//"):
                self.found.append(value)
        if names.get("id"):
            self.ids.append(str(names["id"]))


def open_page(town: Town, who: str, address: str) -> str:
    client = town.guest() if who == "guest" else town.client(who)
    answer = client.get(fill(address, town.made.day))
    assert answer.status_code == (404 if address == "/nowhere" else 200), answer.text[:500]
    return str(answer.text)


@pytest.mark.parametrize(("who", "address"), ALL)
def test_every_page_opens_with_nothing_inline_or_foreign_and_ids_once(
    shared_town: Town, who: str, address: str
) -> None:
    page = Inline()
    page.feed(open_page(shared_town, who, address))
    assert page.found == []
    assert len(page.ids) == len(set(page.ids)), sorted(page.ids)


def test_every_route_declares_who_may_come(shared_town: Town) -> None:
    assert undeclared(shared_town.made.app) == []


def test_promise_6_another_branch_finds_nothing(shared_town: Town) -> None:
    day, client = shared_town.made.day, shared_town.client("stranger")
    for address in (
        f"/uses/{day.finished}",
        f"/uses/{day.cheated}",
        f"/alerts/{day.alert}",
        f"/applications/{day.waiting}",
        f"/applications/{day.granted}/sleeve",
        f"/live/applications/{day.granted}?cursor=0",
        "/sleeves/SL-330109103201-committee",
        "/admin/orgs/330109103201",
    ):
        # A stream answers at once; what it may speak of is held by the query behind it.
        if address.startswith("/live/"):
            continue
        assert client.get(address).status_code == 404, address
    for address in ("/today", "/uses", "/alerts", "/sleeves", "/home", "/home/parts"):
        # What may be chosen from the catalogue is the same for everybody.
        text = re.sub(r"<option.*?</option>", "", client.get(address).text)
        assert "柳塘村" not in text, address
        assert "居住情况说明" not in text or address == "/apply", address


def test_promise_6_acting_on_another_branch_is_refused(shared_town: Town) -> None:
    day, client = shared_town.made.day, shared_town.client("stranger")
    for address, form in (
        (f"/applications/{day.waiting}/approve", {"version": "1"}),
        (f"/alerts/{day.alert}/acknowledge", {}),
        (f"/uses/{day.finished}/question", {"reason": "不该我管"}),
        ("/sleeves/SL-330109103201-committee/lock", {"reason": "不该我管"}),
        ("/admin/orgs/330109103201/people", {"name": "外人"}),
    ):
        assert client.post(address, data=form).status_code in (403, 404), address


def test_promise_5_no_picture_before_a_reason_and_a_record_first_after_it(town: Town) -> None:
    made, client = town.made, town.client("town")
    page = client.get(f"/uses/{made.day.finished}").text
    assert "<img" not in page
    assert "说明事由后可看" in page
    picture_id = re.findall(r'id="pic-([^"]+)"', page)[0]
    assert client.get(f"/pictures/{picture_id}").status_code == 422
    assert client.get(f"/pictures/{picture_id}?review=made-up").status_code == 404
    assert made.world.records("picture.viewed") == []

    assert client.post("/review", data={"reason": "日常巡查"}).status_code == 303
    page = client.get(f"/uses/{made.day.finished}").text
    source = re.findall(r'<img src="([^"]+)"', page)[0].replace("&amp;", "&")
    assert made.world.records("picture.viewed") == []
    shown = client.get(source)
    assert shown.headers["content-type"] == "image/jpeg"
    assert shown.headers["cache-control"] == "no-store"
    (seen,) = made.world.records("picture.viewed")
    assert seen.data["reason"] == "日常巡查"
    assert "日常巡查" in client.get(f"/uses/{made.day.finished}").text


def test_promise_5_somebody_elses_review_opens_nothing(town: Town) -> None:
    town.client("town").post("/review", data={"reason": "日常巡查"})
    (opened,) = town.made.world.records("review.opened")
    picture_id = re.findall(
        r'id="pic-([^"]+)"', town.client("district").get(f"/uses/{town.made.day.finished}").text
    )[0]
    address = f"/pictures/{picture_id}?review={opened.data['review']}"
    assert town.client("district").get(address).status_code == 404


def test_an_approver_who_read_the_papers_is_noted_and_the_look_is_on_record(town: Town) -> None:
    made, client = town.made, town.client("approver")
    page = client.get(f"/applications/{made.day.waiting}").text
    source = re.findall(r'<img src="([^"]+/1\.jpg)"', page)[0]
    assert client.get(source).status_code == 200
    (seen,) = made.world.records("picture.viewed")
    assert seen.data["reason"].startswith("审批 ZY-")
    version = re.findall(r'name="version" value="(\d+)"', page)[0]
    answer = client.post(f"/applications/{made.day.waiting}/approve", data={"version": version})
    assert answer.status_code == 303, answer.text
    done = client.get(answer.headers["location"]).text
    assert "已同意" in done
    assert "没有打开文件" not in done


def test_who_is_not_signed_in_is_led_to_the_door_and_back(shared_town: Town) -> None:
    client = shared_town.guest()
    answer = client.get("/uses?only=alerted")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/sign-in?next=/uses%3Fonly%3Dalerted"
    made = shared_town.made
    form = {"login": made.logins["town"], "password": "yinzhang-2026"}
    back = client.post("/sign-in", data=form | {"next": "/uses?only=alerted"})
    assert back.headers["location"] == "/uses?only=alerted"


@pytest.mark.parametrize("wanted", ["//evil.example", "https://evil.example", "/\\evil", ""])
def test_signing_in_leads_nowhere_else(shared_town: Town, wanted: str) -> None:
    form = {"login": shared_town.made.logins["town"], "password": "yinzhang-2026", "next": wanted}
    answer = shared_town.guest().post("/sign-in", data=form)
    assert answer.headers["location"] == "/"


def test_signing_in_from_another_site_is_refused(shared_town: Town) -> None:
    form = {"login": shared_town.made.logins["town"], "password": "yinzhang-2026"}
    answer = shared_town.guest().post(
        "/sign-in", data=form, headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"}
    )
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_wrong_password_says_so_and_keeps_the_login(shared_town: Town) -> None:
    answer = shared_town.guest().post("/sign-in", data={"login": "nobody", "password": "x" * 12})
    assert answer.status_code == 401
    assert "用户名或口令不正确" in answer.text
    assert 'value="nobody"' in answer.text


def test_errors_are_pages_in_the_readers_language_and_data_for_programs(shared_town: Town) -> None:
    page = shared_town.client("english").get("/uses/nothing")
    assert page.status_code == 404
    assert "no such use in your scope" in page.text
    data = shared_town.client("english").get("/uses/nothing", headers={"accept": "*/*"})
    assert data.headers["content-type"] == "application/problem+json"


def test_forbidden_certificates_say_why_and_where_to_go(shared_town: Town) -> None:
    text = shared_town.client("applicant").get("/apply?q=亲属").text
    assert "村社不能开的证明" in text
    assert "该去哪里" in text


def test_english_pages_speak_english(shared_town: Town) -> None:
    text = shared_town.client("english").get("/today").text
    assert '<html lang="en"' in text
    assert "Uses today" in text
    assert "今日用印" not in text


def test_files_are_kept_for_ever_under_their_digest_and_packed(shared_town: Town) -> None:
    client = shared_town.guest()
    address = re.findall(r'href="(/static/[^"]+app\.css)"', client.get("/sign-in").text)[0]
    answer = client.get(address)
    assert "immutable" in answer.headers["cache-control"]
    assert answer.headers["content-encoding"] == "gzip"
    stale = re.sub(r"/static/[^/]+/", "/static/000000000000/", address)
    assert "immutable" not in client.get(stale).headers["cache-control"]
    assert client.get("/static/x/../../site.py").status_code == 404
    assert client.get("/static/x/vendor/fonts/NotoSerifSC-Bold.ttf").status_code == 404


def transferred(client: TestClient, address: str) -> int:
    """Bytes of the page with everything that it loads, as they are sent."""
    page = client.get(address)
    total = len(gzip.compress(page.content, 5))
    for source in set(re.findall(r'(?:src|href)="(/static/[^"#]+)', page.text)):
        answer = client.get(source)
        packed = answer.headers.get("content-encoding") == "gzip"
        total += len(gzip.compress(answer.content, 9) if packed else answer.content)
    return total


def test_the_phones_home_is_at_most_60_kb(shared_town: Town) -> None:
    size = transferred(shared_town.client("approver"), "/home")
    assert size <= 60_000, size


def test_today_may_not_be_framed_and_loads_only_ours(shared_town: Town) -> None:
    policy = shared_town.client("town").get("/today").headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy


def test_wishes_are_kept_and_a_wrong_one_is_said(town: Town) -> None:
    client = town.client("applicant")
    form = {
        "channel": ["sms", ""],
        "address": ["13800000000", ""],
        "quiet_from": "21:30",
        "quiet_until": "06:30",
        "wanted": ["use_finished"],
    }
    assert client.post("/inbox/preferences", data=form).status_code == 303
    page = client.get("/inbox/preferences").text
    assert 'value="21:30"' in page
    assert '<option value="sms" selected>' in page
    assert page.count(" checked>") == 1
    assert client.post("/inbox/test").status_code == 303
    wrong = client.post("/inbox/preferences", data=form | {"quiet_from": "25:00"})
    assert wrong.status_code == 422
    assert "22:00" in wrong.text


def test_notices_are_marked_read_on_every_device(town: Town) -> None:
    first, second = town.client("applicant"), town.guest()
    login = {"login": town.made.logins["applicant"], "password": PASSWORD}
    second.post("/sign-in", data=login)
    notice = re.findall(r'href="(/inbox/[0-9a-f-]{36})"', first.get("/inbox").text)[0]
    assert first.get(notice).headers["location"] == f"/uses/{town.made.day.finished}"
    assert "1条未读" in second.get("/home").text
    second.post("/inbox/read")
    assert "条未读" not in first.get("/home").text
    assert town.client("town").get(notice).status_code == 404


def test_administration_enters_people_seals_and_terms_and_says_why_not(town: Town) -> None:
    client, base = town.client("admin"), "/admin/orgs/330109103201"
    new = {"name": "丁桂花", "login": "dingguihua", "phone": ""}
    assert client.post(f"{base}/people", data=new).status_code == 303
    again = client.post(f"{base}/people", data=new)
    assert again.status_code in (409, 422)
    assert "丁桂花" in again.text
    person = re.findall(r'<option value="([^"]+)">丁桂花</option>', client.get(base).text)[0]
    role = {"person": person, "role": "operator", "title": "文书", "ends": "2028-12-31"}
    assert client.post(f"{base}/roles", data=role).status_code == 303
    assert "任期到2028-12-31" in client.get(base).text
    wrong = client.post(f"{base}/roles", data=role | {"role": "emperor"})
    assert "请选择角色" in wrong.text
    shown = client.post(f"{base}/people/{person}/password")
    assert "只显示这一次" in shown.text
    village = client.post(
        "/admin/orgs/330109103/below", data={"code": "330109103299", "name": "新塘村"}
    )
    assert village.status_code == 303, village.text
    assert "新塘村" in client.get("/admin").text


def test_the_log_is_narrowed_by_its_address(shared_town: Town) -> None:
    client = shared_town.client("town")
    assert client.get("/uses").text.count("<tr class") == 8
    assert client.get("/uses?only=alerted").text.count("<tr class") == 2
    assert client.get("/uses?q=土地").text.count("<tr class") == 1
    assert client.get("/uses?from=2026-09-23").text.count("<tr class") == 0
    assert client.get("/uses?older=nonsense").status_code == 422


def test_a_remote_lock_is_ordered_with_a_reason(town: Town) -> None:
    client, address = town.client("town"), "/sleeves/SL-330109103201-committee"
    answer = client.post(f"{address}/lock", data={"locked": "yes", "reason": "核查用印"})
    assert answer.status_code == 303, answer.text
    assert "已远程锁定" in client.get(address).text
    (ordered,) = town.made.world.records("device.lock_ordered")
    assert ordered.data["reason"] == "核查用印"
