"""Sleeves: lists and health, commissioning, orders from afar."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query, Response

from backend.api.answers import answer, nothing
from backend.api.deps import ANY, Branch, Cursor, Limit, Scope, require, require_session, service
from backend.api.sleeve_forms import (
    CommissionedView,
    ConfigForm,
    DeviceForm,
    Home,
    KeyForm,
    LockForm,
    Login,
    Reason,
    SealBinding,
    commissioned_view,
)
from backend.domain.actor import Actor, Role
from backend.services.device_orders import (
    LOCKERS,
    DeviceOrderService,
    Ordered,
)
from backend.services.device_views import DeviceDetail, DeviceInfo, DeviceViewService
from backend.services.devices import DeviceService, NewDevice
from backend.services.identity import Authenticated
from backend.services.paging import Page

router = APIRouter(prefix="/api/v1/sleeves", tags=["套筒 Sleeves"])

Devices = Annotated[DeviceService, service(DeviceService)]
Orders = Annotated[DeviceOrderService, service(DeviceOrderService)]
Views = Annotated[DeviceViewService, service(DeviceViewService)]
DeviceId = Annotated[str, Path(max_length=32, description="套筒编号 · id")]
# Who commissions receives secrets: a person, not a program.
Commissioner = Annotated[Authenticated, require_session(Role.ADMIN, scope=Scope.OBJECT)]
Admin = Annotated[Actor, require(Role.ADMIN, scope=Scope.OBJECT)]


@router.get("", summary="套筒列表 · List sleeves", response_model=Page[DeviceInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    views: Views,
    branch: Branch = None,
    status: Annotated[
        Literal["active", "revoked"] | None, Query(description="在用或已注销 · status")
    ] = None,
    online: Annotated[bool | None, Query(description="是否在线 · on line")] = None,
    unconfirmed: Annotated[
        bool, Query(description="只看有未确认指令的 · with an order not yet confirmed")
    ] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """By id, each with what is wrong with it."""
    return answer(
        views.find(
            actor,
            branch=branch,
            status=status,
            online=online,
            unconfirmed=unconfirmed,
            cursor=cursor,
            limit=limit,
        )
    )


@router.post(
    "", summary="登记套筒 · Enrol a sleeve", status_code=201, response_model=CommissionedView
)
def enrol(form: DeviceForm, asker: Commissioner, devices: Devices) -> Response:
    """Its broker password is shown this once."""
    new = NewDevice(
        form.id,
        form.org_id,
        form.key,
        bytes.fromhex(form.signature) if form.signature is not None else None,
        form.seal_id,
        form.lat,
        form.lon,
        form.fence_m,
    )
    return answer(commissioned_view(devices.enrol(asker.actor, new)), 201)


@router.get("/{device_id}", summary="查看套筒 · One sleeve", response_model=DeviceDetail)
def get(
    device_id: DeviceId, actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)], views: Views
) -> Response:
    """Health, keys, orders not yet confirmed."""
    return answer(views.get(actor, device_id))


@router.put(
    "/{device_id}/seal", summary="绑定印章 · Bind a seal", status_code=204, response_class=Response
)
def bind(device_id: DeviceId, form: SealBinding, actor: Admin, devices: Devices) -> Response:
    """Not while a grant is live or a use is open."""
    devices.bind(actor, device_id, form.seal_id)
    return nothing()


@router.put(
    "/{device_id}/home", summary="设置位置 · Set its home", status_code=204, response_class=Response
)
def set_home(device_id: DeviceId, form: Home, actor: Admin, devices: Devices) -> Response:
    """Empty: where its organisation is."""
    devices.set_home(actor, device_id, form.lat, form.lon, form.fence_m)
    return nothing()


@router.post(
    "/{device_id}/keys",
    summary="更换密钥 · Replace its key",
    status_code=201,
    response_model=CommissionedView,
)
def replace_key(
    device_id: DeviceId, form: KeyForm, asker: Commissioner, devices: Devices
) -> Response:
    """After a repair; a sleeve in order rotates its key itself."""
    signature = bytes.fromhex(form.signature) if form.signature is not None else None
    made = devices.replace_key(asker.actor, device_id, form.key, signature)
    return answer(commissioned_view(made), 201)


@router.post(
    "/{device_id}/login",
    summary="更换 MQTT 口令 · New broker password",
    status_code=201,
    response_model=Login,
)
def rotate_login(device_id: DeviceId, asker: Commissioner, devices: Devices) -> Response:
    """Shown this once."""
    made = devices.rotate_login(asker.actor, device_id)
    return answer(Login(made.username, made.password), 201)


@router.post(
    "/{device_id}/revocation",
    summary="注销套筒 · Revoke it",
    status_code=204,
    response_class=Response,
)
def revoke(device_id: DeviceId, form: Reason, actor: Admin, devices: Devices) -> Response:
    """For good: keys, broker account and live grants end."""
    devices.revoke(actor, device_id, form.reason)
    return nothing()


@router.put(
    "/{device_id}/lock",
    summary="远程锁定 · Lock it from afar",
    status_code=202,
    response_model=Ordered,
)
def lock(
    device_id: DeviceId,
    form: LockForm,
    actor: Annotated[Actor, require(*LOCKERS, scope=Scope.OBJECT)],
    orders: Orders,
) -> Response:
    """Custodians may lock; to allow again takes an administrator or a supervisor. Done when the
    sleeve's own event confirms it."""
    return answer(orders.lock(actor, device_id, form.locked, form.reason), 202)


@router.patch(
    "/{device_id}/config",
    summary="修改参数 · Configure it",
    status_code=202,
    response_model=Ordered,
)
def configure(device_id: DeviceId, form: ConfigForm, actor: Admin, orders: Orders) -> Response:
    """Done when the sleeve's own event confirms it."""
    return answer(orders.configure(actor, device_id, form.model_dump(exclude_unset=True)), 202)
