"""One day of an administrator and a supervisor over HTTP: every route of theirs does its work."""

import io
import json

import httpx
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from PIL import Image

from backend.api.deps import Services
from backend.domain.actor import Role
from backend.services.faces import FaceService
from backend.store.pictures import PictureStore
from tests.integration.backend.services.test_faces import PICTURES, WORDING
from tests.integration.backend.services.test_uses_and_records import use, write
from tests.support.api import PASSWORD, Api
from tests.support.fake_faces import AnyFace
from tests.support.world import (
    FAR_VILLAGE,
    ORIGIN,
    START,
    TOWN,
    VILLAGE,
    World,
    org_id,
)

V = "/api/v1"


def ok(response: httpx.Response, status: int = 200) -> dict[str, object]:
    assert response.status_code == status, response.text
    found: dict[str, object] = response.json() if response.content else {}
    return found


def pem() -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.fixture
def admin(api: Api) -> httpx.Client:
    return api.signed_in(Role.ADMIN, path=TOWN)


def test_an_administrator_sets_up_a_village(api: Api, admin: httpx.Client) -> None:
    made = ok(
        admin.post(
            f"{V}/organisations",
            json={"parent_id": org_id(TOWN), "id": "330109103209", "name": "新村"},
        ),
        201,
    )
    village = made["id"]
    changed = ok(
        admin.patch(
            f"{V}/organisations/{village}",
            json={"lat": 30.1, "lon": 120.2, "settings": {"custodian_alone": True}},
        )
    )
    assert changed["settings"] == {"custodian_alone": True}
    day = {"working": False, "name": "村庆"}
    ok(admin.put(f"{V}/organisations/{village}/days/2026-10-12", json=day), 204)
    days = admin.get(f"{V}/organisations/{village}/days").json()
    assert days == [{"day": "2026-10-12", "working": False, "name": "村庆"}]
    listed = ok(admin.get(f"{V}/organisations", params={"parent_id": org_id(TOWN)}))
    assert isinstance(listed["items"], list)
    assert len(listed["items"]) == 3

    person = ok(
        admin.post(f"{V}/people", json={"org_id": village, "name": "王方", "login": "wang.fang"}),
        201,
    )
    given = ok(admin.post(f"{V}/people/{person['id']}/password"), 201)
    role = ok(
        admin.post(
            f"{V}/roles",
            json={"person_id": person["id"], "org_id": village, "role": "custodian"},
        ),
        201,
    )
    assert ok(admin.get(f"{V}/roles", params={"person_id": str(person["id"])}))["items"] == [role]
    page = api.client()
    signed_in = ok(
        page.post(f"{V}/session", json={"login": "wang.fang", "password": given["password"]})
    )
    assert signed_in["must_change_password"] is True

    seal = ok(
        admin.post(
            f"{V}/seals",
            json={
                "org_id": village,
                "kind": "committee",
                "name": "新村村民委员会",
                "custodian_id": person["id"],
            },
        ),
        201,
    )
    path = f"{V}/seals/{seal['id']}"
    ok(admin.put(f"{path}/status", json={"status": "suspended", "reason": "待启用"}))
    ok(admin.put(f"{path}/custodian", json={"person_id": None}))
    assert ok(admin.get(path))["status"] == "suspended"

    ok(admin.patch(f"{V}/people/{person['id']}", json={"phone": "13900000000"}))
    ok(admin.delete(f"{V}/roles/{role['id']}"), 204)
    ok(admin.delete(f"{V}/people/{person['id']}"), 204)
    assert page.get(f"{V}/session").status_code == 401
    assert ok(admin.get(f"{V}/people/{person['id']}"))["status"] == "left"


