"""Settings of alerts and notices; every threshold is a setting. Times in ms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from alerts.rules.settings import DAY_MS, HOUR_MS, MINUTE_MS, RuleSettings
from backend.domain.notice_rule import Escalation

SECOND_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """How the outbox works."""

    lease_ms: int = MINUTE_MS
    """After so long a worker that took a message and said no more is taken for dead."""
    batch: int = 20
    attempts: int = 12
    first_wait_ms: int = 5 * SECOND_MS
    """Wait after the first failure; doubled each time, with jitter."""
    longest_wait_ms: int = 30 * MINUTE_MS
    give_up_ms: int = DAY_MS
    """A message older than this that still fails is dead."""
    bundle_from: int = 3
    """So many ordinary notices that wait for one person become one message."""
    late_bundle_ms: int = MINUTE_MS
    """Notices of late uses wait so long for each other."""
    circuit_failures: int = 5
    """After so many passing failures in a row a channel rests."""
    circuit_rest_ms: int = MINUTE_MS
    rates: Mapping[str, int] = field(
        default_factory=lambda: MappingProxyType(
            {"dingtalk_robot": 18, "wecom_robot": 18, "feishu_robot": 90, "sms": 60}
        )
    )
    """Messages a minute by channel, below what the services allow; others: not limited."""


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """Everything that an installation may choose about alerts."""

    rules: RuleSettings = field(default_factory=RuleSettings)
    delivery: DeliverySettings = field(default_factory=DeliverySettings)
    escalation: tuple[Escalation, ...] = (
        Escalation(30 * MINUTE_MS, ("town",)),
        Escalation(2 * HOUR_MS, ("district",)),
        Escalation(DAY_MS, ("district", "admins")),
    )
    """Where a district's notification rules say nothing else."""
    quiet_from: str = "22:00"
    quiet_until: str = "07:00"
    """Quiet hours (Asia/Shanghai) of whoever chose none; equal: none. They delay, never drop."""
    default_channels: tuple[tuple[str, str], ...] = ()
    """Channel and address of whoever chose none. ``{phone}``, ``{login}`` and ``{person}`` in an
    address stand for the person's own; an address with nothing to put in is left out."""
    rectify_ms: int = 7 * DAY_MS
    """Deadline of a case when who assigns it names none."""
    suppress_ms: int = 30 * DAY_MS
    """Longest suppression after a false alarm."""
    batch: int = 200
    timer_grain_ms: int = SECOND_MS
    """Timers that have looked so short a while ago need not look again before time may pass."""
    settle_ms: int = 3 * MINUTE_MS
    """After our own start sleeves get so long to be heard before any is called silent."""
    link_base: str = ""
    """Address of the web pages, such as ``https://seal.example.gov.cn``; empty: no links."""
