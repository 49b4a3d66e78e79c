from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from backend.vision.imprints import ImprintSettings, difference, find
from backend.vision.imprints.pairs import quality
from tests.support.imprint_cases import drawn


@pytest.mark.parametrize(
    ("kind", "seed"),
    [
        ("faint", 11),
        ("edge", 11),
        ("over_old", 11),
        ("two_seals", 11),
        ("again", 1011),  # nearly in one place with the older one: told by its density only
        ("wet", 12),  # its line is so wide that the rest of it passed for a second ring
        ("fan", 1012),  # an ellipse, whose leftover passed for a second ring
    ],
)
def test_counts_what_one_press_left(kind: str, seed: int) -> None:
    case = drawn(kind, seed)
    found = difference(case.before, case.after)
    assert found.reasons == ()
    assert found.same_sheet
    assert len(found.imprints) == len(case.new)
    for truth in case.new:
        assert (
            min(math.hypot(one.ring.x - truth.x, one.ring.y - truth.y) for one in found.imprints)
            < 5
        )


def test_an_imprint_over_the_edge_is_known_as_cut() -> None:
    case = drawn("seam", 34, "mild")
    (one,) = difference(case.before, case.after).imprints
    assert one.ring.cut
    assert one.ring.on_sheet < 0.97
    whole = drawn("plain", 31, "mild")
    (other,) = difference(whole.before, whole.after).imprints
    assert not other.ring.cut


def test_says_where_it_is_in_the_picture() -> None:
    case = drawn("plain", 31, "mild")
    (one,) = difference(case.before, case.after).imprints
    left, top, width, height = one.box
    truth = case.new[0]
    assert left < truth.x / 210 < left + width
    assert top < truth.y / 297 < top + height
    assert 0.1 < width < 0.35


def test_red_that_is_no_imprint_is_named_apart() -> None:
    case = drawn("none_thumb", 2)
    found = difference(case.before, case.after)
    assert found.imprints == ()
    assert found.other_ink_mm2 > 30


def test_the_same_picture_twice_has_nothing_new() -> None:
    case = drawn("plain", 31, "mild")
    assert difference(case.after, case.after).imprints == ()


def test_another_sheet_is_not_taken_for_this_one() -> None:
    one, other = drawn("plain", 31, "mild"), drawn("signed", 31)
    found = difference(one.before, other.after)
    assert found.same_sheet is False
    assert found.reasons == ("unreadable",)


def test_one_picture_shows_its_imprints() -> None:
    case = drawn("plain", 31, "mild")
    (one,) = find(case.after)
    assert math.hypot(one.ring.x - case.new[0].x, one.ring.y - case.new[0].y) < 5
    assert find(case.before) == ()


def test_a_known_page_gives_the_place_in_its_own_millimetres() -> None:
    case = drawn("plain", 31, "mild")
    size = case.before.shape
    by_hand = np.array([[210 / size[1], 0, 0], [0, 210 / size[1], 0], [0, 0, 1.0]])
    (plain,) = difference(case.before, case.after, to_page=by_hand).imprints
    moved = np.array([[1, 0, 30.0], [0, 1, 0], [0, 0, 1]]) @ by_hand
    (there,) = difference(case.before, case.after, to_page=moved).imprints
    assert there.ring.x - plain.ring.x == pytest.approx(30, abs=1)


@pytest.mark.parametrize(("change", "reason"), [("dark", "dark"), ("blurred", "blurred")])
def test_a_bad_picture_has_to_be_taken_again(change: str, reason: str) -> None:
    case = drawn("plain", 31, "mild")
    bad = (
        (case.after // 8).astype(np.uint8)
        if change == "dark"
        else cv2.GaussianBlur(case.after, (0, 0), 12).astype(np.uint8)
    )
    found = difference(case.before, bad)
    assert found.reasons == (reason,)
    assert found.imprints == ()


def test_a_covered_lens_is_said() -> None:
    grey = np.full((800, 600, 3), 120, np.uint8)
    assert quality(grey) == ("covered",)


def test_settings_refuse_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="radius"):
        ImprintSettings(radius_mm=210)
    with pytest.raises(ValueError, match="coverage"):
        ImprintSettings(min_edge_coverage=0.9)
