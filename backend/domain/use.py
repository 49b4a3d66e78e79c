"""A use of a seal: who may unlock, what a sleeve's events mean, what a check of the person says.

Pure: the gateway hands in what it holds and gets back what changes and what is now known.
"""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt
from typing import Final

from backend.domain.copying import copy_with
from backend.domain.use_events import judge
from backend.domain.use_model import (
    GRACE_MS,
    Check,
    Grant,
    Judgement,
    Refused,
    Sleeve,
    Use,
    forward,
    grant_code,
    open_use,
    use_id,
)

__all__ = [
    "GRACE_MS",
    "Check",
    "Grant",
    "Judgement",
    "Refused",
    "Sleeve",
    "Use",
    "checked",
    "distance_m",
    "grant_code",
    "judge",
    "open_use",
    "refusal",
    "unlock",
    "use_id",
]

_REFUSALS: Final = {
    "unknown_grant": "没有这份用印授权，请核对任务码",
    "other_device": "这份授权不属于本套筒，请到指定的印章处盖章",
    "not_started": "用印时间未到，请在授权时间内再来",
    "expired": "用印授权已过期，请重新申请",
    "revoked": "用印授权已被撤销，请联系审批人",
    "used": "这份授权已经用过，不能再次使用",
    "locked": "套筒已被远程锁定，请联系镇街监督员",
    "no_seal": "套筒尚未绑定印章，请联系管理员",
    "outside_place": "套筒不在授权的用印地点",
    "bad_grant": "这份授权的内容有误，请联系管理员",
}


def refusal(code: str) -> Refused:
    """The refusal with ``code`` and its text for the sleeve's display."""
    return Refused(code, _REFUSALS[code])


def unlock(
    sleeve: Sleeve, grant: Grant | None, now: int, position: tuple[float, float] | None
) -> Refused | None:
    """Whether ``sleeve`` may unlock by ``grant`` now; None means yes (promise 1)."""
    if sleeve.locked:
        return refusal("locked")
    if sleeve.seal is None:
        return refusal("no_seal")
    if grant is None:
        return refusal("unknown_grant")
    if grant.device != sleeve.id or grant.seal != sleeve.seal:
        return refusal("other_device")
    if grant.state == "revoked":
        return refusal("revoked")
    if grant.consumed:
        return refusal("used")
    if grant.state == "expired" or now > grant.not_after:
        return refusal("expired")
    if now < grant.not_before:
        return refusal("not_started")
    if grant.place is not None and position is not None:
        lat, lon, radius = grant.place
        if distance_m((lat, lon), position) > radius:
            return refusal("outside_place")
    return None


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two WGS-84 points, on a sphere; exact enough within a province."""
    lat1, lon1, lat2, lon2 = map(radians, (*a, *b))
    h = sin((lat2 - lat1) / 2) ** 2 + cos(lat1) * cos(lat2) * sin((lon2 - lon1) / 2) ** 2
    return 2 * 6_371_000 * asin(sqrt(min(1.0, h)))


def checked(use: Use, verdict: str, *, score: float | None = None, who: str | None = None) -> Use:
    """The use after the person was checked. ``verdict``: match, doubtful, mismatch, unusable,
    pin_ok, pin_wrong, unchecked."""
    check = {"pin_ok": "pin", "pin_wrong": "mismatch"}.get(verdict, verdict)
    changed = copy_with(use, person_check=check, score=score, stamped_by=who)
    return copy_with(changed, state=forward(use, "cleared")) if changed.cleared else changed
