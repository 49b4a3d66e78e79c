"""The ledger of deliveries, and how the channels are."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from alerts.ledger import (
    ChannelHealth,
    DeliveryDetail,
    DeliveryFilter,
    DeliveryInfo,
    DeliveryLedger,
)
from backend.api.answers import answer
from backend.api.deps import ANY, Cursor, Limit, Scope, require, service
from backend.domain.actor import Actor, Role
from backend.services.paging import Page

router = APIRouter(prefix="/api/v1/deliveries", tags=["通知台账 Deliveries"])

Ledger = Annotated[DeliveryLedger, service(DeliveryLedger)]


@router.get("", summary="通知台账 · List deliveries", response_model=Page[DeliveryInfo])
def find(
    actor: Annotated[Actor, require(*ANY, scope=Scope.BRANCH)],
    ledger: Ledger,
    state: Annotated[str | None, Query(max_length=32, description="状态 · state")] = None,
    channel: Annotated[str | None, Query(max_length=32, description="通道 · channel")] = None,
    kind: Annotated[str | None, Query(max_length=32, description="种类 · kind")] = None,
    alert_id: Annotated[str | None, Query(max_length=64, description="预警 · alert")] = None,
    mine: Annotated[bool, Query(description="只看发给我的 · to me only")] = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:
    """Newest first; one's own, and for supervisors and administrators those of their branches."""
    wanted = DeliveryFilter(state, channel, kind, alert_id, mine)
    return answer(ledger.find(actor, wanted, cursor=cursor, limit=limit))


@router.get("/channels", summary="通道状况 · Channels", response_model=list[ChannelHealth])
def channels(
    _actor: Annotated[Actor, require(Role.ADMIN, Role.SUPERVISOR, scope=Scope.BRANCH)],
    ledger: Ledger,
) -> Response:
    """Which are set up, which rest after failing, what waits and what is dead on each."""
    return answer(ledger.channels())


@router.get("/{delivery_id}", summary="查看一条通知 · One delivery", response_model=DeliveryDetail)
def get(
    delivery_id: Annotated[str, Path(max_length=64, description="编号 · id")],
    actor: Annotated[Actor, require(*ANY, scope=Scope.OBJECT)],
    ledger: Ledger,
) -> Response:
    """With its words and every attempt."""
    return answer(ledger.get(actor, delivery_id))
