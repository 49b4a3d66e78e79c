"""What every service is given: the database, the journal, a clock, randomness, the calendar."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from backend.domain.ids import uuid7
from backend.store.db import Database
from backend.store.journal import Journal
from gateway.protocol.messages import Down

HolidayLookup = Callable[[date], bool | None]
"""Whether a local date is a working day by the published national calendar; None: that year is
not published (yet)."""


class GrantSigner(Protocol):
    """Seals what is said to a sleeve with the grant key (gateway.protocol.envelope.seal_down)."""

    def __call__(self, body: Down, *, device: str, time: int) -> bytes:
        """The signed bytes of ``body`` for ``device`` at ``time`` (ms UTC)."""
        ...


def weekdays_only(_day: date) -> bool | None:
    """A holiday lookup that knows no year."""
    return None


@dataclass(frozen=True, slots=True)
class ServiceSettings:
    """Thresholds that an installation may choose; units are in the names."""

    page_size: int = 50
    page_size_max: int = 200
    number_prefix: str = "ZY"
    sweep_batch: int = 200
    paper_bytes: int = 8 * 1024 * 1024
    papers: int = 60
    """Documents of one application, at most."""

    def clamp(self, limit: int | None) -> int:
        """The size of a page when ``limit`` was asked for."""
        return max(1, min(limit or self.page_size, self.page_size_max))


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """Handed to every service. ``now`` gives ms UTC, ``random`` that many random bytes."""

    db: Database
    journal: Journal
    now: Callable[[], int]
    random: Callable[[int], bytes]
    holidays: HolidayLookup = weekdays_only
    sign_down: GrantSigner | None = None
    settings: ServiceSettings = field(default_factory=ServiceSettings)

    def new_id(self) -> str:
        """A fresh time-ordered id."""
        return uuid7(self.now(), self.random(16))
