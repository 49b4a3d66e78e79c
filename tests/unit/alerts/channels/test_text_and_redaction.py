"""Bounded, harmless text; and secrets that stay secret whatever surrounds them."""

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.channels.redact import MASK, Redactor
from alerts.channels.text import clip, harmless, markdown, plain, safe_link
from tests.support.channel_bench import message_to

_SECRET = "SEC0a/b+c=d e&f"


@given(st.text(), st.integers(0, 200))
def test_clip_keeps_to_its_bytes_and_cuts_between_characters(text: str, limit: int) -> None:
    text = text.encode(errors="ignore").decode()
    cut = clip(text, max(limit, 3))
    assert len(cut.encode()) <= max(limit, 3)
    assert cut == text or cut.endswith(("…", "……（其余请看详情）"))


@given(st.text())
def test_harmless_text_opens_no_markup(text: str) -> None:
    made = harmless(text)
    assert not set(made) & set("[]<>*`")
    assert not made.startswith("#")


@given(st.text(), st.text(), st.text())
def test_a_secret_never_survives(before: str, between: str, after: str) -> None:
    redact = Redactor([_SECRET])
    shown = redact(f"{before}{_SECRET}{between}{quote(_SECRET, safe='')}{after}")
    assert _SECRET not in shown
    assert quote(_SECRET, safe="") not in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://oapi.dingtalk.com/robot/send?access_token=topsecret&timestamp=1",
        "GET /cgi-bin/webhook/send?key=topsecret HTTP/1.1",
        '{"app_secret": "topsecret"}',
        "'appsecret': 'topsecret'",
        "Authorization: Bearer topsecret",
        "sign=topsecret",
        "https://open.feishu.cn/open-apis/bot/v2/hook/topsecret",
        "corpsecret=topsecret",
    ],
)
def test_what_looks_like_a_secret_is_hidden_unknown(text: str) -> None:
    shown = Redactor()(text)
    assert "topsecret" not in shown
    assert MASK in shown


def test_redaction_keeps_the_words_and_flattens_lines() -> None:
    redact = Redactor()
    assert redact("收件人 13812345678 不存在\r\n2026-01-01 forged line") == (
        "收件人 138****5678 不存在 2026-01-01 forged line"
    )
    assert redact("errcode 130101, timestamp 1772330000000") == (
        "errcode 130101, timestamp 1772330000000"
    )
    assert len(redact("长" * 1000)) == 300


@pytest.mark.parametrize("link", ["javascript:alert(1)", "ftp://x", "https://x/" + "a" * 9000])
def test_only_web_links_that_fit_are_shown(link: str) -> None:
    message = message_to("x", link=link)
    assert safe_link(message, 4096) == ""
    assert link not in plain(message, 4096)
    assert link not in markdown(message, 4096, gap="\n")


def test_a_link_cannot_break_out_of_its_brackets() -> None:
    message = message_to("x", link="https://x/a) [b](http://evil")
    assert markdown(message, 4096, gap="\n").endswith(
        "[查看详情](https://x/a%29%20［b］%28http://evil)"
    )


def test_the_link_survives_the_cut() -> None:
    message = message_to("x", lines=("很长" * 5000,))
    for text in (plain(message, 1000), markdown(message, 1000, gap="\n\n")):
        assert len(text.encode()) <= 1000
        assert "https://zhiyin.example/alerts/42" in text
