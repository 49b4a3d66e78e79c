"""One frame on its way: decode, find the face, judge the quality, make the vector."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from backend.vision.decode import Picture, PictureError, decode
from backend.vision.faces import quality
from backend.vision.faces.engine import DetectedFace, FaceEngine
from backend.vision.faces.quality import Quality
from backend.vision.faces.reasons import Reason
from backend.vision.faces.settings import FaceSettings
from backend.vision.faces.template import Vector

_AROUND = 0.6


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What became of one frame.

    Attributes:
        refusals: why it says nothing about who is there; empty when it was used.
        face_width: pixels, None without a face.
        quality: what was measured, None where it did not come to that.
        score: similarity to the template (1:1) or the best one (1:N), None when not compared.
    """

    refusals: tuple[Reason, ...]
    face_width: float | None = None
    quality: Quality | None = None
    score: float | None = None

    @property
    def usable(self) -> bool:
        """True when the frame was compared."""
        return not self.refusals


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """A frame with what later steps need: the picture for a second look, the vector to compare,
    the face and its aligned crop for the liveness check."""

    report: FrameReport
    picture: Picture | None = None
    vector: Vector | None = None
    face: DetectedFace | None = None
    crop: Picture | None = None

    def scored(self, score: float) -> FrameReport:
        """The report with its score."""
        return replace(self.report, score=score)


def encode_single(engine: FaceEngine, frame: SeenFrame) -> Vector | None:
    """Another engine's vector of a frame; None unless that engine sees exactly one face there too,
    where the first one saw it: looking through the whole picture once more would cost too much."""
    if frame.picture is None or frame.face is None:
        return None
    picture = _around(frame.picture, frame.face)
    faces = engine.detect(picture)
    if len(faces) != 1:
        return None
    crop = engine.crop(picture, faces[0])
    return engine.encode(picture, faces[0], crop)


def _around(picture: Picture, face: DetectedFace) -> Picture:
    """The face with a good half of its size on each side."""
    height, width = picture.shape[:2]
    left = max(0, round(face.x - _AROUND * face.width))
    top = max(0, round(face.y - _AROUND * face.height))
    right = min(width, round(face.x + (1 + _AROUND) * face.width))
    bottom = min(height, round(face.y + (1 + _AROUND) * face.height))
    return np.ascontiguousarray(picture[top:bottom, left:right])


class FrameReader:
    """Reads frames with one engine."""

    def __init__(self, engine: FaceEngine, settings: FaceSettings) -> None:
        self._engine = engine
        self._settings = settings

    def read(self, frame: bytes | Picture, *, turning: bool = False) -> SeenFrame:
        """Judge one frame; a picture that does not decode is a refusal, not an error.

        ``turning``: the person was asked to turn their head, so a turned face is no refusal.

        Raises:
            ValueError: for an array that is not height×width×3 uint8.
        """
        try:
            picture = self._picture(frame)
        except PictureError as error:
            return SeenFrame(FrameReport((Reason(error.code, error.zh, error.en),)))
        limits = self._settings.quality
        if turning:
            limits = replace(limits, max_turn=self._settings.max_asked_turn)
        faces = [
            face
            for face in self._engine.detect(picture)
            if face.confidence >= limits.min_confidence
        ]
        refusals = quality.refuse_geometry(picture, faces, limits)
        width = faces[0].width if faces else None
        if refusals:
            return SeenFrame(FrameReport(refusals, width), picture)
        crop = self._engine.crop(picture, faces[0])
        measured = quality.measure(crop)
        refusals = quality.refuse_quality(measured, limits)
        report = FrameReport(refusals, width, measured)
        if refusals:
            return SeenFrame(report, picture)
        vector = self._engine.encode(picture, faces[0], crop)
        return SeenFrame(report, picture, vector, faces[0], crop)

    def _picture(self, frame: bytes | Picture) -> Picture:
        if isinstance(frame, bytes):
            frame = decode(frame, self._settings.picture)
        elif frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            raise ValueError("a frame is JPEG, PNG or WebP bytes, or height×width×3 uint8")
        height, width = frame.shape[:2]
        reduce = self._settings.max_side / max(height, width)
        if reduce >= 1:
            return frame
        size = (max(1, round(width * reduce)), max(1, round(height * reduce)))
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
