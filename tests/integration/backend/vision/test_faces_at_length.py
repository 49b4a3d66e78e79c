"""All forty people with both engines: the error rates behind the thresholds."""

from __future__ import annotations

import random

import pytest
from PIL import ImageFile

from backend.vision.faces import FaceTemplate, FaceVerifier, Found, Verdict, dlib_engine
from backend.vision.faces.yunet_sface import YunetSface
from seal_firmware_sim.hardware import faces_orl

EVERYBODY = range(faces_orl.PEOPLE)


@pytest.fixture(scope="module")
def verifier() -> FaceVerifier:
    return FaceVerifier(YunetSface())


@pytest.fixture(scope="module")
def templates(verifier: FaceVerifier) -> dict[str, FaceTemplate]:
    return {
        str(index): verifier.enrol(faces_orl.enrolment_pictures(index)).template
        for index in EVERYBODY
    }


@pytest.mark.slow
def test_everybody_can_be_enrolled_is_known_and_nobody_is_taken_for_another(
    verifier: FaceVerifier, templates: dict[str, FaceTemplate]
) -> None:
    for index in EVERYBODY:
        burst = faces_orl.capture(index, random.Random(f"length-{index}"), 2)
        assert verifier.verify(burst, templates[str(index)]).verdict is Verdict.MATCH
        found = verifier.identify(burst, templates)
        assert (found.found, found.person) == (Found.KNOWN, str(index))
        others = {name: one for name, one in templates.items() if name != str(index)}
        assert verifier.identify(burst, others).found is Found.UNKNOWN


@pytest.mark.slow
def test_good_captures_are_refused_at_most_once_in_a_hundred(verifier: FaceVerifier) -> None:
    template = verifier.enrol(faces_orl.enrolment_pictures(0)).template
    refused = sum(
        not verifier.verify(faces_orl.capture(index, random.Random(seed), 1), template)
        .frames[0]
        .usable
        for index in EVERYBODY
        for seed in range(5)
    )
    assert refused <= 2


@pytest.mark.needs_dlib
@pytest.mark.slow
def test_the_second_engine_tells_the_same_people_apart() -> None:
    engine = dlib_engine.load()
    # Its import must not make the rest of the process take pictures that stop in the middle.
    assert ImageFile.LOAD_TRUNCATED_IMAGES is False
    verifier = FaceVerifier(engine)
    for index in (0, 12):
        template = verifier.enrol(faces_orl.enrolment_pictures(index)).template
        same = faces_orl.capture(index, random.Random(index), 1)
        other = faces_orl.capture(index + 1, random.Random(index), 1)
        assert verifier.verify(same, template).verdict is Verdict.MATCH
        assert verifier.verify(other, template).verdict is not Verdict.MATCH


@pytest.mark.needs_dlib
@pytest.mark.slow
def test_both_engines_enrol_into_one_template() -> None:
    verifier = FaceVerifier(YunetSface(), second=dlib_engine.load)
    template = verifier.enrol(faces_orl.enrolment_pictures(5)).template
    assert [vector.engine for vector in template.vectors] == ["yunet_sface", "dlib"]
    assert FaceTemplate.from_bytes(template.to_bytes()) == template
