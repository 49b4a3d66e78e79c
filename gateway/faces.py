"""Joins the gateway's check of a person to the house's face comparison."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from backend.vision.faces import (
    Enrolment,
    FaceTemplate,
    FaceVerdict,
    FaceVerifier,
    Found,
    Verdict,
)
from backend.vision.faces import reasons as texts
from backend.vision.faces.frames import FrameReport
from backend.vision.liveness import Level, drift, is_replay
from backend.vision.liveness.turn import Side
from gateway.checks import Asked, Finding

_RANK = (Verdict.MATCH, Verdict.DOUBTFUL, Verdict.MISMATCH, Verdict.UNUSABLE)


class VerifierMatcher:
    """A :class:`gateway.checks.FaceMatcher` over a :class:`FaceVerifier`.

    ``make`` builds the verifier when the first face comes, for loading models takes memory that a
    gateway without cameras need not spend. How much liveness is insisted on is what the grant asks
    for (``challenge``, ``frames``): its organisation's policy.
    """

    def __init__(self, make: Callable[[], FaceVerifier]) -> None:
        self._make = make
        self._verifier: FaceVerifier | None = None
        # The networks hold their state between layers: one face at a time in a process.
        self._turn = threading.Lock()

    def load(self) -> FaceVerifier:
        """The verifier, made now if it was not."""
        if self._verifier is None:
            self._verifier = self._make()
        return self._verifier

    def match(
        self,
        burst: Sequence[bytes],
        templates: Mapping[str, Sequence[bytes]],
        expected: set[str],
        asked: Asked,
    ) -> Finding:
        """Compare with those who may stamp; if it is none of them, say who else it looks like."""
        with self._turn:
            return self._match(self.load(), burst, templates, expected, asked)

    def enrol(self, pictures: Sequence[bytes]) -> Enrolment:
        """A template from good pictures of one person; see :meth:`FaceVerifier.enrol`."""
        with self._turn:
            return self.load().enrol(pictures)

    def look(self, picture: bytes) -> FrameReport:
        """What one picture is worth for an enrolment; see :meth:`FaceVerifier.look`."""
        with self._turn:
            return self.load().look(picture)

    def _match(
        self,
        verifier: FaceVerifier,
        burst: Sequence[bytes],
        templates: Mapping[str, Sequence[bytes]],
        expected: set[str],
        asked: Asked,
    ) -> Finding:
        level = Level.of(asked.side, asked.frames)
        known = {
            person: FaceTemplate.from_bytes(stored[-1])
            for person, stored in templates.items()
            if stored
        }
        best: tuple[str, FaceVerdict] | None = None
        for person in sorted(expected & known.keys()):
            verdict = verifier.verify(burst, known[person], level=level, side=_side(asked))
            if best is None or _RANK.index(verdict.verdict) < _RANK.index(best[1].verdict):
                best = (person, verdict)
            if verdict.verdict is Verdict.MATCH or verdict.verdict is Verdict.UNUSABLE:
                break  # a burst that says nothing says nothing about the next person either
        if best is None:
            return Finding("unchecked", reasons=("not_enrolled",))
        person, verdict = best
        if is_replay(verdict.prints, asked.earlier):
            return Finding(
                Verdict.UNUSABLE.value,
                score=verdict.score,
                reasons=(texts.REPLAY.code,),
                text=texts.REPLAY.zh,
                prints=verdict.prints,
            )
        sinking = drift(
            [*asked.scores.get(person, ()), (asked.now, verdict.score or 0.0)],
            accept=verifier.accept,
            now_ms=asked.now,
        )
        return Finding(
            verdict.verdict.value,
            score=verdict.score,
            who=self._who(burst, known, person, verdict),
            reasons=verdict.codes,
            text=verdict.reasons[0].zh if verdict.reasons else "",
            turn=verdict.liveness.turn if verdict.liveness is not None else None,
            enrol_again=verdict.verdict is Verdict.MATCH and sinking.enrol_again,
            prints=verdict.prints,
        )

    def _who(
        self,
        burst: Sequence[bytes],
        known: Mapping[str, FaceTemplate],
        person: str,
        verdict: FaceVerdict,
    ) -> str | None:
        if verdict.verdict is Verdict.MATCH:
            return person
        if verdict.verdict is not Verdict.MISMATCH:
            return None
        found = self.load().identify(burst, known)
        return found.person if found.found is Found.KNOWN else None


def _side(asked: Asked) -> Side:
    if asked.side == "left":
        return "left"
    return "right" if asked.side == "right" else "none"
