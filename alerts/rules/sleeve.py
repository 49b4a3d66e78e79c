"""C13, C15, C20, C22: what a sleeve says about its own body and clock.

C13 opened, or the seal taken out · C15 the motor or limit switch moves with no job · C20 the clock
set back or running ahead · C22 jammed or not closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import (
    Finding,
    Judged,
    Severity,
    State,
    event,
    found,
    of_device,
    over,
    plain,
    rule,
    verdict,
)
from backend.domain.calendar import local_day
from backend.domain.record import Record


def _tamper(record: Record, _context: Context) -> Iterator[Finding]:
    if record.kind == "counter.jump":
        before, after = int(record.data.get("before", 0)), int(record.data.get("after", 0))
        yield found(
            "C13",
            f"{record.device}:jump:{after}",
            Severity.CRITICAL,
            record,
            cause="counter_gap",
            count=abs(after - before - 1),
        )
        return
    body = event(record)
    where = f"{record.device}:{body.get('switch')}"
    if body.get("open"):
        cause = "seal_removed" if body.get("switch") == "seal" else "sleeve_opened"
        yield found("C13", where, Severity.CRITICAL, record, cause=cause)
    else:
        yield over("C13", where, record)


def _moved_by_itself(record: Record, _context: Context) -> Iterator[Finding]:
    # A grant that we never issued lets the motor move as well as none at all would.
    if record.kind == "event.motion_unexpected" or verdict(record).get("grant") == "unknown":
        where = f"{record.device}:{local_day(record.happened_at)}"
        yield found("C15", where, Severity.CRITICAL, record, part=event(record).get("part", ""))


def _clock(state: State, record: Record, context: Context) -> Judged:
    where = str(record.device)
    if record.kind == "event.clock_set":
        return _clock_set(record, context)
    clock = record.data.get("clock")
    if not clock:
        on_time = not record.data.get("late")
        if state.get("wrong") and on_time:
            return {}, (over("C20", where, record),)
        return state, ()
    if state.get("corrected"):
        # The jump back is the signed correction that was told just before.
        return {}, ()
    back = bool(clock.get("back"))
    finding = found(
        "C20",
        where,
        Severity.MAJOR,
        record,
        direction="slow" if back else "fast",
        skew_ms=abs(int(clock.get("back_ms" if back else "offset_ms", 0))),
    )
    return {"wrong": True}, (finding,)


def _clock_set(record: Record, context: Context) -> Judged:
    body = event(record)
    step = int(body.get("after", 0)) - int(body.get("before", 0))
    signed = bool(body.get("signed"))
    # A correction forwards is what a sleeve without power for a while needs.
    wrong = (
        step < -context.settings.clock_ms
        if signed
        else abs(step) > (context.settings.clock_hand_ms)
    )
    corrected: State = {"corrected": True} if signed and step < 0 else {}
    if not wrong:
        return corrected, ()
    direction = "fast" if (step < 0) is signed else "slow"
    finding = found(
        "C20",
        str(record.device),
        Severity.MAJOR,
        record,
        direction=direction,
        skew_ms=abs(step),
        by_hand=not signed,
    )
    return {**corrected, "wrong": True}, (finding,)


def _not_closed(record: Record, _context: Context) -> Iterator[Finding]:
    if record.kind == "event.use_finished":
        yield over("C22", str(record.use_id), record)
        return
    body = event(record)
    code = body.get("code")
    if code not in ("jam", "not_closed"):
        return
    where = f"{record.device}:{code}"
    if body.get("cleared"):
        yield over("C22", where, record)
    else:
        cause = "jam" if code == "jam" else "door_open"
        yield found("C22", where, Severity.MAJOR, record, cause=cause)


# Every event carries the clock.
_CLOCKED: Final = tuple(
    f"event.{kind}"
    for kind in (
        "boot", "unlock_request", "grant_burnt", "count_entered", "face_captured", "pin_entered",
        "page_captured", "stamped", "use_finished", "attempt_refused", "tamper",
        "motion_unexpected", "moved", "fault", "grant_stored", "grant_dropped", "config_applied",
        "lock_changed", "clock_set", "key_rotated", "keys_applied",
    )
)  # fmt: skip

RULES: Final = (
    plain("tampered", "C13", ("event.tamper", "counter.jump"), _tamper),
    plain(
        "motion_without_job",
        "C15",
        ("event.motion_unexpected", "event.grant_burnt"),
        _moved_by_itself,
    ),
    rule("clock", "C20", _CLOCKED, _clock, of_device),
    plain("not_closed", "C22", ("event.fault", "event.use_finished"), _not_closed),
)
