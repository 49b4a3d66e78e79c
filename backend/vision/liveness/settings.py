"""Every threshold of the liveness check, with what it was measured on (docs/vision.md)."""

from __future__ import annotations

from dataclasses import dataclass

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class LivenessSettings:
    """Limits of the head turn and of what one burst may be.

    Attributes:
        min_turn: how much further than in the frontal frame the nose must leave the eyes' middle,
            in eye distances, towards the asked side, by a face that looks no narrower …
        turn_by_squeeze: … and how much more of it for each part of its width that the face has
            lost: a flat picture gains a little by being turned far, a head much.
        sure_beyond, less_alike: a turn that is less than ``sure_beyond`` more than that counts only
            where the likeness to the person has sunk by ``less_alike``.
        max_frontal: the frame that counts as frontal is turned no further than this.
        max_step: how far the eyes' middle may move between two frames, in eye distances.
        max_growth: by which factor the face may grow or shrink between two frames.
        still: below this turn the nose counts as having stayed where it was.
        flat_squeeze: loss of eye distance against the face's height, without any turn of the nose,
            from which the picture was turned instead of the head.
        max_squeeze: a frame in which the face has lost more of its width than this says nothing:
            turned so far, landmarks slip aside on a head and on a sheet alike.
        replay_bits: bits of 256 in which two prints of different captures may not be closer.
        replay_place: how near the eyes must lie to those of the earlier capture, in eye distances;
            both together say that it is that capture again.
    """

    min_turn: float = 0.14
    turn_by_squeeze: float = 0.20
    sure_beyond: float = 0.04
    less_alike: float = 0.12
    max_frontal: float = 0.25
    max_step: float = 1.2
    max_growth: float = 1.35
    still: float = 0.08
    flat_squeeze: float = 0.12
    max_squeeze: float = 0.38
    replay_bits: int = 20
    replay_place: float = 0.03

    def __post_init__(self) -> None:
        if self.min_turn < 0.12 or self.turn_by_squeeze < 0.15:
            raise ValueError("a turn as small as this is what a flat picture can do")
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
