"""Off-site permits (外带用印): a sleeve may leave its fence, for a place, a time and a return."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from backend.domain.actor import Actor, Role
from backend.domain.application_checks import AtTheDoor
from backend.domain.calendar import DAY_MS, HOUR_MS
from backend.domain.errors import DomainError, conflict, denied

LONGEST_MS: Final = 7 * DAY_MS
WIDEST_M: Final = 5_000.0
SLACK_MS: Final = HOUR_MS
"""Coming back this much late is not yet overdue."""


class PermitState(StrEnum):
    """Where a permit stands. ``out``: the sleeve was taken along."""

    WANTED = "wanted"
    APPROVED = "approved"
    REJECTED = "rejected"
    OUT = "out"
    RETURNED = "returned"
    OVERDUE = "overdue"


PERMIT_ZH: Final[dict[PermitState, str]] = {
    PermitState.WANTED: "待审批",
    PermitState.APPROVED: "已批准",
    PermitState.REJECTED: "未批准",
    PermitState.OUT: "外带中",
    PermitState.RETURNED: "已归还",
    PermitState.OVERDUE: "超期未还",
}


@dataclass(frozen=True, slots=True)
class Permit:
    """One permit. Times ms UTC; ``place`` in words, with a circle where it is known."""

    id: str
    org_path: str
    device_id: str
    carrier_id: str
    purpose: str
    place: str
    from_at: int
    until_at: int
    created_at: int
    application_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    radius_m: float | None = None
    state: PermitState = PermitState.WANTED
    approved_by: str | None = None
    reason: str | None = None
    returned_at: int | None = None

    @property
    def circle(self) -> tuple[float, float, float] | None:
        """Where it holds, if that is known on the map."""
        if self.lat is None or self.lon is None or self.radius_m is None:
            return None
        return self.lat, self.lon, self.radius_m


def check(permit: Permit, now: int) -> None:
    """Whether what is asked for makes sense.

    Raises:
        DomainError: with what to mend.
    """
    if not permit.purpose.strip() or not permit.place.strip():
        raise DomainError("permit_incomplete", "请填写外带事由和地点", "say why and where to")
    if permit.until_at <= max(permit.from_at, now):
        raise DomainError(
            "permit_window", "归还时间要晚于外带时间和现在", "it ends before it begins"
        )
    if permit.until_at - permit.from_at > LONGEST_MS:
        raise DomainError("permit_window", "外带一次最多7天", "at most 7 days")
    partial = [permit.lat, permit.lon, permit.radius_m]
    if any(one is None for one in partial) and any(one is not None for one in partial):
        raise DomainError("permit_place", "请在地图上完整选定地点和范围", "place needs a radius")
    if permit.radius_m is not None and not 0 < permit.radius_m <= WIDEST_M:
        raise DomainError("permit_place", "范围最多5公里", "at most 5 km around")


def approve(permit: Permit, by: Actor, custodians: frozenset[str], now: int) -> Permit:
    """The permit, granted: by an approver or supervisor of the branch who neither carries nor
    keeps the sleeve.

    Raises:
        DomainError: ``denied``, ``wrong_status``, ``permit_over``.
        AtTheDoor: ``approver_is_applicant``, ``approver_is_custodian``.
    """
    _decider(permit, by, custodians)
    if now >= permit.until_at:
        raise conflict("permit_over", "申请的外带时间已过", "the wanted time is over")
    return replace(permit, state=PermitState.APPROVED, approved_by=by.person_id)


def reject(permit: Permit, by: Actor, custodians: frozenset[str], reason: str) -> Permit:
    """The permit, refused; raises as :func:`approve` does."""
    _decider(permit, by, custodians)
    if not reason.strip():
        raise DomainError("reason_missing", "请写明不同意的原因", "say why not")
    return replace(
        permit, state=PermitState.REJECTED, approved_by=by.person_id, reason=reason.strip()
    )


def take_out(permit: Permit, by: Actor, now: int) -> Permit:
    """The carrier leaves with the sleeve.

    Raises:
        DomainError: ``denied``, ``wrong_status``, ``permit_over``.
    """
    _expect(permit, PermitState.APPROVED)
    if by.person_id != permit.carrier_id:
        raise denied("只有携带人本人可以登记外带", "only the carrier may do this")
    if not permit.from_at <= now < permit.until_at:
        raise conflict("permit_over", "不在批准的外带时间内", "outside the permitted time")
    return replace(permit, state=PermitState.OUT)


def give_back(permit: Permit, by: Actor, custodians: frozenset[str], now: int) -> Permit:
    """The sleeve is back: said by its carrier or by who keeps it.

    Raises:
        DomainError: ``denied``, ``wrong_status``.
    """
    _expect(permit, PermitState.APPROVED, PermitState.OUT, PermitState.OVERDUE)
    if by.person_id != permit.carrier_id and by.person_id not in custodians:
        raise denied("只有携带人或印章管理员可以登记归还", "the carrier or the custodian says so")
    return replace(permit, state=PermitState.RETURNED, returned_at=now)


def is_overdue(permit: Permit, now: int) -> bool:
    """Whether the sleeve should be back and nobody said that it is."""
    return permit.state in (PermitState.APPROVED, PermitState.OUT) and (
        now > permit.until_at + SLACK_MS
    )


def _decider(permit: Permit, by: Actor, custodians: frozenset[str]) -> None:
    _expect(permit, PermitState.WANTED)
    by.must_any((Role.APPROVER, Role.SUPERVISOR), permit.org_path)
    if by.person_id == permit.carrier_id:
        raise AtTheDoor(
            "approver_is_applicant",
            "不能批准自己外带印章",
            "the carrier may not approve their own permit",
            "denied",
        )
    if by.person_id in custodians:
        raise AtTheDoor(
            "approver_is_custodian",
            "保管印章的人不能批准外带",
            "the custodian of the seal may not approve taking it out",
            "denied",
        )


def _expect(permit: Permit, *states: PermitState) -> None:
    if permit.state not in states:
        raise conflict(
            "wrong_status",
            f"外带申请现在是“{PERMIT_ZH[permit.state]}”，不能这样操作",
            f"the permit is {permit.state.value}; this is not possible now",
        )
