"""Typeset pages, their seals and their photos."""

from __future__ import annotations

import io
import random
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.domain.amounts import to_capital
from seal_firmware_sim.hardware import fonts, pages
from seal_firmware_sim.hardware.pages import DocumentKind, FontMissing, Page
from seal_firmware_sim.hardware.photographs import Level
from seal_firmware_sim.hardware.village_texts import capital_yuan

Rows = np.ndarray[tuple[int, ...], np.dtype[np.int16]]


def _redness(image: Image.Image) -> Rows:
    rgb = np.asarray(image).astype(np.int16)
    return rgb[..., 0] - np.maximum(rgb[..., 1], rgb[..., 2])


@pytest.fixture(scope="module")
def contract() -> Page:
    return pages.render(DocumentKind.LAND_CONTRACT, {"village": "青禾村"}, seed=4)


@pytest.mark.parametrize("kind", list(DocumentKind))
def test_every_kind_fits_on_one_page_with_room_for_its_seal(kind: DocumentKind) -> None:
    for seed in range(3):
        page = pages.render(kind, seed=seed, width=500)
        assert page.image.size == (500, 707)
        grey = np.asarray(page.image.convert("L"))
        assert (grey < 128).mean() > 0.005
        assert grey[:, :20].min() > 200
        assert grey[:, -20:].min() > 200
        x, y = page.seal_at
        radius = 500 / 10
        assert radius < x < 500 - radius
        assert y < 707 - radius


def test_fields_reach_the_page_and_amounts_are_written_twice() -> None:
    page = pages.render("loan_guarantee", {"amount": "50000", "person": "沈水根"}, width=400)
    text = "".join(page.lines)
    assert "沈水根" in text
    assert "人民币伍万元整（￥50,000.00）" in text
    assert page.seal_text.endswith("村民委员会")


def test_a_seed_fixes_the_page_and_another_changes_it() -> None:
    one, same, other = (
        pages.render(DocumentKind.MEETING_RESOLUTION, seed=seed, width=400) for seed in (1, 1, 2)
    )
    assert one.jpeg() == same.jpeg()
    assert one.lines == same.lines
    assert one.jpeg() != other.jpeg()


def test_closing_marks_never_start_a_line() -> None:
    for kind in DocumentKind:
        for line in pages.render(kind, seed=8, width=400).lines:
            assert line[0] not in "，。；：、）"
            assert line[-1] not in "（￥"


def test_a_page_for_a_camera_is_small_enough_to_send(contract: Page) -> None:
    data = contract.jpeg(70)
    assert contract.image.size == (900, 1273)
    assert len(data) < 200_000
    with Image.open(io.BytesIO(data)) as back:
        assert back.format == "JPEG"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="love_letter"):
        pages.render("love_letter")
    with pytest.raises(ValueError, match="colour"):
        pages.render(DocumentKind.CERTIFICATE, {"colour": "red"})
    with pytest.raises(ValueError, match="narrower"):
        pages.render(DocumentKind.CERTIFICATE, width=100)


def test_a_seal_is_red_where_it_was_pressed_and_nowhere_else(contract: Page) -> None:
    x, y = contract.seal_at
    stamped = pages.stamp(contract.image, contract.seal_text, x, y, random.Random(1))
    assert _redness(contract.image).max() < 30
    red = np.argwhere(_redness(stamped) > 60)
    assert len(red) > 2000
    middle = (red.min(axis=0) + red.max(axis=0)) / 2
    assert np.abs(middle - (y, x)).max() <= 4
    size = red.max(axis=0) - red.min(axis=0)
    assert np.abs(size - 900 * 42 / 210).max() <= 6


def test_print_below_a_seal_stays_dark(contract: Page) -> None:
    x, y = contract.seal_at
    stamped = pages.stamp(contract.image, contract.seal_text, x, y, random.Random(1))
    before, after = (np.asarray(image.convert("L")) for image in (contract.image, stamped))
    assert (after[before < 60] <= 60).all()


