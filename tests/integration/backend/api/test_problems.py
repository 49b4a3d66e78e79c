"""Errors are problem details with nothing of our insides; headers and limits stand everywhere."""

import logging
from typing import Any

import pytest
import structlog
from sqlalchemy.exc import OperationalError

from backend.api.deps import Services
from backend.api.problems import speaks_chinese
from backend.api.settings import MAX_BODY
from backend.domain.actor import Actor, Role
from backend.services.people import PeopleService
from tests.support.api import PASSWORD, Api
from tests.support.world import VILLAGE, World, org_id

PEOPLE = "/api/v1/people"


class Broken:
    """Stands where a service is, and fails as it is told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def find(self, *_given: Any, **_more: Any) -> Any:
        raise self._error

    def get(self, actor: Actor, _person: str) -> Any:
        class Me:
            id, name, login, locale = actor.person_id, "x", "x", "zh_CN"
            org_path, has_pin = actor.org_path, False

        return Me()


def broken(world: World, error: Exception) -> Api:
    def adapt(services: Services) -> None:
        services.add(Broken(error), PeopleService)

    return Api(world, adapt=adapt)


def test_a_refusal_is_a_problem_in_both_languages(api: Api) -> None:
    client = api.signed_in(Role.ADMIN)

    chinese = client.get(f"{PEOPLE}/nobody")
    english = client.get(f"{PEOPLE}/nobody", headers={"Accept-Language": "en-GB,en;q=0.9"})

    assert chinese.status_code == 404
    assert chinese.headers["content-type"] == "application/problem+json"
    body = chinese.json()
    assert body["type"] == "urn:zhiyin:problem:not_found"
    assert body["title"] == body["zh"] == "找不到该人员，或不在您的管理范围内"
    assert english.json()["title"] == body["en"]
    assert body["instance"] == f"urn:uuid:{chinese.headers['x-request-id']}"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", True),
        ("zh-Hans-CN,zh;q=0.9,en;q=0.8", True),
        ("zh-TW", True),
        ("en-US,en;q=0.5", False),
        ("en, zh", False),
        ("fr, zh;q=0.5, en;q=0.2", True),
        ("*", True),
    ],
)
def test_chinese_unless_english_is_asked_for(header: str, expected: bool) -> None:
    assert speaks_chinese(header) is expected


def test_a_request_that_does_not_fit_names_each_field_and_repeats_no_value(api: Api) -> None:
    client = api.signed_in(Role.ADMIN)

    response = client.post(
        PEOPLE, json={"name": "S3CRET" * 20, "org_id": org_id(VILLAGE), "S3CRET-field": 1}
    )

    assert response.status_code == 422
    found = {one["field"]: one["zh"] for one in response.json()["errors"]}
    assert found["body.name"] == "太长"
    assert "S3CRETS3CRET" not in response.text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("GET", "/", 404, "not_found"),
        ("PUT", "/healthz", 405, "method_not_allowed"),
    ],
)
def test_addresses_that_are_none_are_problems_too(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    response = api.client().request(method, path)

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_json_that_is_none_is_refused(api: Api) -> None:
    response = api.client().post(
        "/api/v1/session", content=b"{", headers={"Content-Type": "application/json"}
    )
    assert (response.status_code, response.json()["code"]) == (422, "bad_request")


def test_an_unexpected_error_tells_its_number_and_nothing_else(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    with broken(world, RuntimeError("password=hunter2 at /srv/zhiyin/x.py")) as api:
        client = api.signed_in(Role.ADMIN)
        response = client.get(PEOPLE)

    assert response.status_code == 500
    assert response.json()["code"] == "internal"
    for inside in ("hunter2", "RuntimeError", "x.py", "Traceback"):
        assert inside not in response.text


def test_a_database_that_is_away_asks_to_come_again(world: World) -> None:
    error = OperationalError("SELECT secret", {}, Exception("connection refused to 10.0.0.5"))
    with broken(world, error) as api:
        response = api.signed_in(Role.ADMIN).get(PEOPLE)

    assert (response.status_code, response.json()["code"]) == (503, "database_away")
    assert response.headers["retry-after"] == "5"
    assert "10.0.0.5" not in response.text
    assert "SELECT" not in response.text


def test_a_request_that_is_too_large_is_refused_before_it_is_read(api: Api) -> None:
    client = api.client()
    body = b'{"login": "' + b"x" * MAX_BODY + b'"}'

    announced = client.post("/api/v1/session", content=body, headers={"Content-Type": JSON})
    streamed = client.post("/api/v1/session", content=iter([body]), headers={"Content-Type": JSON})

    for response in (announced, streamed):
        assert response.status_code == 413
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["code"] == "too_large"


JSON = "application/json"


def test_every_answer_carries_the_security_headers(api: Api) -> None:
    client = api.client()
    for response in (
        client.get("/healthz"),
        client.get("/api/v1/nothing"),
        client.post("/api/v1/session", json={}),
        client.post("/api/v1/session", content=b"x" * (MAX_BODY + 1)),
    ):
        headers = response.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["strict-transport-security"].startswith("max-age=31536000")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert len(headers["x-request-id"]) == 36
    assert client.get("/api/v1/session").headers["cache-control"] == "no-store"


def test_the_access_log_names_who_and_what_but_no_secret(api: Api) -> None:
    with structlog.testing.capture_logs() as lines:
        client = api.signed_in(Role.SUPERVISOR)
        client.get("/api/v1/pictures/p1", params={"reason": "看看某某某的脸"})
        client.get("/api/v1/uses", headers={"Authorization": "Bearer zyt_abcdef"})

    access = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["path"], line["status"]) for line in access] == [
        ("POST", "/api/v1/session", 200),
        ("GET", "/api/v1/pictures/p1", 404),
        ("GET", "/api/v1/uses", 401),
    ]
    assert access[1]["person"]
    assert access[2]["person"] is None
    assert all(line["took_ms"] >= 0 and line["address"] == "10.1.2.3" for line in access)
    written = str(lines)
    for secret in (PASSWORD, "看看", "zyt_abcdef", client.cookies["__Host-zhiyin"]):
        assert secret not in written


def test_errors_of_ours_are_logged_with_the_request(world: World) -> None:
    logging.getLogger("httpx").setLevel(logging.WARNING)
    with (
        structlog.testing.capture_logs() as lines,
        broken(world, RuntimeError("what happened")) as api,
    ):
        response = api.signed_in(Role.ADMIN).get(PEOPLE)

    (line,) = [line for line in lines if line["event"] == "unexpected error"]
    assert line["request"] == response.headers["x-request-id"]
    assert str(line["exc_info"]) == "what happened"


def test_ready_says_no_when_the_database_has_no_tables(api: Api) -> None:
    assert api.client().get("/readyz").status_code == 200
    with api.world.db.write() as conn:
        conn.exec_driver_sql("DROP TABLE organisation")

    assert api.client().get("/readyz").status_code == 503
    assert api.client().get("/healthz").status_code == 200
