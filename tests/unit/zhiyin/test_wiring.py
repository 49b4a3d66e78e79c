"""The house put together: whatever a route may ask for is there."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from backend.api.deps import Services
from backend.store.keyring import KeyRing
from zhiyin import wiring, wiring_alerts, wiring_web
from zhiyin.running import schema
from zhiyin.settings import BrokerSettings, MqttSettings, Settings, WebSettings
from zhiyin.wiring import House


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    KeyRing.create(folder / "keys")
    made = wiring.build(Settings(data_dir=folder))
    schema.upgrade(made.db)
    yield made
    made.close()


@pytest.fixture(scope="module")
def app(house: House) -> FastAPI:
    return wiring_web.application(house, wiring_alerts.alerts(house))


def _asked(app: FastAPI) -> set[type]:
    """Every service that a route names by ``service(Kind)``, found in the closures."""
    found: set[type] = set()
    for route in iter_route_contexts(app.routes):
        waiting: list[Any] = [getattr(route, "dependant", None)]
        while waiting:
            one = waiting.pop()
            if one is None:
                continue
            waiting += one.dependencies
            if getattr(one.call, "__qualname__", "").startswith("service.<locals>"):
                found |= {
                    cell.cell_contents
                    for cell in one.call.__closure__ or ()
                    if isinstance(cell.cell_contents, type)
                }
    return found


def test_every_service_that_a_route_asks_for_is_wired(app: FastAPI) -> None:
    services: Services = app.state.services
    asked = _asked(app)
    assert len(asked) > 15
    assert [kind.__name__ for kind in asked if not services.has(kind)] == []


def test_the_openapi_document_is_built_over_all_routes(app: FastAPI) -> None:
    paths = {route.path for route in iter_route_contexts(app.routes)}
    assert {"/healthz", "/readyz", "/api/v1/openapi.json"} <= paths


@pytest.mark.parametrize(
    ("web", "https"),
    [
        (WebSettings(), False),
        (WebSettings(behind_proxy=True), True),
        (WebSettings(tls_cert_file=Path(__file__), tls_key_file=Path(__file__)), True),
        (WebSettings(public_url="https://yin.example.cn"), True),
        (WebSettings(public_url="http://yin.example.cn"), False),
    ],
)
def test_cookies_are_for_https_wherever_people_come_by_https(web: WebSettings, https: bool) -> None:
    found = wiring_web.api_settings(web)
    assert found.https is https
    assert found.origins == (frozenset({web.public_url}) if web.public_url else frozenset())


def test_the_embedded_brokers_password_wins_over_none(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, mqtt=MqttSettings(port=1999))
    found = wiring.link_settings(settings, name="gateway-7", password="made-at-start")
    assert (found.client_id, found.port, found.password) == (
        "zhiyin-gateway-7",
        1999,
        "made-at-start",
    )


def test_sleeves_are_listened_for_only_where_asked(tmp_path: Path) -> None:
    assert wiring.sleeves_listener(Settings(data_dir=tmp_path)) is None
    broker = BrokerSettings(
        host="0.0.0.0", tls_cert_file=Path(__file__), tls_key_file=Path(__file__)
    )
    listener = wiring.sleeves_listener(Settings(data_dir=tmp_path, broker=broker))
    assert listener is not None
    assert (listener.host, listener.port, listener.tls) == ("0.0.0.0", 8883, True)


def test_a_part_without_the_grant_key_can_do_all_else(tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "keys", os.urandom, [])
    built = wiring.build(Settings(data_dir=tmp_path))
    built.close()
