"""Administration from the desk: what it changes, what it refuses, who may not."""

import re

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import select

from backend.store.tables import calendar_day, device, organisation, person
from tests.support.shots import jpeg
from tests.unit.backend.web.conftest import Town

ORG = "330109103201"
OTHER = "330109103202"
BASE = f"/admin/orgs/{ORG}"
SLEEVE = "SL-330109103201-party"


def public_pem() -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def row_of(town: Town, sleeve: str) -> object:
    with town.made.world.db.read() as conn:
        return conn.execute(select(device).where(device.c.id == sleeve)).one()


def test_a_sleeve_enrols_by_its_public_key_and_its_password_is_shown_once(town: Town) -> None:
    client = town.client("admin")
    answer = client.post(
        f"{BASE}/sleeves", data={"device": "LT-NEW-01", "key": public_pem(), "seal": ""}
    )
    assert answer.status_code == 200, answer.text
    (password,) = re.findall(r"password&#34;: &#34;([\w-]{20,})", answer.text)
    again = client.get("/admin/sleeves/LT-NEW-01")
    assert password not in again.text
    (made,) = town.made.world.records("device.enrolled")
    assert made.device == "LT-NEW-01"
    assert password not in str(made.data)


def test_what_is_no_key_is_said_at_the_form(shared_town: Town) -> None:
    answer = shared_town.client("admin").post(
        f"{BASE}/sleeves", data={"device": "LT-NEW-02", "key": "ssh-rsa AAAA"}
    )
    assert answer.status_code == 422
    assert "PEM" in answer.text


def test_a_sleeve_is_moved_configured_given_a_login_and_revoked(town: Town) -> None:
    client, base = town.client("admin"), f"/admin/sleeves/{SLEEVE}"
    home = {"lat": "30.1", "lon": "120.25", "fence": "80"}
    assert client.post(f"{base}/home", data=home).status_code == 303
    assert client.post(f"{base}/config", data={"heartbeat_s": "90"}).status_code == 303
    row = row_of(town, SLEEVE)
    assert (row.home_lat, row.fence_m) == (30.1, 80.0)  # type: ignore[attr-defined]  # a row
    assert row.config["heartbeat_ms"] == 90_000  # type: ignore[attr-defined]  # a row
    # The sleeve was told its fence as well as its heartbeat.
    assert row.config["fence"]["radius"] == 80.0  # type: ignore[attr-defined]  # a row
    assert "<code>" in client.post(f"{base}/login").text
    assert client.post(f"{base}/home", data={"lat": "north"}).status_code == 422
    assert client.post(f"{base}/seal", data={"seal": ""}).status_code == 303
    assert row_of(town, SLEEVE).seal_id is None  # type: ignore[attr-defined]  # a row
    assert client.post(f"{base}/revoke", data={"reason": "遗失"}).status_code == 303
    assert row_of(town, SLEEVE).status == "revoked"  # type: ignore[attr-defined]  # a row


def test_settings_are_kept_and_taken_back(town: Town) -> None:
    client = town.client("admin")
    wanted = {
        "name": "柳塘社区",
        "lat": "30.05",
        "lon": "120.2",
        "fence": "200",
        "custodian_alone": "yes",
        "liveness": "burst",
        "from1": "09:00",
        "until1": "17:00",
        "emergency_stamps": "3",
    }
    assert client.post(f"{BASE}/settings", data=wanted).status_code == 303

    def kept() -> object:
        with town.made.world.db.read() as conn:
            return conn.execute(
                select(organisation.c.name, organisation.c.settings).where(organisation.c.id == ORG)
            ).one()

    hours = [["09:00", "17:00"]]
    settings = {
        "custodian_alone": True,
        "liveness": "burst",
        "working_hours": hours,
        "emergency_stamps": 3,
    }
    assert tuple(kept()) == ("柳塘社区", settings)  # type: ignore[arg-type]  # a row
    assert "09:00–17:00" in client.get(f"{BASE}/settings").text
    assert client.post(f"{BASE}/settings", data={"name": "柳塘村"}).status_code == 303
    assert tuple(kept()) == ("柳塘村", {})  # type: ignore[arg-type]  # a row
    bad = client.post(f"{BASE}/settings", data={"name": "柳塘村", "from1": "9点"})
    assert bad.status_code == 422
    assert 'role="alert"' in bad.text


