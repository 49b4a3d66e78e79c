from __future__ import annotations

import numpy as np
import pytest

from backend.vision.liveness import Level, LivenessSettings, Sighting, look

ACCEPT, DOUBTFUL = 0.45, 0.40


def seen(turn: float, *, breadth: float = 1.0, x: float = 300, alike: float = 0.8) -> Sighting:
    """A face whose nose stands ``turn`` eye distances off; ``breadth`` narrows it."""
    eyes = 100 * breadth
    left, right = x - eyes / 2, x + eyes / 2
    marks = [(left, 200), (right, 200), (x + turn * eyes, 260), (x - 30, 300), (x + 30, 300)]
    return Sighting.of(np.array(marks, np.float32), alike)


def challenge(*frames: Sighting, side: str = "left") -> tuple[bool, tuple[str, ...]]:
    found = look(
        Level.CHALLENGE,
        "left" if side == "left" else "right",
        frames,
        accept=ACCEPT,
        doubtful=DOUBTFUL,
    )
    return found.live, found.codes


@pytest.mark.parametrize(("side", "sign"), [("left", 1), ("right", -1)])
def test_a_head_that_turns_to_the_asked_side_lives(side: str, sign: int) -> None:
    frames = (seen(0.02), seen(0.15 * sign, breadth=0.97), seen(0.3 * sign, breadth=0.85))
    assert challenge(*frames, side=side) == (True, ())
    other = "right" if side == "left" else "left"
    assert challenge(*frames, side=other) == (False, ("wrong_way",))


def test_c11_a_flat_picture_turned_has_no_nose_to_turn() -> None:
    frames = (seen(0.0), seen(0.01, breadth=0.9), seen(0.03, breadth=0.75))
    assert challenge(*frames) == (False, ("flat",))
    # Far turned, its landmarks slip aside a little; a head's nose would have gone further.
    slipped = (seen(0.0), seen(0.1, breadth=0.8), seen(0.19, breadth=0.7))
    assert challenge(*slipped) == (False, ("no_turn",))


def test_c11_a_small_turn_counts_where_the_face_looks_less_like_its_front() -> None:
    # What one photograph of a thousand did, and what a head does that turns as little.
    front = seen(-0.04, breadth=0.92, alike=0.95)
    assert challenge(front, seen(0.143, breadth=0.806, alike=0.86)) == (False, ("no_turn",))
    assert challenge(front, seen(0.143, breadth=0.806, alike=0.75)) == (True, ())
    assert challenge(front, seen(0.18, breadth=0.806, alike=0.86)) == (True, ())


def test_a_face_too_narrow_to_tell_accuses_nobody() -> None:
    far = (seen(0.0), seen(0.5, breadth=0.5))
    assert challenge(*far) == (False, ("too_far",))
    # On the way there it was seen well enough.
    assert challenge(seen(0.0), seen(0.3, breadth=0.8), seen(0.5, breadth=0.5)) == (True, ())


def test_an_engine_that_tells_no_breadth_wants_the_widest_turn() -> None:
    def bare(turn: float) -> Sighting:
        return Sighting((250, 200), (350, 200), (300 + 100 * turn, 260), None, 0.8)

    assert challenge(bare(0.0), bare(0.2)) == (False, ("no_turn",))
    assert challenge(bare(0.0), bare(0.23)) == (True, ())


def test_c11_a_flat_picture_held_still_does_not_turn() -> None:
    assert challenge(seen(0.05), seen(0.05), seen(0.06)) == (False, ("no_turn",))
    assert challenge(seen(0.0), seen(0.1), seen(0.13)) == (False, ("no_turn",))


def test_a_picture_of_a_turned_head_is_no_front() -> None:
    assert challenge(seen(0.3), seen(0.3)) == (False, ("no_frontal",))


def test_another_person_in_the_turned_frame_is_seen() -> None:
    frames = (seen(0.0), seen(0.3, breadth=0.9, alike=0.2))
    assert challenge(*frames) == (False, ("turned_other",))
    assert challenge(seen(0.0, alike=0.42), seen(0.3, breadth=0.9))[1] == ("turned_other",)


@pytest.mark.parametrize("level", [Level.BURST, Level.CHALLENGE])
def test_a_face_that_jumps_is_not_one_person(level: Level) -> None:
    far = (seen(0.0), seen(0.3, x=520))
    found = look(level, "left", far, accept=ACCEPT, doubtful=DOUBTFUL)
    assert (found.live, found.codes) == (False, ("not_continuous",))


def test_levels() -> None:
    assert Level.of("left", 3) is Level.CHALLENGE
    assert Level.of("none", 3) is Level.BURST
    assert Level.of("none", 1) is Level.NONE
    one = (seen(0.0),)
    assert look(Level.NONE, "none", one, accept=ACCEPT, doubtful=DOUBTFUL).live
    burst = look(Level.BURST, "none", one, accept=ACCEPT, doubtful=DOUBTFUL)
    assert burst.codes == ("too_few_frames",)
    assert look(Level.BURST, "none", one * 2, accept=ACCEPT, doubtful=DOUBTFUL).live


def test_settings_do_not_let_flat_pictures_through() -> None:
    with pytest.raises(ValueError, match="flat"):
        LivenessSettings(min_turn=0.1)
