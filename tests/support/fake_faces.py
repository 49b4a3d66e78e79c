"""A face engine whose answers a test chooses: no models, no people, only cosines."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from backend.vision.decode import Picture
from backend.vision.faces.engine import DetectedFace
from backend.vision.faces.enrolment import Enrolment, EnrolmentRefused
from backend.vision.faces.frames import FrameReport
from backend.vision.faces.reasons import NO_FACE, TOO_FEW_PICTURES
from backend.vision.faces.settings import FaceSettings, Thresholds
from backend.vision.faces.template import EngineVector, FaceTemplate, Vector

FAKE_MODEL = "fa" * 32
LIMITS = Thresholds(accept=0.45, doubtful=0.40, identify=0.50)


def settings_for(*engines: FakeEngine, limits: Thresholds = LIMITS) -> FaceSettings:
    """Default settings with thresholds for these engines."""
    return FaceSettings(
        thresholds={(engine.name, engine.model_sha256): limits for engine in engines}
    )


def picture(seed: int = 0, side: int = 200) -> Picture:
    """A well-lit, sharp pattern that passes every quality limit; ``seed`` makes it another one."""
    noise = np.random.default_rng(seed).integers(40, 215, (side // 4, side // 4, 3), dtype=np.uint8)
    return cv2.resize(noise, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.uint8)


def at_cosine(cosine: float, seed: int = 0) -> tuple[Picture, float]:
    """A picture and the cosine that a ``FakeEngine`` is to report for it."""
    return picture(seed), cosine


class FakeEngine:
    """Finds one frontal face per picture and compares by the cosines told to it.

    Args:
        cosines: by the picture's bytes; a picture not listed is at cosine 1.
        blind_to: pictures in which no face is found.
    """

    def __init__(
        self,
        frames: Sequence[tuple[Picture, float]] = (),
        *,
        name: str = "fake",
        blind_to: Sequence[Picture] = (),
    ) -> None:
        self.name = name
        self.model_sha256 = FAKE_MODEL
        self._cosines = {frame.tobytes(): cosine for frame, cosine in frames}
        self._blind = {frame.tobytes() for frame in blind_to}
        self.asked = 0

    def detect(self, picture: Picture) -> list[DetectedFace]:
        self.asked += 1
        if picture.tobytes() in self._blind:
            return []
        landmarks = np.array([[80, 80], [120, 80], [100, 100]], np.float32)
        return [DetectedFace(50, 50, 100, 100, 1.0, landmarks)]

    def crop(self, picture: Picture, face: DetectedFace) -> Picture:
        return cv2.resize(picture, (112, 112)).astype(np.uint8)

    def encode(self, picture: Picture, face: DetectedFace, crop: Picture) -> Vector:
        cosine = self._cosines.get(picture.tobytes(), 1.0)
        return np.array([cosine, math.sqrt(max(0.0, 1 - cosine * cosine))], np.float64).astype("f4")

    def merge(self, vectors: Sequence[Vector]) -> Vector:
        mean = np.mean(np.stack(vectors), axis=0)
        return np.asarray(mean / np.linalg.norm(mean), np.float32)

    def similarity(self, template: Vector, probe: Vector) -> float:
        return float(np.dot(template.astype(np.float64), probe.astype(np.float64)))

    def template(self, *others: FakeEngine) -> FaceTemplate:
        """The template that all cosines are meant against, for this engine and others."""
        along = np.array([1, 0], np.float32)
        return FaceTemplate(
            tuple(EngineVector.of(e.name, e.model_sha256, along) for e in (self, *others)), 3
        )


class AnyFace:
    """Makes the same template of any three pictures, and likes every one of them: an enroller."""

    template = FaceTemplate((EngineVector("fake", FAKE_MODEL, b"\0\0\x80\x3f" * 4),), 3)

    def enrol(self, pictures: Sequence[bytes]) -> Enrolment:
        """The template; three pictures at least."""
        if len(pictures) < 3:
            raise EnrolmentRefused(TOO_FEW_PICTURES, ())
        return Enrolment(self.template, ())

    def look(self, picture: bytes) -> FrameReport:
        """Good, unless there is none."""
        return FrameReport(() if picture else (NO_FACE,))
