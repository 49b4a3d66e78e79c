"""The words: complete in both languages, both times for late events, names that stay names."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import messages
from alerts.messages import FIELDS, KINDS, NOTICES, RULES, UnknownKindError, catalogue, render

_AT = 1_772_330_000_000  # 2026-03-01 09:53:20 in China
_CHINESE = re.compile(r"[一-鿿]")
_FULL: dict[str, object] = {
    name: f"v_{name}" for name in FIELDS if not name.endswith(("at", "_ms", "_share"))
} | {
    "at": _AT,
    "happened_at": _AT,
    "repeats": 3,
    "told": ["甲", "乙"],
    "decision": "approved",
    "direction": "fast",
    "cause": "fence",
    "items": [{"happened_at": _AT, "seal": "党组织章", "person": "王小明", "stamps": 2}],
    **{name: _AT for name in FIELDS if name.endswith("_at")},
    **{name: 3_900_000 for name in FIELDS if name.endswith("_ms")},
    "offline_share": 0.834,
    "peer_share": 0.1,
}  # fmt: skip
_COUNTED = ("application_decided", "permit_decided", "late_uses_bundled", "notices_bundled")
every_kind = pytest.mark.parametrize("kind", KINDS)


def test_the_kinds_are_those_of_the_rules_and_notices() -> None:
    assert set(RULES) == {
        "C1", "C2", "C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C15",
        "C16", "C17", "C18", "C19", "C20", "C21", "C22", "C23", "C24", "C26", "C28", "C32", "C35",
    }  # fmt: skip
    assert "use_finished" in NOTICES
    assert "test_message" in NOTICES


@every_kind
@pytest.mark.parametrize("language", messages.LOCALES)
def test_both_languages_have_every_kind_with_the_same_places(kind: str, language: str) -> None:
    chinese, other = catalogue("zh_CN")[kind], catalogue(language)[kind]
    assert set(chinese) == set(other)
    for part in ("title", "lines", "todo", "item"):
        for a, b in zip(_patterns(chinese, part), _patterns(other, part), strict=True):
            assert set(messages.placeholders(a)) == set(messages.placeholders(b)), (kind, a, b)


def _patterns(text: dict[str, object], part: str) -> list[str]:
    value = text.get(part, [])
    return [value] if isinstance(value, str) else list(value)  # type: ignore[call-overload]


def test_the_languages_have_the_same_words_for_codes() -> None:
    chinese, english = catalogue("zh_CN")["words"], catalogue("en")["words"]
    assert {name: set(table) for name, table in chinese.items()} == {
        name: set(table) for name, table in english.items()
    }


@every_kind
def test_every_place_is_a_known_field(kind: str) -> None:
    for part in ("title", "lines", "todo", "item"):
        for pattern in _patterns(catalogue("zh_CN")[kind], part):
            assert set(messages.placeholders(pattern)) <= set(FIELDS), pattern


@every_kind
@pytest.mark.parametrize("locale", ["zh_CN", "en"])
def test_a_full_message_uses_all_its_lines(kind: str, locale: str) -> None:
    title, lines = render(kind, _FULL, locale)
    text = catalogue(locale)[kind]
    assert len(lines) >= len(text["lines"]) + len(text["todo"]) + 1
    whole = "\n".join([title, *lines])
    assert "{" not in whole
    assert "2026-03-01 09:53:20" in whole
    assert bool(_CHINESE.search(title)) == (locale == "zh_CN")
    assert 4 <= len(title) <= 120


@every_kind
@pytest.mark.parametrize("locale", ["zh_CN", "en"])
def test_an_empty_message_still_says_what_it_is_and_what_to_do(kind: str, locale: str) -> None:
    title, lines = render(kind, {}, locale)
    todo = catalogue(locale)[kind]["todo"]
    assert messages.placeholders(todo[-1]) == ()
    assert lines[-1] == todo[-1]
    # The places of its title are either always given by whoever sends it, or have stand-ins.
    assert "{" not in title or kind in _COUNTED


@every_kind
def test_chinese_lines_are_plain_and_short(kind: str) -> None:
    text = catalogue("zh_CN")[kind]
    for pattern in [*_patterns(text, "lines"), *_patterns(text, "todo")]:
        assert len(pattern) <= 60, pattern
    for pattern in _patterns(text, "todo"):
        assert pattern.endswith("。")


@pytest.mark.parametrize(
    ("wanted", "language"),
    [
        ("zh_CN", "zh_CN"), ("zh", "zh_CN"), ("zh-Hans-CN", "zh_CN"), ("zh-TW", "zh_CN"),
        ("en", "en"), ("en-GB", "en"), ("EN_us", "en"), ("fr", "zh_CN"), ("", "zh_CN"),
        ("eng", "zh_CN"),
    ],
)  # fmt: skip
def test_any_chinese_reads_chinese_and_so_does_whoever_we_have_no_words_for(
    wanted: str, language: str
) -> None:
    assert messages.reading_locale(wanted) == language
    title, _ = render("test_message", {}, wanted)
    assert title == catalogue(language)["test_message"]["title"]


def test_a_missing_translation_shows_chinese(monkeypatch: pytest.MonkeyPatch) -> None:
    chinese = catalogue("zh_CN")
    english = {name: text for name, text in catalogue("en").items() if name != "C1"}
    monkeypatch.setattr(
        messages, "catalogue", lambda language: english if language == "en" else chinese
    )
    title, lines = render("C1", {"village": "云水村", "at": _AT}, "en")
    assert title == "未经审批盖章：云水村 印章"
    assert lines[0].startswith("时间：")


def test_a_late_event_tells_both_times() -> None:
    late = {"happened_at": _AT - 3 * 3_600_000 - 300_000, "at": _AT}
    _, lines = render("C1", late, "zh_CN")
    assert "发生时间（印章记录）：2026-03-01 06:48:20" in lines
    assert "平台收到时间：2026-03-01 09:53:20（迟到 3 小时 5 分）" in lines
    _, lines = render("C1", late, "en")
    assert "Received by the platform: 2026-03-01 09:53:20 (3 h 5 min late)" in lines


def test_a_prompt_event_tells_one_time_and_a_clock_ahead_both() -> None:
    _, lines = render("C20", {"happened_at": _AT - 1000, "at": _AT}, "zh_CN")
    assert [line for line in lines if "时间：" in line] == ["时间：2026-03-01 09:53:19"]
    _, lines = render("C20", {"happened_at": _AT + 3_600_000, "at": _AT}, "zh_CN")
    assert "发生时间（印章记录）：2026-03-01 10:53:20" in lines
    assert "平台收到时间：2026-03-01 09:53:20" in lines


def test_bundled_uses_are_listed_and_the_rest_counted() -> None:
    use = {"happened_at": _AT, "seal": "村委会章", "person": "王小明", "stamps": 2}
    title, lines = render(
        "late_uses_bundled", {"village": "云水村", "count": 12, "items": [use] * 12}, "zh_CN"
    )
    assert title == "补报用印 12 件：云水村"
    assert sum("王小明 盖章 2 次" in line for line in lines) == 10
    assert "……另有 2 件" in lines


def test_durations_shares_lists_and_codes_are_readable() -> None:
    _, lines = render(
        "C18",
        {"silent_ms": 90_000_000, "last_at": _AT, "days": 30, "offline_share": 0.834,
         "peer_share": 0.1},
        "zh_CN",
    )  # fmt: skip
    assert lines[0] == "已有 1 天 1 小时 没有消息，最后一次在 2026-03-01 09:53:20"
    assert lines[1] == "近 30 天有 83% 的用印在离线时办理"
    assert lines[2] == "同类套筒平均 10%"
    _, lines = render("escalated", {"waited_ms": 59_000, "told": ["甲", "乙"]}, "zh_CN")
    assert lines[0] == "已等 59 秒，此前通知过：甲、乙"
    _, lines = render("C13", {"cause": "seal_removed"}, "en")
    assert lines[0] == "What: the seal was taken out"


def test_data_are_never_read_as_words() -> None:
    evil = "{device}{0}{person.__class__}\n时间：1970-01-01"
    title, lines = render("C1", {"village": evil, "person": evil, "device": "D1"}, "zh_CN")
    assert "{device}{0}{person.__class__} 时间：1970-01-01" in title
    assert lines[0] == "盖章人：{device}{0}{person.__class__} 时间：1970-01-01"


@pytest.mark.parametrize("at", [-(10**18), 10**18, 0])
def test_a_mad_clock_is_shown_as_it_is(at: int) -> None:
    _, lines = render("C20", {"happened_at": at, "at": _AT}, "zh_CN")
    assert any(line.startswith("发生时间") for line in lines)


def test_an_unknown_kind_is_an_error() -> None:
    for kind in ("C99", "times", "words", ""):
        with pytest.raises(UnknownKindError):
            render(kind, {}, "zh_CN")


@given(
    st.sampled_from(KINDS),
    st.dictionaries(
        st.sampled_from(sorted(FIELDS)),
        st.one_of(
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(),
            st.lists(st.one_of(st.text(), st.dictionaries(st.text(), st.integers()))),
        ),
    ),
    st.sampled_from(["zh_CN", "en"]),
)  # fmt: skip
def test_no_data_break_a_message(kind: str, data: dict[str, object], locale: str) -> None:
    title, lines = render(kind, data, locale)
    for line in [title, *lines]:
        assert line.isprintable()
        assert len(line) < 2000
