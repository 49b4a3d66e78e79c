"""Sessions by cookie: how it is set, what voids it, and that other sites cannot use it."""

from http.cookies import SimpleCookie

import pytest

from backend.api.settings import ApiSettings
from backend.domain.actor import Role
from tests.support.api import HOST, PASSWORD, Api
from tests.support.world import VILLAGE, World

ME = "/api/v1/session"


def test_signing_in_sets_a_cookie_that_scripts_and_other_sites_cannot_use(api: Api) -> None:
    api.account("wang.fang", Role.APPROVER)

    response = api.client().post(ME, json={"login": "wang.fang", "password": PASSWORD})

    cookie = SimpleCookie(response.headers["set-cookie"])["__Host-zhiyin"]
    assert cookie["httponly"]
    assert cookie["secure"]
    assert cookie["samesite"] == "lax"
    assert cookie["path"] == "/"
    assert not cookie["domain"]
    assert response.json()["roles"] == [
        {
            "role": "approver",
            "name": "审批人",
            "org_id": "330109103201",
            "org_path": VILLAGE,
        }
    ]


def test_without_https_the_cookie_has_no_host_prefix(world: World) -> None:
    with Api(world, ApiSettings(https=False)) as api:
        api.account("wang.fang")
        response = api.client().post(ME, json={"login": "wang.fang", "password": PASSWORD})
        assert response.headers["set-cookie"].startswith("zhiyin=")
        assert "strict-transport-security" not in response.headers


def test_wrong_and_unknown_read_the_same(api: Api) -> None:
    api.account("wang.fang")
    client = api.client()

    answers = []
    for login, password in (("wang.fang", "wrong"), ("nobody", PASSWORD)):
        response = client.post(ME, json={"login": login, "password": password})
        body = response.json()
        body.pop("instance")
        answers.append((response.status_code, body, response.headers.get("set-cookie")))
    assert answers[0] == answers[1]
    assert answers[0][0] == 401


def test_too_many_tries_are_told_to_wait(api: Api) -> None:
    client = api.client()
    for _ in range(5):
        client.post(ME, json={"login": "x1", "password": "y"})

    response = client.post(ME, json={"login": "x1", "password": "y"})
    assert response.status_code == 429
    assert response.json()["code"] == "too_many_attempts"


def test_nobody_is_signed_in_without_a_cookie(api: Api) -> None:
    response = api.client().get(ME)

    assert response.status_code == 401
    assert response.json()["code"] == "sign_in_needed"
    assert response.headers["www-authenticate"] == "Bearer"


def test_signing_out_voids_the_cookie(api: Api) -> None:
    client = api.signed_in(Role.APPROVER)
    stolen = client.cookies.get("__Host-zhiyin")
    assert stolen is not None

    assert client.delete(ME).status_code == 204
    assert client.get(ME).status_code == 401
    assert api.client(Cookie=f"__Host-zhiyin={stolen}").get(ME).status_code == 401


def test_signing_out_everywhere(api: Api) -> None:
    api.account("wang.fang")
    pages = [api.client(), api.client()]
    for page in pages:
        page.post(ME, json={"login": "wang.fang", "password": PASSWORD})

    assert pages[0].delete(f"{ME}/all").status_code == 204
    assert [page.get(ME).status_code for page in pages] == [401, 401]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({"Sec-Fetch-Site": "none"}, 204),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": HOST}, 204),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": HOST + ".evil.example"}, 403),
        ({"Origin": "http://yin.example.cn"}, 403),
        ({}, 403),
    ],
)
def test_only_our_own_pages_may_change_anything_with_a_session(
    api: Api, headers: dict[str, str], status: int
) -> None:
    client = api.signed_in(Role.APPROVER)
    for name in ("Origin", "Sec-Fetch-Site"):
        del client.headers[name]

    response = client.delete(ME, headers=headers)

    assert response.status_code == status
    if status == 403:
        assert response.json()["code"] == "other_origin"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({}, 200),
    ],
)
def test_other_sites_may_link_to_us_but_not_load_from_us(
    api: Api, headers: dict[str, str], status: int
) -> None:
    client = api.signed_in(Role.APPROVER)
    for name in ("Origin", "Sec-Fetch-Site"):
        del client.headers[name]

    assert client.get(ME, headers=headers).status_code == status


def test_a_named_further_origin_may_act(world: World) -> None:
    with Api(world, ApiSettings(origins=frozenset({"https://portal.example.cn"}))) as api:
        client = api.signed_in(Role.APPROVER)
        del client.headers["Sec-Fetch-Site"]
        assert client.delete(ME, headers={"Origin": "https://portal.example.cn"}).is_success


def test_a_temporary_password_opens_nothing_but_choosing_ones_own(api: Api) -> None:
    person = api.account("wang.fang", Role.ADMIN)
    api.set_columns(person, password_temporary=True)
    client = api.client()
    signed_in = client.post(ME, json={"login": "wang.fang", "password": PASSWORD})
    assert signed_in.json()["must_change_password"]

    response = client.put(f"{ME}/pin", json={"password": PASSWORD, "pin": "135790"})
    assert (response.status_code, response.json()["code"]) == (403, "change_password_first")

    api.wall.advance(5)
    new = "一个全新的口令-2026"
    assert client.put(f"{ME}/password", json={"old": PASSWORD, "new": new}).status_code == 204
    assert client.get(ME).status_code == 401
    api.wall.advance(5)
    client.post(ME, json={"login": "wang.fang", "password": new})
    assert client.get(ME).json()["must_change_password"] is False


def test_a_password_is_changed_only_by_who_knows_it_and_not_to_a_weak_one(api: Api) -> None:
    client = api.signed_in(Role.APPROVER)

    for old, new, code in (
        ("wrong", "一个全新的口令-2026", "wrong_password"),
        (PASSWORD, "short", "weak_password"),
    ):
        response = client.put(f"{ME}/password", json={"old": old, "new": new})
        assert response.json()["code"] == code
    assert client.get(ME).status_code == 200


def test_setting_a_pin_asks_the_password_again(api: Api) -> None:
    client = api.signed_in(Role.OPERATOR)

    wrong = client.put(f"{ME}/pin", json={"password": "wrong", "pin": "135790"})
    assert wrong.status_code == 403
    assert client.put(f"{ME}/pin", json={"password": PASSWORD, "pin": "135790"}).is_success
    assert client.get(ME).json()["has_pin"]
    assert [one.kind for one in api.world.records()] == ["person.pin_set"]


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


def test_a_token_works_without_any_origin_and_reads_only(api: Api) -> None:
    page = api.signed_in(Role.ADMIN)
    issued = page.post("/api/v1/tokens", json={"label": "统计", "days": 30})
    assert issued.status_code == 201
    program = api.client(Authorization=f"Bearer {issued.json()['token']}")
    for name in ("Origin", "Sec-Fetch-Site"):
        del program.headers[name]

    # A session's own matters are not a token's.
    response = program.get("/api/v1/tokens")
    assert (response.status_code, response.json()["code"]) == (403, "session_needed")
    assert "digest" not in page.get("/api/v1/tokens").text
    assert issued.json()["token"] not in page.get("/api/v1/tokens").text


@pytest.mark.parametrize("value", ["Bearer nonsense", "Basic d2FuZzpmYW5n", "Bearer ", ""])
def test_a_bad_token_is_nobody_even_beside_a_good_cookie(api: Api, value: str) -> None:
    page = api.signed_in(Role.ADMIN)

    assert page.get(ME, headers={"Authorization": value}).status_code == 401