def test_an_administrator_commissions_and_orders_a_sleeve(admin: httpx.Client) -> None:
    form = {"id": "YQ-0001", "org_id": org_id(VILLAGE), "key": pem()}
    made = ok(admin.post(f"{V}/sleeves", json=form), 201)
    assert set(made) == {
        "device",
        "org",
        "seal",
        "key_id",
        "proof",
        "mqtt",
        "server",
        "start",
    }
    sleeve = f"{V}/sleeves/YQ-0001"
    seal = ok(
        admin.post(
            f"{V}/seals",
            json={"org_id": org_id(VILLAGE), "kind": "party", "name": "柳塘村党总支"},
        ),
        201,
    )
    ok(admin.put(f"{sleeve}/seal", json={"seal_id": seal["id"]}), 204)
    ok(admin.put(f"{sleeve}/home", json={"lat": 30.1, "lon": 120.2, "fence_m": 100}), 204)
    assert ok(admin.put(f"{sleeve}/lock", json={"locked": True, "reason": "盘点"}), 202) == {
        "device_id": "YQ-0001",
        "number": 1,
    }
    ok(admin.patch(f"{sleeve}/config", json={"heartbeat_ms": 30_000}), 202)
    detail = ok(admin.get(sleeve))
    assert isinstance(detail["open_orders"], list)
    assert [one["type"] for one in detail["open_orders"]] == ["lock", "config"]
    ok(admin.post(f"{sleeve}/keys", json={"key": pem()}), 201)
    ok(admin.post(f"{sleeve}/login"), 201)
    listed = ok(admin.get(f"{V}/sleeves", params={"unconfirmed": True}))
    assert isinstance(listed["items"], list)
    assert [one["id"] for one in listed["items"]] == ["YQ-0001"]
    ok(admin.post(f"{sleeve}/revocation", json={"reason": "报废"}), 204)
    again = admin.put(f"{sleeve}/lock", json={"locked": True, "reason": "盘点"})
    assert (again.status_code, again.json()["code"]) == (409, "device_revoked")


def test_a_face_is_enrolled_by_upload_and_withdrawn(world: World) -> None:
    def adapt(services: Services) -> None:
        services.add(FaceService(world.context, world.ring, PictureStore(world.ring), AnyFace()))

    with Api(world, adapt=adapt) as api:
        counter = api.signed_in(Role.CUSTODIAN)
        person = world.person("用章人")
        face = f"{V}/people/{person}/face"
        files = [("pictures", (f"{n}.jpg", data, "image/jpeg")) for n, data in enumerate(PICTURES)]
        form = {"wording": WORDING, "consented": "true"}

        refused = counter.post(face, files=files, data=form | {"consented": "false"})
        assert refused.json()["code"] == "consent_needed"
        assert ok(counter.post(face, files=files, data=form), 201)["enrolled"] is True
        assert ok(counter.get(face))["consent_wording"] == WORDING
        ok(counter.delete(face), 204)
        assert ok(counter.get(face))["enrolled"] is False


@pytest.fixture
def picture(world: World) -> str:
    buffer = io.BytesIO()
    Image.new("RGB", (32, 32), (200, 0, 0)).save(buffer, "JPEG")
    with world.db.write() as conn:
        PictureStore(world.ring).put(
            conn,
            "p1",
            buffer.getvalue(),
            org_path=VILLAGE,
            kind="face",
            mime="image/jpeg",
            now=START,
        )
    return f"{V}/pictures/p1"


def test_promise_5_a_picture_is_seen_over_http_only_with_a_reason_and_a_record(
    api: Api, picture: str
) -> None:
    supervisor = api.signed_in(Role.SUPERVISOR)

    bare = supervisor.get(picture)
    assert (bare.status_code, bare.json()["code"]) == (422, "reason_needed")
    assert not api.world.records("picture.viewed")
    review = ok(
        supervisor.post(f"{V}/reviews", json={"reason": "例行检查", "org_path": VILLAGE}), 201
    )
    for params in ({"review": str(review["id"])}, {"reason": "群众举报"}):
        seen = supervisor.get(picture, params=params)
        assert seen.status_code == 200
        assert seen.headers["content-type"] == "image/jpeg"
        assert seen.headers["cache-control"] == "no-store"
        assert "sandbox" in seen.headers["content-security-policy"]
        assert seen.content.startswith(b"\xff\xd8")
    looks = [one.data["reason"] for one in api.world.records("picture.viewed")]
    assert looks == ["例行检查", "群众举报"]
    ok(supervisor.post(f"{picture}/erasure", json={"reason": "超过保存期限"}), 204)
    gone = supervisor.get(picture, params={"reason": "再看"})
    assert (gone.status_code, gone.json()["code"]) == (409, "picture_erased")


