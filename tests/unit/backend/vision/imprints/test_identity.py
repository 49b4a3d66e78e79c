from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.vision.imprints import ImprintError, ImprintTemplate, difference, enrol, identify
from backend.vision.imprints.template import ENGINE
from tests.support import imprint_cases as cases
from tests.support.imprint_cases import drawn


@dataclass(frozen=True)
class Said:
    text: str

    @property
    def sure(self) -> Sequence[float]:
        return [1.0] * len(self.text)


class Reads:
    """A reader that always reads the same."""

    def __init__(self, text: str) -> None:
        self.text = text

    def read(self, crops: Sequence[NDArray[np.uint8]]) -> Sequence[Said]:
        assert all(crop.ndim == 2 for crop in crops)
        return [Said(self.text)]


def templates_of(village: tuple[cases.Design, ...]) -> dict[str, ImprintTemplate]:
    return {
        str(at): enrol(cases.enrolment(design, 1, 1), name=design.name).template
        for at, design in enumerate(village)
    }


@pytest.fixture(scope="module")
def plain() -> tuple[cases.Case, dict[str, ImprintTemplate]]:
    case = drawn("turned", 21)
    return case, templates_of(case.village)


def test_tells_a_villages_seals_apart_whichever_way_they_are_pressed(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    case, templates = plain
    (one,) = difference(case.before, case.after).imprints
    who = identify(one, templates)
    assert who.seal == str(case.new[0].seal)
    assert who.margin > 0.15


def test_a_seal_that_is_not_enrolled_is_unknown_not_the_next_best(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    case, templates = plain
    others = {key: one for key, one in templates.items() if key != str(case.new[0].seal)}
    (one,) = difference(case.before, case.after).imprints
    who = identify(one, others)
    assert who.seal is None
    assert not who.unclear
    assert identify(one, {}).seal is None


def test_letters_that_only_read_as_others_name_no_seal_and_accuse_none(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    case, templates = plain
    (one,) = difference(case.before, case.after).imprints
    name = templates[str(case.new[0].seal)].name
    right = identify(one, templates, reader=Reads(name))
    assert (right.seal, right.read) == (str(case.new[0].seal), name)
    other = name.replace(name[6:8], "甲乙")
    doubted = identify(one, templates, reader=Reads(other))
    assert (doubted.seal, doubted.unclear) == (None, True)


def test_letters_on_other_red_ink_and_rings_half_there_accuse_no_seal(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    case, templates = plain
    others = {key: one for key, one in templates.items() if key != str(case.new[0].seal)}
    (one,) = difference(case.before, case.after).imprints
    assert one.clear > 0.98
    assert not identify(one, others).unclear
    assert identify(replace(one, clear=0.8), others).unclear
    assert identify(replace(one, ring=replace(one.ring, coverage=0.6)), others).unclear


def test_one_letter_misread_accuses_no_seal(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    case, templates = plain
    (one,) = difference(case.before, case.after).imprints
    name = templates[str(case.new[0].seal)].name
    who = identify(one, templates, reader=Reads(name.replace(name[6], "甲")))
    assert who.seal is not None or who.unclear


def test_the_next_villages_seal_in_the_same_type_is_unknown() -> None:
    # Seed 29 draws the hardest stranger: same town, same type, two other letters.
    case = drawn("foreign", 29, "mild")
    (one,) = difference(case.before, case.after).imprints
    templates = templates_of(case.village)
    who = identify(one, templates)
    assert who.score > 0.75
    assert who.seal is None
    # Here the letters that read as others look so, too: that accuses.
    like = max(templates.values(), key=lambda known: identify(one, {"": known}).score).name
    who = identify(one, templates, reader=Reads(like.replace(like[6:8], "甲乙")))
    assert (who.seal, who.unclear) == (None, False)


def test_a_template_survives_storing(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]],
) -> None:
    template = plain[1]["0"]
    stored = template.to_bytes()
    assert len(stored) < 80_000
    assert ImprintTemplate.from_bytes(stored) == template
    assert ENGINE


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:40], "imprint_template_invalid"),
        (lambda data: b"x" + data, "imprint_template_invalid"),
        (lambda data: data[:9] + b"\x63" + data[10:], "imprint_template_future"),
        (lambda data: data[:-30] + bytes(30), "imprint_template_invalid"),
    ],
)
def test_damaged_templates_are_refused(
    plain: tuple[cases.Case, dict[str, ImprintTemplate]], change: object, code: str
) -> None:
    assert callable(change)
    with pytest.raises(ImprintError) as refused:
        ImprintTemplate.from_bytes(change(plain[1]["0"].to_bytes()))
    assert refused.value.code == code


class TestEnrolment:
    def test_says_when_the_ring_reads_as_another_seal(self) -> None:
        design = cases.village(3)[0]
        pictures = cases.enrolment(design, 2, 1)
        assert enrol(pictures, name=design.name, reader=Reads(design.name)).named is True
        assert enrol(pictures, name=design.name, reader=Reads("某某有限公司")).named is False
        assert enrol(pictures, name=design.name).named is None

    def test_refuses_pictures_of_two_seals(self) -> None:
        first, second = cases.village(3)[:2]
        mixed = [cases.enrolment(one, 2, 1)[0] for one in (first, second)]
        with pytest.raises(ImprintError) as refused:
            enrol(mixed)
        assert refused.value.code == "imprints_differ"

    def test_refuses_a_picture_without_a_whole_imprint(self) -> None:
        picture = cases.enrolment(cases.village(3)[0], 2, 1)[0]
        half = np.ascontiguousarray(picture[:, : picture.shape[1] // 2])
        for bad in (half, np.full_like(picture, 240)):
            with pytest.raises(ImprintError) as refused:
                enrol([bad])
            assert refused.value.code in ("imprint_not_found", "imprint_not_clean")
        with pytest.raises(ImprintError):
            enrol([])
