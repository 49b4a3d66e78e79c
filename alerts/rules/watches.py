"""What only the passing of time shows: silence, gaps that stay, events withheld, uses left open.

A watch is as pure as a rule: ``(state, facts, now, context) → (state, findings)``. ``state`` is
what it remembers of one sleeve or use; a finding that ``clears`` ends what was found before. What
time shows happens when it is noticed; since when it lasts is in the data.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from alerts.rules.context import Context
from alerts.rules.finding import Finding, Judged, Severity, State
from alerts.rules.place import metres_outside, permitted

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class SleeveFacts:
    """A sleeve as its row tells. Times ms UTC; ``claimed``: the last counter that it says it has.
    ``gap``: first and last counter that are waited for. ``position``: by its newest heartbeat, and
    None where an event has come since, which knows better (rules read those)."""

    id: str
    org_path: str
    seal: str | None
    enrolled_at: int
    last_seen_at: int
    counter: int = 0
    claimed: int = 0
    gap_since: int | None = None
    gap: tuple[int, int] | None = None
    duplicates: int = 0
    position: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class UseFacts:
    """A use that the sleeve has not yet ended, with its grant's end (``not_after``)."""

    id: str
    org_path: str
    device: str
    seal: str
    state: str
    last_event_at: int
    application: str | None = None
    grant: str | None = None
    operator: str | None = None
    granted: int = 0
    pressed: int = 0
    not_after: int | None = None
    missing: int = 0
    """Pictures that the sleeve announced for it and that did not arrive in time."""


SleeveWatchJudge = Callable[[State, SleeveFacts, int, Context], Judged]
UseWatchJudge = Callable[[State, UseFacts, int, Context], Judged]


@dataclass(frozen=True, slots=True)
class SleeveWatch:
    """A watch over sleeves. ``name`` is unique: state is kept under it."""

    name: str
    code: str
    judge: SleeveWatchJudge


@dataclass(frozen=True, slots=True)
class UseWatch:
    """A watch over open uses."""

    name: str
    code: str
    judge: UseWatchJudge


def _sleeve(
    code: str, what: str, severity: Severity, sleeve: SleeveFacts, at: int, **data: Any
) -> Finding:
    return Finding(
        code=code,
        dedupe=f"{code}:{sleeve.id}{what}",
        severity=severity,
        org_path=sleeve.org_path,
        happened_at=at,
        device=sleeve.id,
        seal=sleeve.seal,
        data=data,
    )


def _use(
    code: str, dedupe: str, severity: Severity, use: UseFacts, at: int, **data: Any
) -> Finding:
    return Finding(
        code=code,
        dedupe=f"{code}:{dedupe}",
        severity=severity,
        org_path=use.org_path,
        happened_at=at,
        device=use.device,
        seal=use.seal,
        application=use.application,
        grant_id=use.grant,
        use_id=use.id,
        person=use.operator,
        data=data,
    )


def silent(state: State, sleeve: SleeveFacts, now: int, context: Context) -> Judged:
    """C18: nothing was heard for too long (promise 3)."""
    settings = context.settings
    heard = sleeve.last_seen_at > 0
    since = sleeve.last_seen_at if heard else sleeve.enrolled_at
    limit = settings.silent_ms if heard else settings.never_heard_ms
    told = bool(state.get("told"))
    finding = _sleeve(
        "C18", ":silent", Severity.MAJOR, sleeve, now, cause="silent", silent_ms=now - since
    )
    if now - since > limit:
        if heard:
            finding = replace(finding, data={**finding.data, "last_at": since})
        return {"told": True}, () if told else (finding,)
    return {}, (replace(finding, clears=True),) if told else ()


def gap_stays(state: State, sleeve: SleeveFacts, now: int, context: Context) -> Judged:
    """C23: events are missing and do not come (promise 3). Its end is in the journal."""
    if sleeve.gap_since is None or now - sleeve.gap_since <= context.settings.gap_ms:
        return state if sleeve.gap_since is not None else {}, ()
    if state.get("told") == sleeve.gap_since:
        return state, ()
    data: dict[str, Any] = {"cause": "gap"}
    if sleeve.gap is not None:
        first, last = sleeve.gap
        data |= {"from_counter": first, "to_counter": last, "count": last - first + 1}
    finding = _sleeve("C23", ":gap", Severity.MAJOR, sleeve, now, **data)
    return {"told": sleeve.gap_since}, (finding,)


