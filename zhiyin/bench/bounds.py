"""How sure a rate is that was counted."""

from __future__ import annotations

import math

Z_95 = 1.959964


def wilson(hits: int, of: int, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval of ``hits`` out of ``of`` (E. B. Wilson, 1927); 95 % by default.

    Raises:
        ValueError: unless 0 ≤ hits ≤ of.
    """
    if not 0 <= hits <= of:
        raise ValueError("hits are between none and all")
    if of == 0:
        return 0.0, 1.0
    share = hits / of
    centre = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


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
