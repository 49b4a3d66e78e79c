"""C16: the sleeve is outside its fence, or moves while locked, and no off-site permit allows it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from alerts.rules.context import Context
from alerts.rules.finding import (
    Finding,
    Severity,
    event,
    found,
    over,
    plain,
    verdict,
)
from backend.domain.permit import Permit, PermitState
from backend.domain.record import Record
from backend.domain.use import distance_m

_GOOD: Final = (PermitState.APPROVED, PermitState.OUT, PermitState.RETURNED, PermitState.OVERDUE)


def metres_outside(
    device: str, position: Mapping[str, Any] | None, context: Context
) -> float | None:
    """How far from its home a sleeve surely is; None when within its fence, or not known."""
    home = context.home(device)
    if home is None or not position or position.get("lat") is None or position.get("lon") is None:
        return None
    lat, lon, radius = home
    away = distance_m((lat, lon), (position["lat"], position["lon"]))
    return away if away - float(position.get("accuracy") or 0) > radius else None


def permitted(permits: Iterable[Permit], at: int, slack_ms: int) -> bool:
    """Whether one of ``permits`` allows the sleeve to be away at ``at`` (ms UTC). Its circle binds
    the grant that is used there; the road there leads through anywhere."""
    for permit in permits:
        back = permit.until_at + slack_ms if permit.returned_at is None else permit.returned_at
        if permit.state in _GOOD and permit.from_at <= at <= back:
            return True
    return False


def _moved(record: Record, context: Context) -> Iterator[Finding]:
    device = str(record.device)
    body = event(record)
    position: Mapping[str, Any] | None = body.get("position")
    away = metres_outside(device, position, context)
    moving = record.kind == "event.moved" and bool(body.get("moving", True))
    if permitted(context.permits(device), record.happened_at, context.settings.permit_slack_ms):
        return
    if away is not None:
        yield found("C16", device, Severity.CRITICAL, record, **_where(position), **_away(away))
    elif moving and not verdict(record).get("use_open"):
        known = position is not None and context.home(device) is not None
        if known and not context.settings.moves_inside_fence:
            return
        severity = Severity.MINOR if known else Severity.MAJOR
        yield found("C16", device, severity, record, cause="moving", **_where(position))
    elif record.kind == "event.moved" and position is not None:
        yield over("C16", device, record)  # at rest, and where it belongs


def _away(metres: float) -> dict[str, Any]:
    return {"cause": "fence", "distance_m": round(metres)}


def _where(position: Mapping[str, Any] | None) -> dict[str, Any]:
    if not position or position.get("lat") is None:
        return {}
    return {"place": f"{position['lat']:.5f}, {position['lon']:.5f}"}


def _permit(record: Record, _context: Context) -> Iterator[Finding]:
    permit = record.data.get("permit")
    where = f"{record.device}:permit:{permit}"
    if record.kind == "permit.overdue":
        yield found("C16", where, Severity.CRITICAL, record, cause="permit_overdue")
    else:
        yield over("C16", where, record)


RULES: Final = (
    plain(
        "outside_fence",
        "C16",
        ("event.moved", "event.stamped", "event.unlock_request"),
        _moved,
    ),
    plain("permit_overdue", "C16", ("permit.overdue", "permit.returned"), _permit),
)
