"""Who stands before the camera: enrol, compare with one person, look among many.

A verdict is about pictures: how far they show a living person is as strong as the level asked for,
and a played-back video stays a risk at every level. See docs/vision.md for what is not promised.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from backend.vision.decode import Picture
from backend.vision.faces import reasons
from backend.vision.faces.engine import FaceEngine
from backend.vision.faces.enrolment import Enrolment, enrol
from backend.vision.faces.frames import FrameReader, FrameReport, SeenFrame, encode_single
from backend.vision.faces.reasons import EngineUnavailable, Reason
from backend.vision.faces.settings import FaceSettings
from backend.vision.faces.template import FaceTemplate, Vector
from backend.vision.liveness import Level, Liveness, Print, Sighting, look, print_of
from backend.vision.liveness.turn import Side

Frame = bytes | Picture
"""JPEG, PNG or WebP bytes as they came, or a decoded picture."""


class Verdict(StrEnum):
    """Answer of a 1:1 comparison. Only ``match`` lets anybody proceed."""

    MATCH = "match"
    DOUBTFUL = "doubtful"
    MISMATCH = "mismatch"
    UNUSABLE = "unusable"


class Found(StrEnum):
    """Answer of a 1:N search. ``unknown`` is nobody enrolled, which is not the wrong person."""

    KNOWN = "known"
    UNKNOWN = "unknown"
    UNCLEAR = "unclear"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class FaceVerdict:
    """Outcome of ``FaceVerifier.verify``.

    Attributes:
        verdict: the answer.
        score: the burst's consensus (lower median over usable frames); None when nothing compared.
        reasons: why, the most frequent first; texts for the person before the camera.
        frames: one report per frame looked at, in order.
        engine, model_sha256: what compared.
        second_score: the second engine's consensus, when it was asked and saw a face.
        liveness: what the burst proves of a living person; None when it was not looked at.
        prints: of the usable frames, to know this capture again.
    """

    verdict: Verdict
    score: float | None
    reasons: tuple[Reason, ...]
    frames: tuple[FrameReport, ...]
    engine: str
    model_sha256: str
    second_score: float | None = None
    liveness: Liveness | None = None
    prints: tuple[Print, ...] = ()

    @property
    def codes(self) -> tuple[str, ...]:
        """The reasons' stable codes, for records."""
        return tuple(reason.code for reason in self.reasons)


@dataclass(frozen=True, slots=True)
class Identification:
    """Outcome of ``FaceVerifier.identify``: ``person`` is set only when ``found`` is ``known``."""

    found: Found
    person: str | None
    score: float | None
    reasons: tuple[Reason, ...]
    frames: tuple[FrameReport, ...]


