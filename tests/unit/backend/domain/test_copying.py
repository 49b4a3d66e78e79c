"""Copies of frozen things."""

from dataclasses import FrozenInstanceError, dataclass, field, replace

import pytest

from backend.domain.copying import copy_with
from backend.domain.record import Record


@dataclass(frozen=True, slots=True)
class _Pair:
    left: int
    right: int = 2


@dataclass(frozen=True, slots=True)
class _Derived:
    left: int
    right: int = field(default=2, init=False)


def test_it_is_what_replace_gives_and_leaves_the_original() -> None:
    one = Record("event.stamped", "/1/", 5, 4, device="ZY1", data={"a": 1})
    two = copy_with(one, seq=7, person="P1")
    assert two == replace(one, seq=7, person="P1")
    assert one.seq == -1
    with pytest.raises(FrozenInstanceError):
        two.seq = 8  # type: ignore[misc]  # that it is frozen is what is tried


def test_the_class_still_checks_what_it_is_given() -> None:
    @dataclass(frozen=True, slots=True)
    class Positive:
        value: int
        unit: str

        def __post_init__(self) -> None:
            if self.value < 0:
                raise ValueError(self.value)

    with pytest.raises(ValueError, match="-1"):
        copy_with(Positive(1, "mm"), value=-1)


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises(TypeError, match="_Pair has no field 'middle'"):
        copy_with(_Pair(1), middle=3)


def test_what_is_not_made_from_its_fields_alone_is_refused() -> None:
    with pytest.raises(TypeError, match="_Derived"):
        copy_with(_Derived(1), left=2)
