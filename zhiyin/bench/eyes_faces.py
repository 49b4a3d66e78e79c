"""The eyes' figures about people: telling them apart, held-up pictures refused, turns accepted.

The faces are the ORL database as the simulator shows them. Turning heads and held-up sheets are
made from its flat pictures by a stand-in (``seal_firmware_sim.hardware.turns``): the refusals are
figures about flat pictures, the pass rate is one about synthesised turns and about nothing else.
"""

from __future__ import annotations

import random
import statistics
import time
from collections import Counter
from dataclasses import replace
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.rates import p95
from backend.vision.faces import FaceTemplate, FaceVerifier, Verdict, dlib_engine
from backend.vision.faces.engine import FaceEngine
from backend.vision.faces.frames import FrameReader
from backend.vision.faces.reasons import EngineUnavailable
from backend.vision.faces.settings import FaceSettings, Thresholds
from backend.vision.faces.yunet_sface import YunetSface
from backend.vision.liveness import Level
from backend.vision.liveness.turn import Side
from seal_firmware_sim.hardware import faces_orl
from zhiyin.bench.bounds import rate

FRAMES: Final = 4
TRIES: Final = 3
FAR: Final = 1e-3


def bench_faces(
    turns: int, held_up: int, *, people: int = faces_orl.PEOPLE, first: int = 0
) -> dict[str, Any]:
    """All pairs of the ORL pictures through the house's own pipeline, then bursts.

    Args:
        turns: uses with a head that turns as asked, in up to three tries.
        held_up: bursts of a photograph that is turned, tilted and bent instead.
        people: of the 40, for a quick look.
        first: number of the first use and burst, to measure in pieces.

    Returns:
        ``face_tar_at_1e3`` and ``face_eer`` over all pairs, ``gate_refused`` (good pictures that
        the quality gate refused), ``held_up_refused``, ``live_passed_synthesised`` (at the first
        try) and ``live_passed_in_three``, each with n and interval, and ``why`` (how often each
        reason was given, by kind of burst).
    """
    engine = YunetSface()
    same, other, refused, seen = _pairs(engine, people)
    threshold = float(np.quantile(other, 1 - FAR))
    true = int((same > threshold).sum())
    bursts = _Bursts(FaceVerifier(engine), people)
    tries = [bursts.tries(at) for at in range(first, first + turns)]
    numbers = range(first, first + held_up)
    flat = sum(not bursts.passes(f"True-{at}", at, held_up=True) for at in numbers)
    return {
        "face_tar_at_1e3": rate(true, len(same)),
        "face_threshold_at_1e3": round(threshold, 4),
        "face_eer": round(_equal_error(same, other), 5),
        "impostor_pairs": len(other),
        "gate_refused": rate(refused, seen),
        "held_up_refused": rate(flat, held_up),
        "live_passed_synthesised": rate(sum(one == 1 for one in tries), turns),
        "live_passed_in_three": rate(sum(one is not None for one in tries), turns),
        "why": {kind: dict(count) for kind, count in bursts.why.items()},
    }


def bench_face_cost(n: int) -> dict[str, Any]:
    """Processor time of one decision at level challenge, and of one in doubt.

    Args:
        n: decisions of each kind.

    Returns:
        Medians and 95th percentiles, ms: ``face_cpu_ms_frame`` (a decision over its frames),
        ``face_cpu_ms_decision``, ``face_cpu_ms_doubtful`` (the second engine asked too; absent
        where it is not installed).
    """
    engine = YunetSface()
    settings = FaceSettings()
    plain = _decisions(FaceVerifier(engine), FaceVerifier(engine), n)
    found = {
        "face_cpu_ms_frame": round(statistics.median(plain) / FRAMES, 1),
        **_spread("face_cpu_ms_decision", plain),
        "decisions": n,
    }
    try:
        second = dlib_engine.load()
    except EngineUnavailable:
        return found
    # Everybody in doubt: nobody is as alike as this asks.
    unsure = Thresholds(accept=0.99, doubtful=-1.0, identify=0.99)
    limits = {**settings.thresholds, (engine.name, engine.model_sha256): unsure}
    doubting = FaceVerifier(engine, replace(settings, thresholds=limits), second=lambda: second)
    enrolling = FaceVerifier(engine, second=lambda: second)
    return {**found, **_spread("face_cpu_ms_doubtful", _decisions(enrolling, doubting, n))}


