"""Settings of channels: declared once, read strictly, with errors that say what to do."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from alerts.channels.base import ConfigError

Value = str | int | bool | Mapping[str, "Values"]
Kind = Literal["text", "secret", "url", "number", "flag", "table"]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `hint` tells an administrator what it is and where to find it (Chinese).

    Without a `default` it must be given. A `table` holds named groups of `fields`, such as several
    robots; it must have at least one. A `url` must be https, or http to this machine; plain http to
    elsewhere only where the channel's own flag `allow_http` is set.
    """

    name: str
    hint: str
    kind: Kind = "text"
    default: str | int | bool | None = None
    least: int = 1
    most: int = 1_000_000
    choices: tuple[str, ...] = ()
    fields: tuple["Setting", ...] = ()


class Values:
    """Settings after reading: each present (or its default) and of its kind."""

    def __init__(self, values: Mapping[str, Value], secrets: tuple[str, ...]) -> None:
        self._values = values
        self.secrets = secrets

    def text(self, name: str) -> str:
        """A `text`, `secret` or `url`."""
        return str(self._values[name])

    def number(self, name: str) -> int:
        """A `number`."""
        value = self._values[name]
        assert isinstance(value, int)
        return value

    def flag(self, name: str) -> bool:
        """A `flag`."""
        return bool(self._values[name])

    def table(self, name: str) -> Mapping[str, "Values"]:
        """A `table`: its named groups, in the order given."""
        value = self._values[name]
        assert isinstance(value, Mapping)
        return value


def read_settings(title: str, declared: tuple[Setting, ...], given: Mapping[str, object]) -> Values:
    """Read one channel's settings. `title` names the channel in the messages.

    Raises:
        ConfigError: with *all* that is missing, unknown or wrong, never with the values themselves.
    """
    problems: list[str] = []
    values = _read_group(title, declared, given, problems, allow_http=False)
    if problems:
        raise ConfigError(tuple(problems))
    return values


def _read_group(
    where: str,
    declared: tuple[Setting, ...],
    given: Mapping[str, object],
    problems: list[str],
    *,
    allow_http: bool,
) -> Values:
    allow_http = allow_http or given.get("allow_http") is True
    known = {setting.name for setting in declared}
    for name in given:
        if name not in known:
            allowed = "、".join(setting.name for setting in declared)
            problems.append(f"{where}：不认识的设置 {name}，请删除或改正；可用的有 {allowed}")
    values: dict[str, Value] = {}
    secrets: list[str] = []
    for setting in declared:
        raw = given.get(setting.name)
        if raw is None or raw in ("", {}):
            if setting.default is None:
                problems.append(f"{where}：缺少设置 {setting.name}，请填写{setting.hint}")
            else:
                values[setting.name] = setting.default
            continue
        value = _read_value(where, setting, raw, problems, allow_http=allow_http)
        if value is None:
            continue
        values[setting.name] = value
        if setting.kind == "secret":
            secrets.append(str(value))
        elif isinstance(value, Mapping):
            for group in value.values():
                secrets.extend(group.secrets)
    return Values(values, tuple(secrets))


def _read_value(
    where: str, setting: Setting, raw: object, problems: list[str], *, allow_http: bool
) -> Value | None:
    wrong: str | None
    if setting.kind == "number":
        if isinstance(raw, int) and not isinstance(raw, bool):
            if setting.least <= raw <= setting.most:
                return raw
            wrong = f"应在 {setting.least} 到 {setting.most} 之间"
        else:
            wrong = "应为整数"
    elif setting.kind == "flag":
        if isinstance(raw, bool):
            return raw
        wrong = "应为 true 或 false"
    elif setting.kind == "table":
        if isinstance(raw, Mapping) and all(isinstance(group, Mapping) for group in raw.values()):
            return {
                str(name): _read_group(
                    f"{where} {setting.name}.{name}",
                    setting.fields,
                    group,
                    problems,
                    allow_http=allow_http,
                )
                for name, group in raw.items()
            }
        wrong = f"应为表格，每个名字一组：{'、'.join(field.name for field in setting.fields)}"
    elif not isinstance(raw, str):
        wrong = "应为文字（加引号）"
    elif raw != raw.strip() or not raw.isprintable():
        wrong = "前后有空格或含有不可见字符，请重新复制"
    elif setting.choices and raw not in setting.choices:
        wrong = f"只能是 {'、'.join(setting.choices)}"
    elif setting.kind == "url":
        wrong = _wrong_url(raw, allow_http=allow_http)
    else:
        wrong = None
    if wrong is None:
        return str(raw)
    problems.append(f"{where}：设置 {setting.name} 不对，{wrong}（{setting.hint}）")
    return None


def _wrong_url(url: str, *, allow_http: bool) -> str | None:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "不是网址"
    if parts.scheme not in ("https", "http") or not host:
        return "应是以 https:// 开头的完整网址"
    if parts.username is not None or parts.password is not None:
        return "网址里不能带用户名或密码"
    if parts.fragment:
        return "网址里不能有 #"
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        return "应使用 https；确在内网且只能用 http 时，请设 allow_http = true"
    return None


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def walk(declared: tuple[Setting, ...]) -> Iterator[Setting]:
    """Each setting, those inside tables too (for documentation and its test)."""
    for setting in declared:
        yield setting
        yield from walk(setting.fields)
