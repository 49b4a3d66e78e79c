"""What the usage log is searched by: texts cut into terms, and questions put to terms.

Chinese has no spaces and its shortest words have two characters, so a run of Chinese is cut into
every pair of neighbours (“贷款合同” → 贷款, 款合, 合同): a word of two is found wherever it stands.
Runs of letters and digits, such as the parts of a number, are kept whole.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Set
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import add
from typing import Final

from backend.domain.calendar import ZONE, local_day
from backend.domain.organisation import ids

WORD_MAX: Final = 60
"""Letters and digits of one run that count."""

_RUNS: Final = re.compile(r"[a-z0-9]+|[^\W_a-z0-9]+")

EVERY: Final = "*"
"""The term that each use has."""


def plain(text: str) -> str:
    """``text`` as it is compared: one width (NFKC), one case."""
    return unicodedata.normalize("NFKC", text).casefold()


def grams(text: str, most: int | None = None) -> set[str]:
    """The pairs and words that ``text`` is found by. A single Chinese character gives nothing.
    After ``most`` of them the rest of a long text is left out."""
    found: set[str] = set()
    for gram in _grams(plain(text)):
        if most is not None and len(found) >= most:
            break
        found.add(gram)
    return found


def _grams(text: str) -> Iterator[str]:
    for run in _RUNS.findall(text):
        if run[0] in _WORD_STARTS:
            yield run[:WORD_MAX]
        else:
            yield from map(add, run, run[1:])


def unwrapped(text: str) -> str:
    """A page of lines as running text: a word that goes on in the next line is one word."""
    return _WRAPPED.sub("", text)


_WRAPPED: Final = re.compile(r"(?<=[\u3400-\u9fff])[^\S\n]*\n[^\S\n]*(?=[\u3400-\u9fff])")
_WORD_STARTS: Final = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")


@dataclass(frozen=True, slots=True)
class Needle:
    """One of the words that were typed. ``exact``: having its grams is having it; else they may
    come from different places, and the text itself is looked at."""

    text: str
    grams: frozenset[str]

    @property
    def exact(self) -> bool:
        """Whether nothing is left to check."""
        return len(self.grams) == 1 and self.text in self.grams

    def stands_in(self, texts: Iterable[str]) -> bool:
        """Whether one of ``texts`` (:func:`plain`) has it."""
        return any(self.text in text for text in texts)


def needles(typed: str) -> tuple[Needle, ...]:
    """What ``typed`` asks for: each piece between spaces must be there. A piece too short to be
    searched has no grams; whoever asks says so."""
    return tuple(Needle(piece, frozenset(grams(piece))) for piece in plain(typed).split())


# ── terms other than those of texts: one letter, a colon, a value ────────────────────────────────


def gram_term(gram: str) -> str:
    """Has these words."""
    return f"g:{gram}"


def branch_terms(path: str) -> list[str]:
    """Lies within each branch down to ``path``."""
    found, at = [], "/"
    for one in ids(path):
        at = f"{at}{one}/"
        found.append(f"o:{at}")
    return found


def term(family: str, value: str) -> str:
    """A term of one of the families: ``o`` branch, ``u`` may see it as one concerned, ``w`` takes
    part (also approved it), ``l`` seal, ``v`` sleeve, ``m`` matter, ``a`` alert by code, ``i``
    state, ``d`` local day, ``n`` local month."""
    return f"{family}:{value}"


ALERTED: Final = term("a", "any")
ALERT_OPEN: Final = term("a", "open")
REVIEWED: Final = term("i", "reviewed")
UNSTAMPED: Final = term("i", "unstamped")
STATES: Final = (
    *("open", "done", "early", "timeout", "refused", "fault", "power", "stopped"),
    *("offline", "late", "unstamped", "reviewed"),
    *("none", "pending", "match", "doubtful", "mismatch", "unusable", "pin", "unchecked"),
)
"""How a use stands or ended, how it came, whether it was reviewed, what the check of the person
said: each of them a term of family ``i``."""

CHANGING: Final = frozenset(
    {ALERTED, ALERT_OPEN}
    | {term("a", f"C{number}") for number in range(1, 100)}
    | {term("i", state) for state in STATES}
)
"""Terms that a use may lose again; all others it keeps."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One of ``terms`` must be there, or, not ``wanted``, none may."""

    terms: frozenset[str]
    wanted: bool = True

    def holds(self, of: Set[str]) -> bool:
        """Whether terms ``of`` a use meet it."""
        return self.terms.isdisjoint(of) is not self.wanted


def clause(*terms: str) -> Clause:
    """One of these."""
    return Clause(frozenset(terms))


def without(*terms: str) -> Clause:
    """None of these."""
    return Clause(frozenset(terms), wanted=False)


def holds(asked: Collection[Clause], of: Set[str]) -> bool:
    """Whether terms ``of`` a use meet every clause."""
    return all(one.holds(of) for one in asked)


def day_terms(at: int) -> tuple[str, str]:
    """The local day and month of ``at`` (ms UTC)."""
    day = local_day(at)
    return _day(day), _month(day)


def _day(day: date) -> str:
    return term("d", f"{day:%Y%m%d}")


def _month(day: date) -> str:
    return term("n", f"{day:%Y%m}")


LONGEST_DAYS: Final = 3660
"""Periods of more days are not cut into days: they are compared one by one."""


def period(from_at: int | None, until_at: int | None, now: int) -> tuple[Clause, ...]:
    """Days and months that cover [from_at, until_at) (ms UTC); nothing for all time. Days at the
    ends may be covered in part, so the time itself is to be compared too.

    A month of which most is wanted is taken whole without the days that are not: few terms are
    few blocks to read.
    """
    if from_at is None and until_at is None:
        return ()
    last = local_day(until_at - 1 if until_at is not None else now + _DAY_MS)
    first = local_day(from_at) if from_at is not None else last - timedelta(days=LONGEST_DAYS)
    if (last - first).days > LONGEST_DAYS:
        first = last - timedelta(days=LONGEST_DAYS)
    taken: set[str] = set()
    left: set[str] = set()
    month = first.replace(day=1)
    while month <= last:
        following = (month + timedelta(days=32)).replace(day=1)
        days = [month + timedelta(days=at) for at in range((following - month).days)]
        inside = {_day(one) for one in days if first <= one <= last}
        outside = {_day(one) for one in days} - inside
        if len(outside) < len(inside):
            taken.add(_month(month))
            left |= outside
        else:
            taken |= inside
        month = following
    covering = (Clause(frozenset(taken)),)
    return (*covering, without(*left)) if left else covering


_DAY_MS: Final = 86_400_000


def whole_days(from_at: int | None, until_at: int | None) -> bool:
    """Whether the period begins and ends at local midnights, so that days tell it exactly."""
    return all(
        at is None or datetime.fromtimestamp(at / 1000, ZONE).time() == _MIDNIGHT
        for at in (from_at, until_at)
    )


_MIDNIGHT: Final = datetime.min.time()
