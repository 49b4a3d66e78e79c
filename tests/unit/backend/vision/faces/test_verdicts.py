"""How verdicts follow from scores: thresholds, bursts, the second opinion, search among many."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.vision.faces import (
    EngineUnavailable,
    EngineVector,
    FaceSettings,
    FaceTemplate,
    FaceVerdict,
    FaceVerifier,
    Found,
    Thresholds,
    Verdict,
)
from backend.vision.faces.engine import FaceEngine
from tests.support.fake_faces import FAKE_MODEL, FakeEngine, at_cosine, picture, settings_for


def _verdict(*cosines: float, second: FakeEngine | None = None) -> FaceVerdict:
    frames = [at_cosine(cosine, seed) for seed, cosine in enumerate(cosines)]
    engine = FakeEngine(frames)
    settings = settings_for(engine, *([second] if second else []))
    verifier = FaceVerifier(engine, settings, (lambda: second) if second else None)
    template = engine.template(*([second] if second else []))
    return verifier.verify([frame for frame, _ in frames], template)


@pytest.mark.parametrize(
    ("cosine", "verdict"),
    [
        (0.4501, Verdict.MATCH),
        (0.4499, Verdict.DOUBTFUL),
        (0.4001, Verdict.DOUBTFUL),
        (0.3999, Verdict.MISMATCH),
        (-0.9, Verdict.MISMATCH),
    ],
)
def test_the_thresholds_are_where_they_are_said_to_be(cosine: float, verdict: Verdict) -> None:
    assert _verdict(cosine).verdict is verdict


def test_a_burst_is_judged_by_its_lower_median() -> None:
    assert _verdict(0.9, 0.44, 0.8, 0.43).score == pytest.approx(0.44, abs=1e-6)
    assert _verdict(0.9, 0.44, 0.8, 0.43).verdict is Verdict.DOUBTFUL
    assert _verdict(0.9, 0.41, 0.8).verdict is Verdict.MATCH


def test_one_frame_of_somebody_else_spoils_a_match() -> None:
    result = _verdict(0.9, 0.9, 0.1)
    assert result.verdict is Verdict.DOUBTFUL
    assert result.codes == ("frames_disagree",)


@given(st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=5))
def test_a_match_never_rests_on_a_minority_of_frames(cosines: list[float]) -> None:
    result = _verdict(*cosines)
    above = sum(score >= 0.45 for frame in result.frames if (score := frame.score) is not None)
    if result.verdict is Verdict.MATCH:
        assert 2 * above > len(cosines)
        assert min(frame.score or 0 for frame in result.frames) >= 0.40
    if above == 0:
        assert result.verdict is not Verdict.MATCH


@pytest.mark.parametrize(
    ("opinion", "verdict", "code"),
    [
        (0.46, Verdict.MATCH, "second_engine_agrees"),
        (0.42, Verdict.DOUBTFUL, "unsure"),
        (0.10, Verdict.MISMATCH, "second_engine_disagrees"),
    ],
)
def test_the_second_engine_decides_in_the_doubtful_band(
    opinion: float, verdict: Verdict, code: str
) -> None:
    second = FakeEngine([(picture(0), opinion)], name="other")
    result = _verdict(0.42, second=second)
    assert result.verdict is verdict
    assert code in result.codes
    assert result.second_score == pytest.approx(opinion, abs=1e-6)


@pytest.mark.parametrize("cosine", [0.2, 0.9])
def test_the_second_engine_is_not_asked_where_the_first_is_certain(cosine: float) -> None:
    second = FakeEngine(name="other")
    _verdict(cosine, second=second)
    assert second.asked == 0


def test_a_second_engine_that_missed_a_frame_cannot_make_a_match() -> None:
    second = FakeEngine(name="other", blind_to=[picture(1)])
    assert _verdict(0.42, 0.43, 0.42, second=second).verdict is Verdict.DOUBTFUL
    blind = FakeEngine(name="other", blind_to=[picture(0)])
    result = _verdict(0.42, second=blind)
    assert (result.verdict, result.second_score) == (Verdict.DOUBTFUL, None)


def test_a_second_engine_that_is_not_installed_leaves_the_doubt() -> None:
    tried = []

    def missing() -> FaceEngine:
        tried.append(1)
        raise EngineUnavailable("engine_not_installed", "未安装", "not installed")

    engine = FakeEngine([at_cosine(0.42)])
    verifier = FaceVerifier(engine, settings_for(engine), missing)
    for _ in range(2):
        assert verifier.verify([picture(0)], engine.template()).verdict is Verdict.DOUBTFUL
    assert len(tried) == 1


def test_a_template_without_the_second_vector_leaves_the_doubt() -> None:
    engine, second = FakeEngine([at_cosine(0.42)]), FakeEngine(name="other")
    verifier = FaceVerifier(engine, settings_for(engine, second), lambda: second)
    assert verifier.verify([picture(0)], engine.template()).verdict is Verdict.DOUBTFUL


def test_no_frames_and_mostly_unusable_bursts_say_nothing() -> None:
    blind = [picture(seed) for seed in (1, 2)]
    engine = FakeEngine(blind_to=blind)
    verifier = FaceVerifier(engine, settings_for(engine))
    assert verifier.verify([], engine.template()).codes == ("no_frames",)
    two_of_three = verifier.verify([picture(0), *blind], engine.template())
    assert two_of_three.verdict is Verdict.UNUSABLE
    assert two_of_three.codes == ("no_face",)
    assert two_of_three.score is None
    one_of_three = verifier.verify([picture(0), picture(3), blind[0]], engine.template())
    assert one_of_three.verdict is Verdict.MATCH


def test_bytes_that_are_no_picture_are_a_refusal_not_an_error() -> None:
    engine = FakeEngine()
    verifier = FaceVerifier(engine, settings_for(engine))
    result = verifier.verify([b"nonsense"], engine.template())
    assert (result.verdict, result.codes) == (Verdict.UNUSABLE, ("picture_unknown_format",))


def test_a_burst_cannot_cost_more_than_its_share() -> None:
    engine = FakeEngine()
    verifier = FaceVerifier(engine, settings_for(engine))
    result = verifier.verify([picture(0)] * 1000, engine.template())
    assert len(result.frames) == engine.asked == FaceSettings().max_frames


def test_a_template_of_another_model_asks_for_a_new_enrolment() -> None:
    engine = FakeEngine()
    verifier = FaceVerifier(engine, settings_for(engine))
    old = FaceTemplate((EngineVector.of("fake", "0b" * 32, np.ones(2, np.float32)),), 3)
    assert verifier.needs_enrolment(old)
    assert not verifier.needs_enrolment(engine.template())
    result = verifier.verify([picture(0)], old)
    assert (result.verdict, result.codes) == (Verdict.UNUSABLE, ("template_outdated",))
    assert verifier.identify([picture(0)], {"a": old}).found is Found.UNKNOWN


def test_a_model_that_nobody_measured_is_refused() -> None:
    with pytest.raises(EngineUnavailable) as refused:
        FaceVerifier(FakeEngine())
    assert refused.value.code == "model_not_calibrated"
    assert FAKE_MODEL[:12] in refused.value.en


def _people(**angles: float) -> dict[str, FaceTemplate]:
    return {
        name: FaceTemplate(
            (
                EngineVector.of(
                    "fake",
                    FAKE_MODEL,
                    np.array([np.cos(np.arccos(value)), np.sin(np.arccos(value))], np.float32),
                ),
            ),
            3,
        )
        for name, value in angles.items()
    }


@pytest.mark.parametrize(
    ("people", "found", "person"),
    [
        ({"li": 0.5001, "wang": 0.1}, Found.KNOWN, "li"),
        ({"li": 0.4999, "wang": 0.1}, Found.UNKNOWN, None),
        ({"li": 0.80, "wang": 0.78}, Found.UNCLEAR, None),
        ({"li": 0.80, "wang": 0.70}, Found.KNOWN, "li"),
        ({}, Found.UNKNOWN, None),
    ],
)
def test_search_among_many(people: dict[str, float], found: Found, person: str | None) -> None:
    engine = FakeEngine()
    verifier = FaceVerifier(engine, settings_for(engine))
    result = verifier.identify([picture(0)], _people(**people))
    assert (result.found, result.person) == (found, person)


def test_an_unknown_person_is_not_the_wrong_person() -> None:
    engine = FakeEngine([at_cosine(0.1)])
    verifier = FaceVerifier(engine, settings_for(engine))
    assert verifier.verify([picture(0)], engine.template()).codes == ("not_this_person",)
    found = verifier.identify([picture(0)], {"li": engine.template()})
    assert [reason.code for reason in found.reasons] == ["unknown_person"]
    blind = FaceVerifier(FakeEngine(blind_to=[picture(0)]), settings_for(engine))
    assert blind.identify([picture(0)], {"li": engine.template()}).found is Found.UNUSABLE


def test_thresholds_that_contradict_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="rise"):
        Thresholds(accept=0.4, doubtful=0.45, identify=0.5)
    with pytest.raises(ValueError, match="rise"):
        Thresholds(accept=0.45, doubtful=0.4, identify=0.44)
