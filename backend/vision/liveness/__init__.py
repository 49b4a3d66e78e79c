"""Is it a living person, now? Pure: landmarks and pictures in, stable codes out.

No passive look is relied on. What counts is a head turn in a direction drawn for this one grant: a
flat picture has no depth, so however it is held, its nose does not leave the middle of its eyes. A
video of that very turn, played back, passes: a stated residual risk (docs/vision.md).
"""

from backend.vision.liveness.drift import Drift, drift
from backend.vision.liveness.prints import Print, is_replay, print_of
from backend.vision.liveness.settings import DriftSettings, LivenessSettings
from backend.vision.liveness.turn import Level, Liveness, Sighting, look

__all__ = [
    "Drift",
    "DriftSettings",
    "Level",
    "Liveness",
    "LivenessSettings",
    "Print",
    "Sighting",
    "drift",
    "is_replay",
    "look",
    "print_of",
]
