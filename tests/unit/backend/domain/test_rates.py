"""How sure a counted rate is, and where the slow ones begin."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.rates import p95, wilson


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_the_interval_holds_the_share_and_narrows(hits: int, misses: int) -> None:
    count = hits + misses
    low, high = wilson(hits, count)
    assert 0 <= low <= high <= 1
    if count:
        assert low <= hits / count <= high
        wider = wilson(hits, count)
        narrower = wilson(hits * 10, count * 10)
        assert narrower[1] - narrower[0] <= wider[1] - wider[0]


@pytest.mark.parametrize(("hits", "of"), [(-1, 2), (3, 2)])
def test_hits_are_between_none_and_all(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="between none and all"):
        wilson(hits, of)


def test_p95_is_one_of_the_values_in_whatever_order_they_come() -> None:
    assert p95(range(101)) == 95
    assert p95(range(100, -1, -1)) == 95
    assert p95([7]) == 7
    assert p95([1, 2]) == 1


def test_of_no_values_there_is_no_p95() -> None:
    with pytest.raises(ValueError, match="no values"):
        p95([])
