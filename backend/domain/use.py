"""A use of a seal, as the sleeve's events tell it: who may unlock, what each event means.

Pure: the gateway hands in what it holds and gets back what changes and what is now known. Nothing
an authenticated sleeve reports is ever rejected here, for it has happened; it is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import asin, cos, radians, sin, sqrt
from typing import Any, Final

GRACE_MS: Final = 5_000
"""A grant that ends while the seal is already dropping is not called expired for this long."""


@dataclass(frozen=True, slots=True)
class Grant:
    """A grant as the gateway needs it. States: issued, unlocked, burnt, used, expired, revoked."""

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
}


def refusal(code: str) -> Refused:
    """The refusal with ``code`` and its text for the sleeve's display."""
    return Refused(code, _REFUSALS[code])


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
    if grant.state in ("used", "burnt"):
        return refusal("used")
    if grant.state == "revoked":
        return refusal("revoked")
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


def judge(
    kind: str,
    body: Mapping[str, Any],
    *,
    sleeve: Sleeve,
    use: Use | None,
    grant: Grant | None,
    counter: int,
    happened_at: int,
    now: int,
    late: bool,
) -> Judgement:
    """What event ``kind`` of ``sleeve`` changes; ``use`` is the one it names, ``grant`` its own."""
    judged: Judgement = _JUDGES.get(kind, _note)(
        body, sleeve=sleeve, use=use, grant=grant, counter=counter, at=happened_at, now=now
    )
    changed = judged.use
    if changed is None:
        return judged
    return replace(
        judged,
        use=replace(
            changed,
            last_event_at=max(changed.last_event_at, happened_at),
            late=changed.late or late,
        ),
    )