def test_days_are_set_and_taken_back(town: Town) -> None:
    client = town.client("admin")
    day = {"day": "2026-10-10", "working": "yes", "name": "调休"}
    assert client.post(f"{BASE}/calendar", data=day).status_code == 303
    page = client.get(f"{BASE}/calendar?year=2026").text
    assert "调休" in page
    assert "on odd own" in page
    assert client.post(f"{BASE}/calendar", data={"day": "2026-10-10"}).status_code == 303
    with town.made.world.db.read() as conn:
        assert conn.execute(select(calendar_day)).all() == []


def test_a_person_is_corrected_and_gets_a_pin(town: Town) -> None:
    client = town.client("admin")
    assert client.post(f"{BASE}/people", data={"name": "孔阿毛"}).status_code == 303
    with town.made.world.db.read() as conn:
        found = conn.execute(select(person.c.id).where(person.c.name == "孔阿毛")).scalar_one()
    base = f"{BASE}/people/{found}"
    changed = {"name": "孔阿茂", "phone": "13900000000", "login": ""}
    assert client.post(base, data=changed).status_code == 303
    assert client.post(f"{base}/pin", data={"pin": "284619"}).status_code == 303
    page = client.get(BASE).text
    assert "孔阿茂" in page
    assert "· PIN" in page
    assert client.post(f"{base}/pin", data={"pin": "1"}).status_code == 422


@pytest.mark.parametrize(
    "address",
    [
        BASE,
        f"{BASE}/sleeves",
        f"{BASE}/settings",
        f"{BASE}/calendar",
        f"{BASE}/notices",
        f"{BASE}/notices/all",
        f"/admin/sleeves/{SLEEVE}",
        *(f"/admin/sleeves/{SLEEVE}/{one}" for one in ("seal", "home", "login", "revoke")),
    ],
)
def test_promise_6_administration_of_another_branch_does_not_exist(
    shared_town: Town, address: str
) -> None:
    client = shared_town.client("stranger")
    data = {"name": "x", "reason": "因为", "day": "2026-10-10", "device": "LT-1", "key": "x"}
    if not address.endswith(("seal", "home", "login", "revoke")):
        assert client.get(address).status_code == 404
    if address != BASE:
        assert client.post(address, data=data).status_code in (404, 405)


def test_a_notification_rule_is_said_shown_and_taken_back(town: Town) -> None:
    client = town.client("admin")
    address = "/admin/orgs/330109103/notices/C22"
    wanted = {
        "told": ["admins"],
        "channels": ["sms"],
        "at_once": "1",
        "severity": "critical",
        "s0_after": "10",
        "s0_unit": "minutes",
        "s0_to": ["town", "admins"],
        "s1_after": "",
    }
    assert client.post(address, data=wanted).status_code == 303
    (made,) = town.made.world.records("notice_rule.changed")
    assert made.data["after"]["escalation"] == [
        {"after_ms": 600_000, "targets": ["town", "admins"]}
    ]
    # It holds below, too.
    below = client.get(f"{BASE}/notices/C22").text
    assert "另外还告诉系统管理员" in below
    assert "10分钟没人受理报镇街监督员、系统管理员" in below
    assert "本单位有规定" not in client.get(f"{BASE}/notices").text
    assert "本单位有规定" in client.get("/admin/orgs/330109103/notices").text
    bad = client.post(address, data=wanted | {"s0_to": []})
    assert bad.status_code == 422
    assert "每次上报都要选报给谁" in bad.text
    assert client.post(address, data={"do": "clear"}).status_code == 303
    assert "本单位有规定" not in client.get("/admin/orgs/330109103/notices").text
    assert client.get(f"{BASE}/notices/C99").status_code == 404


def test_an_imprint_is_enrolled_renewed_and_retired(town: Town) -> None:
    client, address = town.client("admin"), f"/admin/seals/seal-{ORG}-committee/imprint"
    assert client.get(BASE).text.count("没有登记印迹") == 3
    picture = {"pictures": ("imprint.jpg", jpeg(1), "image/jpeg")}
    answer = client.post(address, files=picture)
    assert answer.headers["location"] == f"{address}?done=enrol"
    page = client.get(f"{address}?done=enrol").text
    assert "清楚，完整100%" in page
    assert "柳塘村村民委员会" in page
    assert client.get(BASE).text.count("没有登记印迹") == 2
    bad = client.post(address, files={"pictures": ("x.jpg", b"no picture", "image/jpeg")})
    assert bad.status_code == 422
    assert 'role="alert"' in bad.text
    assert client.post(address, files=picture).status_code == 303
    assert "以前的印迹" in client.get(address).text
    assert client.post(f"{address}/retire", data={"reason": "印章重刻"}).status_code == 303
    assert "还没有登记印迹" in client.get(address).text
    assert "登记印迹</h3>" not in town.client("town").get(address).text
    refused = town.client("town").post(address, files=picture)
    assert refused.status_code == 422
    assert town.client("stranger").get(address).status_code == 404


