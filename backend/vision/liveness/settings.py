"""Every threshold of the liveness check, with what it was measured on (docs/vision.md)."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class LivenessSettings:
    """Limits of the head turn and of what one burst may be.

    Attributes:
        min_turn: how much further than in the frontal frame the nose must leave the eyes' middle,
            in eye distances, towards the asked side. Flat pictures, however tilted and bent: at
            most 0.166 in 1,200 pairs.
        max_frontal: the frame that counts as frontal is turned no further than this.
        max_step: how far the eyes' middle may move between two frames, in eye distances.
        max_growth: by which factor the face may grow or shrink between two frames.
        still: below this turn the nose counts as having stayed where it was.
        flat_squeeze: loss of eye distance against the face's height, without any turn of the nose,
            from which the picture was turned instead of the head.
        flattest_nose: how far the flattest nose stands out before the eyes, in eye distances: with
            the turn it says how much narrower a head may look; a picture turned so far that its
            landmarks slip is narrower than that.
        squeeze_slack: added to it for imprecise landmarks.
        replay_bits: bits of 256 in which two prints of different captures may not be closer.
        replay_place: how near the eyes must lie to those of the earlier capture, in eye distances;
            both together say that it is that capture again.
    """

    min_turn: float = 0.20
    max_frontal: float = 0.25
    max_step: float = 1.2
    max_growth: float = 1.35
    still: float = 0.08
    flat_squeeze: float = 0.12
    flattest_nose: float = 0.35
    squeeze_slack: float = 0.15
    replay_bits: int = 20
    replay_place: float = 0.03

    def __post_init__(self) -> None:
        if self.min_turn < 0.18:
            raise ValueError("a turn below 0.18 eye distances is what a flat picture can do")
        if not 0 <= self.replay_bits <= 64 or self.max_growth <= 1:
            raise ValueError("these limits let everything or nothing through")


@dataclass(frozen=True, slots=True)
class DriftSettings:
    """When a person's scores are sinking.

    Attributes:
        recent: this many last matches are compared …
        earlier: … with this many or more before them.
        drop: how much lower their median must lie.
        near: and no further above the threshold than this: a person far above it has time.
        within_ms: matches older than this do not count.
    """

    recent: int = 5
    earlier: int = 5
    drop: float = 0.08
    near: float = 0.12
    within_ms: int = 365 * DAY_MS