def tail_withheld(state: State, sleeve: SleeveFacts, now: int, context: Context) -> Judged:
    """C23: it says that it has events which it does not send (promise 3)."""
    told = bool(state.get("told"))
    behind = sleeve.claimed - sleeve.counter
    data = {
        "cause": "withheld",
        "from_counter": sleeve.counter + 1,
        "to_counter": sleeve.claimed,
        "count": behind,
    }
    if behind <= 0 or sleeve.gap_since is not None:
        gone = _sleeve("C23", ":tail", Severity.MAJOR, sleeve, now)
        return {}, (replace(gone, clears=True),) if told else ()
    if state.get("counter") != sleeve.counter:
        return {"counter": sleeve.counter, "since": now, "told": told}, ()
    since = int(state.get("since", now))
    if told or now - since <= context.settings.tail_ms:
        return state, ()
    return {**state, "told": True}, (_sleeve("C23", ":tail", Severity.MAJOR, sleeve, now, **data),)


def replays(state: State, sleeve: SleeveFacts, now: int, context: Context) -> Judged:
    """C23: the same events again and again, far more than a bad line makes."""
    if not state or now - int(state.get("since", 0)) > HOUR_MS:
        if not sleeve.duplicates:
            return {}, ()
        return {"since": now, "base": sleeve.duplicates}, ()
    again = sleeve.duplicates - int(state.get("base", 0))
    if again <= context.settings.replays or state.get("told"):
        return state, ()
    finding = _sleeve("C23", ":replay", Severity.MINOR, sleeve, now, cause="replay", count=again)
    return {**state, "told": True}, (finding,)


def strayed(state: State, sleeve: SleeveFacts, now: int, context: Context) -> Judged:
    """C16: its heartbeat comes from outside its fence."""
    if sleeve.position is None:
        return state, ()
    told = bool(state.get("told"))
    position = {"lat": sleeve.position[0], "lon": sleeve.position[1]}
    away = metres_outside(sleeve.id, position, context)
    slack = context.settings.permit_slack_ms
    if away is None or permitted(context.permits(sleeve.id), now, slack):
        back = _sleeve("C16", "", Severity.CRITICAL, sleeve, now)
        return {}, (replace(back, clears=True),) if told and away is None else ()
    if told:
        return state, ()
    finding = _sleeve(
        "C16",
        "",
        Severity.CRITICAL,
        sleeve,
        now,
        cause="fence",
        distance_m=round(away),
        place=f"{position['lat']:.5f}, {position['lon']:.5f}",
    )
    return {"told": True}, (finding,)


_SEAL_OUT: Final = ("open", "counted", "checking", "cleared", "stamping")


def unfinished(state: State, use: UseFacts, now: int, context: Context) -> Judged:
    """C22: the use was begun, nothing more was heard: the door may stand open. Its end is in the
    journal."""
    open_ms = now - use.last_event_at
    if use.state not in _SEAL_OUT or open_ms <= context.settings.unfinished_ms or state.get("told"):
        return state, ()
    finding = _use(
        "C22",
        use.id,
        Severity.MAJOR,
        use,
        now,
        cause="door_open",
        open_ms=open_ms,
        limit_ms=context.settings.unfinished_ms,
    )
    return {"told": True}, (finding,)


def past_end(state: State, use: UseFacts, now: int, context: Context) -> Judged:
    """C32: the use runs on although its grant's time is over. Its end is in the journal."""
    if use.not_after is None or state.get("told"):
        return state, ()
    if now - use.not_after <= context.settings.past_end_ms or use.state not in _SEAL_OUT:
        return state, ()
    finding = _use(
        "C32",
        use.grant or use.id,
        Severity.MAJOR,
        use,
        now,
        granted=use.granted,
        stamps=use.pressed,
        expires_at=use.not_after,
    )
    return {"told": True}, (finding,)


def pictures_missing(state: State, use: UseFacts, now: int, _context: Context) -> Judged:
    """C12: pictures were announced, signed for, and then not sent."""
    told = bool(state.get("told"))
    finding = _use(
        "C12", f"{use.id}:upload", Severity.MAJOR, use, now, cause="not_sent", count=use.missing
    )
    if use.missing:
        return {"told": True}, () if told else (finding,)
    return {}, (replace(finding, clears=True),) if told else ()


SLEEVE_WATCHES: Final = (
    SleeveWatch("watch.strayed", "C16", strayed),
    SleeveWatch("watch.silent", "C18", silent),
    SleeveWatch("watch.gap", "C23", gap_stays),
    SleeveWatch("watch.tail", "C23", tail_withheld),
    SleeveWatch("watch.replays", "C23", replays),
)

USE_WATCHES: Final = (
    UseWatch("watch.unfinished", "C22", unfinished),
    UseWatch("watch.past_end", "C32", past_end),
)

PICTURE_WATCHES: Final = (UseWatch("watch.pictures", "C12", pictures_missing),)
"""Over uses, ended ones too, with how many of their pictures are missing."""
