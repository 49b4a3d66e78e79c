"""C1, C2, C7, C8: a seal that drops must do so by a live grant, of this sleeve, once, and counted.

C1 stamped without approval · C2 more stamps than approved · C7 one approval used twice · C8 the
wrong seal (by the sleeve: use at another sleeve than the grant's).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from alerts.rules.context import Context
from alerts.rules.finding import Finding, Severity, event, found, plain, verdict
from backend.domain.calendar import local_day
from backend.domain.record import Record

# Worth of a grant (backend.domain.use.grant_code) → cause in words.
_CAUSES: Final = {
    "none": "no_grant",
    "unknown": "no_grant",
    "not_started": "grant_not_started",
    "expired": "expired_grant",
    "revoked": "revoked_grant",
}


def _without_grant(record: Record, _context: Context) -> Iterator[Finding]:
    said = verdict(record)
    cause = _CAUSES.get(str(said.get("grant")))
    if cause is None:
        return
    # Without a use, those of one day are one matter; the next day's are another.
    where = record.use_id or f"{record.device}:{local_day(record.happened_at)}"
    data: dict[str, Any] = {"cause": cause}
    if record.kind == "event.stamped":
        data["stamps"] = said.get("press") or event(record).get("press") or 1
    yield found("C1", where, Severity.CRITICAL, record, **data)


def _too_many(record: Record, _context: Context) -> Iterator[Finding]:
    if record.use_id is None:
        return  # without a use nothing was granted at all: C1
    said = verdict(record)
    granted = int(said.get("granted", 0))
    if record.kind == "event.count_entered":
        if said.get("over"):
            count = event(record).get("count")
            yield found("C2", record.use_id, Severity.MAJOR, record, granted=granted, stamps=count)
        return
    stamps = int(said.get("press") or said.get("reported") or 0)
    if stamps > granted:
        yield found("C2", record.use_id, Severity.CRITICAL, record, granted=granted, stamps=stamps)


def _used_twice(record: Record, _context: Context) -> Iterator[Finding]:
    said = verdict(record)
    grant = record.grant_id or event(record).get("grant") or record.device
    if record.kind in ("event.grant_burnt", "event.stamped"):
        # Pressed on after the end of its own use beyond the count: that is C2, and said there.
        if said.get("reused") or (said.get("grant") == "used" and not said.get("over")):
            yield found("C7", f"{grant}", Severity.CRITICAL, record, cause="reused_grant")
    elif said.get("refused") == "used" or event(record).get("reason") == "grant_used":
        # Stopped at the door, but somebody tried.
        yield found("C7", f"{grant}", Severity.MAJOR, record, cause="reused_grant")


def _wrong_seal(record: Record, _context: Context) -> Iterator[Finding]:
    said = verdict(record)
    grant = event(record).get("grant") or record.grant_id
    data = {"grant": grant} if grant else {}
    where = f"{record.device}:{grant or record.use_id or local_day(record.happened_at)}"
    if said.get("grant") == "other_device":
        yield found("C8", where, Severity.CRITICAL, record, **data)
    elif (
        said.get("refused") == "other_device" or event(record).get("reason") == "grant_other_device"
    ):
        yield found("C8", where, Severity.MAJOR, record, **data)


_ASKED: Final = ("event.unlock_request", "event.attempt_refused")
_MOVED: Final = ("event.grant_burnt", "event.stamped")

RULES: Final = (
    plain("stamped_without_grant", "C1", _MOVED, _without_grant),
    plain(
        "more_stamps_than_granted",
        "C2",
        ("event.count_entered", "event.stamped", "event.use_finished"),
        _too_many,
    ),
    plain("grant_used_twice", "C7", (*_MOVED, *_ASKED), _used_twice),
    plain("other_sleeve", "C8", (*_MOVED, *_ASKED), _wrong_seal),
)
