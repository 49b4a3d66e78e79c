"""Notification rules (通知规则): what a place says about who is told of an alert, and how loudly.

A district's rules stand in the place of the installation's own. Towns and villages below it may
only add: more people, more channels, a higher severity, shorter delays. So nobody quiets an alert
about themselves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, zip_longest
from typing import Any, Final

import msgspec

from backend.domain.calendar import DAY_MS, MINUTE_MS
from backend.domain.errors import DomainError

ANY: Final = "*"
"""In the place of an alert's code: every alert."""

SEVERITIES: Final = ("minor", "major", "critical")
"""The mildest first."""

ESCALATED_TO: Final = ("village", "town", "district", "admins")
"""Supervisors of a level, and who looks after the installation."""

TARGETS: Final = ("approver", "custodian", *ESCALATED_TO)
"""Who may be told; approvers of the place, and who keeps the seal, besides."""

MOST_STEPS: Final = 5
LONGEST_MS: Final = 30 * DAY_MS


@dataclass(frozen=True, slots=True)
class Escalation:
    """When nobody has acknowledged for ``after_ms``, these are told: see :data:`ESCALATED_TO`."""

    after_ms: int
    targets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """What one organisation says of one alert (or of all); what is empty is not said.

    Attributes:
        severity: the alert is at least so grave.
        told: see :data:`TARGETS`.
        channels: used at once, besides each person's own first one.
        at_once: quiet hours do not hold it.
        escalation: steps up, one after the other.
    """

    severity: str | None = None
    told: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    at_once: bool = False
    escalation: tuple[Escalation, ...] = ()


@dataclass(frozen=True, slots=True)
class NoticePolicy:
    """What holds for one alert at one place. ``told``: instead of whom the program would tell;
    ``also``: besides them. The rest as in :class:`NoticeRule`."""

    severity: str | None = None
    told: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    at_once: bool = False
    escalation: tuple[Escalation, ...] = ()


NOTHING: Final = NoticeRule()

Sayings = Mapping[str, NoticeRule]
"""What one organisation says, by code."""


def resolve(
    top: Sayings, below: Sequence[Sayings], code: str, installation: Sequence[Escalation]
) -> NoticePolicy:
    """What holds for ``code``, where ``top`` is what the district says and ``below`` what those
    under it say, from the top down. ``installation`` escalates where the district does not say."""
    severity: str | None = None
    told: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    at_once = False
    steps = tuple(installation)
    for depth, sayings in enumerate((top, *below)):
        for rule in (sayings.get(ANY, NOTHING), sayings.get(code, NOTHING)):
            severity = graver(severity, rule.severity)
            channels = _union(channels, rule.channels)
            at_once = at_once or rule.at_once
            if depth == 0:
                told = rule.told or told
                steps = rule.escalation or steps
            else:
                also = _union(also, rule.told)
                steps = tighter(steps, rule.escalation)
    return NoticePolicy(severity, told, also, channels, at_once, steps)


def graver(one: str | None, other: str | None) -> str | None:
    """The graver of two severities; ``None`` is less than any."""
    given = [severity for severity in (one, other) if severity is not None]
    return max(given, key=SEVERITIES.index, default=None)


def tighter(above: Sequence[Escalation], own: Sequence[Escalation]) -> tuple[Escalation, ...]:
    """Step by step the shorter delay and everybody whom either names."""
    steps = []
    for given, added in zip_longest(above, own):
        one, other = given or added, added or given
        assert one is not None  # zip_longest ends with the longer
        assert other is not None
        targets = _union(one.targets, other.targets)
        steps.append(Escalation(min(one.after_ms, other.after_ms), targets))
    return tuple(steps)


def check(rule: NoticeRule, channels: Collection[str]) -> NoticeRule:
    """The rule itself, if it can be carried out; ``channels``: what may be named.

    Raises:
        DomainError: ``bad_notice_rule`` with what is wrong.
    """
    delays = [step.after_ms for step in rule.escalation]
    for wrong, zh, en in (
        (rule.severity not in (None, *SEVERITIES), "没有这个级别", "no such severity"),
        (not set(rule.told) <= set(TARGETS), "没有这种被通知的人", "nobody such to tell"),
        (
            not set(rule.channels) <= set(channels),
            "没有开通所选的通知方式",
            "a channel is not set up",
        ),
        (len(delays) > MOST_STEPS, f"最多{MOST_STEPS}次逐级上报", f"{MOST_STEPS} steps at most"),
        (
            any(not MINUTE_MS <= delay <= LONGEST_MS for delay in delays),
            "逐级上报的时间要在1分钟到30天之间",
            "a delay is from 1 minute to 30 days",
        ),
        (
            any(later <= earlier for earlier, later in pairwise(delays)),
            "逐级上报的时间要一次比一次长",
            "each delay is longer than the one before",
        ),
        (
            any(not one.targets for one in rule.escalation),
            "每次上报都要选报给谁",
            "each step says who is told",
        ),
        (
            any(not set(one.targets) <= set(ESCALATED_TO) for one in rule.escalation),
            "没有这种上报对象",
            "nobody such to escalate to",
        ),
    ):
        if wrong:
            raise DomainError("bad_notice_rule", f"通知规则有误：{zh}", f"bad rule: {en}")
    return rule


def to_plain(rule: NoticeRule) -> dict[str, Any]:
    """The rule as plain values for the store and for a record; without what it does not say."""
    plain: dict[str, Any] = msgspec.to_builtins(rule)
    return {name: value for name, value in plain.items() if value}


def from_plain(plain: Mapping[str, Any]) -> NoticeRule:
    """A rule from :func:`to_plain`."""
    return msgspec.convert(dict(plain), NoticeRule)


def _union(one: Sequence[str], other: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*one, *other)))
