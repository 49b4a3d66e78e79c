"""Commissioning sleeves from the desk: enrol, put a seal in, say where it lives, change its key and
password, take it out of service. Secrets are shown once, in the answer, and kept nowhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Final

from fastapi import Form
from starlette.requests import Request
from starlette.responses import Response

from backend.api.deps import service
from backend.api.sleeve_forms import commissioned_view
from backend.domain.actor import Role
from backend.domain.errors import DomainError
from backend.services.device_orders import DeviceOrderService
from backend.services.device_views import DeviceViewService
from backend.services.devices import Commissioned, DeviceService, NewDevice
from backend.web import schematic
from backend.web.admin import Code, admin_of
from backend.web.numbers import Number, number
from backend.web.ports import Web
from backend.web.site import Concerned, WebPort, go, page, pages, showable

_MOST: Final = 200

Devices = Annotated[DeviceService, service(DeviceService)]
Views = Annotated[DeviceViewService, service(DeviceViewService)]
Orders = Annotated[DeviceOrderService, service(DeviceOrderService)]
Pem = Annotated[str, Form(max_length=8192)]
Proof = Annotated[str, Form(max_length=128)]

router = pages()


@router.get("/admin/orgs/{org_id}/sleeves")
def org_sleeves(
    request: Request, who: Concerned, web: WebPort, views: Views, org_id: str
) -> Response:
    """The sleeves of one organisation, and a form to enrol one."""
    return _list(request, web, who, views, org_id)


@router.post("/admin/orgs/{org_id}/sleeves")
def enrol(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    org_id: str,
    device: Annotated[str, Form(max_length=32)] = "",
    key: Pem = "",
    signature: Proof = "",
    seal: Code = "",
) -> Response:
    """Register a sleeve by its public key or signing request; its broker password is shown once."""
    try:
        made = devices.enrol(
            who.actor,
            NewDevice(device.strip(), org_id, key, _hex(signature), seal_id=seal or None),
        )
    except DomainError as error:
        return _list(request, web, who, views, org_id, error=showable(error))
    return _one(request, web, who, views, made.device_id, made=made)


@router.get("/admin/sleeves/{device_id}")
def sleeve_settings(
    request: Request, who: Concerned, web: WebPort, views: Views, device_id: str
) -> Response:
    """Everything that can be set about a sleeve."""
    return _one(request, web, who, views, device_id)


@router.post("/admin/sleeves/{device_id}/seal")
def bind(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    device_id: str,
    seal: Code = "",
) -> Response:
    """Put another seal in, or take it out."""
    return _do(
        request,
        web,
        who,
        views,
        device_id,
        lambda: devices.bind(who.actor, device_id, seal or None),
    )


@router.post("/admin/sleeves/{device_id}/home")
def set_home(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    orders: Orders,
    device_id: str,
    lat: Number = "",
    lon: Number = "",
    fence: Number = "",
) -> Response:
    """Where it lives; the sleeve is told its fence at once."""

    def act() -> None:
        devices.set_home(who.actor, device_id, number(lat), number(lon), number(fence))
        orders.configure(who.actor, device_id, {})

    return _do(request, web, who, views, device_id, act)


@router.post("/admin/sleeves/{device_id}/config")
def configure(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    orders: Orders,
    device_id: str,
    heartbeat_s: Number = "",
    use_timeout_s: Number = "",
    close_timeout_s: Number = "",
    face_attempts: Number = "",
) -> Response:
    """Its time limits; done when the sleeve's own event confirms it."""

    def act() -> None:
        wanted: dict[str, Any] = {}
        for name, text, unit in (
            ("heartbeat_ms", heartbeat_s, 1000),
            ("use_timeout_ms", use_timeout_s, 1000),
            ("close_timeout_ms", close_timeout_s, 1000),
            ("face_attempts", face_attempts, 1),
        ):
            value = number(text)
            if value is not None:
                wanted[name] = round(value * unit)
        orders.configure(who.actor, device_id, wanted)

    return _do(request, web, who, views, device_id, act)


