"""What rules may ask about the world besides the record before them: small, read-only."""

from __future__ import annotations

from datetime import date
from typing import Protocol

from alerts.rules.settings import RuleSettings
from backend.domain.calendar import WorkingCalendar
from backend.domain.permit import Permit

Circle = tuple[float, float, float]
"""Latitude, longitude (WGS-84 degrees), radius (metres)."""


class Context(Protocol):
    """Facts as they stand when the record is read. Nothing here changes anything."""

    @property
    def settings(self) -> RuleSettings:
        """Every threshold."""
        ...

    def calendar(self, org_path: str) -> WorkingCalendar:
        """The working calendar that holds at ``org_path``."""
        ...

    def holiday(self, day: date) -> str | None:
        """The name of the public holiday on ``day``, where it is one and has a name."""
        ...

    def home(self, device: str) -> Circle | None:
        """Where a sleeve belongs: as commissioned, else where its organisation is."""
        ...

    def permits(self, device: str) -> tuple[Permit, ...]:
        """Its off-site permits that were approved, also those returned or overdue by now."""
        ...

    def custodians(self, seal: str) -> frozenset[str]:
        """Who keeps the seal."""
        ...
