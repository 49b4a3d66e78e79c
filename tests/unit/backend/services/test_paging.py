"""Cursors come back as they went, and nothing else is one."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.errors import DomainError
from backend.services.paging import decode_cursor, encode_cursor, page


@given(st.integers(-(2**53), 2**53), st.text(max_size=50))
def test_a_cursor_comes_back_as_it_went(number: int, text: str) -> None:
    assert decode_cursor(encode_cursor((number, text)), (int, str)) == (number, text)


@given(st.text(max_size=60))
def test_any_other_text_is_refused(text: str) -> None:
    try:
        keys = decode_cursor(text, (int, str))
    except DomainError:
        return  # and with nothing else
    assert isinstance(keys[0], int)
    assert isinstance(keys[1], str)


@pytest.mark.parametrize("plain", ["[]", "[1]", '["1","x"]', '[1,"x",2]', "{}", "null", "[1,2]"])
def test_keys_of_other_kinds_are_refused(plain: str) -> None:
    with pytest.raises(DomainError, match="bad_cursor"):
        decode_cursor(base64.urlsafe_b64encode(plain.encode()).decode(), (int, str))


def test_the_row_too_many_says_that_there_is_more() -> None:
    def key(item: int) -> tuple[int]:
        return (item,)

    full = page([1, 2, 3], 2, key)
    assert full.items == [1, 2]
    assert full.next is not None
    assert decode_cursor(full.next, (int,)) == (2,)
    for rows in ([], [1], [1, 2]):
        assert page(rows, 2, key).next is None
