"""C12: the camera is covered, dark or blurred, or there is no picture."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from alerts.rules.context import Context
from alerts.rules.finding import (
    Finding,
    Judged,
    Severity,
    State,
    event,
    found,
    of_use,
    over,
    plain,
    rule,
    verdict,
)
from alerts.rules.person import LIVENESS
from backend.domain.record import Record

# Codes of the face check and of cameras → cause in words.
_CAUSES: Final = {
    "camera_covered": "camera_covered",
    "covered": "camera_covered",
    "face_occluded": "camera_covered",
    "too_dark": "too_dark",
    "dark": "too_dark",
    "blurred": "blurred",
    "blur": "blurred",
    "low_contrast": "blurred",
    "too_bright": "blurred",
}
_HIDDEN: Final = frozenset({"camera_covered", "covered"})


def _cause(*codes: Any) -> str:
    for code in codes:
        if str(code) in _CAUSES:
            return _CAUSES[str(code)]
    return "missing"


def _of_use(state: State, record: Record, context: Context) -> Judged:
    if record.kind == "event.use_finished":
        return {}, ()
    if record.kind == "event.page_captured":
        return _page(state, record)
    if record.kind == "event.stamped":
        return _stamped(state, record)
    return _face(state, record, context)


def _page(state: State, record: Record) -> Judged:
    body = event(record)
    if verdict(record).get("picture"):
        if body.get("stage") != "before":
            return state, ()
        return {**state, "seen": [*state.get("seen", ()), body.get("press")][-20:]}, ()
    cause = _cause(body.get("failure"))
    finding = found("C12", str(record.use_id), Severity.MAJOR, record, cause=cause)
    return state, (finding,)


def _stamped(state: State, record: Record) -> Judged:
    press = event(record).get("press")
    if press in state.get("seen", ()):
        return state, ()
    # No picture, no stamp: one that dropped all the same was not seen by anybody.
    finding = found("C12", str(record.use_id), Severity.MAJOR, record, cause="missing")
    return state, (finding,)


def _face(state: State, record: Record, context: Context) -> Judged:
    if record.data.get("verdict") != "unusable":
        return state, ()
    reasons = [str(code) for code in record.data.get("reasons", ())]
    if not LIVENESS.isdisjoint(reasons):
        return state, ()  # nothing is wrong with the camera
    bad = int(state.get("unusable", 0)) + 1
    used = bool(record.data.get("finished") or record.data.get("offline"))
    enough = bad >= context.settings.unusable_pictures or used or not _HIDDEN.isdisjoint(reasons)
    counted = {**state, "unusable": bad}
    if not enough:
        return counted, ()
    severity = Severity.MAJOR if used else Severity.MINOR
    finding = found("C12", str(record.use_id), severity, record, cause=_cause(*reasons), count=bad)
    return counted, (finding,)


def _camera(record: Record, _context: Context) -> Iterator[Finding]:
    body = event(record)
    where = f"{record.device}:camera"
    if record.kind == "event.attempt_refused":
        if body.get("reason") == "no_picture":
            yield found("C12", where, Severity.MINOR, record, cause="missing")
    elif body.get("code") == "camera":
        if body.get("cleared"):
            yield over("C12", where, record)
        else:
            yield found("C12", where, Severity.MINOR, record, cause=_cause(body.get("detail")))


RULES: Final = (
    rule(
        "picture_of_use",
        "C12",
        ("event.page_captured", "event.stamped", "check.done", "event.use_finished"),
        _of_use,
        of_use,
    ),
    plain("camera", "C12", ("event.fault", "event.attempt_refused"), _camera),
)
