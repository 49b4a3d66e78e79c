"""Grades, readings and kept bytes: what needs neither model nor photograph."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from backend.domain.eyes import Mark
from backend.vision.pages import crops, differences, features, reference, reuse, windows
from backend.vision.pages.errors import StoredPageError
from backend.vision.pages.reader import Reading
from backend.vision.pages.reference import Line, ReferencePage
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS as SETTINGS
from backend.vision.pages.windows import Window


def line(seen: str) -> Line:
    return Line(seen, seen, tuple(100 + 30.0 * at for at in range(len(seen))), (85, 200, 900, 32))


def reading(text: str, sure: float = 0.99) -> Reading:
    count = max(1, len(text))
    return Reading(text, tuple((at + 0.5) / count for at in range(len(text))), (sure,) * len(text))


def told(ours: str, theirs: str, sure: float = 0.99) -> list[differences.Rereading]:
    return differences.rereadings([line(ours)], [reading(theirs, sure)])


def test_another_figure_is_telling() -> None:
    (found,) = told("总额5万元", "总额50万元")
    assert (found.approved, found.found, found.telling) == ("", "0", True)


def test_signs_that_no_reader_tells_apart_are_one() -> None:
    assert told("甲方（以下简称：甲方）—1—", "甲方(以下简称:甲方)-1-") == []


def test_a_lost_comma_tells_nothing_and_neither_does_an_unsure_letter() -> None:
    assert [x.telling for x in told("同意，上报", "同意上报")] == [False]
    assert [x.telling for x in told("未末", "未未", sure=0.3)] == [False]


def window(likeness: float, extra: float = 0.0, missing: float = 0.0) -> Window:
    return Window(0, (100, 198, 34, 36), likeness, extra, missing)


def test_a_doubtful_window_counts_only_with_another_reading() -> None:
    doubtful = window(0.95, extra=0.85 * SETTINGS.extra)
    spots, passed = differences.printed([doubtful], [], [line("总额5万元")], 1.0, SETTINGS)
    assert spots == []
    assert passed == pytest.approx(0.85)
    again = told("总额5万元", "总额6万元")
    at_the_figure = Window(0, (150, 198, 60, 36), 0.95, 0.85 * SETTINGS.extra, 0.0)
    spots, _ = differences.printed([at_the_figure], again, [line("总额5万元")], 1.0, SETTINGS)
    assert [(spot.approved, spot.found) for spot in spots] == [("5", "6")]


def test_a_letter_that_looks_like_it_counts_by_half_a_limit_where_it_is_read_otherwise() -> None:
    alike = Window(0, (150, 198, 60, 36), 0.98, 0.6 * SETTINGS.extra, 0.0)
    again = told("总额5万元", "总额6万元")
    (spot,), _ = differences.printed([alike], again, [line("总额5万元")], 1.0, SETTINGS)
    assert spot.grade == pytest.approx(1.6)


def test_a_letter_that_looks_like_it_counts_by_its_strokes_and_its_likeness_together() -> None:
    assert differences.grade(window(0.92, extra=0.6 * SETTINGS.extra), 1.0, SETTINGS) >= 1


def test_pale_print_that_correlates_badly_is_no_difference_by_itself() -> None:
    under_a_stamp = window(0.80, extra=0.3 * SETTINGS.extra, missing=0.25 * SETTINGS.missing)
    assert differences.grade(under_a_stamp, 1.0, SETTINGS) < 1


def written(*blots: tuple[int, int, int]) -> np.ndarray:
    """Ink of a row of strokes, and blots (left, right, depth in hundredths) over it."""
    ink = np.zeros((80, 400), np.float32)
    for left in range(20, 200, 10):
        ink[30:60, left : left + 3] = 0.9
    for left, right, depth in blots:
        ink[34:56, left:right] = depth / 100
    return np.asarray(cv2.GaussianBlur(ink, (0, 0), 1.0), np.float32)


def worst(seen: np.ndarray, free: np.ndarray) -> float:
    looked = windows.compare(written(), seen, [(20, 30, 180, 30)], free)
    return max(differences.grade(one, 1.0, SETTINGS) for one in looked)


def test_a_window_partly_in_a_zone_is_judged_by_the_rest_of_it() -> None:
    signed = written((186, 260, 80))
    zone = np.zeros(signed.shape, bool)
    assert worst(signed, zone) > 1
    zone[:, 182:] = True
    assert worst(signed, zone) < 0.5
    assert worst(written((186, 260, 80), (172, 176, 80)), zone) > 1


def test_untouched_print_half_a_pixel_aside_is_still_untouched() -> None:
    aside = np.asarray(np.array([[1, 0, 0.5], [0, 1, 0.5]]), np.float32)
    seen = np.asarray(cv2.warpAffine(written(), aside, (400, 80)), np.float32)
    assert worst(seen, np.zeros(seen.shape, bool)) < 0.25


def test_the_grain_of_bare_paper_is_not_compared() -> None:
    grain = np.full((80, 400), 0.02, np.float32)
    free = np.zeros(grain.shape, bool)
    assert windows.compare(grain, 1.2 * grain, [(20, 30, 180, 30)], free) == []


def test_neighbouring_windows_are_one_place() -> None:
    lines = [line("总额5万元")]
    pair = [Window(0, (100 + x, 198, 34, 36), 0.2, 0.9, 0.9) for x in (0, 17, 34)]
    (spot,), _ = differences.printed(pair, [], lines, 1.0, SETTINGS)
    assert spot.box == (100, 198, 68, 36)
    assert spot.kind == "changed"


def test_a_softer_photograph_lowers_the_limits() -> None:
    assert differences.bluntness(1.0, SETTINGS) == 1.0
    assert 0.5 < differences.bluntness(2.4, SETTINGS) < 0.8


def a_page() -> ReferencePage:
    picture = np.full((400, 300, 3), 255, np.uint8)
    cv2.putText(picture, "5 000", (40, 200), cv2.FONT_HERSHEY_SIMPLEX, 2, (0, 0, 0), 4)
    ink = (255 - picture[:, :, 2]).astype(np.float32) / np.float32(255)
    return ReferencePage(3, "pdf", picture, (line("伍万"),), features.extract(ink), True, "ab" * 32)


def test_a_page_comes_back_as_it_was_kept() -> None:
    page = a_page()
    again = reference.from_bytes(reference.to_bytes(page))
    assert (again.index, again.lines, again.digest) == (page.index, page.lines, page.digest)
    assert np.array_equal(again.picture, page.picture)
    assert np.array_equal(again.features.points, page.features.points)
    assert np.array_equal(again.features.codes, page.features.codes)


@pytest.mark.parametrize("data", [b"", b"\x80", b"not a page", b"\x93\x01\x02\x03"])
def test_other_bytes_are_no_page_and_no_trace(data: bytes) -> None:
    with pytest.raises(StoredPageError):
        reference.from_bytes(data)
    with pytest.raises(StoredPageError):
        reuse.from_bytes(data)


def test_a_page_of_another_version_is_to_be_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = reference.to_bytes(a_page())
    monkeypatch.setattr(reference, "VERSION", reference.VERSION + 1)
    with pytest.raises(StoredPageError, match="page_outdated"):
        reference.from_bytes(kept)


def test_a_page_number_is_no_line_of_the_paper() -> None:
    def at(text: str, top: int) -> bool:
        return Line(text, text, (), (600, top, 50, 20)).is_page_number((1240, 1754))

    assert at("—1—", 1650)
    assert at("第12页/共20页", 60)
    assert not at("—1—", 900)
    assert not at("共1000元", 1650)
    assert not at("2026", 1650)


def test_crops_show_the_same_place_of_both_in_the_same_size() -> None:
    approved = np.full((1754, 1240, 3), 255, np.uint8)
    found = approved.copy()
    cv2.rectangle(found, (1200, 1700), (1220, 1720), (0, 0, 0), -1)
    mark = Mark("ink", (1200 / 1240, 1700 / 1754, 20 / 1240, 20 / 1754), 0)
    first, second = (
        cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        for data in crops.pair(mark, approved, found)
    )
    assert first is not None
    assert second is not None
    assert first.shape == second.shape
    assert cv2.absdiff(first, second).max() > 150
    with pytest.raises(ValueError, match="one size"):
        crops.pair(mark, approved, found[:100])
