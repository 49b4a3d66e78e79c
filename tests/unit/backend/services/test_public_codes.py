"""Codes of stamped papers: read as people type them, found by nobody who tries."""

import random

import pytest

from backend.domain.errors import DomainError
from backend.services.public_register import Tries, _read_code
from tests.support.world import START, Clock


def test_a_code_is_read_however_it_is_typed() -> None:
    wanted = _read_code("0123-4567-89AB-CDEF-GHJK")
    assert wanted is not None
    assert _read_code(" o1 2 3 4567 89ab cdef ghjk ") == wanted
    assert _read_code("OI23-4567-89ab-cdef-ghjk") == wanted
    for wrong in (
        "",
        "0123",
        "0123-4567-89AB-CDEF-GHJU",
        "0123-4567-89AB-CDEF-GHJKK",
        "二维码" * 7,
    ):
        assert _read_code(wrong) is None


def test_tries_are_counted_by_address_and_the_counting_is_bounded() -> None:
    clock = Clock(START)
    tries = Tries(3, clock, addresses=2)
    for _ in range(3):
        tries.count("a")
    with pytest.raises(DomainError, match="too many"):
        tries.count("a")
    tries.count("b")
    clock.advance(60_000)
    tries.count("a")
    for place in range(100):
        tries.count(f"x{place}")
    assert len(tries._seen) <= 2


def test_random_codes_are_not_near_anything() -> None:
    """60 bits of MAC: among a million papers a guess hits once in 10¹² tries."""
    chosen = random.Random(1)
    signs = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    macs = {_read_code("".join(chosen.choices(signs, k=20))) for _ in range(2000)}
    assert len(macs) == 2000
