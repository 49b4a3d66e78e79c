"""Alerts and notices in words: `render(kind, data, locale)` → title and lines.

The words stand in alerts/templates, one TOML file a language. Chinese is the first language: what
another lacks appears in Chinese, so that nobody in a village ever reads an English line by a
translator's omission.

Data are put into the words, never read as words: a name like ``{village}`` stays as it is, and line
breaks and control characters in it become spaces, so that nobody's name can forge a line.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cache
from importlib.resources import files
from math import isfinite
from string import Formatter
from typing import Any

RULES = (
    "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C15", "C16",
    "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24", "C26", "C28", "C32", "C35",
)  # fmt: skip
NOTICES = (
    "use_finished",
    "approval_wanted",
    "application_decided",
    "permit_wanted",
    "permit_decided",
    "late_uses_bundled",
    "case_assigned",
    "escalated",
    "notices_bundled",
    "delivery_failed",
    "test_message",
)
KINDS = (*RULES, *NOTICES)
LOCALES = ("zh_CN", "en")

FIELDS: Mapping[str, str] = {
    "at": "when the platform got it (ms); by a notice, when it was made",
    "happened_at": "when it happened by the sleeve's clock (ms); both show when they differ",
    "repeats": "how often the same has been found by now (shown from 2)",
    "village": "organisation's name",
    "seal": "seal's name",
    "device": "sleeve's number",
    "place": "address or coordinates in words",
    "person": "who did it, by name",
    "operator": "whom the grant names",
    "custodian": "who keeps the sleeve",
    "applicant": "who asked",
    "carrier": "who takes the sleeve along",
    "approver": "who decided",
    "assignee": "whose turn it is",
    "assigner": "who gave the case away",
    "told": "list of names already told",
    "matter": "catalogue entry's name",
    "application": "application's number",
    "purpose": "what for",
    "reason": "why, in the approver's words",
    "decision": "code of [words.decision]",
    "cause": "code of [words.cause], or words",
    "granted": "stamps approved",
    "stamps": "stamps made, or asked for",
    "count": "number of records, movements, uses",
    "approved_seal": "name of the seal that should have been used",
    "score": "face similarity, two decimals",
    "threshold": "least similarity asked for",
    "distance_m": "metres from its place",
    "calendar_note": "name of the holiday, or that the year's calendar is not published",
    "direction": "fast or slow: code of [words.direction]",
    "skew_ms": "clock difference",
    "silent_ms": "time without a word",
    "last_at": "last heard (ms)",
    "first_at": "first use (ms)",
    "days": "length of the period looked at, in days",
    "offline_share": "share from 0 to 1",
    "peer_share": "the same for peers",
    "open_ms": "how long open",
    "limit_ms": "how long it may be",
    "from_counter": "first record number",
    "to_counter": "last record number",
    "step": "name of the approval step",
    "deadline_at": "due (ms)",
    "leave_at": "when the sleeve leaves (ms)",
    "return_at": "when it is to be back (ms)",
    "over_ms": "how long overdue",
    "expires_at": "end of the grant (ms)",
    "job_code": "code to enter at the sleeve",
    "alert_title": "title of the alert, rendered before",
    "rule": "rule's name or code",
    "case": "case number",
    "waited_ms": "how long nobody has acted",
    "channel": "channel's name",
    "items": "bundles: list of mappings of these fields, one a use or a notice",
}
"""What `data` may hold. Names ending in ``at`` are times in ms, in ``_ms`` durations, in ``_share``
shares of one. A line appears only when all that it needs is there."""

_CHINA = timezone(timedelta(hours=8))
_LATE_FROM_MS = 120_000
_MOST_ITEMS = 10
_LONGEST_VALUE = 200
_DURATIONS = {
    "zh_CN": ((86_400_000, " 天"), (3_600_000, " 小时"), (60_000, " 分"), (1000, " 秒")),
    "en": ((86_400_000, " d"), (3_600_000, " h"), (60_000, " min"), (1000, " s")),
}


class UnknownKindError(LookupError):
    """`render` was asked for a kind that has no words."""


def reading_locale(wanted: str) -> str:
    """The language we have for `wanted`: ``en…`` is English, all else (any ``zh…``) Chinese."""
    return "en" if wanted.replace("-", "_").lower().split("_")[0] == "en" else "zh_CN"


def render(kind: str, data: Mapping[str, object], locale: str) -> tuple[str, list[str]]:
    """The title and lines of a rule's alert or of a notice, in the language of `locale`.

    `kind` is one of `KINDS`; `data` may hold any of `FIELDS`, more is ignored. Facts come first,
    then the time (both times when the event came late), then what to do.

    Raises:
        UnknownKindError: no such kind.
    """
    if kind not in KINDS:
        raise UnknownKindError(kind)
    language = reading_locale(locale)
    words = catalogue(language)
    if kind not in words:
        language = "zh_CN"
        words = catalogue(language)
    text: Mapping[str, Any] = words[kind]
    writer = _Writer(language, words)
    shown = writer.show(data)
    title = writer.fill(text["title"], {**words["blank"], **shown}) or text["title"]
    lines = writer.lines(text["lines"], shown)
    lines += writer.items(text.get("item"), data.get("items"))
    lines += writer.times(data, shown)
    lines += writer.lines(text["todo"], shown)
    return title, lines


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """The parsed words of one of `LOCALES`."""
    source = files("alerts.templates").joinpath(f"{language}.toml")
    return tomllib.loads(source.read_text(encoding="utf-8"))


def placeholders(pattern: str) -> tuple[str, ...]:
    """The names that `pattern` needs."""
    return tuple(name for _, name, _, _ in Formatter().parse(pattern) if name is not None)


@dataclass(frozen=True, slots=True)
class _Writer:
    language: str
    words: Mapping[str, Any]

    def show(self, data: Mapping[str, object]) -> dict[str, str]:
        """Each field as people read it; what cannot be shown is left out."""
        shown = {}
        for name, value in data.items():
            text = self._value(name, value)
            if text:
                shown[name] = text
        return shown

    def fill(self, pattern: str, shown: Mapping[str, str]) -> str | None:
        """`pattern` with its places filled; None when something is missing."""
        parts: list[str] = []
        for literal, name, _, _ in Formatter().parse(pattern):
            parts.append(literal)
            if name is None:
                continue
            if name not in shown:
                return None
            parts.append(shown[name])
        return "".join(parts)

    def lines(self, patterns: Sequence[str], shown: Mapping[str, str]) -> list[str]:
        """The lines of which nothing is missing."""
        return [line for pattern in patterns if (line := self.fill(pattern, shown))]

    def items(self, pattern: str | None, items: object) -> list[str]:
        """A line for each of the first items, and how many more there are."""
        if pattern is None or not isinstance(items, Sequence) or isinstance(items, str):
            return []
        blank = dict.fromkeys(placeholders(pattern), "—")
        shown = [
            self.fill(pattern, {**blank, **self.show(item)}) or ""
            for item in items[:_MOST_ITEMS]
            if isinstance(item, Mapping)
        ]
        rest = len(items) - _MOST_ITEMS
        if rest > 0:
            shown += self.lines([self.words["join"]["more"]], {"rest": str(rest)})
        return shown

    def times(self, data: Mapping[str, object], shown: Mapping[str, str]) -> list[str]:
        """When it happened; for late events both times; and how often by now."""
        words = self.words["times"]
        at, happened = data.get("at"), data.get("happened_at")
        lines: list[str] = []
        apart = at - happened if isinstance(at, int) and isinstance(happened, int) else 0
        if apart > _LATE_FROM_MS:
            lines += self.lines(words["late"], {**shown, "late_ms": self._duration(apart)})
        elif apart < -_LATE_FROM_MS:
            # The sleeve's clock runs ahead.
            lines += self.lines(words["both"], shown)
        elif "happened_at" in shown or "at" in shown:
            when = shown.get("happened_at") or shown["at"]
            lines += self.lines([words["at"]], {"at": when})
        repeats = data.get("repeats")
        if isinstance(repeats, int) and repeats > 1:
            lines += self.lines([words["repeats"]], shown)
        return lines

    def _value(self, name: str, value: object) -> str:
        if isinstance(value, bool) or value is None:
            return ""
        if isinstance(value, int | float):
            return self._number(name, value)
        if isinstance(value, str):
            meaning = self.words["words"].get(name, {}).get(value)
            return str(meaning) if meaning is not None else _one_line(value)
        if isinstance(value, Sequence) and all(isinstance(one, str) for one in value):
            return str(self.words["join"]["list"]).join(_one_line(one) for one in value)
        return ""

    def _number(self, name: str, value: int | float) -> str:
        if isinstance(value, float) and not isfinite(value):
            return ""
        if name == "at" or name.endswith("_at"):
            return _time(int(value))
        if name.endswith("_ms"):
            return self._duration(int(value))
        if name.endswith("_share"):
            return f"{value * 100:.0f}%"
        return f"{value:.2f}" if isinstance(value, float) else str(value)

    def _duration(self, ms: int) -> str:
        """The two largest units that count: ``3 小时 5 分``."""
        units = _DURATIONS[self.language]
        ms = abs(ms)
        for place, (size, unit) in enumerate(units):
            whole, left = divmod(ms, size)
            if not whole:
                continue
            text = f"{whole}{unit}"
            if place + 1 < len(units):
                smaller, small_unit = units[place + 1]
                if left >= smaller:
                    text += f" {left // smaller}{small_unit}"
            return text
        return f"0{units[-1][1]}"


def _time(ms: int) -> str:
    try:
        return datetime.fromtimestamp(ms / 1000, _CHINA).strftime("%Y-%m-%d %H:%M:%S")
    except (OverflowError, OSError, ValueError):
        # A sleeve's clock may say anything.
        return f"{ms} ms"


def _one_line(text: str) -> str:
    flat = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return flat if len(flat) <= _LONGEST_VALUE else flat[: _LONGEST_VALUE - 1] + "…"
