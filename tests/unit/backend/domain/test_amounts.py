"""Money in figures and in the capital numerals of contracts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.domain.amounts import MAX_FEN, from_capital, from_figures, to_capital, to_figures
from backend.domain.errors import DomainError

# The figures and their wording are the examples of 《支付结算办法》附件一.
EXAMPLES = [
    (168_032, "壹仟陆佰捌拾元零叁角贰分"),
    (10_700_053, "壹拾万柒仟元零伍角叁分"),
    (140_950, "壹仟肆佰零玖元伍角整"),
    (600_714, "陆仟零柒元壹角肆分"),
    (1_640_902, "壹万陆仟肆佰零玖元零贰分"),
    (32_504, "叁佰贰拾伍元零肆分"),
]


@pytest.mark.parametrize(("fen", "words"), EXAMPLES)
def test_capital_numerals_are_those_of_the_rule(fen: int, words: str) -> None:
    assert to_capital(fen) == words
    assert from_capital(words) == fen


@pytest.mark.parametrize(
    ("fen", "words"),
    [
        (0, "零元整"),
        (1, "壹分"),
        (10, "壹角整"),
        (5_000_000, "伍万元整"),
        (50_000_000, "伍拾万元整"),
        (10_000_000_100, "壹亿零壹元整"),
        (100_000_000_000_100, "壹万亿零壹元整"),
    ],
)
def test_round_and_gapped_amounts(fen: int, words: str) -> None:
    assert to_capital(fen) == words


@given(st.integers(0, MAX_FEN))
def test_every_amount_reads_back(fen: int) -> None:
    words = to_capital(fen)
    assert from_capital(words) == fen
    assert from_figures(to_figures(fen)) == fen
    assert "零零" not in words


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("50000", 5_000_000),
        ("50,000.00", 5_000_000),
        ("￥5万元", 5_000_000),
        ("1.5亿", 15_000_000_000),
        (" 3.5 ", 350),
    ],
)
def test_figures_as_people_write_them(text: str, fen: int) -> None:
    assert from_figures(text) == fen


@pytest.mark.parametrize(
    ("words", "fen"),
    [
        ("人民币：叁拾伍万捌仟圆正", 35_800_000),
        ("五万元", 5_000_000),
        ("十五万元整", 15_000_000),
    ],
)
def test_capital_numerals_as_people_write_them(words: str, fen: int) -> None:
    assert from_capital(words) == fen


@pytest.mark.parametrize(
    "text", ["", "五万", "5,00", "1.234", "-5", "5千万元", "99999999999999999"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(DomainError, match="bad_amount"):
        from_figures(text)


@pytest.mark.parametrize("text", ["", "伍万伍", "元", "万元", "伍伍元", "abc元", "伍元捌"])
def test_what_are_no_capital_numerals_is_refused(text: str) -> None:
    with pytest.raises(DomainError, match="bad_amount"):
        from_capital(text)


def test_a_changed_amount_reads_differently() -> None:
    assert to_capital(from_figures("5万")) != to_capital(from_figures("50万"))
