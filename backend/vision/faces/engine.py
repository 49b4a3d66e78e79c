"""What a face engine must be able to do; the verifier knows nothing else of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from backend.vision.decode import Picture
from backend.vision.faces.template import Vector

Points = NDArray[np.float32]

CROP_SIZE = 112
"""Side in pixels of an aligned crop."""
CROP_EYES = ((38.3, 51.7), (73.5, 51.5))
"""Where an aligned crop has its eyes (column, row), image-left eye first."""


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """A face in a picture, in its pixels.

    Attributes:
        x, y, width, height: the box; it may reach outside the picture.
        confidence: 0..1 in the engine's own measure.
        landmarks: rows of (x, y); the first three are image-left eye, image-right eye, nose.
    """

    x: float
    y: float
    width: float
    height: float
    confidence: float
    landmarks: Points

    @property
    def turn(self) -> float:
        """How far the head is turned: nose off the eyes' middle along the eye axis, over the eye
        distance. About 0 in front, positive towards image right."""
        left, right, nose = self.landmarks[:3]
        axis = right - left
        distance = float(np.hypot(axis[0], axis[1])) or 1.0
        return float(np.dot(nose - (left + right) / 2, axis)) / distance**2


class FaceEngine(Protocol):
    """Finds faces and turns them into vectors. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """Stable name, stored in templates."""
        ...

    @property
    def model_sha256(self) -> str:
        """Hex digest of the encoder model: vectors of different models never compare."""
        ...

    def detect(self, picture: Picture) -> list[DetectedFace]:
        """All faces, the largest first."""
        ...

    def crop(self, picture: Picture, face: DetectedFace) -> Picture:
        """The face upright, ``CROP_SIZE`` square, its eyes near ``CROP_EYES``."""
        ...

    def encode(self, picture: Picture, face: DetectedFace, crop: Picture) -> Vector:
        """The face's vector; ``crop`` is what ``crop`` returned for it."""
        ...

    def merge(self, vectors: Sequence[Vector]) -> Vector:
        """One vector for several pictures of one person."""
        ...

    def similarity(self, template: Vector, probe: Vector) -> float:
        """Larger is more alike; what counts as alike is in the settings, by engine and model."""
        ...
