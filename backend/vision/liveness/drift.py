"""A person's scores sinking: older, a beard, a new camera. Time to enrol again, before it fails."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from backend.vision.liveness.settings import DriftSettings

DEFAULT = DriftSettings()


@dataclass(frozen=True, slots=True)
class Drift:
    """``enrol_again`` suggests it; ``before`` and ``now`` are the medians, None without enough."""

    enrol_again: bool
    before: float | None = None
    now: float | None = None


def drift(
    scores: Sequence[tuple[int, float]],
    *,
    accept: float,
    now_ms: int,
    settings: DriftSettings = DEFAULT,
) -> Drift:
    """Are the scores of one person's matches against one template sinking?

    Args:
        scores: (ms since the epoch, score), in any order; only of this template's matches.
        accept: the threshold below which they would fail.
        now_ms: the time.
        settings: limits.
    """
    known = [score for at, score in sorted(scores) if now_ms - at <= settings.within_ms]
    if len(known) < settings.recent + settings.earlier:
        return Drift(False)
    before = statistics.median(known[: -settings.recent])
    now = statistics.median(known[-settings.recent :])
    sinking = before - now >= settings.drop and now - accept <= settings.near
    return Drift(sinking, before, now)