def _decisions(enrolling: FaceVerifier, verifier: FaceVerifier, n: int) -> list[float]:
    template = enrolling.enrol(faces_orl.enrolment_pictures(0)).template
    spent = []
    for at in range(-1, n):
        burst = faces_orl.capture(0, random.Random(f"cost-{at}"), FRAMES, turn="left")
        begun = time.process_time()
        verifier.verify(burst, template, level=Level.CHALLENGE, side="left")
        if at >= 0:  # the first one warms up
            spent.append((time.process_time() - begun) * 1000)
    return spent


def _spread(name: str, spent: list[float]) -> dict[str, float]:
    return {
        name: round(statistics.median(spent), 1),
        f"{name}_p95": round(p95(spent), 1),
    }


def _pairs(
    engine: FaceEngine, people: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, int]:
    """Similarities of all pairs of pictures of one person and of two, and the gate's refusals."""
    reader = FrameReader(engine, FaceSettings())
    vectors, owners, refused, seen = [], [], 0, 0
    for index in range(people):
        for number in range(1, 11):
            seen += 1
            frame = reader.read(_frame(index, number))
            if frame.vector is None:
                refused += 1
                continue
            vectors.append(frame.vector)
            owners.append(index)
    table = np.stack(vectors).astype(np.float64)
    alike = table @ table.T
    upper = np.triu_indices(len(owners), 1)
    mine = np.array(owners)[upper[0]] == np.array(owners)[upper[1]]
    return alike[upper][mine], alike[upper][~mine], refused, seen


def _frame(index: int, number: int) -> faces_orl.Picture:
    """A picture of the database in the middle of a 640×480 frame, nothing else done to it."""
    face = cv2.resize(faces_orl.person(index).picture(number), None, fx=2.75, fy=2.75)
    frame = np.full((faces_orl.FRAME_HEIGHT, faces_orl.FRAME_WIDTH), 140, np.uint8)
    top, left = (frame.shape[0] - face.shape[0]) // 2, (frame.shape[1] - face.shape[1]) // 2
    frame[top : top + face.shape[0], left : left + face.shape[1]] = face
    return cv2.cvtColor(frame, cv2.COLOR_GRAY2BGR).astype(np.uint8)


def _equal_error(same: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    steps = np.unique(np.concatenate([same, other[other > same.min()]]))
    missed = np.searchsorted(np.sort(same), steps) / len(same)
    taken = 1 - np.searchsorted(np.sort(other), steps) / len(other)
    at = int(np.argmin(np.abs(missed - taken)))
    return float((missed[at] + taken[at]) / 2)


class _Bursts:
    """Bursts of the simulator's camera, checked at level challenge."""

    def __init__(self, verifier: FaceVerifier, people: int) -> None:
        self._verifier = verifier
        self._people = people
        self._enrolled: dict[int, FaceTemplate] = {}
        self.why: dict[str, Counter[str]] = {}

    def tries(self, at: int) -> int | None:
        """At which of three tries the person of use ``at`` is let in; None: at none."""
        for attempt in range(1, TRIES + 1):
            if self.passes(f"False-{at}-{attempt}", at, held_up=False):
                return attempt
        return None

    def passes(self, seed: str, at: int, *, held_up: bool) -> bool:
        """Whether a burst is taken for the living person."""
        who = at % self._people
        dice = random.Random(f"eyes-faces-{seed}")
        asked: Side = "left" if dice.random() < 0.5 else "right"
        burst = faces_orl.capture(who, dice, FRAMES, turn=asked, held_up=held_up)
        verdict = self._verifier.verify(
            burst, self._template(who), level=Level.CHALLENGE, side=asked
        )
        why = self.why.setdefault("held_up" if held_up else "live", Counter())
        why[verdict.codes[0] if verdict.codes else verdict.verdict.value] += 1
        return verdict.verdict is Verdict.MATCH

    def _template(self, who: int) -> FaceTemplate:
        if who not in self._enrolled:
            pictures = faces_orl.enrolment_pictures(who)
            self._enrolled[who] = self._verifier.enrol(pictures).template
        return self._enrolled[who]