def test_promise_5_a_program_cannot_look_at_pictures(api: Api, picture: str) -> None:
    page = api.signed_in(Role.SUPERVISOR)
    token = ok(page.post(f"{V}/tokens", json={"label": "看图", "days": 1, "write": True}), 201)
    program = api.client(Authorization=f"Bearer {token['token']}")

    seen = program.get(picture, params={"reason": "自动"})
    assert (seen.status_code, seen.json()["code"]) == (403, "session_needed")


def test_promise_6_another_branch_looks_empty_over_http(api: Api, picture: str) -> None:
    use(api.world, 1)
    write(api.world, "event.boot")
    stranger = api.signed_in(Role.SUPERVISOR, Role.ADMIN, path=FAR_VILLAGE)

    for path in (
        f"{V}/uses/YQ-0001:1",
        f"{V}/records/0",
        f"{V}/records/0/proof",
        f"{V}/organisations/{org_id(VILLAGE)}",
        f"{picture}?reason=检查",
    ):
        response = stranger.get(path)
        assert (response.status_code, response.json()["code"]) == (404, "not_found"), path
    for path in ("uses", "seals", "sleeves"):
        assert ok(stranger.get(f"{V}/{path}"))["items"] == []
    for path in ("records", "people", "roles", "organisations"):
        response = stranger.get(f"{V}/{path}", params={"branch": VILLAGE})
        assert VILLAGE not in response.text


def test_a_supervisor_reads_uses_records_and_proofs(api: Api) -> None:
    use(api.world, 1)
    write(api.world, "event.stamped", use_id="YQ-0001:1", data={"event": {"press": 1}})
    with api.world.db.write() as conn:
        api.world.log.sign_checkpoint(conn, api.world.ring.log_signer(ORIGIN), START)
    supervisor = api.signed_in(Role.SUPERVISOR)

    listed = ok(supervisor.get(f"{V}/uses", params={"state": "finished"}))
    assert isinstance(listed["items"], list)
    assert [one["id"] for one in listed["items"]] == ["YQ-0001:1"]
    story = ok(supervisor.get(f"{V}/uses/YQ-0001:1"))["story"]
    assert isinstance(story, list)
    assert story[0]["data"] == {"event": {"press": 1}}
    records = ok(supervisor.get(f"{V}/records", params={"kind": "event."}))
    assert isinstance(records["items"], list)
    assert records["items"][0]["seq"] == 0
    proof = ok(supervisor.get(f"{V}/records/0/proof"))
    assert str(proof["proof"]).startswith("c2sp.org/tlog-proof@v1")
    checkpoint = api.client().get(f"{V}/log/checkpoint")
    assert checkpoint.text.startswith(ORIGIN)
    assert ok(api.client().get(f"{V}/log/consistency?old=1&new=1")) == {"hashes": []}


