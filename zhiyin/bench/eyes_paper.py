"""The eyes' figures about papers: alterations found, honest pages accepted, wrong pages noticed.

The cases come from a generator under tests/; its seeds for reporting are never tuned on. So this
bench runs from a checkout, not from an installed package.
"""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import structs

from backend.domain.rates import p95
from backend.vision.workers.worker import Worker, WorkerLimits
from zhiyin.bench.bounds import rate
from zhiyin.bench.hands import spread
from zhiyin.bench.memory import pss_kb

if TYPE_CHECKING:
    from tests.support.paper_cases.runs import Result

_HARD = "hard"


def bench_paper(
    n: int,
    *,
    first_seed: int | None = None,
    done: Iterable[Result] = (),
    told: Callable[[Result], None] | None = None,
) -> dict[str, Any]:
    """Compare ``n`` photographed papers with what was approved, in child processes. About three
    processor seconds each.

    Args:
        n: cases.
        first_seed: of the generator; default its first seed for reporting.
        done: results of an earlier run that was cut short; they are not made again.
        told: called with each new result.

    Returns:
        See ``figures``.
    """
    from tests.support.paper_cases import cases

    first = cases.REPORTING if first_seed is None else first_seed
    wanted = range(first, first + n)
    results = {result.seed: result for result in done if result.seed in wanted}
    for result in spread(looked_at, (seed for seed in wanted if seed not in results)):
        results[result.seed] = result
        if told is not None:
            told(result)
    return figures([results[seed] for seed in wanted])


def looked_at(seed: int) -> Result:
    """Make the case of ``seed`` and have it judged, by one worker process as in an installation."""
    from tests.support.paper_cases import cases, runs

    worker = _worker()
    result = runs.judge(cases.case(seed), worker)
    assert worker.pid is not None
    return structs.replace(result, process=worker.pid, pss_mb=pss_kb(worker.pid) >> 10)


@cache
def _worker() -> Worker:
    # However loaded the machine is: how long it takes is not what is asked here. And it is never
    # renewed: what it comes to hold is.
    return Worker(WorkerLimits(timeout_s=600.0, questions=1_000_000))


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """The figures of issue 4 about papers.

    Returns:
        ``altered_found``, ``genuine_accepted`` and ``wrong_page_found`` (other pages, pages beyond
        those to be stamped, blank sheets) on mild and medium photographs, each as rate, hits, n and
        the bounds of its 95 % Wilson interval; ``hard_altered_accepted`` (a count, of n);
        ``hard_genuine`` by finding; ``cpu_s_per_page`` (mean, p95); ``by_op`` and ``by_kind``:
        hits and n; ``missed``: the cases that were judged wrong, for whoever wants to see them;
        ``memory``: see ``_memory``.
    """
    mild = [result for result in results if result.level != _HARD]
    hard = [result for result in results if result.level == _HARD]
    altered = [result for result in hard if result.wanted == "altered"]
    cpu = sorted(result.cpu_s for result in results)
    return {
        "altered_found": _rate(r for r in mild if r.wanted == "altered"),
        "genuine_accepted": _rate(r for r in mild if r.wanted == "genuine"),
        "wrong_page_found": _rate(r for r in mild if r.wanted in ("wrong", "extra", "blank")),
        "hard_altered_accepted": sum(r.finding == "same" for r in altered),
        "hard_altered_n": len(altered),
        "hard_genuine": dict(Counter(r.finding for r in hard if r.wanted == "genuine")),
        "cpu_s_per_page": round(statistics.fmean(cpu), 3) if cpu else None,
        "cpu_s_p95": p95(cpu) if cpu else None,
        "cases": len(results),
        "by_op": _shares(mild, lambda r: r.op if r.wanted == "altered" else None),
        "by_kind": _shares(mild, lambda r: r.kind),
        "missed": [
            {"seed": r.seed, "wanted": r.wanted, "op": r.op, "finding": r.finding}
            for r in mild
            if not r.right
        ],
        "memory": _memory(results),
    }


def _memory(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Of each worker process: its cases, the pages that it looked at (the approved ones and the
    photographs), and what it held (PSS, MiB) after each tenth of its cases."""
    processes: dict[int, list[Result]] = {}
    for result in results:
        processes.setdefault(result.process, []).append(result)
    return [
        {
            "cases": len(some),
            "pages": sum(one.pages + 1 for one in some),
            "pss_mb": [some[max(0, len(some) * tenth // 10 - 1)].pss_mb for tenth in range(1, 11)],
        }
        for some in processes.values()
    ]


def _rate(results: Iterable[Result]) -> dict[str, float | int | None]:
    counted = [result.right for result in results]
    return rate(sum(counted), len(counted))


def _shares(
    results: Iterable[Result], key: Callable[[Result], str | None]
) -> dict[str, dict[str, int]]:
    shares: dict[str, dict[str, int]] = {}
    for result in results:
        name = key(result)
        if name is not None:
            entry = shares.setdefault(name, {"hits": 0, "n": 0})
            entry["n"] += 1
            entry["hits"] += result.right
    return dict(sorted(shares.items()))
