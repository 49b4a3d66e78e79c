"""Settings: where they come from, which wins, and what a person is told about a wrong one."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from zhiyin.settings import Settings
from zhiyin.settings_source import SettingsError, load_settings, setting_fields, variable
from zhiyin.settings_text import as_lines, as_table

_OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for key, _ in setting_fields():
        monkeypatch.delenv(variable(key), raising=False)
    monkeypatch.delenv("ZHIYIN_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def toml(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / "given.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def _refusal(config: Path | None = None) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        load_settings(config)
    return caught.value


def test_defaults_fit_a_try_on_one_machine() -> None:
    settings = load_settings()
    assert settings.database_url() == "sqlite+pysqlite:///var/zhiyin.sqlite3"
    assert settings.mqtt.embedded
    assert settings.time_zone == "Asia/Shanghai"
    assert settings.retention.usage_days == 3 * 365
    assert settings.retention.technical_days == 200
    assert settings.keys_path() == Path("var/keys")


def test_environment_wins_over_the_file_and_the_file_over_defaults(
    toml: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = toml('[web]\nport = 9001\nsession_hours = 3\n[log]\nlevel = "debug"\n')
    monkeypatch.setenv("ZHIYIN_WEB__PORT", "9002")
    settings = load_settings(file)
    assert settings.web.port == 9002
    assert settings.web.session_hours == 3
    assert settings.log.level == "debug"
    assert settings.faces.accept == 0.45


def test_the_file_is_found_by_name_and_in_the_current_folder(
    toml: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "zhiyin.toml").write_text("[web]\nport = 9100\n", encoding="utf-8")
    assert load_settings().web.port == 9100
    monkeypatch.setenv("ZHIYIN_CONFIG", str(toml("[web]\nport = 9200\n")))
    assert load_settings().web.port == 9200


def test_each_wrong_value_names_key_value_and_remedy(toml: Callable[[str], Path]) -> None:
    error = _refusal(toml('time_zone = "Mars"\n[web]\nport = 70000\n[log]\nlevel = "loud"\n'))
    for text in (error.zh, error.en):
        assert "time_zone = 'Mars'" in text
        assert "web.port = 70000" in text
        assert "ZHIYIN_WEB__PORT" in text
        assert "[web] port" in text
        assert "log.level = 'loud'" in text
    assert "不能大于 65535" in error.zh
    assert "must be at most 65535" in error.en


@pytest.mark.parametrize(
    ("name", "value", "zh"),
    [
        ("ZHIYIN_WEB__PORT", "many", "须为整数"),
        ("ZHIYIN_WEB__BEHIND_PROXY", "perhaps", "须为 true 或 false"),
        ("ZHIYIN_FACES__ACCEPT", "high", "须为数字"),
        ("ZHIYIN_FACES__ACCEPT", "0.1", "doubtful ≤ accept"),
        ("ZHIYIN_MQTT__SHARED_GROUP", "a/b", "格式不对"),
        ("ZHIYIN_MQTT__CA_FILE", "/nowhere/ca.pem", "没有这个文件"),
        ("ZHIYIN_MQTT__CERT_FILE", __file__, "同时填写"),
        ("ZHIYIN_RETENTION__TECHNICAL_DAYS", "30", "不能小于 180"),
        ("ZHIYIN_WEB__TRUSTED_PROXIES", "10.0.0.1", "JSON"),
        ("ZHIYIN_DATABASE__URL", "mysql://h/x", "只支持"),
        ("ZHIYIN_MQTT__HOST", "", "不能为空"),
    ],
)
def test_bad_values_are_refused(
    name: str, value: str, zh: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert zh in _refusal().zh


def test_a_misspelt_variable_is_refused_with_the_likely_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ZHIYIN_DATABSE__URL", "sqlite:///x")
    assert "ZHIYIN_DATABASE__URL" in _refusal().zh


def test_a_misspelt_key_in_the_file_is_refused_with_the_likely_one(
    toml: Callable[[str], Path],
) -> None:
    error = _refusal(toml("[web]\nprot = 1\n"))
    assert "web.prot" in error.zh
    assert "web.port" in error.zh


@pytest.mark.parametrize("text", ["[web\n", "web = 3\n"])
def test_a_broken_file_is_refused(text: str, toml: Callable[[str], Path]) -> None:
    assert _refusal(toml(text)).code == "settings"


def test_a_missing_named_file_is_refused(tmp_path: Path) -> None:
    assert "--config" in _refusal(tmp_path / "none.toml").zh


@pytest.mark.parametrize(
    ("host", "extra", "fits"),
    [
        ("127.0.0.1", {}, True),
        ("::1", {}, True),
        ("localhost", {}, True),
        ("0.0.0.0", {}, False),
        ("192.0.2.7", {}, False),
        ("0.0.0.0", {"ZHIYIN_WEB__BEHIND_PROXY": "true"}, True),
        ("0.0.0.0", {"ZHIYIN_WEB__TLS_CERT_FILE": __file__}, False),
        (
            "0.0.0.0",
            {"ZHIYIN_WEB__TLS_CERT_FILE": __file__, "ZHIYIN_WEB__TLS_KEY_FILE": __file__},
            True,
        ),
    ],
)
def test_pages_beyond_this_machine_need_https(
    host: str, extra: dict[str, str], fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ZHIYIN_WEB__HOST": host, **extra}.items():
        monkeypatch.setenv(name, value)
    if fits:
        assert load_settings().web.host == host
    else:
        _refusal()


@pytest.mark.parametrize(
    ("extra", "fits"),
    [
        ({}, False),
        ({"ZHIYIN_MQTT__EMBEDDED": "false"}, False),
        ({"ZHIYIN_MQTT__EMBEDDED": "false", "ZHIYIN_MQTT__CA_FILE": __file__}, True),
        ({"ZHIYIN_MQTT__EMBEDDED": "false", "ZHIYIN_MQTT__ALLOW_PLAINTEXT": "true"}, True),
        ({"ZHIYIN_MQTT__ALLOW_PLAINTEXT": "true"}, False),
    ],
)
def test_a_broker_elsewhere_needs_tls(
    extra: dict[str, str], fits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"ZHIYIN_MQTT__HOST": "192.0.2.7", **extra}.items():
        monkeypatch.setenv(name, value)
    if fits:
        assert load_settings().mqtt.host == "192.0.2.7"
    else:
        _refusal()


def test_secrets_come_from_files_and_are_never_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "p@ss/w:rd"
    file = tmp_path / "secret"
    file.write_text(secret + "\n", encoding="utf-8")
    monkeypatch.setenv("ZHIYIN_DATABASE__URL", "postgresql://zhiyin@db:5432/zhiyin")
    monkeypatch.setenv("ZHIYIN_DATABASE__PASSWORD_FILE", str(file))
    monkeypatch.setenv("ZHIYIN_MQTT__PASSWORD", secret)
    settings = load_settings()
    assert settings.database_url() == ("postgresql+psycopg://zhiyin:p%40ss%2Fw%3Ard@db:5432/zhiyin")
    password = settings.mqtt_password()
    assert password is not None
    assert password.get_secret_value() == secret
    for text in (as_lines(settings), repr(settings), str(settings), settings.model_dump_json()):
        assert secret not in text
        assert "db:5432" not in text  # the whole address may hold a password


def test_a_refused_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZHIYIN_DATABASE__URL", "mysql://root:geheim@h/x")
    error = _refusal()
    assert "geheim" not in error.zh + error.en + str(error)
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_every_setting_says_what_it_means_in_chinese() -> None:
    for key, field in setting_fields():
        assert field.description, key
        assert re.search("[\u4e00-\u9fff]", field.description), key


def test_the_operations_manual_lists_exactly_these_settings() -> None:
    text = _OPERATIONS.read_text(encoding="utf-8")
    found = re.search(r"<!-- settings -->\n(.*?)\n<!-- /settings -->", text, re.DOTALL)
    assert found is not None
    assert found[1].strip() == as_table(), "paste the output of: ./run settings --table"


def test_settings_cannot_be_changed_afterwards() -> None:
    settings = Settings()
    with pytest.raises(ValueError, match="frozen"):
        settings.time_zone = "UTC"
