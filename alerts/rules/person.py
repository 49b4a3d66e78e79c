"""C10: another person stamps than the one whom the grant names. C11: no living person is shown.

A mismatch is said at once. A match on a later attempt of the same use, with nothing stamped in
between, ends it. What the check of a buffered (off-line) use finds is said with both times.
"""

from __future__ import annotations

from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import Judged, Severity, State, found, of_use, over, rule
from backend.domain.record import Record

_RIGHT: Final = ("match", "pin_ok")

_HELD_UP: Final = {"replay": "replayed_capture", "flat": "held_up_picture"}
"""What no honest person's pictures show, by the check's reason."""
_TURNS: Final = ("no_turn", "turned_other", "wrong_way", "too_far", "no_frontal")
LIVENESS: Final = frozenset((*_HELD_UP, *_TURNS, "not_continuous"))
"""Of pictures that are good enough and show no living person."""
_MOVED: Final = 0.10
"""A nose that left the eyes' middle by so much (eye distances) sits on a head that turned, if not
far enough: docs/decisions/0081."""
TRIES: Final = 3
"""So many bursts a use has, see gateway.checks."""
_FRONT_ONLY: Final = frozenset({"not_continuous", "turned_other"})
"""Somebody else than in front turned the head: a photograph held up first does so, too."""
_ENOUGH: Final = 2
"""So many of them must speak for a photograph."""


def _judge(state: State, record: Record, context: Context) -> Judged:
    if record.kind == "event.use_finished":
        return {}, ()
    if record.kind == "event.stamped":
        stamped = {**state, "stamped": True}
        if not state.get("mismatch"):
            return stamped, ()
        # They went on although the check had said no.
        finding = found(
            "C10", str(record.use_id), Severity.CRITICAL, record, **state.get("data", {})
        )
        return stamped, (finding,)
    return _checked(state, record, context)


def _checked(state: State, record: Record, context: Context) -> Judged:
    result = str(record.data.get("verdict"))
    used = bool(state.get("stamped") or record.data.get("finished") or record.data.get("offline"))
    if result in _RIGHT:
        if state.get("mismatch") and not used:
            return {**state, "mismatch": False}, (over("C10", str(record.use_id), record),)
        return state, ()
    wrong = result == "mismatch" or (
        # A mistyped PIN is no other person; one that opened the seal off line, or guessing, is.
        result == "pin_wrong" and (used or "locked" in record.data.get("reasons", ()))
    )
    if not wrong and not (result == "doubtful" and used):
        return state, ()
    data = {
        "operator": record.person,
        "who": record.data.get("who"),
        "score": record.data.get("score"),
        "check": record.data.get("kind"),
    }
    if record.data.get("kind") == "face":
        data["threshold"] = context.settings.face_accept
    data = {name: value for name, value in data.items() if value is not None}
    severity = Severity.CRITICAL if wrong and used else Severity.MAJOR
    finding = found("C10", str(record.use_id), severity, record, **data)
    return {**state, "mismatch": wrong, "data": data}, (finding,)


def _alive(state: State, record: Record, context: Context) -> Judged:
    if record.data.get("kind") != "face":
        if record.data.get("verdict") == "pin_ok" and state.get("found"):
            return {}, (over("C11", str(record.use_id), record),)
        return state, ()
    why = record.data.get("reasons", ())
    sure = next((cause for reason, cause in _HELD_UP.items() if reason in why), None)
    still = int(state.get("still", 0)) + _like_a_photograph(record)
    stamped = bool(record.data.get("finished") or record.data.get("offline"))
    if record.data.get("verdict") == "match":
        # A person who stands there after all; a picture that was held up stays said.
        if state.get("found") == "failed_challenge":
            return {}, (over("C11", str(record.use_id), record),)
        return state, ()
    # Nobody is accused of holding up a photograph who may still try.
    last = int(record.data.get("attempt", 1)) >= TRIES
    if sure is None and not (last and still >= _ENOUGH):
        return {**state, "still": still}, ()
    cause = sure or str(state.get("found") or "failed_challenge")
    severity = Severity.CRITICAL if sure and stamped else Severity.MAJOR
    finding = found("C11", str(record.use_id), severity, record, cause=cause)
    return {**state, "still": still, "found": cause}, (finding,)


def _like_a_photograph(record: Record) -> bool:
    """Whether a refused burst shows what a photograph does, though a head may, too."""
    why, turn = record.data.get("reasons", ()), record.data.get("turn")
    still = "no_turn" in why and turn is not None and turn < _MOVED
    return still or not _FRONT_ONLY.isdisjoint(why)


RULES: Final = (
    rule("no_living_person", "C11", ("check.done",), _alive, of_use),
    rule(
        "another_person",
        "C10",
        ("check.done", "event.stamped", "event.use_finished"),
        _judge,
        of_use,
    ),
)
