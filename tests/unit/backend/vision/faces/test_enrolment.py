"""What makes a template, and what does not."""

from __future__ import annotations

import pytest

from backend.vision.faces import EnrolmentRefused, FaceSettings, FaceVerifier
from tests.support.fake_faces import FakeEngine, at_cosine, picture, settings_for


def _verifier(engine: FakeEngine, second: FakeEngine | None = None) -> FaceVerifier:
    settings = settings_for(engine, *([second] if second else []))
    return FaceVerifier(engine, settings, (lambda: second) if second else None)


def test_three_good_pictures_make_a_template() -> None:
    made = _verifier(FakeEngine()).enrol([picture(seed) for seed in range(3)])
    assert made.template.pictures == 3
    assert [vector.engine for vector in made.template.vectors] == ["fake"]
    assert all(report.usable for report in made.pictures)


def test_a_bad_picture_is_left_out_and_named() -> None:
    engine = FakeEngine(blind_to=[picture(1)])
    pictures = [picture(seed) for seed in range(4)]
    made = _verifier(engine).enrol(pictures)
    assert made.template.pictures == 3
    assert [report.usable for report in made.pictures] == [True, False, True, True]
    with pytest.raises(EnrolmentRefused) as refused:
        _verifier(engine).enrol(pictures[:3])
    assert refused.value.code == "too_few_pictures"
    assert "第 2 张" in refused.value.zh
    assert "口罩" in refused.value.zh
    assert "Picture 2" in refused.value.en


def test_one_picture_sent_thrice_is_one_picture() -> None:
    with pytest.raises(EnrolmentRefused) as refused:
        _verifier(FakeEngine()).enrol([picture(0)] * 3)
    assert refused.value.code == "too_few_pictures"
    codes = [[reason.code for reason in report.refusals] for report in refused.value.pictures]
    assert codes == [[], ["same_picture_twice"], ["same_picture_twice"]]


def test_a_strangers_picture_among_them_refuses_them_all() -> None:
    engine = FakeEngine([at_cosine(0.1, 3)])
    with pytest.raises(EnrolmentRefused) as refused:
        _verifier(engine).enrol([picture(seed) for seed in range(4)])
    assert refused.value.code == "different_people"


def test_pictures_beyond_the_limit_are_not_looked_at() -> None:
    engine = FakeEngine()
    most = FaceSettings().max_pictures
    made = _verifier(engine).enrol([picture(seed) for seed in range(most + 5)])
    assert made.template.pictures == most
    assert engine.asked == most


def test_the_second_engine_adds_its_own_vector() -> None:
    second = FakeEngine(name="other")
    made = _verifier(FakeEngine(), second).enrol([picture(seed) for seed in range(3)])
    assert [vector.engine for vector in made.template.vectors] == ["fake", "other"]


def test_a_second_engine_that_sees_too_little_is_done_without() -> None:
    second = FakeEngine(name="other", blind_to=[picture(2)])
    made = _verifier(FakeEngine(), second).enrol([picture(seed) for seed in range(3)])
    assert [vector.engine for vector in made.template.vectors] == ["fake"]


def test_fewer_than_three_pictures_cannot_be_allowed() -> None:
    with pytest.raises(ValueError, match="three pictures"):
        FaceSettings(min_pictures=2)
