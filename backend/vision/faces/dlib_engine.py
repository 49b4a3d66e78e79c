"""The second engine: face_recognition (dlib), asked only where the first one doubts.

Its package is optional and slow to import (about 130 MB of models), so nothing of it is touched
before ``load``. Faces are found by HOG and aligned by five landmarks (``model="small"``); the
68-point model, whose training data forbid commercial use, is loaded by the package's import and
never asked.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from PIL import ImageFile

from backend.vision.decode import Picture
from backend.vision.faces import models
from backend.vision.faces.engine import CROP_EYES, CROP_SIZE, DetectedFace
from backend.vision.faces.reasons import EngineUnavailable
from backend.vision.faces.settings import DLIB
from backend.vision.faces.template import Vector

_PACKAGES = ("face_recognition", "face_recognition_models", "dlib")
_UPSAMPLE = 1
"""Once: HOG then finds faces from 40 pixels."""


def load() -> DlibEngine:
    """Import the package and its models, after checking their digests.

    Raises:
        EngineUnavailable: ``engine_not_installed``, ``model_missing`` or ``model_tampered``.
    """
    # Asked first, because face_recognition ends the whole process if its models are not there.
    absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise EngineUnavailable(
            "engine_not_installed",
            "未安装第二人脸识别引擎 face_recognition，请用锁定的依赖安装。",
            f"The second face engine is not installed (missing: {', '.join(absent)}).",
        )
    for model in (models.DLIB_RESNET, models.DLIB_FIVE_POINTS, *models.DLIB_UNUSED):
        models.load(model)
    module = importlib.import_module("face_recognition")
    # The import makes Pillow take pictures that stop in the middle, for the whole process.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return DlibEngine(module)


class DlibEngine:
    """face_recognition behind the engine protocol; make it with ``load``."""

    name = DLIB
    model_sha256 = models.DLIB_RESNET.sha256

    def __init__(self, module: Any) -> None:
        self._module = module
        self._lock = threading.Lock()

    def detect(self, picture: Picture) -> list[DetectedFace]:
        """All frontal faces, the largest first; HOG gives no confidence, so it is 1."""
        rgb = np.ascontiguousarray(picture[:, :, ::-1])
        with self._lock:
            boxes = self._module.face_locations(rgb, _UPSAMPLE, model="hog")
            points = self._module.face_landmarks(rgb, boxes, model="small")
        faces = []
        for (top, right, bottom, left), marks in zip(boxes, points, strict=True):
            eyes = [np.mean(marks[name], axis=0) for name in ("left_eye", "right_eye")]
            eyes.sort(key=lambda eye: float(eye[0]))
            landmarks = np.array([*eyes, marks["nose_tip"][0]], np.float32)
            faces.append(DetectedFace(left, top, right - left, bottom - top, 1.0, landmarks))
        return sorted(faces, key=lambda face: face.width * face.height, reverse=True)

    def crop(self, picture: Picture, face: DetectedFace) -> Picture:
        """The face turned, scaled and moved so that its eyes come to rest on ``CROP_EYES``."""
        source, target = face.landmarks[:2].astype(np.float64), np.array(CROP_EYES)
        before, after = source[1] - source[0], target[1] - target[0]
        # A similarity of the plane is one complex number: turn and scale together.
        turn = complex(*after) / (complex(*before) or 1)
        linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
        shift = target.mean(axis=0) - linear @ source.mean(axis=0)
        matrix = np.column_stack([linear, shift])
        return cv2.warpAffine(picture, matrix, (CROP_SIZE, CROP_SIZE)).astype(np.uint8)

    def encode(self, picture: Picture, face: DetectedFace, crop: Picture) -> Vector:
        """128 values whose distance, not angle, tells people apart."""
        rgb = np.ascontiguousarray(picture[:, :, ::-1])
        left, top = round(face.x), round(face.y)
        box = (top, left + round(face.width), top + round(face.height), left)
        with self._lock:
            (values,) = self._module.face_encodings(rgb, [box], model="small")
        return np.asarray(values, np.float32)

    def merge(self, vectors: Sequence[Vector]) -> Vector:
        """The mean."""
        return np.asarray(np.mean(np.stack(vectors), axis=0), np.float32)

    def similarity(self, template: Vector, probe: Vector) -> float:
        """1 − Euclidean distance, so that larger is more alike here too."""
        return 1.0 - float(np.linalg.norm(template - probe))
