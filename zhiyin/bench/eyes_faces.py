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
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, Final, cast

import cv2
import msgspec
import numpy as np
from numpy.typing import NDArray

from alerts.rules import person
from alerts.rules.context import Context
from alerts.rules.finding import State
from backend.domain.rates import p95
from backend.domain.record import Record
from backend.vision.faces import FaceTemplate, FaceVerdict, FaceVerifier, Verdict, dlib_engine
from backend.vision.faces.engine import FaceEngine
from backend.vision.faces.frames import FrameReader
from backend.vision.faces.reasons import EngineUnavailable
from backend.vision.faces.settings import FaceSettings, Thresholds
from backend.vision.faces.yunet_sface import YunetSface
from backend.vision.liveness import Level
from backend.vision.liveness.turn import Side
from seal_firmware_sim.hardware import faces_orl
from zhiyin.bench.bounds import rate
from zhiyin.bench.hands import spread

FRAMES: Final = 4
TRIES: Final = person.TRIES
FAR: Final = 1e-3
_NOTHING: Final = cast(Context, None)
"""The rule asks nothing about the world besides the checks."""
HELD_UP_FROM: Final = 1_000_000
"""Uses from this number on are those of a photograph held up."""
REPORTED_FROM: Final = 100_000
"""Of either kind; what was found of the lower numbers has been looked at, and counts as tuning."""


class Use(msgspec.Struct, frozen=True):
    """What became of one use: the answer to each try, a reason or a verdict.

    Attributes:
        held_up: a photograph that is turned, tilted and bent; else a head that turns as asked.
        turns: how far the nose went aside in each, in eye distances; None: not measured.
        passed: whether the last try was taken for the living person.
    """

    held_up: bool
    number: int
    answers: tuple[str, ...]
    turns: tuple[float | None, ...]
    passed: bool


def bench_faces(people: int) -> dict[str, Any]:
    """All pairs of the ORL pictures of so many people through the house's own pipeline.

    Returns:
        ``face_tar_at_1e3`` and ``face_eer`` over all pairs, ``gate_refused`` (good pictures that
        the quality gate refused), each with n and interval.
    """
    same, other, refused, seen = _pairs(YunetSface(), people)
    threshold = float(np.quantile(other, 1 - FAR))
    return {
        "face_tar_at_1e3": rate(int((same > threshold).sum()), len(same)),
        "face_threshold_at_1e3": round(threshold, 4),
        "face_eer": round(_equal_error(same, other), 5),
        "impostor_pairs": len(other),
        "gate_refused": rate(refused, seen),
    }


def bench_uses(
    living: int, held_up: int, *, done: Iterable[Use] = (), told: Callable[[Use], None]
) -> dict[str, Any]:
    """Uses with a head turn, in child processes.

    Args:
        living: with a head that turns as asked, in up to three tries.
        held_up: with a photograph instead, in three tries.
        done: results of an earlier run that was cut short; they are not made again.
        told: called with each new result.

    Returns:
        See ``figures``.
    """
    first, flat = REPORTED_FROM, HELD_UP_FROM + REPORTED_FROM
    wanted = [*range(first, first + living), *range(flat, flat + held_up)]
    uses = {use.number: use for use in done if use.number in wanted}
    for use in spread(one_use, (number for number in wanted if number not in uses)):
        uses[use.number] = use
        told(use)
    return figures([uses[number] for number in wanted])


def figures(uses: Sequence[Use]) -> dict[str, Any]:
    """The figures of issue 4 about living persons.

    Returns:
        ``held_up_refused`` (of all captures), ``live_passed_synthesised`` (at the first try) and
        ``live_passed_in_three``, each with n and interval; ``held_up_accused`` and
        ``live_accused``: uses of either kind of which an alert (C11) says that nobody living was
        there; ``why``: how often each answer was given, by kind of use.
    """
    living = [use for use in uses if not use.held_up]
    flat = [use for use in uses if use.held_up]
    tries = sum(len(use.answers) for use in flat)
    return {
        "held_up_refused": rate(tries - sum(use.passed for use in flat), tries),
        "live_passed_synthesised": rate(
            sum(use.passed and len(use.answers) == 1 for use in living), len(living)
        ),
        "live_passed_in_three": rate(sum(use.passed for use in living), len(living)),
        "held_up_accused": rate(sum(map(accused, flat)), len(flat)),
        "live_accused": rate(sum(map(accused, living)), len(living)),
        "why": {
            kind: dict(Counter(answer for use in some for answer in use.answers))
            for kind, some in (("held_up", flat), ("live", living))
        },
    }


def accused(use: Use) -> bool:
    """Whether C11 is raised over ``use``, by the rule of the installation."""
    [rule] = [one for one in person.RULES if one.code == "C11"]
    state: State = {}
    raised = False
    for attempt, (answer, turn) in enumerate(zip(use.answers, use.turns, strict=True), 1):
        verdict = "match" if use.passed and attempt == len(use.answers) else "unusable"
        said = {"kind": "face", "verdict": verdict, "reasons": [answer], "turn": turn}
        data = {**said, "attempt": attempt}
        record = Record("check.done", "/", 0, 0, use_id="use", data=data)
        state, found = rule.judge(state, record, _NOTHING)
        raised = raised or any(not one.clears for one in found)
    return raised


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


def one_use(number: int) -> Use:
    """A head that turns as asked, or, from :data:`HELD_UP_FROM` on, a photograph before the camera:
    until it is let in."""
    answers: list[str] = []
    turns: list[float | None] = []
    passed = False
    while not passed and len(answers) < TRIES:
        answer = _answer(number, len(answers) + 1)
        passed = answer.verdict is Verdict.MATCH
        answers.append(answer.codes[0] if answer.codes else answer.verdict.value)
        turns.append(None if answer.liveness is None else answer.liveness.turn)
    return Use(number >= HELD_UP_FROM, number, tuple(answers), tuple(turns), passed)


def _answer(number: int, attempt: int) -> FaceVerdict:
    """A burst of the simulator's camera, checked at level challenge."""
    held_up, at = number >= HELD_UP_FROM, number % HELD_UP_FROM
    who = at % faces_orl.PEOPLE
    dice = random.Random(f"eyes-faces-{held_up}-{at}-{attempt}")
    asked: Side = "left" if dice.random() < 0.5 else "right"
    burst = faces_orl.capture(who, dice, FRAMES, turn=asked, held_up=held_up)
    return _verifier().verify(burst, _template(who), level=Level.CHALLENGE, side=asked)


@cache
def _verifier() -> FaceVerifier:
    return FaceVerifier(YunetSface())


@cache
def _template(who: int) -> FaceTemplate:
    return _verifier().enrol(faces_orl.enrolment_pictures(who)).template
