"""Settings: strict, all problems at once, in words that say what to do; and the documentation."""

from pathlib import Path

import pytest

from alerts.channels.base import ConfigError
from alerts.channels.registry import CHANNELS, build_channels
from alerts.channels.settings import walk
from alerts.channels.standin import Standin, settings_for
from tests.support.channel_bench import TurnedClock, runtime_over

_DOCS = Path(__file__).parents[4] / "docs" / "channels.md"


def test_the_order_is_the_list() -> None:
    assert tuple(CHANNELS) == (
        "dingtalk_robot",
        "dingtalk_person",
        "wecom_robot",
        "wecom_person",
        "feishu_robot",
        "feishu_person",
        "zhezhengding",
        "sms",
        "email",
        "web_push",
        "ntfy",
        "webhook",
        "console",
    )


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_and_setting_is_documented(name: str) -> None:
    text = _DOCS.read_text(encoding="utf-8")
    section = text.split(f"\n### `{name}`", 1)[1].split("\n### ", 1)[0].split("\n## ", 1)[0]
    assert CHANNELS[name].title in section
    for setting in walk(CHANNELS[name].settings):
        assert f"`{setting.name}`" in section, f"{name}: {setting.name}"


@pytest.mark.parametrize("name", [name for name in CHANNELS if name != "console"])
def test_missing_settings_are_all_named_with_where_to_find_them(
    name: str, standin: Standin, clock: TurnedClock
) -> None:
    with pytest.raises(ConfigError) as caught:
        CHANNELS[name]({}, runtime_over(standin.transport(), clock))
    required = [one for one in CHANNELS[name].settings if one.default is None]
    assert len(caught.value.problems) == len(required)
    for one, problem in zip(required, caught.value.problems, strict=True):
        assert one.name in problem
        assert one.hint in problem


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"base_url": "http://oapi.dingtalk.com"}, "https"),
        ({"base_url": "oapi.dingtalk.com"}, "https"),
        ({"base_url": "https://u:p@oapi.dingtalk.com"}, "用户名"),
        ({"base_url": "https://[::1"}, "网址"),
        ({"base_url": "https://oapi.dingtalk.com/#x"}, "#"),
        ({"base_url": "file:///etc/passwd"}, "https"),
        ({"timeout_ms": 5}, "100"),
        ({"timeout_ms": "fast"}, "整数"),
        ({"timeout_ms": True}, "整数"),
        ({"robots": {}}, "缺少"),
        ({"robots": []}, "表格"),
        ({"robots": {"a": "b"}}, "表格"),
        ({"robots": {"a": {"access_token": "t"}}}, "robots.a"),
        ({"robots": {"a": {"access_token": "t", "secret": "SEC pasted \n"}}}, "空格"),
        ({"robots": {"a": {"access_token": 1, "secret": "SEC"}}}, "文字"),
        ({"acess_token": "x"}, "acess_token"),
    ],
)
def test_wrong_settings_are_explained(
    changes: dict[str, object], says: str, standin: Standin, clock: TurnedClock
) -> None:
    settings = {**settings_for("http://127.0.0.1:1")["dingtalk_robot"], **changes}
    with pytest.raises(ConfigError) as caught:
        CHANNELS["dingtalk_robot"](settings, runtime_over(standin.transport(), clock))
    assert says in str(caught.value)
    assert "pasted" not in str(caught.value)


def test_plain_http_elsewhere_must_be_asked_for(standin: Standin, clock: TurnedClock) -> None:
    runtime = runtime_over(standin.transport(), clock)
    given = {"url": "http://10.0.0.5/sms", "secret": settings_for("")["sms"]["secret"]}
    with pytest.raises(ConfigError, match="allow_http"):
        CHANNELS["sms"](given, runtime)
    CHANNELS["sms"]({**given, "allow_http": True}, runtime)


@pytest.mark.parametrize("name", ["sms", "webhook"])
def test_a_weak_signing_secret_is_refused(name: str, standin: Standin, clock: TurnedClock) -> None:
    given: dict[str, object] = {"url": "https://receiver.example/x", "secret": "12345678"}
    if name == "webhook":
        given = {"targets": {"a": given}}
    with pytest.raises(ConfigError, match="whsec_") as caught:
        CHANNELS[name](given, runtime_over(standin.transport(), clock))
    assert "12345678" not in str(caught.value)


def test_a_mail_password_never_goes_in_the_clear(standin: Standin, clock: TurnedClock) -> None:
    given = {
        "host": "mail.example",
        "sender": "seal@example.com",
        "security": "none",
        "password": "hunter2-hunter2",
    }
    with pytest.raises(ConfigError, match="明文") as caught:
        CHANNELS["email"](given, runtime_over(standin.transport(), clock))
    assert "hunter2" not in str(caught.value)


def test_problems_of_all_channels_come_at_once(standin: Standin, clock: TurnedClock) -> None:
    with pytest.raises(ConfigError) as caught:
        build_channels(
            {"sms": {}, "wechat": {}, "ntfy": {"url": "x"}, "console": {}},
            runtime_over(standin.transport(), clock),
        )
    said = str(caught.value)
    assert "wechat" in said
    assert "短信" in said
    assert "ntfy" in said


def test_channels_are_built_in_the_order_of_the_list(standin: Standin, clock: TurnedClock) -> None:
    given = settings_for("http://127.0.0.1:1")
    backwards = dict(reversed(given.items()))
    built = build_channels(backwards, runtime_over(standin.transport(), clock))
    assert list(built) == [name for name in CHANNELS if name in given]
