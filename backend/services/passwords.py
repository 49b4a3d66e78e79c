"""Passwords and PINs: rules, hashes, checks that take as long for nobody as for somebody."""

from __future__ import annotations

import hmac
import threading
from collections.abc import Callable
from itertools import pairwise
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from backend.domain.errors import DomainError
from backend.store.people import PinCheck, pin_digest

MIN_PASSWORD: Final = 10
MAX_PASSWORD: Final = 128
PIN_SALT_BYTES: Final = 16
PIN_ROUNDS: Final = 100_000
"""A sleeve computes this off line; a PIN is protected by its attempts, not by its hash alone."""

_AT_ONCE: Final = 2
_PASSWORD_ALPHABET: Final = (
    "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no 0 O 1 l I
)
_GENERATED_LENGTH: Final = 16


class Passwords:
    """Argon2id (RFC 9106) with the parameters OWASP gives for 19 MiB; raise them in one place.

    At most two hashes are computed at once, so that a storm of sign-ins takes 38 MiB, not all.
    """

    def __init__(
        self, *, time_cost: int = 2, memory_kib: int = 19_456, parallelism: int = 1
    ) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_kib, parallelism=parallelism
        )
        self._turn = threading.Semaphore(_AT_ONCE)
        self._nobody = self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """The encoded hash, salt and parameters included."""
        with self._turn:
            return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> bool:
        """Whether ``password`` fits. Without a stored hash the same work is done, in vain."""
        with self._turn:
            try:
                self._hasher.verify(stored or self._nobody, password)
            except (Argon2Error, InvalidHashError):
                return False
        return stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Whether a hash was made with other parameters than today's."""
        return self._hasher.check_needs_rehash(stored)


def check_password_rules(password: str, login: str) -> None:
    """Long, not the login, not one character repeated (NIST SP 800-63B: length, not composition).

    Raises:
        DomainError: ``weak_password``.
    """
    if (
        not MIN_PASSWORD <= len(password) <= MAX_PASSWORD
        or len(set(password)) < 5
        or login.lower() in password.lower()
    ):
        raise DomainError(
            "weak_password",
            f"口令须为{MIN_PASSWORD}到{MAX_PASSWORD}个字符，不能包含用户名，也不能大多是重复字符",
            f"a password has {MIN_PASSWORD} to {MAX_PASSWORD} characters, does not contain the "
            "login and is not mostly repetition",
        )


def generate_password(random: Callable[[int], bytes]) -> str:
    """A password of 16 unambiguous characters (93 bits)."""
    found: list[str] = []
    while len(found) < _GENERATED_LENGTH:
        # 224 = 4 · 56: every character equally likely.
        found += [_PASSWORD_ALPHABET[byte % 56] for byte in random(32) if byte < 224]
    return "".join(found[:_GENERATED_LENGTH])


def make_pin(pin: str, salt: bytes, rounds: int = PIN_ROUNDS) -> PinCheck:
    """How ``pin`` will be checked. ``salt``: 16 random bytes.

    Raises:
        DomainError: ``weak_pin`` unless it is 6 to 8 digits, neither all equal nor a run.
    """
    digits = pin.isascii() and pin.isdigit() and 6 <= len(pin) <= 8
    steps = {ord(after) - ord(before) for before, after in pairwise(pin)}
    if not digits or steps in ({0}, {1}, {-1}):
        raise DomainError(
            "weak_pin",
            "PIN 须为6到8位数字，不能全部相同，也不能是连续数字",
            "a PIN has 6 to 8 digits, not all the same and not a run",
        )
    return PinCheck(salt, rounds, pin_digest(pin, PinCheck(salt, rounds, b"")))


def pin_fits(pin: str, check: PinCheck) -> bool:
    """Whether ``pin`` is the right one, in constant time."""
    return hmac.compare_digest(pin_digest(pin, check), check.digest)
