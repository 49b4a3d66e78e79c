"""Faces: enrolment, comparison and quality refusals. Start at ``FaceVerifier``."""

from backend.vision.faces.enrolment import Enrolment, EnrolmentRefused
from backend.vision.faces.frames import FrameReport
from backend.vision.faces.reasons import EngineUnavailable, FaceError, Reason, TemplateError
from backend.vision.faces.settings import FaceSettings, QualityLimits, Thresholds
from backend.vision.faces.template import EngineVector, FaceTemplate
from backend.vision.faces.verifier import (
    FaceVerdict,
    FaceVerifier,
    Found,
    Identification,
    Verdict,
)

__all__ = [
    "EngineUnavailable",
    "EngineVector",
    "Enrolment",
    "EnrolmentRefused",
    "FaceError",
    "FaceSettings",
    "FaceTemplate",
    "FaceVerdict",
    "FaceVerifier",
    "Found",
    "FrameReport",
    "Identification",
    "QualityLimits",
    "Reason",
    "TemplateError",
    "Thresholds",
    "Verdict",
]
