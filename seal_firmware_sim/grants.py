"""Which grants a sleeve takes: the checks, and the shelf of those pushed ahead for off-line use."""

from __future__ import annotations

from dataclasses import dataclass
from math import asin, cos, radians, sin, sqrt
from typing import Final

from gateway.protocol import cbor, cose
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Grant, GrantDropped, GrantStored, Place, Position, Revoke
from seal_firmware_sim import texts
from seal_firmware_sim.core import Core, RefusalReason
from seal_firmware_sim.state import BurnEntry, ForgetEntry, GrantEntry
from seal_firmware_sim.timekeeping import Timekeeper

SKEW_MS: Final = 5_000
"""How much earlier than ``not_before`` a grant is taken: servers' clocks differ a little."""

KEEP_BURNT_MS: Final = 7 * 86_400_000
"""A used grant is remembered for this long after it expires."""

KEEP_UNSEEN_MS: Final = 60 * 86_400_000
"""A grant that was revoked before it arrived is remembered for this long."""

MOST_STORED: Final = 64
"""Grants kept for off-line use; further ones are refused."""

_EARTH_M: Final = 6_371_000.0


@dataclass(frozen=True, slots=True)
class No:
    """Why a grant is not taken, and what to show instead of the usual text."""

    reason: RefusalReason
    text: str = ""


def metres(a: Place | Position, b: Place | Position) -> float:
    """Distance on a sphere; exact enough within a province."""
    lat1, lon1 = radians(a.lat), radians(a.lon)
    lat2, lon2 = radians(b.lat), radians(b.lon)
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * _EARTH_M * asin(sqrt(min(1.0, h)))


def outside(place: Place | None, position: Position | None) -> bool:
    """Whether the sleeve is not where the grant is good. No position means outside: who can
    silence the receiver could otherwise stamp anywhere."""
    if place is None:
        return False
    return position is None or metres(place, position) > place.radius + position.accuracy


def signed_at(raw: bytes) -> int:
    """The server time in the header of a message that was verified before."""
    time: int = cbor.decode(cose.parse(raw).payload)["time"]
    return time


class Shelf:
    """Grants: checked, burnt, stored for off-line use, revoked, expired."""

    def __init__(self, core: Core, time: Timekeeper) -> None:
        self._core = core
        self._time = time
        self._stored: dict[str, Grant] = {}
        self._told: set[tuple[str, str | None]] = set()

    def load(self) -> None:
        """Read what flash kept. Signatures are checked again: flash can be written by others."""
        for name, raw in list(self._core.memory.grants.items()):
            try:
                body = self.open(raw)
            except ProtocolError:
                body = None
            if isinstance(body, Grant) and body.grant == name:
                self._stored[name] = body
            else:
                self._core.note(ForgetEntry(name))

    def open(self, raw: bytes) -> object:
        """Verify a signed message from the server. Raises ProtocolError with the reason."""
        core = self._core
        return core.trust.open(raw, device=core.device, least_now=core.least_now)

    @property
    def stored(self) -> list[Grant]:
        """What the operator can pick when off line."""
        return list(self._stored.values())

    def find(self, grant: str | None) -> Grant | None:
        """A stored grant."""
        return None if grant is None else self._stored.get(grant)

    def is_burnt(self, grant: str) -> bool:
        """Whether the grant was used, or revoked, here."""
        return grant in self._core.memory.burnt

    def check(self, grant: Grant) -> No | None:
        """Whether a verified grant may be used now; ``None`` means yes."""
        if self.is_burnt(grant.grant):
            return No("grant_used")
        return self.window(grant)

    def window(self, grant: Grant) -> No | None:
        """Time and place only: what is checked again before each press."""
        if not self._time.trusted:
            return No("clock_untrusted")
        if self._time.latest > grant.not_after:
            return No("grant_expired")
        if self._time.earliest < grant.not_before - SKEW_MS:
            return No("grant_bad", texts.NOT_YET)
        if outside(grant.place, self._core.position):
            return No("outside_place")
        return None

    def check_offline(self, grant: Grant) -> No | None:
        """The further conditions without a network: policy, and trusted time that is fresh."""
        age = self._time.age
        if not grant.offline:
            return No("not_answered")
        if age is None or age > grant.max_clock_age:
            return No("clock_untrusted")
        return self.check(grant)

    def burn(self, grant: Grant) -> None:
        """Mark the grant used; durable before anything moves, as all that a step notes."""
        self._core.note(BurnEntry(grant.grant, grant.not_after + KEEP_BURNT_MS))
        self._forget(grant.grant)

    def push(self, grant: Grant, raw: bytes) -> None:
        """A grant that answers no request: pushed ahead for off-line use, or a forgery.

        Pushed again while it is held, what the server signed later takes the place of what it
        signed before: window, place, everything. A burnt one stays burnt.
        """
        core, held = self._core, self._core.memory.grants.get(grant.grant)
        full = held is None and len(self._stored) >= MOST_STORED
        if self.is_burnt(grant.grant):
            self.tell("grant_used", grant.grant)
        elif not grant.offline or full:
            self.tell("grant_bad", grant.grant)
        elif held is None or signed_at(raw) > signed_at(held):
            self._stored[grant.grant] = grant
            core.note(GrantEntry(grant.grant, raw))
            core.record(GrantStored(grant=grant.grant))
            core.show(texts.GRANT_STORED)

    def revoke(self, message: Revoke) -> None:
        """Never use this grant, whether it is here, under way or was used."""
        core = self._core
        stored = self._stored.get(message.grant)
        if stored is not None:
            core.record(GrantDropped(grant=message.grant, reason="revoked"))
            self.burn(stored)
        elif not self.is_burnt(message.grant):
            core.note(BurnEntry(message.grant, core.least_now + KEEP_UNSEEN_MS))

    def tell(
        self, reason: RefusalReason, grant: str | None, *, use: int = 0, text: str = ""
    ) -> None:
        """Refuse a grant that came by itself, and say so once in this boot: whoever repeats
        messages on the network must not be able to fill the flash. ``grant`` is ``None`` where
        its name cannot be trusted."""
        if (reason, grant) not in self._told:
            self._told.add((reason, grant))
            self._core.refuse(reason, use=use, grant=grant, text=text)

    def expire(self) -> None:
        """Drop stored grants whose time is certainly over."""
        now = self._time.earliest
        for grant in [grant for grant in self._stored.values() if grant.not_after < now]:
            self._core.record(GrantDropped(grant=grant.grant, reason="expired"))
            self._forget(grant.grant)

    @property
    def due(self) -> int | None:
        """When (mono) the next stored grant expires."""
        ends = (self._time.mono_at(grant.not_after + 1) for grant in self._stored.values())
        return min((end for end in ends if end is not None), default=None)

    def _forget(self, grant: str) -> None:
        if self._stored.pop(grant, None) is not None:
            self._core.note(ForgetEntry(grant))
