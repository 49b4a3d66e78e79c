"""The head turn: a flat picture has no nose to turn.

The measure is ``turn``: how far the nose lies off the middle of the eyes along the eye axis, in eye
distances; about 0 from the front, positive towards image right (the person's own left, before a
camera that does not mirror).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from backend.vision.liveness.settings import LivenessSettings

Side = Literal["none", "left", "right"]
DEFAULT = LivenessSettings()


class Level(StrEnum):
    """How much a policy asks for. ``PIN`` with a witness is another path, not a level here."""

    NONE = "none"
    BURST = "burst"  # one person through all frames
    CHALLENGE = "challenge"  # and a head turn to a side drawn for this grant

    @classmethod
    def of(cls, challenge: str, frames: int) -> Level:
        """The level that a grant's policy comes to."""
        if challenge in ("left", "right"):
            return cls.CHALLENGE
        return cls.BURST if frames > 1 else cls.NONE


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame.

    Attributes:
        left, right, nose: landmarks in pixels, image-left eye first.
        below: middle of the mouth's corners; None where the engine does not say.
        alike: similarity to the enrolled person.
    """

    left: tuple[float, float]
    right: tuple[float, float]
    nose: tuple[float, float]
    below: tuple[float, float] | None
    alike: float

    @classmethod
    def of(cls, landmarks: NDArray[np.float32], alike: float) -> Sighting:
        """From an engine's landmarks: eyes, nose and, where it has them, mouth corners."""
        points = [(float(x), float(y)) for x, y in landmarks]
        below = None
        if len(points) >= 5:
            below = ((points[3][0] + points[4][0]) / 2, (points[3][1] + points[4][1]) / 2)
        return cls(points[0], points[1], points[2], below, alike)

    @property
    def distance(self) -> float:
        """Between the eyes, in pixels."""
        return max(float(np.hypot(*np.subtract(self.right, self.left))), 1e-6)

    @property
    def middle(self) -> NDArray[np.float64]:
        """Between the eyes."""
        return np.add(self.left, self.right) / 2

    @property
    def turn(self) -> float:
        """See the module."""
        axis = np.subtract(self.right, self.left)
        return float(np.dot(np.subtract(self.nose, self.middle), axis)) / self.distance**2

    @property
    def breadth(self) -> float | None:
        """Eye distance over the height from eyes to mouth: turning a head or a sheet lessens it."""
        if self.below is None:
            return None
        axis = np.subtract(self.right, self.left) / self.distance
        across = np.subtract(self.below, self.middle)
        height = abs(float(across[1] * axis[0] - across[0] * axis[1]))
        return self.distance / max(height, 1e-6)


@dataclass(frozen=True, slots=True)
class Liveness:
    """What a burst proves.

    Attributes:
        live: whether it reaches the level that was asked.
        codes: why not: ``no_turn``, ``wrong_way``, ``flat``, ``too_far``, ``not_continuous``,
            ``no_frontal``, ``turned_other``, ``too_few_frames``; empty when live.
        turn: the widest turn towards the asked side beyond the frontal frame.
    """

    live: bool
    codes: tuple[str, ...] = ()
    turn: float = 0.0


def look(
    level: Level,
    side: Side,
    seen: Sequence[Sighting],
    *,
    accept: float,
    doubtful: float,
    settings: LivenessSettings = DEFAULT,
) -> Liveness:
    """Does a burst show a living person, as far as ``level`` asks?

    Args:
        level: see ``Level``.
        side: to which of their own sides the person was asked to turn.
        seen: the usable frames in the order they were taken.
        accept, doubtful: thresholds of the engine that compared: the frontal frame must match, the
            turned one must not be somebody else.
        settings: limits.
    """
    if level is Level.NONE:
        return Liveness(True)
    if len(seen) < 2:
        return Liveness(False, ("too_few_frames",))
    if not all(_follows(one, two, settings) for one, two in pairwise(seen)):
        return Liveness(False, ("not_continuous",))
    if level is Level.BURST:
        return Liveness(True)
    return _challenge(side, seen, accept, doubtful, settings)


def _challenge(
    side: Side,
    seen: Sequence[Sighting],
    accept: float,
    doubtful: float,
    settings: LivenessSettings,
) -> Liveness:
    sign = 1.0 if side == "left" else -1.0
    # The order counts: first the front, then the turn. A head that comes back is another side.
    front = next((at for at, one in enumerate(seen) if abs(one.turn) <= settings.max_frontal), None)
    if front is None:
        return Liveness(False, ("no_frontal",))
    frontal, seen = seen[front], seen[front:]
    turns = [sign * (one.turn - frontal.turn) for one in seen]
    turn = round(max(turns), 3)
    turned = [at for at, one in enumerate(seen) if _turned(turns[at], frontal, one, settings)]
    if not turned:
        return Liveness(False, (_why_not(turns, seen, settings),), turn)
    telling = [at for at in turned if (_squeeze(frontal, seen[at]) or 0) <= settings.max_squeeze]
    if not telling:
        return Liveness(False, ("too_far",), turn)
    # The further a head is turned the less it looks like anybody: one such frame is enough.
    if frontal.alike < accept or all(seen[at].alike < doubtful for at in telling):
        return Liveness(False, ("turned_other",), turn)
    return Liveness(True, (), turn)


def _why_not(turns: Sequence[float], seen: Sequence[Sighting], settings: LivenessSettings) -> str:
    if min(turns) <= -settings.min_turn:
        return "wrong_way"
    # Narrower, and yet the nose stays: it was the picture that turned.
    squeezed = max(_squeeze(one, two) or 0.0 for one in seen for two in seen)
    if squeezed >= settings.flat_squeeze and max(map(abs, turns)) < settings.still:
        return "flat"
    return "no_turn"


def _turned(turn: float, frontal: Sighting, one: Sighting, settings: LivenessSettings) -> bool:
    beyond = turn - _least_turn(frontal, one, settings)
    if beyond < 0:
        return False
    # A picture that is turned goes on looking like itself, a head does not.
    changed = frontal.alike - one.alike >= settings.less_alike
    return changed or beyond >= settings.sure_beyond or one.breadth is None


def _least_turn(frontal: Sighting, one: Sighting, settings: LivenessSettings) -> float:
    """How far the nose of a face must go aside that has become so narrow; the most where the engine
    does not say how narrow."""
    squeeze = _squeeze(frontal, one)
    narrower = settings.max_squeeze if squeeze is None else max(0.0, squeeze)
    return settings.min_turn + settings.turn_by_squeeze * narrower


def _squeeze(one: Sighting, two: Sighting) -> float | None:
    """How much narrower ``two`` is, for its height; None where the engine does not say."""
    if one.breadth is None or two.breadth is None:
        return None
    return 1 - two.breadth / one.breadth


def _follows(one: Sighting, two: Sighting, settings: LivenessSettings) -> bool:
    size = (one.distance + two.distance) / 2
    if float(np.hypot(*(two.middle - one.middle))) > settings.max_step * size:
        return False
    # Turning shortens the eyes' distance; the height of the face does not change with it.
    first, second = _height(one), _height(two)
    return max(first, second) / max(min(first, second), 1e-6) <= settings.max_growth


def _height(one: Sighting) -> float:
    breadth = one.breadth
    return one.distance if breadth is None else one.distance / breadth
