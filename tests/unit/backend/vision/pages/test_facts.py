"""What a paper says of itself, from its lines alone."""

from __future__ import annotations

from datetime import date

import pytest

from backend.vision.pages import facts
from backend.vision.pages.facts import DATE, SEAL, SIGNATURE, PageFacts
from backend.vision.pages.reference import Line

PAGE = (1240, 1754)


def of(*texts: str, high: tuple[int, ...] = ()) -> PageFacts:
    """Facts of lines one below the other, from the left margin."""
    lines = [
        Line(text, text, (), (150, 120 + 60 * at, 30 * len(text), high[at] if high else 30))
        for at, text in enumerate(texts)
    ]
    return facts.extract_lines(lines, PAGE)


def test_amounts_in_figures_and_capitals_are_read() -> None:
    found = of("承包款总额为人民币伍万元整（￥50,000.00），押金1.5万元。")
    assert [(a.form, a.fen) for a in found.amounts] == [
        ("capital", 5_000_000),
        ("figures", 5_000_000),
        ("figures", 1_500_000),
    ]
    assert found.discords == ()


@pytest.mark.parametrize("figures", ["￥500,000.00", "￥5,000.00", "￥50,001.00"])
def test_figures_that_say_something_else_than_the_capitals_are_told(figures: str) -> None:
    (discord,) = of(f"总额人民币伍万元整（{figures}）。").discords
    assert discord.capital.fen == 5_000_000
    assert discord.figures.fen != 5_000_000


def test_an_amount_that_runs_over_the_line_s_end_is_one_amount() -> None:
    found = of("合同价款为人民币壹拾贰", "万元整（￥120,000.00）。")
    assert [a.fen for a in found.amounts] == [12_000_000, 12_000_000]


def test_numbers_that_are_no_money_are_left_out() -> None:
    assert of("占地125平方米，三层，第一条，共三份。").amounts == ()


def test_dates_in_both_ways_of_writing_and_never_impossible_ones() -> None:
    found = of("自2026年9月7日起", "二〇二六年十一月二十二日", "2026年13月41日")
    assert found.dates == (date(2026, 9, 7), date(2026, 11, 22))


def test_parties_and_people() -> None:
    found = of(
        "出租方（甲方）：青禾村股份经济合作社", "承租方：杭州宏禾建设有限公司", "户主：沈国良"
    )
    assert found.parties == (
        ("出租方", "青禾村股份经济合作社"),
        ("承租方", "杭州宏禾建设有限公司"),
    )
    assert found.names == ("沈国良",)


def test_the_title_stands_out() -> None:
    assert of("农村土地承包合同", "编号：1", "甲方：某社", high=(44, 30, 30)).title == (
        "农村土地承包合同"
    )
    assert of("甲方：某社", "乙方：某人").title == ""


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("身份证号：______", "身份证号"),
        ("年租金____元", "年租金"),
        ("联系电话：", "联系电话"),
        ("年月日", "日期"),
    ],
)
def test_what_is_still_open_is_warned_about(text: str, label: str) -> None:
    assert [blank.label for blank in of("合同", text).blanks] == [label]


@pytest.mark.parametrize(
    "text",
    ["有关单位：", "并说明如下：", "义桥镇人民政府：", "甲方（签字）：______", "三、期限3年。"],
)
def test_salutations_and_places_to_sign_are_no_blanks(text: str) -> None:
    assert of("合同", text).blanks == ()


def test_a_label_with_its_answer_beside_it_is_no_blank() -> None:
    lines = [
        Line("联系电话：", "", (), (150, 200, 150, 30)),
        Line("13800000000", "", (), (310, 200, 200, 30)),
    ]
    assert facts.extract_lines(lines, PAGE).blanks == ()


def test_places_to_sign_and_to_stamp_are_proposed_beside_their_labels() -> None:
    found = of(
        "甲方代表（签字）：", "某村村民委员会（盖章）", "年月日", "自双方签字盖章之日起生效。"
    )
    assert [place.kind for place in found.places] == [SIGNATURE, SEAL, DATE]
    left, top, wide, high = found.places[0].box
    label_ends = (150 + 30 * len("甲方代表（签字）：")) / PAGE[0]
    a_letter = 30 / PAGE[0]
    # Hands start on the colon; the letter before it is no place to write.
    assert label_ends - 1.1 * a_letter < left < label_ends - 0.9 * a_letter
    assert top < 135 / PAGE[1] < top + high
    assert 0.2 < wide < 0.4


def test_a_ruled_line_behind_a_label_is_the_place_to_sign() -> None:
    (place,) = of("经办人签名：________").places
    assert place.box[0] * PAGE[0] == pytest.approx(150 + 30 * 6, abs=3)
