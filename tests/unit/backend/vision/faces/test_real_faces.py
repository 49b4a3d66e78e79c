"""Real people (ORL), the real models, a bounded sample: who is let in and what refusals say."""

from __future__ import annotations

import random
from typing import Any

import cv2
import numpy as np
import pytest

from backend.vision.decode import Picture, decode
from backend.vision.faces import FaceTemplate, FaceVerdict, FaceVerifier, Found, Verdict
from backend.vision.faces.settings import FACE_WIDTH_FLOOR, QualityLimits
from backend.vision.faces.yunet_sface import YunetSface
from backend.vision.liveness import Level
from backend.vision.liveness.turn import Side
from seal_firmware_sim.hardware import faces_orl

PEOPLE = (0, 7, 15, 22, 30, 38)


@pytest.fixture(scope="module")
def verifier() -> FaceVerifier:
    return FaceVerifier(YunetSface())


@pytest.fixture(scope="module")
def templates(verifier: FaceVerifier) -> dict[int, FaceTemplate]:
    return {index: verifier.enrol(faces_orl.enrolment_pictures(index)).template for index in PEOPLE}


def _frames(index: int, seed: int = 5) -> list[Picture]:
    return [decode(jpeg) for jpeg in faces_orl.capture(index, random.Random(seed), 1)]


def test_the_same_person_is_accepted(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    for index, template in templates.items():
        burst = faces_orl.capture(index, random.Random(index))
        result = verifier.verify(burst, template)
        assert result.verdict is Verdict.MATCH, (index, result.score, result.codes)
        assert len(result.frames) == 3


@pytest.mark.parametrize("side", ["left", "right"])
def test_c11_a_head_turns_and_a_held_up_photograph_does_not(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate], side: Side
) -> None:
    for index in (15, 22):
        dice = random.Random(f"turn-{index}-{side}")
        alive = faces_orl.capture(index, dice, 4, turn=side)
        held_up = faces_orl.capture(index, dice, 4, turn=side, held_up=True)
        asked: dict[str, Any] = {"level": Level.CHALLENGE, "side": side}
        result = verifier.verify(alive, templates[index], **asked)
        assert result.verdict is Verdict.MATCH, (index, result.codes)
        result = verifier.verify(held_up, templates[index], **asked)
        assert result.verdict is Verdict.UNUSABLE
        assert result.codes[0] in ("flat", "no_turn", "wrong_way")


def test_another_person_is_refused(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    for index, template in templates.items():
        burst = faces_orl.capture((index + 1) % faces_orl.PEOPLE, random.Random(index))
        result = verifier.verify(burst, template)
        assert result.verdict is Verdict.MISMATCH, (index, result.score)
        assert result.codes == ("not_this_person",)


def test_a_search_finds_the_person_or_says_unknown(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    known = {str(index): template for index, template in templates.items()}
    found = verifier.identify(faces_orl.capture(15, random.Random(1)), known)
    assert (found.found, found.person) == (Found.KNOWN, "15")
    stranger = verifier.identify(faces_orl.capture(3, random.Random(1)), known)
    assert (stranger.found, stranger.person) == (Found.UNKNOWN, None)


@pytest.mark.parametrize(
    ("fault", "code", "advice"),
    [
        ({"dark": True}, "too_dark", "开灯"),
        ({"blurred": True}, "blurred", "站稳"),
        ({"covered": True}, "camera_covered", "移开"),
        ({"two_people_with": 22}, "two_faces", "其他人"),
        ({"masked": True}, "face_occluded", "请摘下口罩，正对镜头"),
    ],
)
def test_a_picture_that_shows_nobody_gives_no_score_and_says_what_to_do(
    verifier: FaceVerifier,
    templates: dict[int, FaceTemplate],
    fault: dict[str, Any],
    code: str,
    advice: str,
) -> None:
    for index in (0, 15):
        burst = faces_orl.capture(index, random.Random(index), **fault)
        result = verifier.verify(burst, templates[index])
        assert result.verdict is Verdict.UNUSABLE
        assert result.score is None
        assert code in result.codes
        assert any(advice in reason.zh for reason in result.reasons)
        assert all(reason.en for reason in result.reasons)


def _edited(verifier: FaceVerifier, template: FaceTemplate, frame: Picture) -> FaceVerdict:
    return verifier.verify([frame], template)


def test_light_distance_and_place_are_told_apart(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    frame, template = _frames(0)[0], templates[0]
    assert _edited(verifier, template, frame).verdict is Verdict.MATCH

    glare = cv2.add(frame, np.full_like(frame, 130)).astype(np.uint8)
    assert "too_bright" in _edited(verifier, template, glare).codes

    haze = (frame * 0.12 + 120).astype(np.uint8)
    assert _edited(verifier, template, haze).codes[0] in {"low_contrast", "camera_covered"}

    def shown_at(scale: float) -> Picture:
        small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        canvas = np.full_like(frame, 140)
        canvas[: small.shape[0], : small.shape[1]] = small
        return canvas

    width = verifier.verify([frame], template).frames[0].face_width
    assert width is not None
    near, far = 75 / width, 55 / width
    assert _edited(verifier, template, shown_at(near)).verdict is Verdict.MATCH
    assert _edited(verifier, template, shown_at(far)).codes == ("face_too_small",)

    left = np.full_like(frame, 140)
    left[:, : 640 - 260] = frame[:, 260:]
    assert "face_out_of_frame" in _edited(verifier, template, left).codes

    wall = np.zeros_like(frame)
    wall[:240] = 200
    assert _edited(verifier, template, wall).codes == ("no_face",)
    assert _edited(verifier, template, np.full_like(frame, 250)).codes == ("too_bright",)


def test_a_portrait_on_the_far_wall_is_no_second_person(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    frame = _frames(0)[0].copy()
    portrait = cv2.resize(_frames(22)[0], (160, 120), interpolation=cv2.INTER_AREA)
    frame[:120, 480:] = portrait
    assert verifier.verify([frame], templates[0]).verdict is Verdict.MATCH


def test_a_large_photo_is_taken_as_it_is(
    verifier: FaceVerifier, templates: dict[int, FaceTemplate]
) -> None:
    large = cv2.resize(_frames(0)[0], (2560, 1920), interpolation=cv2.INTER_CUBIC)
    result = verifier.verify([large.astype(np.uint8)], templates[0])
    assert result.verdict is Verdict.MATCH
    assert result.frames[0].face_width is not None
    assert result.frames[0].face_width < 640


def test_the_width_limit_cannot_be_set_below_its_floor() -> None:
    assert QualityLimits(min_face_width=FACE_WIDTH_FLOOR).min_face_width == FACE_WIDTH_FLOOR
    with pytest.raises(ValueError, match="48"):
        QualityLimits(min_face_width=FACE_WIDTH_FLOOR - 1)
