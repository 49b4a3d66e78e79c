"""Where something may still be written after the approval."""

from typing import Any

import pytest

from backend.domain import zones
from backend.domain.errors import DomainError

SIGNATURE = [0, 550, 800, 330, 60]


def test_marks_are_kept_by_paper_and_taken_away_again() -> None:
    details = zones.put({"more": "存档"}, "P1", zones.check([SIGNATURE]))
    assert details == {"more": "存档", "zones": {"P1": [SIGNATURE]}}
    assert zones.boxes(details, "P1") == [(0, (0.55, 0.8, 0.33, 0.06))]
    assert zones.boxes(details, "P2") == []
    assert zones.put(details, "P1", ()) == {"more": "存档"}


@pytest.mark.parametrize(
    "given",
    [
        None,
        "[]",
        [[0, 1, 2, 3]],
        [[0, 900, 0, 200, 50]],
        [[0, -1, 0, 200, 50]],
        [[0, 0, 0, 200, 1]],
        [[-1, 0, 0, 200, 50]],
        [[0, 0.5, 0, 200, 50]],
        [[True, 0, 0, 200, 50]],
        [SIGNATURE] * 21,
        [[0, 0, 0, 1000, 200], [0, 0, 300, 1000, 200]],
    ],
)
def test_what_is_no_mark_or_too_much_of_a_page_is_refused(given: Any) -> None:
    with pytest.raises(DomainError) as refused:
        zones.check(given)
    assert refused.value.code == "bad_zones"


def test_as_much_on_two_pages_is_not_too_much() -> None:
    rows = [[sheet, 0, 0, 1000, 250] for sheet in (0, 1)]
    assert len(zones.check(rows)) == 2


@pytest.mark.parametrize("given", [None, 7, {"P1": "x"}, {"P1": [[0, 0, 0, 1000, 1000]]}])
def test_what_somebody_put_into_the_details_by_hand_frees_nothing(given: Any) -> None:
    assert zones.plain({"zones": given}) == {}
    assert zones.boxes({"zones": given}, "P1") == []
