from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from backend.vision.imprints import (
    Difference,
    Imprint,
    ImprintError,
    ImprintTemplate,
    enrol,
    identify,
)
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


Plain = tuple[Imprint, str, dict[str, ImprintTemplate]]


@pytest.fixture(scope="module")
def plain(
    templates: Callable[[cases.Case], dict[str, ImprintTemplate]],
    seen: Callable[..., Difference],
) -> Plain:
    """An imprint, whose it is, and the village's seals."""
    case = drawn("turned", 48)
    (one,) = seen("turned", 48).imprints
    return one, str(case.new[0].seal), templates(case)


def test_tells_a_villages_seals_apart_whichever_way_they_are_pressed(
    plain: Plain,
) -> None:
    one, own, templates = plain
    who = identify(one, templates)
    assert who.seal == own
    assert who.margin > 0.15


def test_a_seal_that_is_not_enrolled_is_unknown_not_the_next_best(
    plain: Plain,
) -> None:
    one, own, templates = plain
    others = {key: one for key, one in templates.items() if key != own}
    who = identify(one, others)
    assert who.seal is None
    assert not who.unclear
    assert identify(one, {}).seal is None


def test_letters_that_only_read_as_others_name_no_seal_and_accuse_none(
    plain: Plain,
) -> None:
    one, own, templates = plain
    name = templates[own].name
    right = identify(one, templates, reader=Reads(name))
    assert (right.seal, right.read) == (own, name)
    other = name.replace(name[6:8], "甲乙")
    doubted = identify(one, templates, reader=Reads(other))
    assert (doubted.seal, doubted.unclear) == (None, True)


def test_letters_on_other_red_ink_and_rings_half_there_accuse_no_seal(
    plain: Plain,
) -> None:
    one, own, templates = plain
    others = {key: one for key, one in templates.items() if key != own}
    assert one.clear > 0.98
    assert not identify(one, others).unclear
    assert identify(replace(one, clear=0.8), others).unclear
    assert identify(replace(one, ring=replace(one.ring, coverage=0.6)), others).unclear


def test_one_letter_misread_accuses_no_seal(
    plain: Plain,
) -> None:
    one, own, templates = plain
    name = templates[own].name
    who = identify(one, templates, reader=Reads(name.replace(name[6], "甲")))
    assert who.seal is not None or who.unclear


def test_the_next_villages_seal_in_the_same_type_is_unknown(
    templates: Callable[[cases.Case], dict[str, ImprintTemplate]],
    seen: Callable[..., Difference],
) -> None:
    # Seed 29 draws the hardest stranger: same town, same type, two other letters.
    case = drawn("foreign", 29, "mild")
    (one,) = seen("foreign", 29, "mild").imprints
    known = templates(case)
    who = identify(one, known)
    assert who.score > 0.75
    assert who.seal is None
    # Here the letters that read as others look so, too: that accuses.
    like = max(known.values(), key=lambda seal: identify(one, {"": seal}).score).name
    who = identify(one, known, reader=Reads(like.replace(like[6:8], "甲乙")))
    assert (who.seal, who.unclear) == (None, False)


def test_a_template_survives_storing(
    plain: Plain,
) -> None:
    template = plain[2]["0"]
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
def test_damaged_templates_are_refused(plain: Plain, change: object, code: str) -> None:
    assert callable(change)
    with pytest.raises(ImprintError) as refused:
        ImprintTemplate.from_bytes(change(plain[2]["0"].to_bytes()))
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
