"""How sure a rate is that was counted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from backend.domain.rates import p95, wilson


def rate(hits: int, of: int) -> dict[str, float | int | None]:
    """A rate with its n and its 95 % interval, as the result files keep it."""
    low, high = wilson(hits, of)
    return {
        "rate": round(hits / of, 5) if of else None,
        "hits": hits,
        "n": of,
        "low": round(low, 5),
        "high": round(high, 5),
    }


def mean(values: Sequence[float]) -> dict[str, float | int | None]:
    """A mean with its n, its 95 % interval (normal) and the 95th percentile."""
    n = len(values)
    middle = statistics.fmean(values) if n else 0.0
    reach = 1.96 * statistics.stdev(values) / n**0.5 if n > 1 else 0.0
    return {
        "mean": round(middle, 3) if n else None,
        "n": n,
        "low": round(middle - reach, 3),
        "high": round(middle + reach, 3),
        "p95": round(p95(values), 3) if n else None,
    }
