from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.vision.liveness import DriftSettings, Print, drift, is_replay, print_of

DAY = 86_400_000
EYES = np.array([[200, 210], [260, 212]], np.float32)


def crop(seed: int, noise: int = 0) -> NDArray[np.uint8]:
    dice = np.random.default_rng(seed)
    small = dice.integers(40, 215, (14, 14, 3), dtype=np.uint8)
    face = cv2.resize(small, (112, 112), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    if noise:
        face += np.random.default_rng(noise).integers(-3, 4, face.shape, dtype=np.int16)
    return np.clip(face, 0, 255).astype(np.uint8)


def test_the_same_bytes_again_are_a_replay() -> None:
    assert is_replay([print_of(b"one")], [print_of(b"one")])
    assert not is_replay([print_of(b"one")], [print_of(b"two")])
    assert not is_replay([print_of(b"one")], [])


def test_the_same_capture_packed_anew_is_a_replay() -> None:
    earlier = print_of(b"one", crop(1), EYES, 640)
    again = print_of(b"two", crop(1, noise=5), EYES + 0.4, 640)
    assert is_replay([again], [earlier])


@pytest.mark.parametrize(
    "other",
    [
        print_of(b"two", crop(2), EYES, 640),
        print_of(b"two", crop(1, noise=5), EYES + 25, 640),
    ],
    ids=["another face in that place", "the same face elsewhere"],
)
def test_alike_is_no_replay(other: Print) -> None:
    assert not is_replay([other], [print_of(b"one", crop(1), EYES, 640)])


def test_a_print_survives_storing() -> None:
    one = print_of(b"one", crop(1), EYES, 640)
    kept = Print.of_plain(one.plain())
    assert kept is not None
    assert is_replay([kept], [print_of(b"two", crop(1, noise=3), EYES, 640)])
    assert Print.of_plain(["x"]) is None
    assert Print.of_plain(None) is None


def scores(*values: float) -> list[tuple[int, float]]:
    return [(at * DAY, value) for at, value in enumerate(values)]


def test_sinking_scores_suggest_to_enrol_again() -> None:
    sinking = drift(scores(*[0.7] * 6, *[0.52] * 5), accept=0.45, now_ms=20 * DAY)
    assert sinking.enrol_again
    assert (sinking.before, sinking.now) == (0.7, 0.52)


@pytest.mark.parametrize(
    ("values", "now"),
    [
        ([0.7] * 11, 20),  # steady
        ([0.9] * 6 + [0.75] * 5, 20),  # sinking, yet far above
        ([0.7] * 3 + [0.5] * 5, 20),  # too few
        ([0.7] * 6 + [0.52] * 5, 900),  # long ago
    ],
)
def test_others_do_not(values: list[float], now: int) -> None:
    assert not drift(scores(*values), accept=0.45, now_ms=now * DAY).enrol_again


def test_how_many_is_a_setting() -> None:
    few = DriftSettings(recent=2, earlier=2)
    assert drift(scores(0.7, 0.7, 0.5, 0.5), accept=0.45, now_ms=9 * DAY, settings=few).enrol_again
