"""How sure a rate is that was counted."""

from __future__ import annotations

from backend.domain.rates import wilson


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
