"""What a rule answers, and what a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Final

from alerts.rules.context import Context
from backend.domain.record import Record


class Severity(StrEnum):
    """How bad it is: a seal out of control, something that must be looked into, a hint."""

    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"


RANK: Final = {Severity.MINOR: 0, Severity.MAJOR: 1, Severity.CRITICAL: 2}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something a rule found, or (``clears``) found to be over.

    Findings with the same ``dedupe`` are the same matter: while its alert is active it is updated,
    never doubled. ``happened_at`` is ms UTC by the clock of whoever did it. ``data`` holds the
    numbers and codes that the message shows; ids of people stand in fields, never names.
    """

    code: str
    dedupe: str
    severity: Severity
    org_path: str
    happened_at: int
    device: str | None = None
    seal: str | None = None
    application: str | None = None
    grant_id: str | None = None
    use_id: str | None = None
    person: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    clears: bool = False


State = Mapping[str, Any]
"""What a rule remembers of one subject between records: plain JSON values. Empty: nothing."""

Judged = tuple[State, tuple[Finding, ...]]
Judge = Callable[[State, Record, Context], Judged]
Subject = Callable[[Record], str | None]


@dataclass(frozen=True, slots=True)
class Rule:
    """A pure rule over records: ``(state, record, context) → (state, findings)``.

    ``kinds`` are the records it reads. ``subject`` names whose state it needs (a use, a sleeve …);
    None: it remembers nothing. ``name`` is unique: state is kept under it.
    """

    name: str
    code: str
    kinds: frozenset[str]
    judge: Judge
    subject: Subject | None = None


def rule(
    name: str, code: str, kinds: Iterable[str], judge: Judge, subject: Subject | None = None
) -> Rule:
    """A rule that remembers something where ``subject`` is given."""
    return Rule(name, code, frozenset(kinds), judge, subject)


def plain(
    name: str,
    code: str,
    kinds: Iterable[str],
    look: Callable[[Record, Context], Iterable[Finding]],
) -> Rule:
    """A rule that remembers nothing."""

    def judge(state: State, record: Record, context: Context) -> Judged:
        return state, tuple(look(record, context))

    return Rule(name, code, frozenset(kinds), judge)


def found(code: str, dedupe: str, severity: Severity, record: Record, **data: Any) -> Finding:
    """A finding about what ``record`` speaks of."""
    return Finding(
        code=code,
        dedupe=f"{code}:{dedupe}",
        severity=severity,
        org_path=record.org_path,
        happened_at=record.happened_at,
        device=record.device,
        seal=record.seal,
        application=record.application,
        grant_id=record.grant_id,
        use_id=record.use_id,
        person=record.person,
        data=data,
    )


def over(code: str, dedupe: str, record: Record) -> Finding:
    """What was found under ``dedupe`` is over."""
    return replace(found(code, dedupe, Severity.MINOR, record), clears=True)


def of_use(record: Record) -> str | None:
    """The use that a record belongs to."""
    return record.use_id


def of_device(record: Record) -> str | None:
    """The sleeve that a record belongs to."""
    return record.device


def of_application(record: Record) -> str | None:
    """The application that a record belongs to."""
    return record.application


def event(record: Record) -> Mapping[str, Any]:
    """The sleeve's own words in an event's record."""
    body: Mapping[str, Any] = record.data.get("event", {})
    return body


def verdict(record: Record) -> Mapping[str, Any]:
    """What the gateway made of an event."""
    judged: Mapping[str, Any] = record.data.get("verdict", {})
    return judged
