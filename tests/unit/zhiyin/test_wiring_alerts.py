"""The alerts' file: thresholds, channels, secrets by reference; whatever is wrong is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from alerts.settings import AlertSettings
from backend.domain.errors import DomainError
from zhiyin.settings import AlertSettings as AlertFile
from zhiyin.settings import FaceSettings, Settings, WebSettings
from zhiyin.wiring_alerts import Chosen, read


@pytest.fixture
def chosen(tmp_path: Path) -> Callable[..., Chosen]:
    def make(text: str, **more: Any) -> Chosen:
        file = tmp_path / "alerts.toml"
        file.write_text(text, encoding="utf-8")
        settings = Settings(data_dir=tmp_path, alerts=AlertFile(file=file), **more)
        return read(settings, {"DINGTALK": "SECret"})

    return make


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    found = read(Settings(data_dir=tmp_path))
    assert found.settings == AlertSettings()
    assert found.channels == {}


def test_thresholds_are_changed_one_by_one(chosen: Callable[..., Chosen]) -> None:
    found = chosen(
        'quiet_from = "21:00"\n[rules]\nsilent_ms = 60000\n[delivery]\nattempts = 3\n'
        '[[escalation]]\nafter_ms = 5\ntargets = ["town"]\n'
    ).settings
    assert found.quiet_from == "21:00"
    assert found.rules.silent_ms == 60_000
    assert found.rules.gap_ms == AlertSettings().rules.gap_ms
    assert found.delivery.attempts == 3
    assert [(one.after_ms, one.targets) for one in found.escalation] == [(5, ("town",))]


def test_secrets_come_from_files_and_the_environment(
    chosen: Callable[..., Chosen], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("abc\n")
    found = chosen(
        "[channels.dingtalk_robot.robots.town]\n"
        f'access_token = {{ file = "{tmp_path / "token"}" }}\n'
        'secret = { env = "DINGTALK" }\n'
    )
    assert found.channels == {
        "dingtalk_robot": {"robots": {"town": {"access_token": "abc", "secret": "SECret"}}}
    }


def test_what_the_installation_says_elsewhere_is_taken_over(chosen: Callable[..., Chosen]) -> None:
    faces = FaceSettings(accept=0.48)
    web = WebSettings(public_url="https://yin.example.cn")
    found = chosen("", faces=faces, web=web).settings
    assert (found.rules.face_accept, found.link_base) == (0.48, "https://yin.example.cn")
    own = chosen('link_base = "https://x.cn"\n[rules]\nface_accept = 0.5\n', faces=faces, web=web)
    assert (own.settings.rules.face_accept, own.settings.link_base) == (0.5, "https://x.cn")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("silent = 5\n", "silent"),
        ("[rules]\nsilnt_ms = 5\n", "rules.silnt_ms"),
        ('[rules]\nsilent_ms = "long"\n', "silent_ms"),
        ("[rules\n", "alerts.toml"),
        ("channels = 3\n", "channels"),
        ('[channels.sms]\nsecret = { env = "NOWHERE" }\n', "NOWHERE"),
        ('[channels.sms]\nsecret = { file = "/nowhere/x" }\n', "/nowhere/x"),
    ],
)
def test_what_is_wrong_is_named(chosen: Callable[..., Chosen], text: str, says: str) -> None:
    with pytest.raises(DomainError) as caught:
        chosen(text)
    assert caught.value.code == "alert_settings"
    assert says in caught.value.zh