@router.post("/admin/sleeves/{device_id}/key")
def replace_key(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    device_id: str,
    key: Pem = "",
    signature: Proof = "",
) -> Response:
    """Another key, after a repair."""
    try:
        made = devices.replace_key(who.actor, device_id, key, _hex(signature))
    except DomainError as error:
        return _one(request, web, who, views, device_id, error=showable(error))
    return _one(request, web, who, views, device_id, made=made)


@router.post("/admin/sleeves/{device_id}/login")
def rotate_login(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    device_id: str,
) -> Response:
    """A new broker password."""
    try:
        made = devices.rotate_login(who.actor, device_id)
    except DomainError as error:
        return _one(request, web, who, views, device_id, error=showable(error))
    return _one(request, web, who, views, device_id, login=made)


@router.post("/admin/sleeves/{device_id}/revoke")
def revoke(
    request: Request,
    who: Concerned,
    web: WebPort,
    views: Views,
    devices: Devices,
    device_id: str,
    reason: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """Out of service for good."""
    return _do(
        request, web, who, views, device_id, lambda: devices.revoke(who.actor, device_id, reason)
    )


def _do(
    request: Request,
    web: Web,
    who: Concerned,
    views: DeviceViewService,
    device_id: str,
    act: Callable[[], object],
) -> Response:
    try:
        act()
    except DomainError as error:
        return _one(request, web, who, views, device_id, error=showable(error))
    return go(f"/admin/sleeves/{device_id}")


def _hex(text: str) -> bytes | None:
    if not text.strip():
        return None
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise DomainError(
            "bad_proof", "签名须为十六进制", "a signature is written in hex"
        ) from error


def _list(
    request: Request,
    web: Web,
    who: Concerned,
    views: DeviceViewService,
    org_id: str,
    *,
    error: DomainError | None = None,
) -> Response:
    admin = admin_of(web)
    org = admin.organisations.get(who.actor, org_id)
    found = views.find(who.actor, branch=org.path, limit=_MOST).items
    seals = admin.seals.find(who.actor, branch=org.path, limit=_MOST).items
    here = [one for one in seals if one.org_path == org.path and one.status != "destroyed"]
    values = {
        "org": org,
        "tab": "sleeves",
        "sleeves": [one for one in found if one.org_path == org.path],
        "seal_names": {one.id: one.name for one in here},
        "free": [one for one in here if one.device_id is None],
        "administers": who.actor.may(Role.ADMIN, org.path),
        "error": error,
    }
    return page(request, web, who, "org_sleeves.html", values, 422 if error else 200)


def _one(
    request: Request,
    web: Web,
    who: Concerned,
    views: DeviceViewService,
    device_id: str,
    *,
    error: DomainError | None = None,
    made: Commissioned | None = None,
    login: Any = None,
) -> Response:
    admin = admin_of(web)
    detail = views.get(who.actor, device_id)
    org = admin.organisations.get(who.actor, detail.info.org_id)
    seals = admin.seals.find(who.actor, branch=org.path, status="active", limit=_MOST).items
    here = [one for one in seals if one.org_path == org.path]
    own = detail.home_lat is not None and detail.home_lon is not None
    home = (detail.home_lat, detail.home_lon) if own else (org.lat, org.lon)
    drawing = None
    if home[0] is not None and home[1] is not None:
        last = None
        if detail.lat is not None and detail.lon is not None:
            last = detail.lat, detail.lon
        drawing = schematic.draw((home[0], home[1]), detail.fence_m if own else org.fence_m, last)
    bundle = None
    if made is not None:
        bundle = json.dumps(asdict(commissioned_view(made)), indent=1)
    values = {
        "detail": detail,
        "org": org,
        "tab": "sleeves",
        "seals": [one for one in here if one.device_id in (None, device_id)],
        "drawing": drawing,
        "own_home": own,
        "bundle": bundle,
        "login": login,
        "administers": who.actor.may(Role.ADMIN, org.path) and detail.info.status == "active",
        "error": error,
    }
    return page(request, web, who, "sleeve_admin.html", values, 422 if error else 200)
