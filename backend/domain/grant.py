"""From an approved application to the terms of its grant: the one-time authority to unlock.

What a grant is worth when a sleeve asks is backend.domain.use; here it is made and ended.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.application import Application, Kind
from backend.domain.application_checks import Rules
from backend.domain.errors import conflict
from backend.domain.matter import Check, Liveness, Matter, PlaceRule
from backend.domain.use import Grant

Random = Callable[[int], bytes]
Circle = tuple[float, float, float]
"""Latitude, longitude (WGS-84 degrees), radius (metres)."""

JOB_DIGITS: Final = (6, 7, 8)
"""Lengths of a job code, shortest first: eight draws of each before it grows."""

JOB_DRAWS: Final = 8
LIVE: Final = frozenset({"issued", "unlocked"})
"""States in which a grant may still be revoked or expire unused."""

LEAST_FRAMES: Final = {Liveness.BURST: 2, Liveness.CHALLENGE: 4, Liveness.PIN: 1}
"""Pictures of a burst: a turn is seen on its way and at its end, where a head rests."""

FENCE_M: Final = 200.0
"""Radius of a sleeve's home where none was commissioned."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a grant allows. ``policy`` is as the device contract's grant says it.

    ``pushed_until``: how long a copy pushed ahead for off-line use lives; None: none is pushed.
    """

    stamps: int
    title: str
    operator: str
    alternates: tuple[str, ...]
    not_before: int
    not_after: int
    place: Circle | None
    policy: dict[str, Any]
    pushed_until: int | None


def terms_of(
    application: Application,
    matter: Matter,
    rules: Rules,
    *,
    home: Circle | None,
    permitted: Circle | None,
    now: int,
    random: Random,
) -> Terms:
    """The terms on which an approved application may be carried out.

    ``home`` is the sleeve's commissioned place, ``permitted`` the place of an approved off-site
    permit. The head turn that is asked of the face is drawn here.

    Raises:
        DomainError: ``window_over`` when the wanted time has passed.
    """
    emergency = application.kind is Kind.EMERGENCY
    window = rules.emergency_window_ms if emergency else matter.window_ms
    not_before = max(now, application.wanted_from or 0)
    not_after = not_before + window
    if application.wanted_until is not None:
        not_after = min(not_after, application.wanted_until)
    if not_after <= not_before:
        raise conflict("window_over", "想要的用印时间已过", "the wanted time is over")
    check, level = matter.check, rules.liveness
    if level is Liveness.PIN:
        check = Check.PIN
    elif level is Liveness.CHALLENGE and not matter.liveness:
        level = Liveness.BURST
    turning = level is Liveness.CHALLENGE and check is not Check.PIN
    # An emergency is always witnessed on line, while it happens.
    offline = matter.offline.allowed and not emergency
    policy: dict[str, Any] = {
        "check": check.value,
        "challenge": _turn(random) if turning else "none",
        "frames": 1 if level is Liveness.NONE else max(matter.frames, LEAST_FRAMES[level]),
        "pin_allowed": matter.pin_allowed or check is Check.PIN,
        "offline": offline,
        "max_clock_age": matter.offline.max_clock_age_ms if offline else 0,
        "wait_for_page": matter.wait_for_page,
    }
    return Terms(
        stamps=application.stamps,
        title=application.title,
        operator=application.operator_id,
        alternates=application.alternates,
        not_before=not_before,
        not_after=not_after,
        place=_place(matter.place, home, permitted),
        policy=policy,
        pushed_until=pushed_until(matter, not_before, not_after) if offline else None,
    )


def pushed_until(matter: Matter, not_before: int, not_after: int) -> int:
    """How long a copy in the sleeve lives of a grant with this window."""
    return min(not_after, not_before + matter.offline.window_ms)


def _place(rule: PlaceRule, home: Circle | None, permitted: Circle | None) -> Circle | None:
    if rule is PlaceRule.ANYWHERE:
        return None
    if rule is PlaceRule.PERMIT and permitted is not None:
        return permitted
    return home


def _turn(random: Random) -> str:
    return "left" if random(1)[0] & 1 else "right"


def job_codes(digits: int, random: Random) -> tuple[str, ...]:
    """Candidates for a job code of ``digits`` digits, each drawn at random; who issues the grant
    takes the first that this sleeve never had."""
    return tuple(
        f"{int.from_bytes(random(8), 'big') % 10**digits:0{digits}d}" for _ in range(JOB_DRAWS)
    )


def may_expire(grant: Grant, now: int) -> bool:
    """Whether a grant's time is over and nobody used it."""
    return grant.state in LIVE and now > grant.not_after


def may_revoke(grant: Grant) -> bool:
    """Whether revoking changes anything: it is unused, or its use has not ended."""
    return grant.state in LIVE or grant.state == "burnt"


def must_tell_sleeve(grant: Grant) -> bool:
    """Whether the sleeve holds, or may hold, the grant: then a revocation is sent to it."""
    return bool(grant.policy.get("offline")) or grant.state in ("unlocked", "burnt")
