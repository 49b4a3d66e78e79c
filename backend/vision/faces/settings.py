"""Every threshold about faces, each with where it comes from.

No law or standard fixes them. They were measured on the ORL faces (AT&T; 40 people, ten pictures
each) as 640×480 JPEG frames, see docs/vision.md; a deployment sets its own after its own measuring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from backend.vision.decode import DEFAULT_LIMITS, PictureLimits
from backend.vision.faces import models
from backend.vision.faces.reasons import EngineUnavailable
from backend.vision.liveness import LivenessSettings

FACE_WIDTH_FLOOR = 48
"""Pixels. No setting goes below: smaller faces hold too little to tell people apart."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Decision limits on the similarity of one engine and model.

    Attributes:
        accept: at or above it, the same person (1:1).
        doubtful: from it up to ``accept``, a second look; below it, another person.
        identify: at or above it, a person found among many (1:N); stricter, for many are compared.
        margin: by how much the best of many must lead the second best.
    """

    accept: float
    doubtful: float
    identify: float
    margin: float = 0.05

    def __post_init__(self) -> None:
        if not self.doubtful <= self.accept <= self.identify:
            raise ValueError("thresholds must rise: doubtful ≤ accept ≤ identify")
        if self.margin < 0:
            raise ValueError("the margin cannot be negative")


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """When a frame says nothing about who is there. Grey values 0..255 on the aligned crop.

    Attributes:
        min_confidence: a detection below it is no face (good ORL frames: at least 0.91).
        min_face_width: pixels; at least ``FACE_WIDTH_FLOOR``.
        other_face_share: another face counts from this share of the main one's width, so that a
            portrait on the far wall does not.
        min_margin: from the outermost landmark to the picture's border, in eye distances; below it
            the picture cuts the face.
        max_turn: see ``DetectedFace.turn`` (good ORL frames: at most 0.34).
        min_brightness, max_brightness: mean grey of the face (good ORL: 82..184).
        max_saturated: share of the face's pixels that are burnt out (≥ 250).
        min_contrast: standard deviation of the face's grey (good ORL: at least 20).
        min_sharpness: smaller variance of the second derivatives along x and y, on the crop at unit
            contrast. The smaller of both sees motion blur, which a plain Laplacian misses. (ORL:
            3 of 400 pictures refused, soft ones; 190 frames blurred over 15 % of a face's width
            had at most 0.043.)
        min_lower_face: edges of nose and mouth over those of the eyes (good ORL: at least 0.54; a
            plain mask: median 0.27). A hint for masks, not a promise.
        dark_frame, bright_frame: mean grey of a frame without a face that is called dark or bright.
        flat_frame: standard deviation of a frame without a face, below which the lens is covered.
    """

    min_confidence: float = 0.75
    min_face_width: float = 64
    other_face_share: float = 0.4
    min_margin: float = 0.2
    max_turn: float = 0.40
    min_brightness: float = 45
    max_brightness: float = 215
    max_saturated: float = 0.25
    min_contrast: float = 10
    min_sharpness: float = 0.044
    min_lower_face: float = 0.50
    dark_frame: float = 30
    bright_frame: float = 235
    flat_frame: float = 8

    def __post_init__(self) -> None:
        if self.min_face_width < FACE_WIDTH_FLOOR:
            raise ValueError(f"min_face_width is at least {FACE_WIDTH_FLOOR} pixels")


YUNET_SFACE = "yunet_sface"
DLIB = "dlib"

DEFAULT_THRESHOLDS: Mapping[tuple[str, str], Thresholds] = MappingProxyType(
    {
        # Cosine. Impostor frames above it: 0.05 % at 0.45, none of 9,360 at 0.50; OpenCV's own demo
        # takes 0.363, where it is 0.7 %.
        (YUNET_SFACE, models.SFACE.sha256): Thresholds(accept=0.45, doubtful=0.40, identify=0.50),
        # 1 − Euclidean distance. Impostor frames above it: 0.1 % at 0.50 (distance 0.50);
        # face_recognition's own default, distance 0.60, lets 5 % through.
        (DLIB, models.DLIB_RESNET.sha256): Thresholds(accept=0.50, doubtful=0.40, identify=0.55),
    }
)
"""By engine name and model digest: another model needs thresholds of its own."""


@dataclass(frozen=True, slots=True)
class FaceSettings:
    """All settings of the verifier.

    Attributes:
        thresholds: by (engine, model digest).
        quality: limits for every frame.
        picture: limits before decoding.
        min_pictures, max_pictures: good pictures needed, and pictures looked at, per enrolment.
        max_frames: frames of one burst that are looked at, spread over the burst.
        min_usable_share: share of a burst's frames that must be usable.
        max_asked_turn: like ``QualityLimits.max_turn``, for a burst with a head turn.
        liveness: limits of the head turn and of a burst.
        max_side: pixels; larger pictures are reduced first. Phones send 12 megapixels to enrol.
    """

    thresholds: Mapping[tuple[str, str], Thresholds] = field(
        default_factory=lambda: DEFAULT_THRESHOLDS
    )
    quality: QualityLimits = field(default_factory=QualityLimits)
    picture: PictureLimits = DEFAULT_LIMITS
    min_pictures: int = 3
    max_pictures: int = 10
    max_frames: int = 5
    min_usable_share: float = 0.5
    max_asked_turn: float = 0.75
    liveness: LivenessSettings = field(default_factory=LivenessSettings)
    max_side: int = 1280

    def __post_init__(self) -> None:
        if not 3 <= self.min_pictures <= self.max_pictures:
            raise ValueError("an enrolment needs three pictures or more")
        if self.max_frames < 1 or not 0 < self.min_usable_share <= 1:
            raise ValueError("a verdict needs at least one frame")

    def thresholds_for(self, engine: str, model_sha256: str) -> Thresholds:
        """The limits measured for this engine and model.

        Raises:
            EngineUnavailable: ``model_not_calibrated``: nobody measured this model.
        """
        found = self.thresholds.get((engine, model_sha256))
        if found is None:
            raise EngineUnavailable(
                "model_not_calibrated",
                "这个人脸识别模型还没有标定阈值，不能使用。",
                f"No thresholds were measured for engine {engine} with model {model_sha256[:12]}.",
            )
        return found