def test_no_two_imprints_are_alike_but_the_same_seed_repeats(contract: Page) -> None:
    x, y = contract.seal_at
    one, same, other = (
        pages.stamp(contract.image, contract.seal_text, x, y, random.Random(seed)).tobytes()
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_another_organisations_seal_looks_different(contract: Page) -> None:
    x, y = contract.seal_at
    one, other = (
        np.asarray(pages.stamp(contract.image, name, x, y, random.Random(3), turn=0.0)).astype(int)
        for name in ("萧山区义桥镇青禾村村民委员会", "萧山区义桥镇柳岸村股份经济合作社")
    )
    assert np.abs(one - other).max() > 100


@pytest.mark.parametrize("place", [(0, 0), (899, 1272), (-300, -300)])
def test_a_seal_over_the_edge_prints_only_what_is_on_the_page(
    contract: Page, place: tuple[int, int]
) -> None:
    stamped = pages.stamp(contract.image, "青禾村村民委员会", *place, random.Random(1))
    assert stamped.size == contract.image.size
    assert (_redness(stamped) > 60).any() == (place[0] >= 0)


@pytest.mark.parametrize("name", ["", "很" * 41])
def test_a_seal_has_a_name_that_fits(contract: Page, name: str) -> None:
    with pytest.raises(ValueError, match="1 to 40"):
        pages.stamp(contract.image, name, 100, 100, random.Random(1))


def _blur_of(image: Image.Image) -> float:
    grey = np.asarray(image.convert("L")).astype(np.float32)
    return -float(np.abs(np.diff(grey, axis=1)).max())


def test_photos_differ_by_seed_and_grow_worse_by_level(contract: Page) -> None:
    levels: tuple[Level, ...] = ("mild", "medium", "hard")
    photos = [pages.photograph(contract.image, random.Random(1), level) for level in levels]
    assert _blur_of(photos[0]) < _blur_of(photos[1]) < _blur_of(photos[2])
    again = pages.photograph(contract.image, random.Random(1))
    other = pages.photograph(contract.image, random.Random(2))
    assert again.tobytes() == photos[0].tobytes() != other.tobytes()
    assert photos[0].width > contract.image.width
    with pytest.raises(ValueError, match="awful"):
        pages.photograph(contract.image, random.Random(1), "awful")  # type: ignore[arg-type]  # the refusal is what is tested


@given(st.integers(0, 10**12 - 1))
def test_capital_numerals_agree_with_the_systems_own(yuan: int) -> None:
    assert capital_yuan(yuan) == to_capital(yuan * 100)


def test_amounts_out_of_range_are_refused() -> None:
    for yuan in (-1, 10**12):
        with pytest.raises(ValueError, match="trillion"):
            capital_yuan(yuan)


def test_without_any_chinese_font_the_error_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fonts, "ASSET", tmp_path / "none.ttf")
    monkeypatch.setattr(fonts, "SYSTEM_FOLDERS", (tmp_path,))
    fonts._found.cache_clear()
    fonts._opened.cache_clear()
    try:
        with pytest.raises(FontMissing, match="fonts-noto-cjk"):
            pages.render(DocumentKind.CERTIFICATE)
    finally:
        fonts._found.cache_clear()
        fonts._opened.cache_clear()


def test_a_font_without_chinese_glyphs_is_not_taken(tmp_path: Path) -> None:
    latin = next(Path("/usr/share/fonts").rglob("DejaVuSans.ttf"), None)
    if latin is None:
        pytest.skip("this machine has no Latin font to be refused")
    copy = tmp_path / "cjk-by-name-only.ttf"
    shutil.copy(latin, copy)
    with pytest.raises(FontMissing, match="cjk-by-name-only"):
        pages.render(DocumentKind.CERTIFICATE, font_path=copy)
    with pytest.raises(FontMissing):
        pages.render(DocumentKind.CERTIFICATE, font_path=tmp_path / "absent.ttf")
