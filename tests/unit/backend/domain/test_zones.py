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
        [[0, 0, 0, 10, 10]] * (zones.MOST + 1),
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


def test_papers_whose_proposals_were_gone_through_are_named_in_what_is_signed() -> None:
    details = zones.put({}, "P1", zones.check([SIGNATURE]))
    assert zones.settled_papers(details) == set()
    assert zones.approved(details) == {"zones": {"P1": [SIGNATURE]}}
    # Each was left out: that is said, too.
    details = zones.put(zones.put(details, "P2", (), settled=True), "P1", (), settled=True)
    assert zones.settled_papers(details) == {"P1", "P2"}
    assert zones.approved(details) == {"zones_settled": ["P1", "P2"]}
    # Marks that come later do not unsay it.
    again = zones.put(details, "P2", zones.check([SIGNATURE]))
    assert zones.settled_papers(again) == {"P1", "P2"}


@pytest.mark.parametrize("given", [None, "P1", {"P1": True}, [1, None]])
def test_what_names_no_paper_settles_none(given: Any) -> None:
    assert zones.settled_papers({"zones_settled": given}) == set()


def test_a_place_that_was_found_fits_on_the_page_as_a_mark() -> None:
    found = [(0, (0.5, 0.8, 0.2, 0.05)), (1, (0.99, -0.01, 0.05, 0.001))]
    rows = zones.rows_of(found)
    assert rows == [(0, 500, 800, 200, 50), (1, 950, 0, 50, 5)]
    assert zones.check([list(row) for row in rows]) == rows
