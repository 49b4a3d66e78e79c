"""What each event of a sleeve changes and means.

Nothing that an authenticated sleeve reports is ever rejected here, for it has happened; it is
judged. Events come in the sleeve's own order, except those ``found`` behind a gap that was closed:
they are judged, yet move nothing that later events have settled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from backend.domain.copying import copy_with
from backend.domain.use_model import (
    Check,
    Grant,
    Judgement,
    Sleeve,
    Use,
    forward,
    grant_code,
    open_use,
    use_id,
)


@dataclass(frozen=True, slots=True)
class _Case:
    """One event with everything that is known when it is judged."""

    body: Mapping[str, Any]
    sleeve: Sleeve
    use: Use | None
    grant: Grant | None
    counter: int
    at: int
    now: int
    found: bool

    def worth(self) -> str:
        """What the grant was worth when this happened; ``none``: the sleeve never was given it.

        Nothing happens after it was told, so a clock that is ahead cannot make a grant expire; and
        a use that we opened ourselves had begun, whatever a clock that is behind says.
        """
        grant, use = self.grant, self.use
        code = grant_code(grant, self.sleeve.id, min(self.at, self.now))
        if code == "not_started" and use is not None and not use.offline:
            code = "live"
        if grant is None or code != "live" or grant.policy.get("offline"):
            return code
        given = grant.state in ("unlocked", "burnt") or grant.use_id is not None
        return code if given else "none"

    def burnt(self, grant: Grant, name: str) -> Grant:
        """``grant``, its one use begun. One that was revoked before stays revoked."""
        ended = grant.state == "revoked" and self.worth() == "revoked"
        state = grant.state if ended or grant.state == "used" else "burnt"
        return copy_with(grant, state=state, use_id=name, burnt_at=self.now)


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
    found: bool = False,
) -> Judgement:
    """What event ``kind`` of ``sleeve`` changes; ``use`` is the one it names, ``grant`` its own.

    ``found``: it comes out of its order, from a gap that was closed without it.
    """
    case = _Case(body, sleeve, use, grant, counter, happened_at, now, found)
    judged: Judgement = _JUDGES.get(kind, _note)(case)
    if found:
        judged = copy_with(judged, sleeve=sleeve, extra=())
    changed = judged.use
    if changed is None:
        return judged
    return copy_with(
        judged,
        use=copy_with(
            changed,
            last_event_at=max(changed.last_event_at, happened_at),
            late=changed.late or late,
        ),
    )


def _note(case: _Case) -> Judgement:
    return Judgement(case.sleeve, verdict={"use_open": case.use is not None and case.use.open})


def _sleeve_life(case: _Case) -> Judgement:
    return Judgement(case.sleeve, verdict={"use_open": case.sleeve.open_use is not None})


def _grant_burnt(case: _Case) -> Judgement:
    sleeve, use, grant = case.sleeve, case.use, case.grant
    offline = bool(case.body.get("offline", False))
    # The number of a use is a counter that the sleeve has passed; a higher one could later collide
    # with the request that really bears it.
    number = min(int(case.body["use"]), case.counter)
    name = use_id(sleeve.id, number)
    # A second burn of the same grant, under whatever use, is the reuse that C7 speaks of.
    reused = grant is not None and grant.consumed
    code = "used" if reused else case.worth()
    verdict = {"grant": code, "reused": reused, "offline": offline}
    if grant is None or grant.device != sleeve.id:
        return Judgement(sleeve, verdict=verdict)
    if use is None or use.id != name:
        use = open_use(sleeve, grant, number, case.at, case.now, offline=offline)
    if use.state in ("unlocked", "refused"):
        use = copy_with(use, state="open", finished_at=None, finish_reason=None)
    return Judgement(
        copy_with(sleeve, open_use=name),
        use=copy_with(use, offline=use.offline or offline),
        grant=None if reused else case.burnt(grant, name),
        application_status="in_use" if code == "live" else None,
        verdict=verdict,
    )


def _count_entered(case: _Case) -> Judgement:
    use = case.use
    if use is None:
        return Judgement(case.sleeve, verdict={"use": "unknown"})
    count = int(case.body["count"])
    return Judgement(
        case.sleeve,
        use=copy_with(use, state=forward(use, "counted"), entered=count),
        verdict={"granted": use.granted, "over": count > use.granted},
    )


def _face_captured(case: _Case) -> Judgement:
    grant = case.grant
    # Where policy lets the sleeve compare, it presses at once: our own look only confirms it.
    trusted = grant is not None and grant.policy.get("check") == "face_in_sleeve"
    matched = trusted and case.body.get("matched") is True
    return _person(case, "face", "match" if matched else "pending")


def _pin_entered(case: _Case) -> Judgement:
    return _person(case, "pin", "pending")


def _person(case: _Case, kind: str, check: str) -> Judgement:
    use = case.use
    if use is None:
        return Judgement(case.sleeve, verdict={"use": "unknown"})
    changed = copy_with(use, state=forward(use, "checking"), person_check=check)
    if kind == "pin":
        changed = copy_with(changed, witness=str(case.body["witness"]))
    return Judgement(
        case.sleeve,
        use=changed,
        verdict={"attempt": int(case.body["attempt"])},
        check=Check(kind, use.id),
    )


def _page_captured(case: _Case) -> Judgement:
    return Judgement(
        case.sleeve,
        use=case.use,
        verdict={
            "use": "unknown" if case.use is None else "known",
            "picture": case.body.get("picture") is not None,
        },
    )


def _stamped(case: _Case) -> Judgement:
    sleeve, use, grant = case.sleeve, case.use, case.grant
    total, press = int(case.body["total"]), int(case.body["press"])
    extra: tuple[tuple[str, Mapping[str, Any]], ...] = ()
    if total != sleeve.total + 1:
        extra = (("counter.jump", {"before": sleeve.total, "after": total}),)
    counted = copy_with(sleeve, total=max(total, sleeve.total))
    if use is None:
        verdict = {"granted": 0, "entered": 0, "press": press, "grant": "none"}
        return Judgement(counted, verdict=verdict | {"cleared": False, "over": True}, extra=extra)
    code = case.worth()
    # A grant is burnt before the motor moves. If it was not, nothing allowed this stamp; and it is
    # burnt now, or the same grant could unlock again and again.
    unburnt = grant is not None and grant.device == sleeve.id and not grant.consumed
    if unburnt:
        code = "none"
    elif code == "live" and grant is not None and grant.use_id != use.id:
        code = "used"  # by another use, whose stamps are counted there
    elif code == "used" and case.found and use.finished_at is not None:
        code = "live" if case.at <= use.finished_at else code
    pressed = max(use.pressed + 1, press)
    position = case.body.get("position") or {}
    stamped = copy_with(
        use,
        state=forward(use, "stamping"),
        pressed=pressed,
        first_stamp_at=use.first_stamp_at if use.first_stamp_at is not None else case.at,
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
    consumed = case.burnt(grant, use.id) if unburnt and grant is not None else None
    return Judgement(counted, use=stamped, grant=consumed, verdict=verdict, extra=extra)


def _use_finished(case: _Case) -> Judgement:
    use, grant = case.use, case.grant
    closed = copy_with(case.sleeve, open_use=None)
    if use is None:
        return Judgement(closed, verdict={"use": "unknown"})
    reported = int(case.body["presses"])
    verdict: dict[str, Any] = {
        "granted": use.granted,
        "pressed": use.pressed,
        "reported": reported,
        "agree": use.pressed == reported,
    }
    if use.finished_at is not None:
        return Judgement(closed, verdict=verdict)  # said before: what ended, ended then
    used = use.pressed > 0 or reported > 0
    ended = None
    status = None
    # A grant that was unlocked and never burnt is still good, for nothing has moved.
    own = grant is not None and (grant.use_id == use.id or (used and not grant.consumed))
    if grant is not None and own and (used or grant.consumed):
        status = "used" if max(use.pressed, reported) >= use.granted else "finished_early"
        if grant.state != "revoked":
            burnt_at = case.now if grant.burnt_at is None else grant.burnt_at
            ended = copy_with(
                grant, state="used", use_id=use.id, ended_at=case.now, burnt_at=burnt_at
            )
    if status is not None:
        verdict["ends"] = status  # the record that says how the application's use came out
    return Judgement(
        closed,
        use=copy_with(
            use,
            state="finished" if used else "refused",
            finished_at=case.at,
            finish_reason=str(case.body["reason"]),
        ),
        grant=ended,
        application_status=status,
        verdict=verdict,
    )


def _attempt_refused(case: _Case) -> Judgement:
    use = case.use
    if use is None or use.state != "unlocked":
        return _note(case)
    # The sleeve gave up before it burnt the grant: nothing is open any more.
    return Judgement(
        case.sleeve,
        use=copy_with(use, state="refused", finished_at=case.at, finish_reason="refused"),
        verdict={"use_open": False},
    )


_JUDGES: Final[Mapping[str, Any]] = {
    "grant_burnt": _grant_burnt,
    "count_entered": _count_entered,
    "face_captured": _face_captured,
    "pin_entered": _pin_entered,
    "page_captured": _page_captured,
    "stamped": _stamped,
    "use_finished": _use_finished,
    "attempt_refused": _attempt_refused,
    "tamper": _sleeve_life,
    "moved": _sleeve_life,
    "motion_unexpected": _sleeve_life,
}
