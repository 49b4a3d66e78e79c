"""Passwords and PINs: what is refused, and that nobody's hash ever fits."""

from random import Random

import pytest

from backend.domain.errors import DomainError
from backend.services.passwords import (
    Passwords,
    check_password_rules,
    generate_password,
    make_pin,
    pin_fits,
)

QUICK = Passwords(time_cost=1, memory_kib=64)


def test_only_the_right_password_fits() -> None:
    stored = QUICK.hash("正确的口令-2026")

    assert stored.startswith("$argon2id$")
    assert QUICK.verify(stored, "正确的口令-2026")
    assert not QUICK.verify(stored, "错误的口令-2026")
    assert not QUICK.verify("not a hash", "正确的口令-2026")


def test_nobody_has_no_password_not_even_the_stand_in() -> None:
    assert not QUICK.verify(None, "nobody has this password")


def test_the_product_uses_at_least_owasp_parameters_and_sees_weaker_hashes() -> None:
    real = Passwords()
    assert "m=19456,t=2,p=1" in real.hash("x")
    assert real.is_outdated(QUICK.hash("x"))


@pytest.mark.parametrize(
    "password", ["short-123", "x" * 129, "abababababab", "wang.fang-2026!", "aaaaaaaaaaaaaaab"]
)
def test_weak_passwords_are_refused(password: str) -> None:
    with pytest.raises(DomainError, match="weak_password"):
        check_password_rules(password, "wang.fang")


def test_a_long_phrase_is_taken() -> None:
    check_password_rules("春眠不觉晓处处闻啼鸟", "wang.fang")


def test_generated_passwords_satisfy_the_rules_and_differ() -> None:
    random = Random(7)
    made = {generate_password(random.randbytes) for _ in range(50)}

    assert len(made) == 50
    for one in made:
        check_password_rules(one, "somebody")


@pytest.mark.parametrize(
    "pin", ["12345", "123456789", "111111", "123456", "987654", "12345a", "１２３４５７", ""]
)
def test_weak_pins_are_refused(pin: str) -> None:
    with pytest.raises(DomainError, match="weak_pin"):
        make_pin(pin, bytes(16), 10)


def test_only_the_right_pin_fits() -> None:
    check = make_pin("135790", b"s" * 16, 10)

    assert pin_fits("135790", check)
    assert not pin_fits("135791", check)
    assert check.digest != make_pin("135790", b"t" * 16, 10).digest
