"""How sure a rate is that was counted, and how long the slow ones took."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt
from typing import Final

Z_95: Final = 1.959964


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
    spread = z * sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    scale = 1 + z * z / of
    # Rounding must not leave the share itself outside.
    low, high = min(share, (centre - spread) / scale), max(share, (centre + spread) / scale)
    return max(0.0, low), min(1.0, high)


def p95(values: Iterable[float]) -> float:
    """The value that 95 % of ``values`` do not exceed: one of them, nothing in between.

    Raises:
        ValueError: when there is none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[int(0.95 * (len(ordered) - 1))]
