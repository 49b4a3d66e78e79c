"""The eyes' figures about imprints: counted right, told apart right, and what a pair costs.

The pairs come from a generator under tests/, which shares nothing with the simulator's drawing; its
seeds for reporting are never tuned on. So this bench runs from a checkout, not from an installed
package.
"""

from __future__ import annotations

import math
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from backend.domain.rates import p95
from backend.vision.imprints import ImprintTemplate, difference, enrol, identify
from backend.vision.imprints.identity import RingReader
from zhiyin.bench.bounds import rate

if TYPE_CHECKING:
    from backend.vision.imprints import Difference
    from tests.support.imprint_cases import Case, Design

NEAR_MM: Final = 6.0
"""A found imprint is the drawn one if their middles are no further apart."""


class _Tally:
    """Counts over all pairs."""

    def __init__(self) -> None:
        self.pairs: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.own = self.own_right = self.own_unknown = self.own_wrong = 0
        self.strange = self.strange_unknown = 0
        self.cpu: list[float] = []
        self.missed: list[dict[str, Any]] = []
        self.confused: list[dict[str, Any]] = []


def bench_imprints(
    n: int,
    *,
    first_seed: int | None = None,
    reader: RingReader | None = None,
    told: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Look at ``n`` pairs, the kinds in turn.

    Args:
        n: pairs.
        first_seed: of the generator; default its first seed for reporting.
        reader: reads rings; default the house's.
        told: called with the figures so far, after each pair.

    Returns:
        ``imprints_right`` (pairs whose new imprints were counted and placed right),
        ``identity_right_or_unknown`` (of all imprints), ``identity_wrong`` (imprints of one of the
        village's seals taken for another of them: a count), ``strangers_unknown``, each with n and
        interval; ``by_kind``; ``cpu_s_per_pair``, ``cpu_s_per_pair_p95``; ``missed`` (pairs counted
        wrong) and ``confused`` (imprints taken for another seal), to be drawn again.
    """
    from backend.vision.pages.reader import Reader
    from tests.support import imprint_cases

    reader = reader or Reader()
    start = imprint_cases.REPORTED_FROM if first_seed is None else first_seed
    enrolled: dict[Design, ImprintTemplate] = {}
    tally = _Tally()
    for at, case in enumerate(imprint_cases.cases(n, start), 1):
        for design in case.village:
            if design not in enrolled:
                pictures = imprint_cases.enrolment(design, 1)
                enrolled[design] = enrol(pictures, name=design.name, reader=reader).template
        _one(case, start + at - 1, enrolled, reader, tally)
        if told is not None:
            told(_figures(tally))
    return _figures(tally)


def _one(
    case: Case,
    seed: int,
    enrolled: dict[Design, ImprintTemplate],
    reader: RingReader,
    tally: _Tally,
) -> None:
    templates = {str(at): enrolled[design] for at, design in enumerate(case.village)}
    begun = time.process_time()
    found = difference(case.before, case.after)
    known = [identify(one, templates, reader=reader) for one in found.imprints]
    tally.cpu.append(time.process_time() - begun)
    tally.pairs[case.kind] += 1
    pairs = _paired(case, found)
    if not found.reasons and len(pairs) == len(case.new) == len(found.imprints):
        tally.right[case.kind] += 1
    else:
        tally.missed.append(
            {
                "kind": case.kind,
                "seed": seed,
                "level": case.level,
                "drawn": len(case.new),
                "found": len(found.imprints),
                "reasons": list(found.reasons),
            }
        )
    for drawn, at in pairs.items():
        truth, said = case.new[drawn].seal, known[at].seal
        if said is not None and said != str(truth):
            tally.confused.append({"kind": case.kind, "seed": seed, "is": truth, "taken_for": said})
        if truth is None:
            tally.strange += 1
            tally.strange_unknown += said is None
        else:
            tally.own += 1
            tally.own_right += said == str(truth)
            tally.own_unknown += said is None
            tally.own_wrong += said is not None and said != str(truth)


def _paired(case: Case, found: Difference) -> dict[int, int]:
    """Drawn imprint → found imprint, by nearness; each once."""
    pairs: dict[int, int] = {}
    for drawn, truth in enumerate(case.new):
        far = {
            at: math.hypot(one.ring.x - truth.x, one.ring.y - truth.y)
            for at, one in enumerate(found.imprints)
            if at not in pairs.values()
        }
        if far and min(far.values()) <= NEAR_MM:
            pairs[drawn] = min(far, key=lambda at: far[at])
    return pairs


def _figures(tally: _Tally) -> dict[str, Any]:
    n = sum(tally.pairs.values())
    seen = tally.own + tally.strange
    good = tally.own_right + tally.own_unknown + tally.strange_unknown
    cpu = tally.cpu or [0.0]
    return {
        "imprints_right": rate(sum(tally.right.values()), n),
        "identity_right_or_unknown": rate(good, seen),
        "identity_right": rate(tally.own_right, tally.own),
        "identity_wrong": tally.own_wrong,
        "identity_wrong_of": rate(tally.own_wrong, tally.own),
        "strangers_unknown": rate(tally.strange_unknown, tally.strange),
        "cpu_s_per_pair": round(statistics.median(cpu), 3),
        "cpu_s_per_pair_p95": round(p95(cpu), 3),
        "by_kind": {kind: rate(tally.right[kind], of) for kind, of in sorted(tally.pairs.items())},
        "missed": tally.missed,
        "confused": tally.confused,
    }
