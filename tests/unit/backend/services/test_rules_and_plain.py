"""Words about people, and records as JSON carries them."""

import json

import pytest

from backend.domain.errors import DomainError
from backend.services.identity import normal_login
from backend.services.people_rules import (
    checked_login,
    checked_name,
    checked_phone,
    parent_of,
)
from backend.services.plain import readable


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("/330109/", None),
        ("/330109/330109103/", "/330109/"),
        ("/330109/330109103/330109103201/", "/330109/330109103/"),
    ],
)
def test_the_organisation_above(path: str, parent: str | None) -> None:
    assert parent_of(path) == parent


def test_names_are_trimmed_and_hold_no_control_characters() -> None:
    assert checked_name(" 王方 ") == "王方"
    for odd in ("", " ", "王\u202e方", "王\x00方", "王" * 61):
        with pytest.raises(DomainError, match="bad_name"):
            checked_name(odd)


@pytest.mark.parametrize("login", ["wang.fang", "王方", "a@b.cn", "wang_fang-2+x"])
def test_logins_that_do(login: str) -> None:
    assert checked_login(normal_login(login)) == login


def test_logins_are_compared_without_case_and_width() -> None:
    assert normal_login("  ＷＡＮＧ.Fang ") == "wang.fang"


@pytest.mark.parametrize("login", ["", "a", "a b", "a/b", "x" * 61, "a\n", "<b>"])
def test_logins_that_do_not(login: str) -> None:
    with pytest.raises(DomainError, match="bad_login"):
        checked_login(login)


def test_phones() -> None:
    assert checked_phone(" +86 139-0000-0000 ") == "+86 139-0000-0000"
    assert checked_phone("") is None
    assert checked_phone(None) is None
    with pytest.raises(DomainError, match="bad_phone"):
        checked_phone("javascript:alert(1)")


def test_records_become_json_without_encrypted_pins() -> None:
    plain = readable({"a": b"\x01\xff", "b": [b"\x02", {"sealed": b"pin", 3: (1, None)}], "c": 1.5})

    assert plain == {"a": "01ff", "b": ["02", {"3": [1, None]}], "c": 1.5}
    assert json.loads(json.dumps(plain)) == plain
