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
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import msgspec

from backend.domain.rates import p95
from backend.vision.imprints import difference, enrol, identify
from zhiyin.bench.bounds import rate
from zhiyin.bench.hands import spread

if TYPE_CHECKING:
    from backend.vision.imprints import Difference, ImprintTemplate
    from backend.vision.pages.reader import Reader
    from tests.support.imprint_cases import Case, Design

NEAR_MM: Final = 6.0
"""A found imprint is the drawn one if their middles are no further apart."""


class Pair(msgspec.Struct, frozen=True):
    """What became of one pair of pictures.

    Attributes:
        drawn, found: new imprints that there are, and that were seen.
        right: whether these are the same ones.
        own: of the imprints of the village's own seals that were seen: which it is, and which it
            was said to be (None: unknown).
        strange: likewise of others' seals.
        cpu_s: processor seconds from the pictures to the answers.
    """

    seed: int
    kind: str
    level: str
    drawn: int
    found: int
    reasons: tuple[str, ...]
    right: bool
    own: tuple[tuple[int, int | None], ...]
    strange: tuple[int | None, ...]
    cpu_s: float


def bench_imprints(
    n: int,
    *,
    first_seed: int | None = None,
    done: Iterable[Pair] = (),
    told: Callable[[Pair], None] | None = None,
) -> dict[str, Any]:
    """Look at ``n`` pairs, the kinds in turn, in child processes.

    Args:
        n: pairs.
        first_seed: of the generator; default its first seed for reporting.
        done: results of an earlier run that was cut short; they are not made again.
        told: called with each new result.

    Returns:
        See ``figures``.
    """
    from tests.support import imprint_cases

    first = imprint_cases.REPORTED_FROM if first_seed is None else first_seed
    wanted = range(first, first + n)
    pairs = {pair.seed: pair for pair in done if pair.seed in wanted}
    for pair in spread(looked_at, (seed for seed in wanted if seed not in pairs)):
        pairs[pair.seed] = pair
        if told is not None:
            told(pair)
    return figures([pairs[seed] for seed in wanted])


def looked_at(seed: int) -> Pair:
    """Draw the pair of ``seed``, and say what is seen on it."""
    from tests.support import imprint_cases as made

    case = made.case(made.KINDS[seed % len(made.KINDS)], seed)
    templates = {str(at): _enrolled(design) for at, design in enumerate(case.village)}
    begun = time.process_time()
    seen = difference(case.before, case.after)
    known = [identify(one, templates, reader=_reader()) for one in seen.imprints]
    cpu = time.process_time() - begun
    pairs = _paired(case, seen)
    said = [(case.new[drawn].seal, known[at].seal) for drawn, at in pairs.items()]
    return Pair(
        seed=seed,
        kind=case.kind,
        level=case.level,
        drawn=len(case.new),
        found=len(seen.imprints),
        reasons=tuple(seen.reasons),
        right=not seen.reasons and len(pairs) == len(case.new) == len(seen.imprints),
        own=tuple((truth, _number(name)) for truth, name in said if truth is not None),
        strange=tuple(_number(name) for truth, name in said if truth is None),
        cpu_s=round(cpu, 3),
    )


def _number(seal: str | None) -> int | None:
    return None if seal is None else int(seal)


@cache
def _reader() -> Reader:
    from backend.vision.pages.reader import Reader

    return Reader()


@cache
def _enrolled(design: Design) -> ImprintTemplate:
    from tests.support import imprint_cases

    pictures = imprint_cases.enrolment(design, 1)
    return enrol(pictures, name=design.name, reader=_reader()).template


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


def figures(pairs: Sequence[Pair]) -> dict[str, Any]:
    """The figures of issue 4 about imprints.

    Returns:
        ``imprints_right`` (pairs whose new imprints were counted and placed right),
        ``identity_right_or_unknown`` (of all imprints), ``identity_wrong`` (imprints of one of the
        village's seals taken for another of them: a count), ``strangers_unknown``, each with n and
        interval; ``by_kind``; ``cpu_s_per_pair``, ``cpu_s_per_pair_p95``; ``missed`` (pairs counted
        wrong) and ``confused`` (imprints taken for another seal), to be drawn again.
    """
    own = [said for pair in pairs for said in pair.own]
    strange = [said for pair in pairs for said in pair.strange]
    right = sum(said == truth for truth, said in own)
    unknown = sum(said is None for _, said in own)
    wrong = len(own) - right - unknown
    strangers = sum(said is None for said in strange)
    kinds = Counter(pair.kind for pair in pairs)
    counted = Counter(pair.kind for pair in pairs if pair.right)
    cpu = [pair.cpu_s for pair in pairs] or [0.0]
    return {
        "imprints_right": rate(counted.total(), len(pairs)),
        "identity_right_or_unknown": rate(right + unknown + strangers, len(own) + len(strange)),
        "identity_right": rate(right, len(own)),
        "identity_wrong": wrong,
        "identity_wrong_of": rate(wrong, len(own)),
        "strangers_unknown": rate(strangers, len(strange)),
        "cpu_s_per_pair": round(statistics.median(cpu), 3),
        "cpu_s_per_pair_p95": round(p95(cpu), 3),
        "by_kind": {kind: rate(counted[kind], of) for kind, of in sorted(kinds.items())},
        "missed": [
            {
                "kind": pair.kind,
                "seed": pair.seed,
                "level": pair.level,
                "drawn": pair.drawn,
                "found": pair.found,
                "reasons": list(pair.reasons),
            }
            for pair in pairs
            if not pair.right
        ],
        "confused": [
            {"kind": pair.kind, "seed": pair.seed, "is": truth, "taken_for": said}
            for pair in pairs
            for truth, said in (*pair.own, *((None, one) for one in pair.strange))
            if said is not None and said != truth
        ],
    }
