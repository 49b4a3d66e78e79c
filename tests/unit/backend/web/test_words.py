"""Both languages are complete, and Chinese is what people get when in doubt."""

import re
from string import Formatter

import pytest

from alerts.channels.registry import CHANNELS
from alerts.messages import RULES
from backend.web import words
from backend.web.i18n import english, negotiate, reading_locale, say
from tests.support.web_messages import all_messages

HAN = re.compile(r"[\u4e00-\u9fff]")
# Buttons of the sleeve and words to search by are Chinese in any language.
QUOTED = {"放好文件，按“盖章”", "盖完按“结束”", "搜事项，例如“低保”“居住”“合同”"}


def places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_message_has_its_english_and_no_english_is_left_over() -> None:
    assert set(english()) == all_messages()


def test_the_english_keeps_every_place_and_holds_no_chinese() -> None:
    for chinese, text in english().items():
        assert places(text) == places(chinese), chinese
        assert chinese in QUOTED or not HAN.search(text), chinese


def test_what_is_missing_appears_in_chinese_never_empty() -> None:
    assert say("没有这句话", "en") == "没有这句话"
    assert say("{n}章", "zh_CN", n="{n}") == "{n}章"


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, "zh_CN"),
        ("", "zh_CN"),
        ("zh-Hans-CN,en;q=0.8", "zh_CN"),
        ("zh-TW", "zh_CN"),
        ("en-GB,en;q=0.9,zh;q=0.8", "en"),
        ("fr,en;q=0.5,zh;q=0.4", "en"),
        ("en;q=0.3,zh;q=0.9", "zh_CN"),
        ("fr", "zh_CN"),
        ("en;q=x,;;,", "zh_CN"),
    ],
)
def test_negotiation(header: str | None, wanted: str) -> None:
    assert negotiate(header) == wanted


def test_any_zh_is_chinese() -> None:
    assert [reading_locale(one) for one in ("zh", "zh-Hans-CN", "zh_TW", None, "fr")] == (
        ["zh_CN"] * 5
    )


def test_every_rule_and_channel_has_a_name() -> None:
    assert set(RULES) <= set(words.RULE_NAME)
    assert set(CHANNELS) <= set(words.CHANNEL)
