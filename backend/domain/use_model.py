"""What a use consists of: grant, sleeve, use, and what an event means for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

GRACE_MS: Final = 5_000
"""A grant that ends while the seal is already dropping is not called expired for this long."""

_ORDER: Final = ("unlocked", "open", "counted", "checking", "cleared", "stamping", "finished")

STAGES: Final = frozenset({*_ORDER, "refused"})
"""At which a use may stand."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as the gateway needs it. States: issued, unlocked, burnt, used, expired, revoked.

    ``burnt_at`` is when we learnt that a sleeve burnt it; it stays, whatever state follows.
    """

    id: str
    application: str
    org_path: str
    device: str
    seal: str
    operator: str
    alternates: tuple[str, ...]
    stamps: int
    not_before: int
    not_after: int
    title: str
    state: str
    use_id: str | None
    place: tuple[float, float, float] | None
    policy: Mapping[str, Any]
    ended_at: int | None = None
    burnt_at: int | None = None

    @property
    def consumed(self) -> bool:
        """Whether its one use has begun."""
        return self.burnt_at is not None or self.state in ("burnt", "used")


@dataclass(frozen=True, slots=True)
class Sleeve:
    """A sleeve as the gateway needs it. ``total`` is its mechanical counter as last reported."""

    id: str
    org_path: str
    seal: str | None
    locked: bool
    total: int
    open_use: str | None


@dataclass(frozen=True, slots=True)
class Use:
    """One session at the sleeve, from unlock to locked again."""

    id: str
    org_path: str
    device: str
    seal: str
    state: str
    started_at: int
    recorded_at: int
    last_event_at: int
    application: str | None = None
    grant: str | None = None
    operator: str | None = None
    stamped_by: str | None = None
    witness: str | None = None
    person_check: str = "none"
    score: float | None = None
    granted: int = 0
    entered: int = 0
    pressed: int = 0
    offline: bool = False
    late: bool = False
    first_stamp_at: int | None = None
    finished_at: int | None = None
    finish_reason: str | None = None
    lat: float | None = None
    lon: float | None = None

    @property
    def cleared(self) -> bool:
        """Whether the person was checked and found to be the right one."""
        return self.person_check in ("match", "pin")

    @property
    def open(self) -> bool:
        """Whether the sleeve has not yet said that it is locked again."""
        return self.state not in ("finished", "refused")


@dataclass(frozen=True, slots=True)
class Check:
    """The person must be checked: a burst of faces, or two PINs."""

    kind: str
    use_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """No, with a stable code and what the sleeve shows."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What an event changes and means.

    ``use`` and ``grant`` are new states to keep (None: unchanged). ``verdict`` goes into the
    event's record and is what the rules read. ``extra`` are further findings to record, as
    ``(kind, data)``. ``check`` asks for a check of the person.
    """

    sleeve: Sleeve
    use: Use | None = None
    grant: Grant | None = None
    application_status: str | None = None
    verdict: Mapping[str, Any] | None = None
    extra: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    check: Check | None = None


def grant_code(grant: Grant | None, device: str, at: int) -> str:
    """What a grant is worth at a sleeve at a time: ``live`` or why not."""
    if grant is None:
        return "unknown"
    if grant.device != device:
        return "other_device"
    if grant.state == "revoked" and (grant.ended_at is None or at >= grant.ended_at):
        return "revoked"
    if grant.state == "used":
        return "used"
    if at < grant.not_before - GRACE_MS:
        return "not_started"
    if at > grant.not_after + GRACE_MS:
        return "expired"
    return "live"


def use_id(device: str, counter: int) -> str:
    """The name of a use: the sleeve and the counter of the event that opened it."""
    return f"{device}:{counter}"


def open_use(
    sleeve: Sleeve, grant: Grant, counter: int, happened_at: int, now: int, *, offline: bool
) -> Use:
    """The use that an answered unlock request, or an off-line burn, opens."""
    return Use(
        id=use_id(sleeve.id, counter),
        org_path=sleeve.org_path,
        device=sleeve.id,
        seal=sleeve.seal or grant.seal,
        state="unlocked",
        started_at=happened_at,
        recorded_at=now,
        last_event_at=happened_at,
        application=grant.application,
        grant=grant.id,
        operator=grant.operator,
        granted=grant.stamps,
        offline=offline,
    )


def forward(use: Use, state: str) -> str:
    """Never back: a late event does not reopen what has moved on."""
    if use.state not in _ORDER:
        return use.state
    return state if _ORDER.index(state) > _ORDER.index(use.state) else use.state
