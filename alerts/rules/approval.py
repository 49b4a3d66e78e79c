"""C19, C26, C28, C32: emergencies, who approves, how long it takes, what is never finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from alerts.rules.context import Context
from alerts.rules.finding import (
    Finding,
    Judged,
    Severity,
    State,
    found,
    of_application,
    over,
    plain,
    rule,
)
from backend.domain.record import Record

_REFUSED: Final = {
    "approver_is_applicant": "own_application",
    "approver_is_operator": "own_application",
    "approver_is_custodian": "keeps_seal",
}


def _own_approval(record: Record, context: Context) -> Iterator[Finding]:
    where = f"{record.application or record.data.get('permit')}:{record.person}"
    if record.kind in ("application.refused", "permit.refused"):
        cause = _REFUSED.get(str(record.data.get("reason")))
        if cause is not None:
            yield found("C26", where, Severity.MINOR, record, cause=cause)
        return
    # What should never be in the journal: say it as loudly as possible.
    if record.data.get("by_rule") or record.person is None:
        return
    cause = None
    if record.person in (record.data.get("applicant"), record.data.get("carrier")):
        cause = "own_application"
    elif record.seal and record.person in context.custodians(record.seal):
        cause = "keeps_seal"
    if cause is not None:
        yield found("C26", where, Severity.CRITICAL, record, cause=cause, passed=True)


def _emergency(record: Record, _context: Context) -> Iterator[Finding]:
    """Breaking the glass is always told, and stays open until somebody else has reviewed it."""
    where = str(record.application)
    if record.kind == "emergency.opened":
        reason = record.data.get("reason", "")
        yield found("C19", where, Severity.MAJOR, record, reason=reason)
    else:
        yield over("C19", where, record)


_ENDED: Final = (
    "application.approved",
    "application.rejected",
    "application.returned",
    "application.withdrawn",
    "application.expired",
    "application.voided",
)


def _delayed(state: State, record: Record, _context: Context) -> Judged:
    open_steps = [str(one) for one in state.get("open", ())]
    data = record.data
    if record.kind == "application.overdue":
        step = str(data.get("position"))
        finding = found(
            "C28",
            f"{record.application}:{step}",
            Severity.MAJOR,
            record,
            step=data.get("step"),
            at_org=data.get("at"),
            assignee_id=data.get("assignee"),
            deadline_at=data.get("due_at"),
            over_ms=record.at - int(data.get("due_at") or record.at),
        )
        return {"open": [*open_steps, step]}, (finding,)
    if record.kind == "application.step_approved":
        step = str(data.get("position"))
        if step not in open_steps:
            return state, ()
        done = over("C28", f"{record.application}:{step}", record)
        return {"open": [one for one in open_steps if one != step]}, (done,)
    ended = tuple(over("C28", f"{record.application}:{one}", record) for one in open_steps)
    if record.kind == "application.expired" and data.get("was") == "submitted":
        # Nobody decided until its time was over: that is the delay itself.
        finding = found(
            "C28",
            f"{record.application}:expired",
            Severity.MAJOR,
            record,
            step=data.get("step"),
        )
        return {}, (*ended, finding)
    return {}, ended


def _left_open(record: Record, _context: Context) -> Iterator[Finding]:
    grant = str(record.grant_id)
    if record.kind != "grant.expired":
        yield over("C32", grant, record)
        return
    unlocked = record.data.get("was") == "unlocked"
    yield found(
        "C32",
        grant,
        Severity.MAJOR if unlocked else Severity.MINOR,
        record,
        expires_at=record.data.get("not_after"),
    )


RULES: Final = (
    plain("emergency", "C19", ("emergency.opened", "emergency.reviewed"), _emergency),
    plain(
        "own_approval",
        "C26",
        ("application.refused", "permit.refused", "application.step_approved", "permit.approved"),
        _own_approval,
    ),
    rule(
        "step_delayed",
        "C28",
        ("application.overdue", "application.step_approved", *_ENDED),
        _delayed,
        of_application,
    ),
    plain(
        "grant_left_open",
        "C32",
        ("grant.expired", "event.grant_burnt", "event.use_finished"),
        _left_open,
    ),
)