def test_who_only_watches_changes_nothing(shared_town: Town) -> None:
    client = shared_town.client("town")
    tried = {"name": "改名", "day": "2026-10-10", "working": "no", "at_once": "1"}
    for address in (
        f"{BASE}/settings",
        f"{BASE}/calendar",
        f"{BASE}/notices/C1",
        f"/admin/sleeves/{SLEEVE}/home",
    ):
        answer = client.post(address, data=tried)
        assert answer.status_code == 422
        assert "没有权限" in answer.text or "权限" in answer.text
    assert "改名" not in client.get(BASE).text
    assert f'action="{BASE}/sleeves"' not in client.get(f"{BASE}/sleeves").text
    assert OTHER not in client.get(f"{BASE}/sleeves").text


MATTER = {
    "name": "村史馆借展",
    "category": "文化",
    "seals": "committee",
    "c0_level": "village",
    "c0_name": "村社负责人审批",
    "c0_hours": "4",
    "t0_from": "5万",
    "t0_resolution": "1",
    "t0c0_level": "town",
    "t0c0_name": "镇街审批",
    "t0c0_hours": "16",
    "copies": "2",
    "stamps_per_copy": "1",
}


def test_a_matter_is_looked_at_saved_and_changed_by_versions(town: Town) -> None:
    client = town.client("admin")
    new = MATTER | {"org": "/330109/330109103/", "code": "museum"}
    looked = client.post("/admin/matters/new", data=new | {"do": "look"})
    assert looked.status_code == 200
    assert "从¥50,000.00起：" in looked.text
    assert "保存为第1版" in looked.text
    assert client.get("/admin/matters/330109103.museum").status_code == 404
    assert client.post("/admin/matters/new", data=new | {"do": "save"}).status_code == 303
    base = "/admin/matters/330109103.museum"
    changed = MATTER | {"version": "1", "name": "村史馆借展协议", "copies": "4"}
    page = client.post(base, data=changed | {"do": "look"}).text
    assert page.count('class="chip warn"') == 2
    assert client.post(base, data=changed | {"do": "save"}).status_code == 303
    assert "第2版" in client.get(base).text
    # Somebody else's change in between is not written over.
    stale = client.post(base, data=changed | {"do": "save"})
    assert stale.status_code == 422
    assert "刚被他人修改" in stale.text
    kinds = [one.data["version"] for one in town.made.world.records("matter.changed")][-2:]
    assert kinds == [1, 2]
    assert client.post(f"{base}/retire").status_code == 303
    assert "村史馆" not in client.get("/admin/matters?org=/330109/330109103/").text


def test_a_matter_without_a_chain_is_refused_at_the_form(shared_town: Town) -> None:
    new = MATTER | {"org": "/330109/330109103/", "code": "x", "c0_name": "", "c0_hours": ""}
    answer = shared_town.client("admin").post("/admin/matters/new", data=new | {"do": "look"})
    assert answer.status_code == 422
    assert "审批环节" in answer.text
    assert 'value="村史馆借展"' in answer.text


def test_promise_6_the_catalogue_above_is_read_not_changed(shared_town: Town) -> None:
    client = shared_town.client("admin")
    page = client.get("/admin/matters/330109.residence")
    assert page.status_code == 200
    assert "disabled" in page.text
    for do in ("look", "save"):
        answer = client.post(
            "/admin/matters/330109.residence", data=MATTER | {"version": "1", "do": do}
        )
        assert (do, answer.status_code) in (("look", 200), ("save", 422))
    assert "村史馆" not in client.get("/admin/matters/330109.residence").text
    stranger = shared_town.client("stranger")
    assert stranger.get("/admin/matters?org=/330109/330109103/330109103201/").status_code == 404
