"""Making a person's template: only good pictures, only one person, never the same picture twice."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from backend.vision.decode import Picture
from backend.vision.faces import reasons
from backend.vision.faces.engine import FaceEngine
from backend.vision.faces.frames import FrameReader, FrameReport, SeenFrame, encode_single
from backend.vision.faces.reasons import FaceError, Reason
from backend.vision.faces.settings import FaceSettings, Thresholds
from backend.vision.faces.template import EngineVector, FaceTemplate, Vector


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A template and what became of each picture, in order; refused ones are not in it."""

    template: FaceTemplate
    pictures: tuple[FrameReport, ...]


class EnrolmentRefused(FaceError):
    """No template was made. ``pictures`` says what became of each picture, in order."""

    def __init__(self, reason: Reason, pictures: tuple[FrameReport, ...]) -> None:
        lines_zh, lines_en = [reason.zh], [reason.en]
        for number, report in enumerate(pictures, 1):
            if report.refusals:
                lines_zh.append(f"第 {number} 张：" + "".join(r.zh for r in report.refusals))
                lines_en.append(f"Picture {number}: " + " ".join(r.en for r in report.refusals))
        super().__init__(reason.code, "\n".join(lines_zh), "\n".join(lines_en))
        self.pictures = pictures


def enrol(
    pictures: Sequence[bytes | Picture],
    engine: FaceEngine,
    reader: FrameReader,
    limits: Thresholds,
    settings: FaceSettings,
    second: FaceEngine | None,
) -> Enrolment:
    """See ``FaceVerifier.enrol``. Pictures beyond ``settings.max_pictures`` are not looked at.

    Raises:
        EnrolmentRefused: ``too_few_pictures`` or ``different_people``.
    """
    seen = [reader.read(picture) for picture in pictures[: settings.max_pictures]]
    seen = _without_copies(seen)
    reports = tuple(frame.report for frame in seen)
    vectors = [frame.vector for frame in seen if frame.vector is not None]
    if len(vectors) < settings.min_pictures:
        raise EnrolmentRefused(reasons.TOO_FEW_PICTURES, reports)
    # One stranger's picture among them would let the stranger in later: refuse them all.
    if not _one_person(vectors, engine, limits):
        raise EnrolmentRefused(reasons.DIFFERENT_PEOPLE, reports)
    made = [EngineVector.of(engine.name, engine.model_sha256, engine.merge(vectors))]
    if second is not None:
        used = [frame for frame in seen if frame.vector is not None]
        also = [probe for frame in used if (probe := encode_single(second, frame)) is not None]
        # Fewer than the minimum: the second engine cannot see this person well, do without it.
        if len(also) >= settings.min_pictures:
            made.append(EngineVector.of(second.name, second.model_sha256, second.merge(also)))
    return Enrolment(FaceTemplate(tuple(made), len(vectors)), reports)


def _one_person(vectors: list[Vector], engine: FaceEngine, limits: Thresholds) -> bool:
    """Does each picture match the mean of the others?"""
    for at, vector in enumerate(vectors):
        others = engine.merge(vectors[:at] + vectors[at + 1 :])
        if engine.similarity(others, vector) < limits.accept:
            return False
    return True


def _without_copies(seen: Sequence[SeenFrame]) -> list[SeenFrame]:
    """The frames, with copies of an earlier picture refused: one picture sent thrice is one."""
    known: set[bytes] = set()
    kept = []
    for frame in seen:
        if frame.picture is not None and frame.vector is not None:
            digest = hashlib.sha256(frame.picture.tobytes()).digest()
            if digest in known:
                report = replace(frame.report, refusals=(reasons.SAME_PICTURE_TWICE,))
                frame = SeenFrame(report)
            known.add(digest)
        kept.append(frame)
    return kept
