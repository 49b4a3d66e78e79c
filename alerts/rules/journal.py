"""C23, C24: records that are missing, repeated or contradict each other; keys that are not ours.

A gap that opens is watched by the clock (`alerts.rules.watches`), because events sent again over
another way may close it within seconds; one that is certain is said here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from alerts.rules.context import Context
from alerts.rules.finding import Finding, Severity, event, found, over, plain, verdict
from backend.domain.record import Record


def _gap(record: Record, _context: Context) -> Iterator[Finding]:
    where = f"{record.device}:gap"
    if record.kind == "gap.healed":
        yield over("C23", where, record)
    elif record.kind == "gap.closed":
        first, last = int(record.data.get("first", 0)), int(record.data.get("last", 0))
        yield over("C23", where, record)  # no longer waited for: it is lost, which is worse
        yield found(
            "C23",
            f"{record.device}:lost:{first}",
            Severity.CRITICAL,
            record,
            cause="gap_lost",
            from_counter=first,
            to_counter=last,
            count=last - first + 1,
        )
    elif record.kind == "event.boot":
        lost = int(event(record).get("lost", 0))
        if lost:
            yield found(
                "C23",
                f"{record.device}:unreadable:{record.counter}",
                Severity.MAJOR,
                record,
                cause="gap",
                count=lost,
            )
    elif verdict(record).get("agree") is False:
        said = verdict(record)
        yield found(
            "C23",
            f"{record.use_id}:presses",
            Severity.CRITICAL,
            record,
            cause="count_differs",
            count=abs(int(said.get("reported", 0)) - int(said.get("pressed", 0))),
        )


_CAUSES: Final = {
    "bad_signature": "bad_signature",
    "unknown_key": "unknown_key",
    "revoked_device": "revoked_key",
    "wrong_device": "wrong_device",
    "unknown_device": "unknown_device",
    "fork": "two_chains",
    "bad_chain": "two_chains",
}


def _foreign(record: Record, _context: Context) -> Iterator[Finding]:
    reason = str(record.data.get("reason", "fork"))
    cause = _CAUSES.get(reason)
    if record.kind == "device.unknown":
        cause = "unknown_device"
    if cause is None:
        return
    data: dict[str, Any] = {"cause": cause}
    counter = record.data.get("counter")
    if counter is not None:
        data["from_counter"] = counter
    stranger = cause == "unknown_device"
    severity = Severity.MAJOR if stranger else Severity.CRITICAL
    yield found("C24", f"{record.device}:{cause}", severity, record, **data)


RULES: Final = (
    plain(
        "records_missing",
        "C23",
        ("gap.closed", "gap.healed", "event.boot", "event.use_finished"),
        _gap,
    ),
    plain("forged", "C24", ("fork.found", "poison.kept", "device.unknown"), _foreign),
)
