"""Applying, approving, permits, catalogue and register over HTTP."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from backend.api.routers.signing_keys import Challenge
from backend.domain.actor import Role
from backend.domain.record import Record
from backend.ledger.disclosure import ExportFile, Scope
from backend.ledger.personal import decode, encode
from backend.ledger.records import export_scope
from backend.ledger.verify import verify
from backend.services.paging import Page
from backend.services.signing_keys import SigningKey
from backend.services.views import (
    ApplicationRow,
    ApplicationView,
    GrantView,
    MatterView,
    PermitView,
    RegisterRow,
)
from tests.support.api import PASSWORD, Api
from tests.support.office import HOUR, Office, png
from tests.support.signing import Passkey, parts
from tests.support.world import DISTRICT, ORIGIN, OTHER_VILLAGE, TOWN, VILLAGE, World

URL = "/api/v1/applications"


@pytest.fixture
def office(world: World) -> Office:
    return Office.open(world)


@pytest.fixture
def applicant(api: Api, office: Office) -> httpx.Client:
    return api.signed_in(Role.APPLICANT)


@pytest.fixture
def approver(api: Api, office: Office) -> httpx.Client:
    return api.signed_in(Role.APPROVER)


def body(office: Office, **more: Any) -> dict[str, Any]:
    return {
        "matter_id": "330109.residence",
        "seal_id": office.seals["committee"],
        "operator_id": office.operator.person_id,
        "title": "居住情况说明",
        "purpose": "子女入学",
        "beneficiary": "村民甲",
    } | more


def read(response: httpx.Response, kind: Any, status: int = 200) -> Any:
    """The answer, exactly as the published type says it: nothing more, nothing less."""
    assert response.status_code == status, response.text
    found = TypeAdapter(kind).validate_json(response.content, strict=False)
    again = TypeAdapter(kind).dump_python(found, mode="json")
    assert again == response.json()
    return response.json()


def attach(client: httpx.Client, key: str, kind: str, name: str, data: bytes) -> httpx.Response:
    return client.post(
        f"{URL}/{key}/documents",
        data={"kind": kind, "name": name},
        files={"file": ("page.png", data, "image/png")},
    )


def handed_in(client: httpx.Client, office: Office, **more: Any) -> Any:
    made = read(client.post(URL, json=body(office, **more)), ApplicationView, 201)
    key = made["row"]["id"]
    read(attach(client, key, "page", "正文", png()), ApplicationView, 201)
    made = read(
        attach(client, key, "attachment", "居住人身份证复印件", png(1)), ApplicationView, 201
    )
    version = {"version": made["row"]["version"]}
    return read(client.post(f"{URL}/{key}/submit", json=version), ApplicationView)


def test_from_draft_to_grant(
    office: Office, applicant: httpx.Client, approver: httpx.Client
) -> None:
    made = handed_in(applicant, office, copies=2)
    key, version = made["row"]["id"], made["row"]["version"]
    todo = read(approver.get(URL, params={"todo": True}), Page[ApplicationRow])
    assert [one["id"] for one in todo["items"]] == [key]
    assert "approve" in read(approver.get(f"{URL}/{key}"), ApplicationView)["actions"]
    read(approver.post(f"{URL}/{key}/open-pages"), ApplicationView)
    done = read(approver.post(f"{URL}/{key}/approve", json={"version": version}), ApplicationView)
    assert done["row"]["status"] == "approved"
    grants = read(applicant.get("/api/v1/grants", params={"live": True}), Page[GrantView])
    (grant,) = grants["items"]
    assert (grant["stamps"], len(grant["job"])) == (2, 6)
    gone = read(
        approver.post(f"/api/v1/grants/{grant['id']}/revoke", json={"reason": "内容有误"}),
        GrantView,
    )
    assert gone["state"] == "revoked"
    assert gone["job"] is None


def test_what_is_missing_is_a_problem_field_by_field(
    office: Office, applicant: httpx.Client
) -> None:
    made = applicant.post(URL, json=body(office, beneficiary=None)).json()
    answer = applicant.post(f"{URL}/{made['row']['id']}/submit", json={"version": 0})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["code"] == "incomplete"
    fields = {one["field"] for one in problem["errors"]}
    assert fields == {"beneficiary", "documents"}


def test_a_forbidden_certificate_is_told_where_to_go(
    office: Office, applicant: httpx.Client
) -> None:
    answer = applicant.post(URL, json=body(office, matter_id="330109.no-criminal-record"))
    assert answer.status_code == 422
    assert answer.json()["code"] == "forbidden"
    assert "派出所" in answer.json()["zh"]
    assert len(office.world.records("application.refused")) == 1


def test_whoever_was_slower_is_told_to_look_again(
    office: Office, applicant: httpx.Client, approver: httpx.Client
) -> None:
    made = handed_in(applicant, office)
    key = made["row"]["id"]
    wrong = {"version": made["row"]["version"] - 1, "reason": "材料不实"}
    answer = approver.post(f"{URL}/{key}/reject", json=wrong)
    assert (answer.status_code, answer.json()["code"]) == (409, "changed_meanwhile")


def test_turning_back_changing_delegating_withdrawing(
    api: Api, office: Office, applicant: httpx.Client, approver: httpx.Client
) -> None:
    made = handed_in(applicant, office)
    key = made["row"]["id"]

    def give(client: httpx.Client, what: str, version: int, **more: Any) -> Any:
        sent = client.post(f"{URL}/{key}/{what}", json={"version": version, **more})
        return read(sent, ApplicationView)

    made = give(approver, "return", made["row"]["version"], reason="份数不对")
    changed = applicant.put(
        f"{URL}/{key}", json=body(office, copies=3) | {"version": made["row"]["version"]}
    )
    made = read(changed, ApplicationView)
    paper = made["documents"][0]["id"]
    made = read(applicant.delete(f"{URL}/{key}/documents/{paper}"), ApplicationView)
    made = read(attach(applicant, key, "page", "正文", png(5)), ApplicationView, 201)
    attachment = {one["kind"] for one in made["documents"]}
    if "attachment" not in attachment:
        attach(applicant, key, "attachment", "居住人身份证复印件", png(6))
    made = read(applicant.get(f"{URL}/{key}"), ApplicationView)
    made = give(applicant, "submit", made["row"]["version"])
    made = give(
        approver, "delegate", made["row"]["version"], to=office.town.person_id, reason="出差"
    )
    assert made["steps"][0]["assignee"]["id"] == office.town.person_id
    made = give(applicant, "withdraw", made["row"]["version"], reason="不办了")
    assert made["row"]["status"] == "withdrawn"


def test_an_emergency(api: Api, office: Office, applicant: httpx.Client) -> None:
    sent = body(office, matter_id="330109.request-report") | {"reason": "夜间汛情"}
    made = read(applicant.post(f"{URL}/emergencies", json=sent), ApplicationView, 201)
    key = made["row"]["id"]
    second = api.signed_in(Role.SUPERVISOR)
    given = {"version": made["row"]["version"]}
    read(second.post(f"{URL}/{key}/approve", json=given), ApplicationView)
    above = api.signed_in(Role.SUPERVISOR, path=TOWN)
    seen = above.get(URL, params={"unreviewed": True, "kind": "emergency"})
    assert len(read(seen, Page[ApplicationRow])["items"]) == 1
    said = {"outcome": "proper", "note": "情况属实"}
    made = read(above.post(f"{URL}/{key}/review", json=said), ApplicationView)
    assert made["review_outcome"] == "proper"
    hidden = applicant.post(URL, json=body(office, kind="emergency"))
    assert hidden.status_code == 422


def registered(client: httpx.Client, key: Passkey) -> Any:
    public = {"public_key": encode(key.spki)}
    asked = read(client.post("/api/v1/signing-keys/challenge", json=public), Challenge)
    proof = parts(key.sign(decode(asked["challenge"])))
    sent = public | proof | {"label": "我的手机", "credential": "AQID", "password": PASSWORD}
    return read(client.post("/api/v1/signing-keys", json=sent), SigningKey, 201)


def test_an_approver_registers_a_passkey_signs_and_the_export_shows_it(
    office: Office, applicant: httpx.Client, approver: httpx.Client, tmp_path: Path
) -> None:
    phone, world = Passkey(), office.world
    key = registered(approver, phone)
    assert read(approver.get("/api/v1/signing-keys"), list[SigningKey]) == [key]
    made = handed_in(applicant, office)
    where = f"{URL}/{made['row']['id']}"
    digest = bytes.fromhex(made["approval_digest"])
    given = {"version": made["row"]["version"]}
    wrong = {"key": key["id"]} | parts(phone.sign(bytes(32)))
    refused = approver.post(f"{where}/approve", json=given | {"signature": wrong})
    assert (refused.status_code, refused.json()["code"]) == (422, "bad_signature")
    signature = {"key": key["id"]} | parts(phone.sign(digest))
    done = approver.post(f"{where}/approve", json=given | {"signature": signature})
    assert read(done, ApplicationView)["steps"][0]["signed"]
    use_id = office.used(office.reader.get(office.town, made["row"]["id"]), pressed=1)
    with world.db.write() as conn:
        event = Record("event.use_finished", VILLAGE, 1, 1, use_id=use_id)
        world.context.journal.append(conn, [replace(event, application=made["row"]["id"])])
    gone = approver.post(f"/api/v1/signing-keys/{key['id']}/revocation", json={"reason": "换手机"})
    assert read(gone, SigningKey)["revoked_at"] == world.clock()
    with world.db.write() as conn:
        world.log.sign_checkpoint(conn, world.ring.log_signer(ORIGIN), world.clock())
    for scope in (Scope.everything(), Scope.use(use_id)):
        with world.db.read() as conn:
            export_scope(
                conn,
                tmp_path / "e.zip",
                scope,
                log=world.log,
                log_keys=[world.ring.log_signer(ORIGIN).key],
            )
        with ExportFile(tmp_path / "e.zip") as export:
            bodies = b"".join(line.body or b"" for line in export.records())
        assert signature["value"].encode() in bodies
        codes = {one.code for one in verify(tmp_path / "e.zip").findings}
        assert not {one for one in codes if one.startswith("approv")}, codes


def test_signing_keys_are_for_people_not_for_programs(
    api: Api, office: Office, approver: httpx.Client
) -> None:
    issued = approver.post("/api/v1/tokens", json={"label": "程序", "days": 1, "write": True})
    program = api.client(Authorization=f"Bearer {issued.json()['token']}")
    for answer in (
        program.get("/api/v1/signing-keys"),
        program.post("/api/v1/signing-keys/challenge", json={"public_key": "AAAA"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "session_needed")


@pytest.mark.parametrize(
    "change",
    [
        {"copies": 0},
        {"copies": 10**9},
        {"amount_fen": -1},
        {"title": "长" * 201},
        {"alternates": ["p"] * 5},
        {"unknown": 1},
        {"details": {"x": "长" * 9000}},
        {"wanted_from": -5},
        {"kind": "imaginary"},
        {"title": None},
    ],
)
def test_what_does_not_fit_is_refused_before_anything_happens(
    office: Office, applicant: httpx.Client, change: dict[str, Any]
) -> None:
    assert applicant.post(URL, json=body(office, **change)).status_code == 422
    assert applicant.get(URL).json()["items"] == []


def test_what_is_no_paper(office: Office, applicant: httpx.Client) -> None:
    key = applicant.post(URL, json=body(office)).json()["row"]["id"]
    answer = attach(applicant, key, "page", "正文", b"not a picture")
    assert (answer.status_code, answer.json()["code"]) == (422, "picture_unknown_format")
    assert attach(applicant, key, "imprint", "正文", png()).status_code == 422


def test_the_catalogue(api: Api, office: Office, applicant: httpx.Client) -> None:
    found = applicant.get("/api/v1/matters", params={"org": VILLAGE, "text": "亲属关系证明"})
    kinship = read(found, list[MatterView])[0]
    assert kinship["forbidden"]
    assert kinship["instead"]
    assert applicant.get("/api/v1/matters", params={"org": OTHER_VILLAGE}).status_code == 404
    residence = read(applicant.get("/api/v1/matters/330109.residence"), MatterView)
    new = {key: residence[key] for key in ("name", "category", "spec")}
    assert (
        applicant.put("/api/v1/matters/330109.residence", json=new | {"version": 1}).status_code
        == 403
    )
    admin = api.signed_in(Role.ADMIN, path=DISTRICT)
    made = admin.post(
        "/api/v1/matters", json=new | {"code": "fair", "org_path": DISTRICT, "name": "集市"}
    )
    assert read(made, MatterView, 201)["id"] == "330109.fair"
    changed = admin.put("/api/v1/matters/330109.fair", json=new | {"version": 1})
    assert read(changed, MatterView)["version"] == 2
    assert admin.delete("/api/v1/matters/330109.fair").status_code == 204
    again = admin.post("/api/v1/matters/defaults", params={"org": DISTRICT})
    assert again.json() == {"installed": 0}


def test_permits(api: Api, office: Office, approver: httpx.Client) -> None:
    now = office.world.clock()
    sent = {
        "device_id": office.sleeves["committee"],
        "purpose": "上门办理",
        "place": "柳塘自然村",
        "from_at": now,
        "until_at": now + HOUR,
    }
    carrier = api.signed_in(Role.OPERATOR)
    made = read(carrier.post("/api/v1/permits", json=sent), PermitView, 201)
    where = f"/api/v1/permits/{made['id']}"
    assert carrier.post(f"{where}/approve").status_code == 403
    read(approver.post(f"{where}/approve"), PermitView)
    read(carrier.post(f"{where}/take-out"), PermitView)
    assert read(carrier.post(f"{where}/give-back"), PermitView)["state"] == "returned"
    second = read(carrier.post("/api/v1/permits", json=sent), PermitView, 201)
    no = approver.post(f"/api/v1/permits/{second['id']}/reject", json={"reason": "不必"})
    assert read(no, PermitView)["reason"] == "不必"
    listed = carrier.get("/api/v1/permits", params={"state": "returned"})
    assert len(read(listed, Page[PermitView])["items"]) == 1
    assert read(carrier.get(where), PermitView)["carrier"]["name"]


def test_the_register(api: Api, office: Office) -> None:
    made = office.approved()
    use_id = office.used(made, pressed=1)
    supervisor = api.signed_in(Role.SUPERVISOR)
    listed = supervisor.get("/api/v1/register", params={"text": "居住", "unreviewed": True})
    (line,) = read(listed, Page[RegisterRow])["items"]
    assert line["id"] == use_id
    where = f"/api/v1/register/{use_id}"
    assert supervisor.post(f"{where}/question", json={"reason": "印迹不清"}).status_code == 204
    seen = read(supervisor.post(f"{where}/review", json={"remarks": "已核实"}), RegisterRow)
    assert seen["remarks"] == "已核实"
    assert read(supervisor.get(where), RegisterRow)["reviewed_by"]
    assert len(office.world.records("use.questioned")) == 1


def test_promise_6_over_http_another_branch_gets_the_answer_of_what_is_not_there(
    api: Api, office: Office
) -> None:
    made = office.approved()
    use_id = office.used(made, pressed=1)
    key, grant = made.row.id, made.grants[0].id
    other = api.signed_in(*Role, path=OTHER_VILLAGE)
    for path in (URL, "/api/v1/grants", "/api/v1/register", "/api/v1/permits"):
        for params in ({}, {"branch": VILLAGE}, {"branch": "/"}):
            assert other.get(path, params=params).json()["items"] == []
    for path in (f"{URL}/{key}", f"/api/v1/grants/{grant}", f"/api/v1/register/{use_id}"):
        assert other.get(path).status_code == 404
    reason = {"version": made.row.version, "reason": "理由充分"}
    for what in ("void", "reject", "withdraw", "return"):
        assert other.post(f"{URL}/{key}/{what}", json=reason).status_code == 404
    assert other.post(URL, json=body(office)).status_code == 404


def test_who_is_not_signed_in_gets_nothing(api: Api, office: Office) -> None:
    nobody = api.client()
    for path in (URL, "/api/v1/grants", "/api/v1/register", "/api/v1/permits"):
        assert nobody.get(path).status_code == 401
    assert nobody.get("/api/v1/matters", params={"org": VILLAGE}).status_code == 401
    assert nobody.post(URL, json=body(office)).status_code == 401
