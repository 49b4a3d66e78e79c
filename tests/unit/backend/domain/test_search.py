"""What the usage log is searched by."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain import search
from backend.domain.calendar import ZONE, local_day
from backend.domain.search import Clause, clause, grams, holds, needles, period, without

DAY = 86_400_000


def test_a_word_of_two_characters_is_found_inside_a_longer_one() -> None:
    assert "贷款" in grams("农户小额贷款担保书")
    assert grams("贷款") <= grams("农户小额贷款担保书")
    assert not grams("款贷") <= grams("农户小额贷款担保书")


def test_words_do_not_join_across_punctuation() -> None:
    assert grams("土地，承包") == {"土地", "承包"}
    assert "地承" not in grams("土地 承包")


def test_letters_and_digits_stay_whole_in_one_width_and_case() -> None:
    assert grams("ZY-330109103201-20260922-0007") == {"zy", "330109103201", "20260922", "0007"}
    assert grams("ＺＹ－０００７") == {"zy", "0007"}
    assert grams("3号楼A座西侧") == {"3", "号楼", "a", "座西", "西侧"}


def test_what_is_typed_is_one_needle_a_piece_and_one_character_says_nothing() -> None:
    short, pair, longer = needles("王  贷款 王小明")
    assert not short.grams
    assert pair.exact
    assert not longer.exact
    assert longer.stands_in(["申请人王小明"])
    assert not longer.stands_in(["王小红", "李小明"])


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_a_text_is_found_by_every_piece_of_it(before: str, word: str, after: str) -> None:
    whole = search.plain(before + " " + word + " " + after)
    for needle in needles(word):
        assert needle.grams <= grams(whole)
        assert needle.stands_in([whole])


def test_clauses_are_and_of_ors() -> None:
    asked = [clause("o:/1/", "u:me"), clause("g:贷款"), without("i:reviewed")]
    assert holds(asked, {"u:me", "g:贷款"})
    assert not holds(asked, {"u:me", "g:贷款", "i:reviewed"})
    assert not holds(asked, {"o:/2/", "g:贷款"})
    assert holds([], set())


def test_branch_terms_name_every_branch_above() -> None:
    assert search.branch_terms("/1/12/123/") == ["o:/1/", "o:/1/12/", "o:/1/12/123/"]


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


def test_a_period_is_whole_months_and_the_days_around() -> None:
    found = period(ms("2026-01-30"), ms("2026-03-02"), now=0)
    assert found == (Clause(frozenset({"d:20260130", "d:20260131", "n:202602", "d:20260301"})),)
    assert period(None, None, 0) == ()


def test_most_of_a_month_is_the_month_without_the_other_days() -> None:
    found = period(ms("2026-01-03"), ms("2026-03-02"), now=0)
    assert found == (
        clause("n:202601", "n:202602", "d:20260301"),
        without("d:20260101", "d:20260102"),
    )


@given(
    st.integers(0, 4000),
    st.integers(1, 500),
    st.integers(-3 * DAY, 600 * DAY),
)
def test_a_use_meets_its_period(start: int, days: int, offset: int) -> None:
    from_at = ms("2020-01-01") + start * DAY
    until_at = from_at + days * DAY
    at = from_at + offset
    asked = period(from_at, until_at, 0)
    assert holds(asked, set(search.day_terms(at))) is (from_at <= at < until_at)


def test_an_open_period_ends_tomorrow_and_begins_ten_years_back() -> None:
    now = ms("2026-09-22")
    until_now = period(ms("2026-09-01"), None, now)
    assert holds(until_now, set(search.day_terms(now)))
    assert holds(until_now, set(search.day_terms(now + DAY)))
    assert not holds(until_now, set(search.day_terms(now + 2 * DAY)))
    ever = period(None, ms("2026-09-22"), now)
    assert sum(len(one.terms) for one in ever) < 200
    first = local_day(now) - timedelta(days=search.LONGEST_DAYS - 40)
    assert holds(ever, {f"n:{first:%Y%m}"})


@pytest.mark.parametrize(
    ("from_at", "until_at", "exact"),
    [("2026-09-01", "2026-10-01", True), ("2026-09-01T08:00", "2026-10-01", False)],
)
def test_a_period_within_days_is_compared_too(from_at: str, until_at: str, exact: bool) -> None:
    assert search.whole_days(ms(from_at), ms(until_at)) is exact
    assert search.whole_days(None, ms(until_at))


def test_days_are_local() -> None:
    late_evening_utc = (
        int(datetime(2026, 9, 21, 17, tzinfo=ZONE).timestamp() * 1000) + 9 * 3_600_000
    )
    assert search.day_terms(late_evening_utc) == ("d:20260922", "n:202609")
    assert local_day(late_evening_utc) == date(2026, 9, 22)