def _note(
    _body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    return Judgement(sleeve, verdict={"use_open": use is not None and use.open})


def _sleeve_life(
    _body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    return Judgement(sleeve, verdict={"use_open": sleeve.open_use is not None})


def _grant_burnt(
    body: Mapping[str, Any],
    *,
    sleeve: Sleeve,
    use: Use | None,
    grant: Grant | None,
    counter: int,
    at: int,
    now: int,
) -> Judgement:
    offline = bool(body.get("offline", False))
    code = grant_code(grant, sleeve.id, at)
    name = use_id(sleeve.id, int(body["use"]))
    # A second burn of the same grant, under whatever use, is the reuse that C7 speaks of.
    reused = grant is not None and (
        grant.state == "used" or (grant.state == "burnt" and grant.use_id != name)
    )
    verdict = {"grant": "used" if reused else code, "reused": reused, "offline": offline}
    if grant is None or grant.device != sleeve.id:
        return Judgement(sleeve, verdict=verdict)
    if use is None:
        use = replace(open_use(sleeve, grant, int(body["use"]), at, now, offline=offline), id=name)
    burnt = grant if reused else replace(grant, state="burnt", use_id=name)
    return Judgement(
        replace(sleeve, open_use=name),
        use=replace(use, state="open", offline=use.offline or offline),
        grant=burnt,
        application_status=None if reused else "in_use",
        verdict=verdict,
    )


def _count_entered(
    body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    if use is None:
        return Judgement(sleeve, verdict={"use": "unknown"})
    count = int(body["count"])
    return Judgement(
        sleeve,
        use=replace(use, state=_forward(use, "counted"), entered=count),
        verdict={"granted": use.granted, "over": count > use.granted},
    )


def _person(kind: str, body: Mapping[str, Any], sleeve: Sleeve, use: Use | None) -> Judgement:
    if use is None:
        return Judgement(sleeve, verdict={"use": "unknown"})
    changed = replace(use, state=_forward(use, "checking"), person_check="pending")
    if kind == "pin":
        changed = replace(changed, witness=str(body["witness"]))
    return Judgement(
        sleeve,
        use=changed,
        verdict={"attempt": int(body["attempt"])},
        check=Check(kind, use.id),
    )


def _face_captured(
    body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    return _person("face", body, sleeve, use)


def _pin_entered(
    body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    return _person("pin", body, sleeve, use)


def _page_captured(
    body: Mapping[str, Any], *, sleeve: Sleeve, use: Use | None, **_context: Any
) -> Judgement:
    return Judgement(
        sleeve,
        use=use,
        verdict={
            "use": "unknown" if use is None else "known",
            "picture": body.get("picture") is not None,
        },
    )


def _stamped(
    body: Mapping[str, Any],
    *,
    sleeve: Sleeve,
    use: Use | None,
    grant: Grant | None,
    at: int,
    **_context: Any,
) -> Judgement:
    total, press = int(body["total"]), int(body["press"])
    extra: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    if total != sleeve.total + 1:
        extra = (("counter.jump", {"before": sleeve.total, "after": total}),)
    counted = replace(sleeve, total=max(total, sleeve.total))
    if use is None:
        verdict = {"granted": 0, "entered": 0, "press": press, "grant": "none"}
        return Judgement(counted, verdict=verdict | {"cleared": False, "over": True}, extra=extra)
    code = grant_code(grant, sleeve.id, at)
    if code == "used" and grant is not None and grant.use_id == use.id:
        code = "live"  # events that were parked behind the end of their own use
    pressed = max(use.pressed + 1, press)
    position = body.get("position") or {}
    stamped = replace(
        use,
        state=_forward(use, "stamping"),
        pressed=pressed,
        first_stamp_at=use.first_stamp_at if use.first_stamp_at is not None else at,
        lat=position.get("lat", use.lat),
        lon=position.get("lon", use.lon),
    )
    verdict = {
        "granted": use.granted,
        "entered": use.entered,
        "press": pressed,
        "grant": code,
        "cleared": use.cleared or use.offline,
        "over": pressed > use.granted,
    }
    return Judgement(counted, use=stamped, verdict=verdict, extra=extra)


def _use_finished(
    body: Mapping[str, Any],
    *,
    sleeve: Sleeve,
    use: Use | None,
    grant: Grant | None,
    at: int,
    now: int,
    **_context: Any,
) -> Judgement:
    closed = replace(sleeve, open_use=None)
    if use is None:
        return Judgement(closed, verdict={"use": "unknown"})
    reported = int(body["presses"])
    ended = None
    status = None
    # A grant that was unlocked and never burnt is still good: nothing has moved.
    if grant is not None and grant.state == "burnt" and grant.use_id == use.id:
        ended = replace(grant, state="used", ended_at=now)
        status = "used"
    return Judgement(
        closed,
        use=replace(
            use,
            state="finished" if use.pressed or reported else "refused",
            finished_at=at,
            finish_reason=str(body["reason"]),
        ),
        grant=ended,
        application_status=status,
        verdict={
            "granted": use.granted,
            "pressed": use.pressed,
            "reported": reported,
            "agree": use.pressed == reported,
        },
    )


_ORDER: Final = ("unlocked", "open", "counted", "checking", "cleared", "stamping", "finished")


def _forward(use: Use, state: str) -> str:
    """Never back: a late event does not reopen what has moved on."""
    if use.state not in _ORDER:
        return use.state
    return state if _ORDER.index(state) > _ORDER.index(use.state) else use.state


def checked(use: Use, verdict: str, *, score: float | None = None, who: str | None = None) -> Use:
    """The use after the person was checked. ``verdict``: match, doubtful, mismatch, unusable,
    pin_ok, pin_wrong, unchecked."""
    check = {"pin_ok": "pin", "pin_wrong": "mismatch"}.get(verdict, verdict)
    changed = replace(use, person_check=check, score=score, stamped_by=who)
    return replace(changed, state=_forward(use, "cleared")) if changed.cleared else changed


_JUDGES: Final[Mapping[str, Any]] = {
    "grant_burnt": _grant_burnt,
    "count_entered": _count_entered,
    "face_captured": _face_captured,
    "pin_entered": _pin_entered,
    "page_captured": _page_captured,
    "stamped": _stamped,
    "use_finished": _use_finished,
    "tamper": _sleeve_life,
    "moved": _sleeve_life,
    "motion_unexpected": _sleeve_life,
}
