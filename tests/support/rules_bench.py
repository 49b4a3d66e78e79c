"""Feeds timed sequences of records to the rules: no database, no clock but the numbers."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from alerts.rules.finding import Finding, State
from alerts.rules.registry import RULES
from alerts.rules.settings import RuleSettings
from alerts.rules.watches import (
    SLEEVE_WATCHES,
    USE_WATCHES,
    SleeveFacts,
    UseFacts,
)
from backend.domain.calendar import WorkingCalendar
from backend.domain.permit import Permit
from backend.domain.record import Record

VILLAGE = "/330109/330109103/330109103201/"
SLEEVE = "SL-0001"
USE = f"{SLEEVE}:7"
MINUTE = 60_000
HOUR = 60 * MINUTE
MONDAY_10 = 1_789_956_000_000
"""2026-09-21 10:00 in China."""
HOME = (30.1, 120.2, 200.0)


@dataclass
class Facts:
    """`alerts.rules.context.Context` by hand."""

    settings: RuleSettings = field(default_factory=RuleSettings)
    published: Mapping[date, bool] = field(default_factory=dict)
    known_years: frozenset[int] = frozenset({2026})
    names: Mapping[date, str] = field(default_factory=dict)
    exceptions: Mapping[date, bool] = field(default_factory=dict)
    off_site: tuple[Permit, ...] = ()
    keepers: frozenset[str] = frozenset()
    circle: tuple[float, float, float] | None = HOME

    def calendar(self, org_path: str) -> WorkingCalendar:
        """One for everybody."""

        def lookup(day: date) -> bool | None:
            if day.year not in self.known_years:
                return None
            return self.published.get(day, day.weekday() < 5)

        return WorkingCalendar(lookup, self.exceptions)

    def holiday(self, day: date) -> str | None:
        """By hand."""
        return self.names.get(day)

    def home(self, device: str) -> tuple[float, float, float] | None:
        """The same for all."""
        return self.circle

    def permits(self, device: str) -> tuple[Permit, ...]:
        """By hand."""
        return self.off_site

    def custodians(self, seal: str) -> frozenset[str]:
        """By hand."""
        return self.keepers


@dataclass
class Bench:
    """All rules, with what they remember, and the set of matters that are active now."""

    facts: Facts = field(default_factory=Facts)
    states: dict[tuple[str, str], State] = field(default_factory=dict)
    active: dict[str, Finding] = field(default_factory=dict)
    said: list[Finding] = field(default_factory=list)

    def feed(self, *records: Record) -> list[Finding]:
        """Let every rule see the records in order; what they found."""
        found: list[Finding] = []
        for record in records:
            for rule in RULES:
                if record.kind not in rule.kinds:
                    continue
                subject = rule.subject(record) if rule.subject else ""
                if subject is None:
                    continue
                key = (rule.name, subject)
                state, findings = rule.judge(self.states.get(key, {}), record, self.facts)
                self.states[key] = state
                found += findings
        return self._keep(found)

    def watch(self, now: int, *facts: SleeveFacts | UseFacts) -> list[Finding]:
        """Let the watches look at ``facts`` at ``now``."""
        found: list[Finding] = []
        for one in facts:
            if isinstance(one, SleeveFacts):
                for sleeve in SLEEVE_WATCHES:
                    key = (sleeve.name, one.id)
                    state, findings = sleeve.judge(self.states.get(key, {}), one, now, self.facts)
                    self.states[key] = state
                    found += findings
            else:
                for use in USE_WATCHES:
                    key = (use.name, one.id)
                    state, findings = use.judge(self.states.get(key, {}), one, now, self.facts)
                    self.states[key] = state
                    found += findings
        return self._keep(found)

    def _keep(self, found: Iterable[Finding]) -> list[Finding]:
        kept = list(found)
        for one in kept:
            if one.clears:
                self.active.pop(one.dedupe, None)
            else:
                self.active[one.dedupe] = one
        self.said += [one for one in kept if not one.clears]
        return kept

    @property
    def codes(self) -> list[str]:
        """What is active, by code."""
        return sorted(one.code for one in self.active.values())

    def one(self, code: str) -> Finding:
        """The only active finding of ``code``."""
        (found,) = [one for one in self.active.values() if one.code == code]
        return found


def event(
    kind: str,
    body: Mapping[str, Any] | None = None,
    *,
    at: int = MONDAY_10,
    verdict: Mapping[str, Any] | None = None,
    use: str | None = USE,
    late_by: int = 0,
    clock: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Record:
    """A sleeve's event that happened at ``at`` and came ``late_by`` ms later."""
    data: dict[str, Any] = {"event": dict(body or {}), "boot": 1, "verdict": dict(verdict or {})}
    if late_by > 60_000:
        data["late"] = True
    if clock is not None:
        data["clock"] = dict(clock)
    base = Record(
        kind=f"event.{kind}",
        org_path=VILLAGE,
        at=at + late_by,
        happened_at=at,
        device=SLEEVE,
        seal="seal-1",
        use_id=use,
        grant_id="grant-1" if use else None,
        person="operator",
        data=data,
    )
    return replace(base, **fields)


def stamped(
    press: int = 1, *, grant: str = "live", granted: int = 2, at: int = MONDAY_10, **options: Any
) -> Record:
    """One drop of the seal."""
    return event(
        "stamped",
        {"use": 7, "press": press, "total": 10 + press, **options.pop("body", {})},
        at=at,
        verdict={
            "granted": granted,
            "entered": granted,
            "press": press,
            "grant": grant,
            "cleared": True,
            "over": press > granted,
        },
        **options,
    )


def page(press: int = 1, *, at: int = MONDAY_10, picture: bool = True, failure: str = "") -> Record:
    """A picture of the page before a press, or the failure to take one."""
    body = {"use": 7, "stage": "before", "press": press, "failure": failure}
    return event("page_captured", body, at=at, verdict={"use": "known", "picture": picture})


def check(verdict: str, *, kind: str = "face", at: int = MONDAY_10, **data: Any) -> Record:
    """What the check of the person found."""
    base = event("x", at=at)
    return replace(
        base,
        kind="check.done",
        data={"kind": kind, "verdict": verdict, "attempt": 1, "reasons": [], **data},
    )


def finished(*, at: int = MONDAY_10, **verdict: Any) -> Record:
    """The use is over."""
    said = {"granted": 2, "pressed": 2, "reported": 2, "agree": True, **verdict}
    return event("use_finished", {"use": 7, "presses": 2, "reason": "done"}, at=at, verdict=said)


def other(kind: str, *, at: int = MONDAY_10, **fields: Any) -> Record:
    """A record that is no event of a sleeve."""
    base = Record(kind=kind, org_path=VILLAGE, at=at, happened_at=at)
    return replace(base, **fields)


def honest_use(at: int = MONDAY_10) -> list[Record]:
    """Everything as it should be: two stamps by a live grant, the right person, all pictures."""
    return [
        event("unlock_request", {"grant": "grant-1"}, at=at, verdict={"granted": 2}),
        event(
            "grant_burnt",
            {"grant": "grant-1", "use": 7},
            at=at + 1000,
            verdict={"grant": "live", "reused": False, "offline": False},
        ),
        event("count_entered", {"use": 7, "count": 2}, at=at + 2000, verdict={"granted": 2}),
        check("match", at=at + 3000, score=0.7, who="operator"),
        page(1, at=at + 4000),
        stamped(1, at=at + 5000),
        page(2, at=at + 6000),
        stamped(2, at=at + 7000),
        finished(at=at + 8000),
    ]
