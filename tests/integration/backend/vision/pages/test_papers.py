"""Photographs of papers against what was approved, with the real text models.

A few rendered cases, so that every part is seen working; the rates are the bench's business
(docs/vision.md).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
import pytest

from backend.domain.eyes import Box, PageFinding
from backend.vision.decode import Picture, decode
from backend.vision.pages import compare, facts, finding, reference, reuse
from backend.vision.pages.compare import Comparison, Zone
from backend.vision.pages.ink import Gray
from backend.vision.pages.reader import Reader, Reading
from backend.vision.pages.reference import ReferencePage
from backend.vision.pages.settings import DEFAULT_PAGE_SETTINGS
from backend.vision.pages.unchanged import Pair, unchanged
from tests.support.paper_cases import cases, photographs, presses, sheets, tamper, typeset
from tests.support.paper_cases.cases import PaperCase
from tests.support.paper_cases.words import Paper, paper

STYLE = typeset.Style("Noto Serif SC", 14, 20, 1.0, 30, 25, False, True)
PAPER = paper("land_contract", 20)


@pytest.fixture(scope="module")
def reader() -> Reader:
    cv2.setNumThreads(1)
    return Reader()


@lru_cache(maxsize=4)
def file_of(approved: Paper) -> bytes:
    return typeset.pdf(approved, STYLE)


@pytest.fixture(scope="module")
def approved(reader: Reader) -> ReferencePage:
    (page,) = reference.make(file_of(PAPER), reader=reader)
    return page


def sheet(altered: Paper | None = None) -> Picture:
    return sheets.printed(typeset.sheets(altered or PAPER, STYLE)[0], random.Random(1))


def photo(of: Picture, level: str = "mild", turned: bool = False) -> bytes:
    return photographs.photograph(of, level, random.Random(4), turned=turned)


def zones_of(page: ReferencePage) -> list[Zone]:
    """As the program proposes them."""
    return [Zone(0, place.box) for place in facts.extract(page).places]


def look(
    of: bytes, pages: Sequence[ReferencePage], reader: Reader, zones: Sequence[Zone] = ()
) -> Comparison:
    return compare.page(of, pages, zones, reader=reader)


def test_the_approved_page_is_the_same_signed_and_upside_down(
    approved: ReferencePage, reader: Reader
) -> None:
    zones = zones_of(approved)
    assert len(zones) >= 2
    signed = sheet()
    height, width = signed.shape[:2]
    for zone in [z for z in zones if z.box[3] < 0.1]:
        left, top, wide, high = zone.box
        area = (left * width + 12, top * height + 8, wide * width * 0.7, high * height - 16)
        signed = sheets.signed(signed, area, random.Random(3))
    seen = look(photo(signed, "medium", turned=True), [approved], reader, zones)
    assert seen.verdict.finding is PageFinding.SAME, seen.verdict
    assert seen.verdict.page == 0
    # The signatures are what tells: without their zones the sheet is not the approved one.
    bare = look(photo(signed, "medium", turned=True), [approved], reader)
    assert bare.verdict.finding is PageFinding.ALTERED
    assert {mark.kind for mark in bare.verdict.marks} & {"ink", "added"}


def test_another_amount_is_found_read_and_shown_where_it_stands(
    approved: ReferencePage, reader: Reader
) -> None:
    at = next(i for i, text in enumerate(PAPER.paragraphs) if "￥" in text)
    figure = next(s for s in PAPER.paragraphs[at].partition("￥")[2] if s in "123456789")
    other = "9" if figure != "9" else "4"
    head, yen, tail = PAPER.paragraphs[at].partition("￥")
    altered = PAPER.with_paragraph(at, head + yen + tail.replace(figure, other, 1))
    verdict = look(photo(sheet(altered)), [approved], reader, zones_of(approved)).verdict
    assert verdict.finding is PageFinding.ALTERED
    mark = verdict.marks[0]
    assert (figure in mark.approved, other in mark.found) == (True, True), mark
    amount = next(line for line in approved.lines if "￥" in line.text)
    assert mark.box[1] * approved.size[1] == pytest.approx(amount.box[1], abs=12)


def test_a_nought_squeezed_in_by_pen_is_found(approved: ReferencePage, reader: Reader) -> None:
    signs = typeset.glyphs(file_of(PAPER))[0]
    drawn = typeset.sheets(PAPER, STYLE)[0]
    altered = tamper.marked(drawn, signs, "squeezed_nought", random.Random(8))
    of = photo(sheets.printed(altered, random.Random(1)))
    verdict = look(of, [approved], reader, zones_of(approved)).verdict
    assert verdict.finding is PageFinding.ALTERED
    assert 1 <= len(verdict.marks) <= 4


def test_a_nought_beside_the_number_of_the_page_is_found(
    approved: ReferencePage, reader: Reader
) -> None:
    signs = typeset.glyphs(file_of(PAPER))[0]
    assert [sign.sign for sign in signs[-3:]] == ["—", "1", "—"]
    drawn = typeset.sheets(PAPER, STYLE)[0]
    altered = tamper.marked(drawn, signs[-2:], "squeezed_nought", random.Random(8))
    of = photo(sheets.printed(altered, random.Random(1)), "medium")
    verdict = look(of, [approved], reader, zones_of(approved)).verdict
    assert verdict.finding is PageFinding.ALTERED
    assert all(mark.box[1] > 0.9 for mark in verdict.marks)


def softened(blur: float) -> bytes:
    soft = cv2.GaussianBlur(decode(photo(sheet())), (0, 0), blur)
    return cv2.imencode(".jpg", soft)[1].tobytes()


class Misreader(Reader):
    """Takes the last letter of the first line for another one."""

    def read(self, crops: Sequence[Gray]) -> list[Reading]:
        first, *others = super().read(crops)
        return [Reading(first.text[:-1] + "末", first.at, first.sure), *others]


def test_a_soft_picture_of_which_a_letter_is_read_otherwise_is_taken_again(
    approved: ReferencePage, reader: Reader
) -> None:
    zones = zones_of(approved)
    seen = look(softened(1.7), [approved], reader, zones).verdict
    assert seen.finding is PageFinding.SAME, seen
    assert seen.scores["softness"] >= DEFAULT_PAGE_SETTINGS.soft
    doubted = look(softened(1.7), [approved], Misreader(), zones).verdict
    assert (doubted.finding, doubted.reasons) == (PageFinding.RETAKE, ("blurred",)), doubted


def test_no_picture_that_hides_short_strokes_is_called_the_same(
    approved: ReferencePage, reader: Reader
) -> None:
    verdict = look(softened(2.1), [approved], reader, zones_of(approved)).verdict
    assert verdict.scores["softness"] < DEFAULT_PAGE_SETTINGS.too_soft
    assert (verdict.scores["clearest"], verdict.scores["reread"]) == (0, 0)
    assert verdict.scores["passed"] < DEFAULT_PAGE_SETTINGS.doubt
    assert (verdict.finding, verdict.reasons) == (PageFinding.RETAKE, ("blurred",)), verdict


def test_another_paper_and_a_blank_sheet(approved: ReferencePage, reader: Reader) -> None:
    other = typeset.sheets(paper("receipt", 3), STYLE)[0]
    assert look(photo(other), [approved], reader).verdict.finding is PageFinding.ANOTHER
    blank = np.full_like(other, 250)
    assert look(photo(blank), [approved], reader).verdict.finding is PageFinding.BLANK
    assert look(photo(blank), [], reader).verdict.finding is PageFinding.BLANK
    assert look(photo(other), [], reader).verdict.finding is PageFinding.NO_REFERENCE


def test_a_page_beyond_those_to_be_stamped(reader: Reader) -> None:
    made: PaperCase = cases.make(
        5,
        random.Random(5),
        wanted=cases.EXTRA,
        level="mild",
        kind="long_lease",
        fonts=("Noto Serif SC",),
    )
    pages = reference.make(made.reference, reader=reader)
    assert [page.index for page in pages] == [0, 1]
    verdict = compare.page(made.photo, pages, reader=reader, to_stamp=made.to_stamp).verdict
    assert (verdict.finding, verdict.page) == (PageFinding.EXTRA, 1)


def damaged(how: str) -> bytes:
    picture = decode(photo(sheet()))
    height, width = picture.shape[:2]
    if how == "dark":
        picture = (picture * 0.12).astype(np.uint8)
    elif how == "blurred":
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), 6), np.uint8)
    elif how == "covered":
        hand = (round(width * 0.5), round(height * 0.3))
        cv2.ellipse(picture, hand, (260, 190), 20, 0, 360, (95, 130, 190), -1)
    elif how == "cut_off":
        picture = picture[:, : round(width * 0.6)]
    elif how == "too_small":
        small = cv2.resize(picture, None, fx=0.45, fy=0.45, interpolation=cv2.INTER_AREA)
        picture = np.asarray(small, np.uint8)
    elif how == "two_pages":
        picture = np.asarray(cv2.hconcat([picture, picture]), np.uint8)
    return cv2.imencode(".jpg", picture)[1].tobytes()


@pytest.mark.parametrize("how", ["dark", "blurred", "covered", "cut_off", "too_small", "two_pages"])
def test_what_cannot_be_compared_is_taken_again_and_says_why(
    how: str, approved: ReferencePage, reader: Reader
) -> None:
    verdict = look(damaged(how), [approved], reader, zones_of(approved)).verdict
    assert (verdict.finding, verdict.reasons) == (PageFinding.RETAKE, (how,)), verdict


def test_a_scan_is_a_reference_too(reader: Reader) -> None:
    turned = sheet()
    height, width = turned.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 1.5, 1.0)
    scan = cv2.warpAffine(turned, turn, (width, height), borderValue=(255, 255, 255))
    (page,) = reference.make(cv2.imencode(".png", scan)[1].tobytes(), reader=reader)
    assert page.source == "picture"
    assert facts.extract(page).amounts
    assert look(photo(sheet()), [page], reader).verdict.finding is PageFinding.SAME


def in_photo(share: Box, plane: np.ndarray, page: ReferencePage, of: bytes) -> Box:
    """A box of the page in shares of the photograph."""
    width, height = page.size
    left, top, wide, high = share
    corners = np.array(
        [
            [
                (left * width, top * height),
                ((left + wide) * width, top * height),
                ((left + wide) * width, (top + high) * height),
                (left * width, (top + high) * height),
            ]
        ],
        np.float64,
    )
    there = cv2.perspectiveTransform(corners, np.linalg.inv(plane))[0]
    rows, columns = decode(of).shape[:2]
    low, most = there.min(axis=0), there.max(axis=0)
    return (
        float(low[0] / columns),
        float(low[1] / rows),
        float((most[0] - low[0]) / columns),
        float((most[1] - low[1]) / rows),
    )


@lru_cache(maxsize=3)
def pressed(wanted: str, reader: Reader) -> tuple[presses.PressCase, ReferencePage, Pair]:
    made = presses.press(2, wanted, fonts=("Noto Serif SC",))
    (page,) = reference.make(made.reference, [0], reader=reader)
    before = finding.find(decode(made.before), [page], DEFAULT_PAGE_SETTINGS)
    assert before is not None
    imprint = in_photo(made.imprint[1:], before.plane, page, made.before)
    pair = unchanged(
        made.before, made.after, imprints=[imprint], reference=page, plane=before.plane
    )
    return made, page, pair


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (presses.HONEST, PageFinding.SAME),
        (presses.WRITTEN, PageFinding.ALTERED),
        (presses.SWAPPED, PageFinding.ANOTHER),
    ],
)
def test_after_the_press_the_page_is_the_one_from_before(
    wanted: str, said: PageFinding, reader: Reader
) -> None:
    _, _, pair = pressed(wanted, reader)
    assert pair.verdict.finding is said, pair.verdict


def test_a_stamped_sheet_is_known_again_and_its_twin_is_not(reader: Reader) -> None:
    made, page, pair = pressed(presses.HONEST, reader)
    assert pair.sight is not None
    used = reuse.from_bytes(reuse.to_bytes(reuse.trace(pair.sight, page.digest)))

    def trace_of(of: bytes) -> reuse.Trace:
        seen = look(of, [page], reader)
        assert seen.sight is not None
        return reuse.trace(seen.sight, page.digest)

    assert reuse.reused(trace_of(made.again), [used]) is not None
    assert reuse.reused(trace_of(made.twin), [used]) is None
    assert reuse.reused(trace_of(made.before), [used]) is None