def test_the_proof_of_a_use_is_taken_by_who_watches_over_it_and_nobody_else(api: Api) -> None:
    use(api.world, 1)
    write(api.world, "event.stamped", use_id="YQ-0001:1")
    proof = f"{V}/uses/YQ-0001:1/proof.zip"
    supervisor = api.signed_in(Role.SUPERVISOR)
    assert (supervisor.get(proof).status_code, supervisor.get(proof).json()["code"]) == (
        409,
        "not_signed_yet",
    )
    with api.world.db.write() as conn:
        api.world.log.sign_checkpoint(conn, api.world.ring.log_signer(ORIGIN), START)
    taken = supervisor.get(proof)
    assert taken.headers["content-type"] == "application/zip"
    assert taken.content[:2] == b"PK"
    (written,) = api.world.records("export.made")
    assert written.data["use"] == "YQ-0001:1"
    for role, path, status in (
        (Role.SUPERVISOR, FAR_VILLAGE, 404),
        (Role.CUSTODIAN, VILLAGE, 403),
        (Role.OPERATOR, VILLAGE, 403),
    ):
        assert api.signed_in(role, path=path).get(proof).status_code == status


def test_promise_6_views_are_ones_own(api: Api) -> None:
    one, other = api.signed_in(Role.SUPERVISOR), api.signed_in(Role.SUPERVISOR, path=TOWN)
    form = {"name": " 本月  贷款", "query": "q=贷款&older=x&only=unreviewed"}
    made = ok(one.post(f"{V}/saved-views", json=form), 201)
    assert made["name"] == "本月 贷款"
    assert made["query"] == "q=%E8%B4%B7%E6%AC%BE&only=unreviewed"
    assert one.get(f"{V}/saved-views").json() == [made]
    assert other.get(f"{V}/saved-views").json() == []
    assert other.delete(f"{V}/saved-views/{made['id']}").status_code == 404
    assert one.delete(f"{V}/saved-views/{made['id']}").status_code == 204
    assert one.get(f"{V}/saved-views").json() == []
    assert api.client().get(f"{V}/saved-views").status_code == 401
    bad = one.post(f"{V}/saved-views", json={"name": "  ", "query": ""})
    assert (bad.status_code, bad.json()["code"]) == (422, "bad_view_name")


def test_a_read_only_token_reads_and_a_narrow_one_sees_less(api: Api) -> None:
    use(api.world, 1)
    page = api.signed_in(Role.SUPERVISOR, Role.ADMIN, path=TOWN)

    def program(**scopes: object) -> httpx.Client:
        form = {"label": "统计", "days": 1} | scopes
        token = ok(page.post(f"{V}/tokens", json=form), 201)["token"]
        made = api.client(Authorization=f"Bearer {token}")
        for name in ("Origin", "Sec-Fetch-Site"):
            del made.headers[name]
        return made

    reader = program()
    assert len(ok(reader.get(f"{V}/uses"))["items"]) == 1  # type: ignore[arg-type]  # a list
    refused = reader.post(f"{V}/people", json={"org_id": org_id(TOWN), "name": "王"})
    assert (refused.status_code, refused.json()["code"]) == (403, "read_only_token")
    writer = program(write=True)
    ok(writer.post(f"{V}/people", json={"org_id": org_id(TOWN), "name": "王"}), 201)
    narrow = program(branch=FAR_VILLAGE)
    assert narrow.get(f"{V}/uses").status_code == 403
    admin_only = program(roles=["admin"])
    assert admin_only.get(f"{V}/records").status_code == 200
    assert ok(admin_only.get(f"{V}/uses"))["items"] == []


def test_the_document_names_roles_scope_and_errors_of_every_route(api: Api) -> None:
    document = ok(api.client().get(f"{V}/openapi.json"))
    paths = document["paths"]
    assert isinstance(paths, dict)
    for path, operations in paths.items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert " · " in operation["summary"], where
            assert "4XX" in operation["responses"], where
            if "security" in operation:
                assert operation["x-scope"] in {"own", "object", "branch"}, where
                assert "角色 Roles" in operation["description"], where
            for parameter in operation.get("parameters", ()):
                assert parameter["in"] != "header", where
    components = document["components"]
    assert isinstance(components, dict)
    assert set(components["securitySchemes"]) == {"token", "session"}
    assert "Problem" in components["schemas"]
    assert PASSWORD not in json.dumps(document)
