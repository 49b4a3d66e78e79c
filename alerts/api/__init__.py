"""The alerts' part of the JSON API. `zhiyin` wires it: services offered, routers included."""

from __future__ import annotations

from fastapi import APIRouter

from alerts.api import alerts, deliveries, me
from alerts.inbox import Inbox, TrialMessages
from alerts.ledger import DeliveryLedger
from alerts.reader import AlertReader
from alerts.service import Alerts
from backend.api.deps import Services
from backend.services.context import ServiceContext


def routers() -> tuple[APIRouter, ...]:
    """In the order of the document."""
    return (alerts.router, deliveries.router, me.router)


def offer(services: Services, parts: Alerts, context: ServiceContext) -> None:
    """Add what the routers work with."""
    for one in (
        AlertReader(context),
        parts.cases,
        DeliveryLedger(context, parts.channels, parts.delivery),
        parts.preferences,
        Inbox(context),
        TrialMessages(context, parts.preferences),
    ):
        services.add(one)