class FaceVerifier:
    """Face comparison with one main engine and, where it doubts, a second one.

    Args:
        engine: the main engine.
        settings: thresholds and limits.
        second: makes the second engine when it is first needed; None: doubt stays doubt. With one,
            enrolment asks it too (about 0.15 s CPU a picture), for its own vector.

    Raises:
        EngineUnavailable: ``model_not_calibrated`` when the settings hold no thresholds for the
            engine's model.
    """

    def __init__(
        self,
        engine: FaceEngine,
        settings: FaceSettings | None = None,
        second: Callable[[], FaceEngine] | None = None,
    ) -> None:
        self._engine = engine
        self._settings = settings or FaceSettings()
        self._limits = self._settings.thresholds_for(engine.name, engine.model_sha256)
        self._reader = FrameReader(engine, self._settings)
        self._make_second = second
        self._second: FaceEngine | None = None

    @property
    def accept(self) -> float:
        """The score from which two pictures show one person."""
        return self._limits.accept

    def enrol(self, pictures: Sequence[Frame]) -> Enrolment:
        """Make a template from three or more good pictures of one person.

        The person's separate consent is the caller's to obtain and record.

        Raises:
            EnrolmentRefused: with a report per picture and what to do.
        """
        return enrol(
            pictures, self._engine, self._reader, self._limits, self._settings, self._asked_second()
        )

    def look(self, picture: Frame) -> FrameReport:
        """What one picture for an enrolment is worth, before it is taken: nothing is kept."""
        return self._reader.read(picture).report

    def needs_enrolment(self, template: FaceTemplate) -> bool:
        """True when the template was made by another engine or model and can no longer compare."""
        return self._own_vector(template) is None

    def verify(
        self,
        burst: Sequence[Frame],
        template: FaceTemplate,
        *,
        level: Level = Level.NONE,
        side: Side = "none",
    ) -> FaceVerdict:
        """Does the burst show the template's person, and as living as ``level`` asks?

        A burst that matches and does not reach the level is ``unusable``: it is to be taken again.
        ``side`` is where the person was asked to turn, at level ``challenge``.

        The lower median of the usable frames' scores decides. Two people in any frame, too few
        usable frames or an outdated template: ``unusable``, which says nothing about who is there.
        A burst in which one frame clearly shows somebody else is never a match.
        """
        own = self._own_vector(template)
        if own is None:
            return self._verdict(Verdict.UNUSABLE, None, (reasons.TEMPLATE_OUTDATED,), ())
        turning = level is Level.CHALLENGE
        frames = self._sampled(burst)
        seen = [self._reader.read(frame, turning=turning) for frame in frames]
        refusals = self._unusable(seen)
        if refusals:
            reports = tuple(frame.report for frame in seen)
            return self._verdict(Verdict.UNUSABLE, None, refusals, reports)
        reports = tuple(self._compared(frame, [own]) for frame in seen)
        verdict = self._judged(seen, template, reports, turning)
        prints = tuple(
            _print(raw, frame)
            for raw, frame in zip(frames, seen, strict=True)
            if frame.report.usable
        )
        if verdict.verdict is not Verdict.MATCH:
            return replace(verdict, prints=prints)
        found = look(
            level,
            side,
            [
                _sighting(frame, report)
                for frame, report in zip(seen, reports, strict=True)
                if frame.face
            ],
            accept=self._limits.accept,
            doubtful=self._limits.doubtful,
            settings=self._settings.liveness,
        )
        if found.live:
            return replace(verdict, liveness=found, prints=prints)
        why = tuple(reasons.LIVENESS[code] for code in found.codes)
        return replace(
            verdict, verdict=Verdict.UNUSABLE, reasons=why, liveness=found, prints=prints
        )

    def _judged(
        self,
        seen: Sequence[SeenFrame],
        template: FaceTemplate,
        reports: tuple[FrameReport, ...],
        turning: bool,
    ) -> FaceVerdict:
        """Whose face it is. Of a head that turns only its frontal frames decide; the turned ones
        must not be somebody else's, which the liveness check looks at."""
        frontal = self._frontal(seen) if turning else seen
        counted = [
            report.score
            for frame, report in zip(seen, reports, strict=True)
            if report.score is not None and any(frame is one for one in frontal)
        ]
        if not counted:
            return self._verdict(Verdict.UNUSABLE, None, (reasons.NO_FRONTAL,), reports)
        score = _lower_median(counted)
        if score < self._limits.doubtful:
            return self._verdict(Verdict.MISMATCH, score, (reasons.NOT_THIS_PERSON,), reports)
        if score < self._limits.accept:
            return self._second_opinion(frontal, template, score, reports)
        if min(counted) < self._limits.doubtful:
            return self._verdict(Verdict.DOUBTFUL, score, (reasons.FRAMES_DISAGREE,), reports)
        return self._verdict(Verdict.MATCH, score, (reasons.SAME_PERSON,), reports)

    def _frontal(self, seen: Sequence[SeenFrame]) -> list[SeenFrame]:
        """The first frame that looks into the camera, and those in which the head has not moved."""
        limits = self._settings.liveness
        turns = [(frame, frame.face.turn) for frame in seen if frame.face is not None]
        first = next((turn for _, turn in turns if abs(turn) <= limits.max_frontal), None)
        if first is None:
            return []
        return [frame for frame, turn in turns if abs(turn - first) < limits.still]

    def identify(
        self, burst: Sequence[Frame], templates: Mapping[str, FaceTemplate]
    ) -> Identification:
        """Who of the people in ``templates`` (by any id) does the burst show, if any?

        Outdated templates are passed over.
        """
        people = {
            person: vector
            for person, template in templates.items()
            if (vector := self._own_vector(template)) is not None
        }
        seen = [self._reader.read(frame) for frame in self._sampled(burst)]
        refusals = self._unusable(seen)
        if refusals:
            reports = tuple(frame.report for frame in seen)
            return Identification(Found.UNUSABLE, None, None, refusals, reports)
        reports = tuple(self._compared(frame, list(people.values())) for frame in seen)
        ranked = sorted(
            ((self._consensus(seen, vector), person) for person, vector in people.items()),
            reverse=True,
        )
        best = ranked[0][0] if ranked else None
        if best is None or best < self._limits.identify:
            return Identification(Found.UNKNOWN, None, best, (reasons.UNKNOWN_PERSON,), reports)
        if len(ranked) > 1 and best - ranked[1][0] < self._limits.margin:
            return Identification(Found.UNCLEAR, None, best, (reasons.SEVERAL_CANDIDATES,), reports)
        return Identification(Found.KNOWN, ranked[0][1], best, (reasons.SAME_PERSON,), reports)

    def _second_opinion(
        self,
        seen: Sequence[SeenFrame],
        template: FaceTemplate,
        score: float,
        reports: tuple[FrameReport, ...],
    ) -> FaceVerdict:
        second = self._asked_second()
        vector = template.vector_of(second.name, second.model_sha256) if second else None
        if second is None or vector is None:
            return self._verdict(Verdict.DOUBTFUL, score, (reasons.UNSURE,), reports)
        limits = self._settings.thresholds_for(second.name, second.model_sha256)
        used = [frame for frame in seen if frame.vector is not None]
        scores = [
            second.similarity(vector, probe)
            for frame in used
            if (probe := encode_single(second, frame)) is not None
        ]
        if not scores:
            return self._verdict(Verdict.DOUBTFUL, score, (reasons.UNSURE,), reports)
        opinion = _lower_median(scores)
        verdict = Verdict.DOUBTFUL
        why: tuple[Reason, ...] = (reasons.UNSURE,)
        if opinion < limits.doubtful:
            verdict = Verdict.MISMATCH
            why = (reasons.NOT_THIS_PERSON, reasons.SECOND_DISAGREES)
        # It must have seen every frame, and nobody else in any of them.
        elif (
            opinion >= limits.accept and len(scores) == len(used) and min(scores) >= limits.doubtful
        ):
            verdict, why = Verdict.MATCH, (reasons.SAME_PERSON, reasons.SECOND_AGREES)
        return self._verdict(verdict, score, why, reports, opinion)

    def _verdict(
        self,
        verdict: Verdict,
        score: float | None,
        why: tuple[Reason, ...],
        reports: tuple[FrameReport, ...],
        second_score: float | None = None,
    ) -> FaceVerdict:
        engine = self._engine
        return FaceVerdict(
            verdict, score, why, reports, engine.name, engine.model_sha256, second_score
        )

    def _own_vector(self, template: FaceTemplate) -> Vector | None:
        return template.vector_of(self._engine.name, self._engine.model_sha256)

    def _asked_second(self) -> FaceEngine | None:
        """The second engine; None when there is none or it cannot be loaded, then for good."""
        if self._second is None and self._make_second is not None:
            try:
                self._second = self._make_second()
            except EngineUnavailable:
                self._make_second = None
        return self._second

    def _sampled(self, burst: Sequence[Frame]) -> list[Frame]:
        """At most ``max_frames``, spread evenly: a sleeve must not decide what a burst costs."""
        count = min(len(burst), self._settings.max_frames)
        return [burst[at * len(burst) // count] for at in range(count)]

    def _unusable(self, seen: Sequence[SeenFrame]) -> tuple[Reason, ...]:
        """Why this burst says nothing; empty when it may be compared."""
        if not seen:
            return (reasons.NO_FRAMES,)
        refusals = [reason for frame in seen for reason in frame.report.refusals]
        if reasons.TWO_FACES in refusals:
            return (reasons.TWO_FACES,)
        usable = sum(frame.report.usable for frame in seen)
        if usable >= max(1, math.ceil(self._settings.min_usable_share * len(seen))):
            return ()
        counted = {reason: refusals.count(reason) for reason in refusals}
        return tuple(sorted(counted, key=lambda reason: -counted[reason]))

    def _compared(self, frame: SeenFrame, vectors: Sequence[Vector]) -> FrameReport:
        if frame.vector is None or not vectors:
            return frame.report
        probe = frame.vector
        return frame.scored(max(self._engine.similarity(vector, probe) for vector in vectors))

    def _consensus(self, seen: Sequence[SeenFrame], vector: Vector) -> float:
        return _lower_median(
            [
                self._engine.similarity(vector, frame.vector)
                for frame in seen
                if frame.vector is not None
            ]
        )


def _sighting(frame: SeenFrame, report: FrameReport) -> Sighting:
    assert frame.face is not None
    return Sighting.of(frame.face.landmarks, report.score or 0.0)


def _print(raw: Frame, frame: SeenFrame) -> Print:
    data = raw if isinstance(raw, bytes) else raw.tobytes()
    if frame.face is None or frame.picture is None:
        return print_of(data)
    return print_of(data, frame.crop, frame.face.landmarks[:2], frame.picture.shape[1])


def _lower_median(scores: Sequence[float]) -> float:
    """The middle score; of two middle ones the lower, for an error here opens a seal."""
    return sorted(scores)[(len(scores) - 1) // 2]
