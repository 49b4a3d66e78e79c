"""How sure a rate is that was counted."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

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


def together(figures: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The figures of runs of the same length as those of one run: hits and counts are added, lists
    joined, all other numbers averaged."""
    return {
        name: _together([one[name] for one in figures if name in one]) for name in _names(figures)
    }


def _names(figures: Sequence[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for one in figures for name in one))


def _together(values: list[Any]) -> Any:
    first = values[0]
    if isinstance(first, dict):
        if {"hits", "n"} <= first.keys():
            return rate(sum(one["hits"] for one in values), sum(one["n"] for one in values))
        return together(values)
    if isinstance(first, list):
        return [item for value in values for item in value]
    if isinstance(first, int):
        return sum(values)
    return round(statistics.fmean(values), 5)
