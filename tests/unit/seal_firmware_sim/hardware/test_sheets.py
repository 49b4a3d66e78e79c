"""What people do with sheets, and what the page camera makes of it."""

from __future__ import annotations

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageChops

from seal_firmware_sim.hardware import pages, sheets
from seal_firmware_sim.hardware.cameras import FINE, DeskPageCamera, Paper, typeset
from seal_firmware_sim.hardware.pages import SIGN_HERE, Page


@pytest.fixture(scope="module")
def relief() -> Page:
    return pages.render("relief_application", {"amount": "8000"}, seed=2, width=900)


def changed(page: Page, sheet: Image.Image) -> tuple[int, int, int, int] | None:
    return ImageChops.difference(page.image, sheet).getbbox()


def redness(picture: Image.Image) -> float:
    rgb = np.asarray(picture.convert("RGB")).astype(np.int16)
    return float((rgb[..., 0] - np.maximum(rgb[..., 1], rgb[..., 2]) > 60).mean())


def test_a_signature_stands_behind_what_asks_for_it(relief: Page) -> None:
    box = changed(relief, sheets.signed(relief, random.Random(1)))
    assert box is not None
    asked = [line for line in relief.placed if SIGN_HERE in line.text]
    assert len(asked) == 2
    assert box[0] > asked[0].left + 5 * asked[0].size
    assert box[1] > asked[0].top - asked[0].size
    assert box[3] < asked[1].top + 2 * asked[1].size


def test_no_two_signatures_are_alike(relief: Page) -> None:
    one, other = (sheets.signed(relief, random.Random(seed)) for seed in (1, 2))
    assert ImageChops.difference(one, other).getbbox() is not None


def test_nobody_signs_where_nobody_asks(relief: Page) -> None:
    silent = Page(relief.image, (), relief.seal_at, relief.seal_text)
    with pytest.raises(ValueError, match="nobody is asked"):
        sheets.signed(silent, random.Random(1))


def test_another_amount_takes_the_place_of_the_approved_one_and_no_more(relief: Page) -> None:
    sheet, places = sheets.reprinted(relief, "捌仟元整", "捌万元整")
    assert places == 1
    [line] = [one for one in relief.placed if "捌仟元整" in one.text]
    box = changed(relief, sheet)
    assert box is not None
    before = line.text.index("捌仟元整")
    assert line.left + (before - 0.2) * line.size < box[0]
    assert box[2] < line.left + (before + 4.2) * line.size
    assert line.top <= box[1]
    assert box[3] <= line.top + 1.6 * line.size


def test_words_that_are_not_there_are_not_replaced(relief: Page) -> None:
    sheet, places = sheets.reprinted(relief, "玖佰元整", "玖万元整")
    assert places == 0
    assert changed(relief, sheet) is None


def test_lines_stand_where_the_page_says(relief: Page) -> None:
    ink = np.asarray(relief.image.convert("L")) < 128
    for line in relief.placed:
        row = ink[round(line.top) : round(line.top + 1.5 * line.size)]
        first = int(np.argmax(row.any(axis=0)))
        indent = len(line.text) - len(line.text.lstrip("　"))
        assert abs(first - line.left - indent * line.size) < line.size


def test_a_specimen_is_one_whole_imprint_on_white() -> None:
    picture = sheets.specimen("义渡镇柳塘村民委员会", random.Random(3))
    assert 0.05 < redness(picture) < 0.5
    edge = Image.new("1", picture.size, 1)
    edge.paste(0, (20, 20, picture.width - 20, picture.height - 20))
    assert redness(Image.composite(picture, Image.new("RGB", picture.size, "white"), edge)) == 0


@pytest.fixture
def camera() -> DeskPageCamera:
    return DeskPageCamera(random.Random(5))


def test_what_lies_under_the_sleeve_is_what_it_sees(camera: DeskPageCamera, relief: Page) -> None:
    paper = Paper("certificate", 3, "义渡镇柳塘村民委员会", width=400)
    camera.lay(paper, sheets.blank(typeset(paper)))
    blank = Image.open(io.BytesIO(camera.photograph("before", 1))).convert("L")
    camera.lay(paper)
    printed = Image.open(io.BytesIO(camera.photograph("before", 2))).convert("L")
    inner = (60, 60, 380, 500)
    assert np.asarray(blank.crop(inner)).min() > 150 > np.asarray(printed.crop(inner)).min()


def test_a_fresh_sheet_has_no_imprint_of_the_one_before(camera: DeskPageCamera) -> None:
    paper = Paper("certificate", 3, "义渡镇柳塘村民委员会", width=400)
    camera.lay(paper)
    pressed = Image.open(io.BytesIO(camera.photograph("after", 1)))
    camera.lay(paper)
    fresh = Image.open(io.BytesIO(camera.photograph("before", 1)))
    assert redness(pressed) > 0.002 > 4 * redness(fresh)


def test_letters_and_seals_can_be_told_apart_in_what_it_sees() -> None:
    """The eyes want five pixels a millimetre; see backend.vision.imprints.settings."""
    assert Paper("certificate", 1, "").width == FINE
    assert FINE / 210 > 5


def test_an_amount_that_is_given_stands_on_the_paper() -> None:
    text = "".join(typeset(Paper("external_contract", 1, "", 50_000, 400)).lines)
    assert "伍万元整（￥50,000.00）" in text
