"""A person's signature over a challenge: raw, or an assertion of a passkey."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.ledger.personal import (
    EDDSA,
    ES256,
    PersonalSignature,
    PersonKey,
    SignatureError,
    check,
    decode,
    encode,
)
from tests.support.signing import ORIGIN, Passkey, RawKey

CHALLENGE = bytes(range(32))
RAW_KEY, PASS_KEY = PersonKey(EDDSA, RawKey().public), PersonKey(ES256, Passkey().public)


def test_both_forms_with_both_algorithms() -> None:
    assert check(RawKey().sign(CHALLENGE), RAW_KEY, CHALLENGE) is None
    assert check(Passkey().sign_raw(CHALLENGE), PASS_KEY, CHALLENGE) is None
    ceremony = check(Passkey(counter=7).sign(CHALLENGE), PASS_KEY, CHALLENGE)
    assert ceremony is not None
    assert (ceremony.origin, ceremony.counter, ceremony.verified) == (ORIGIN, 7, True)


def test_what_is_kept_is_read_again() -> None:
    for made in (RawKey().sign(CHALLENGE), Passkey().sign(CHALLENGE)):
        plain = json.loads(json.dumps(made.plain()))
        assert PersonalSignature.of(plain) == made


@pytest.mark.parametrize(
    "passkey",
    [
        Passkey(client={"challenge": encode(bytes(32))}),
        Passkey(client={"challenge": None}),
        Passkey(client={"type": "webauthn.create"}),
        Passkey(client={"crossOrigin": True}),
        Passkey(flags=0x04),  # nobody touched it
        Passkey(behind=b"more"),
        Passkey(seed=2),
    ],
)
def test_an_assertion_that_proves_something_else_is_refused(passkey: Passkey) -> None:
    with pytest.raises(SignatureError):
        check(passkey.sign(CHALLENGE), PASS_KEY, CHALLENGE)


def test_a_client_data_that_says_something_twice_is_refused() -> None:
    good = Passkey().sign(CHALLENGE)
    twice = good.client_data[:-1] + b',"origin":"https://evil.example"}'
    with pytest.raises(SignatureError, match="twice"):
        check(
            PersonalSignature(good.form, good.value, good.authenticator_data, twice),
            PASS_KEY,
            CHALLENGE,
        )


@pytest.mark.parametrize(
    "changed",
    [
        {"form": "webauthn2"},
        {"form": "raw"},
        {"value": ""},
        {"value": "A" * 86},
        {"value": "=="},
        {"value": "?"},
        {"value": 7},
        {"value": "A" * 5000},
        {"client_data": ""},
        {"client_data": encode(b"[]")},
        {"client_data": encode(b"\xff{}")},
        {"client_data": encode(b"[" * 3000)},
        {"authenticator_data": encode(bytes(36))},
    ],
)
def test_hostile_parts_are_a_refusal_not_a_crash(changed: dict[str, Any]) -> None:
    plain = Passkey().sign(CHALLENGE).plain() | changed
    with pytest.raises(SignatureError):
        check(PersonalSignature.of(plain), PASS_KEY, CHALLENGE)


@pytest.mark.parametrize(
    ("alg", "public"),
    [(ES256, bytes(65)), (ES256, bytes(32)), (EDDSA, bytes(31)), ("RS256", bytes(65))],
)
def test_what_is_no_key(alg: str, public: bytes) -> None:
    with pytest.raises(SignatureError):
        PersonKey(alg, public)


def test_base64url_with_and_without_padding() -> None:
    for data in (b"", b"a", b"ab", b"abc", bytes([255, 254, 253])):
        assert decode(encode(data)) == data
    assert decode("YQ==") == b"a"
    for wrong in ("a", "+/", "a b", None):
        with pytest.raises(SignatureError):
            decode(wrong)
