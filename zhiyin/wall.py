"""The wall clock, for whoever is not in a simulation."""

import time


def wall_clock() -> int:
    """Now, ms UTC."""
    return time.time_ns() // 1_000_000
