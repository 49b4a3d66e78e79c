from __future__ import annotations

import sys
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from backend.domain.eyes import ImprintFinding
from backend.vision.decode import Picture
from backend.vision.imprints import (
    Asked,
    Difference,
    ImprintSettings,
    ImprintTemplate,
    difference,
    judge,
)
from backend.vision.imprints.sheet import outline
from tests.support import imprint_cases as cases
from tests.support.imprint_cases import drawn

Found = ImprintFinding


Seals = Callable[[cases.Case], dict[str, ImprintTemplate]]


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pairs are compared once, however often they are judged."""
    monkeypatch.setattr(sys.modules[judge.__module__], "difference", _once)


_known: dict[tuple[object, ...], tuple[object, Difference]] = {}


def _once(
    before: Picture,
    after: Picture,
    *,
    to_page: NDArray[np.float64] | None,
    settings: ImprintSettings,
) -> Difference:
    key = (id(before), id(after), None if to_page is None else to_page.tobytes(), settings)
    if key not in _known:
        found = difference(before, after, to_page=to_page, settings=settings)
        # The pictures are kept, so that no other one gets their id.
        _known[key] = ((before, after), found)
    return _known[key][1]


def page_of(case: cases.Case) -> NDArray[np.float64]:
    """Good enough for a zone: a mild picture shows the page nearly straight."""
    width = case.before.shape[1]
    return np.diag([210 / width, 210 / width, 1.0])


@pytest.fixture(scope="module")
def right() -> cases.Case:
    return drawn("plain", 31, "mild")


def test_one_imprint_of_the_approved_seal_is_right(right: cases.Case, templates: Seals) -> None:
    verdict = judge(right.before, right.after, Asked(str(right.new[0].seal)), templates(right))
    assert verdict.finding is Found.RIGHT
    (seen,) = verdict.imprints
    assert seen.seal == str(right.new[0].seal)
    assert seen.coverage > 0.7
    assert [mark.kind for mark in verdict.marks] == ["imprint"]


def test_c8_another_seal_of_the_village(right: cases.Case, templates: Seals) -> None:
    asked = Asked(str((int(right.new[0].seal or 0) + 1) % 3))
    assert judge(right.before, right.after, asked, templates(right)).finding is Found.OTHER_SEAL


def test_c8_a_seal_that_nobody_enrolled(right: cases.Case, templates: Seals) -> None:
    known = templates(right)
    del known[str(right.new[0].seal)]
    asked = Asked(next(iter(known)))
    assert judge(right.before, right.after, asked, known).finding is Found.UNKNOWN_SEAL


def test_without_the_approved_seals_template_nothing_is_said_of_whose_it_is(
    right: cases.Case,
) -> None:
    asked = Asked(str(right.new[0].seal))
    assert judge(right.before, right.after, asked, {}).finding is Found.NO_TEMPLATE


def test_c21_pressed_but_nothing_on_the_paper(right: cases.Case, templates: Seals) -> None:
    asked = Asked(str(right.new[0].seal))
    verdict = judge(right.before, right.before, asked, templates(right))
    assert verdict.finding is Found.NONE


def test_c9_several_imprints(templates: Seals) -> None:
    case = drawn("double", 31)
    verdict = judge(case.before, case.after, Asked(str(case.new[0].seal)), templates(case))
    assert verdict.finding is Found.SEVERAL
    assert len(verdict.imprints) == len(verdict.marks) == 2


def test_c9_misplaced(right: cases.Case, templates: Seals) -> None:
    truth = right.new[0]
    box = (truth.x / 210 - 0.1, truth.y / 297 - 0.1, 0.2, 0.2)
    for zone, finding in ((box, Found.RIGHT), ((0.0, 0.0, 0.05, 0.05), Found.MISPLACED)):
        verdict = judge(
            right.before,
            right.after,
            Asked(str(truth.seal), zone),
            templates(right),
            to_page=page_of(right),
        )
        assert verdict.finding is finding


def test_c4_the_page_was_changed_meanwhile(right: cases.Case, templates: Seals) -> None:
    asked = Asked(str(right.new[0].seal))
    told = judge(right.before, right.after, asked, templates(right), page_changed=True)
    assert told.finding is Found.PAGE_CHANGED
    other = drawn("signed", 31)
    swapped = judge(right.before, other.after, asked, templates(right))
    assert swapped.finding is Found.PAGE_CHANGED


def test_a_seam_imprint_is_understood(templates: Seals) -> None:
    case = drawn("seam", 34, "mild")
    seal = str(case.new[0].seal)
    wanted = judge(case.before, case.after, Asked(seal, seam=True), templates(case))
    assert (wanted.finding, wanted.reasons) == (Found.RIGHT, ("seam",))
    whole = judge(case.before, case.after, Asked(seal, seam=False), templates(case))
    assert whole.finding is Found.MISPLACED
    zone = (0.4, 0.4, 0.05, 0.05)
    page = outline(case.before)
    assert page is not None
    either = judge(case.before, case.after, Asked(seal, zone), templates(case), to_page=page.matrix)
    assert (either.finding, either.reasons) == (Found.RIGHT, ("seam",))


def test_a_seam_was_asked_and_the_imprint_lies_on_the_page(
    right: cases.Case, templates: Seals
) -> None:
    asked = Asked(str(right.new[0].seal), seam=True)
    assert judge(right.before, right.after, asked, templates(right)).finding is Found.MISPLACED


def test_a_bad_picture_is_taken_again(right: cases.Case, templates: Seals) -> None:
    blurred = cv2.GaussianBlur(right.after, (0, 0), 12).astype(np.uint8)
    verdict = judge(right.before, blurred, Asked("0"), templates(right))
    assert (verdict.finding, verdict.reasons) == (Found.RETAKE, ("blurred",))


def test_a_picture_too_small_for_letters_accuses_nobody(
    right: cases.Case, templates: Seals
) -> None:
    seal = str(right.new[0].seal)
    small = [
        cv2.resize(one, None, fx=0.42, fy=0.42, interpolation=cv2.INTER_AREA).astype(np.uint8)
        for one in (right.before, right.after)
    ]
    others = {key: one for key, one in templates(right).items() if key != seal}
    verdict = judge(small[0], small[1], Asked(next(iter(others))), others)
    assert (verdict.finding, verdict.reasons) == (Found.RETAKE, ("too_small",))
