"""Finds, reads and checks the settings, and says in plain words what is wrong with them."""

import difflib
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, TomlConfigSettingsSource
from pydantic_settings import SettingsError as SourceError

from backend.domain.errors import DomainError
from zhiyin.settings import Settings, Unfit

DEFAULT_FILE = Path("zhiyin.toml")
_PREFIX = "ZHIYIN_"
# Read by the command line and by the launcher, not settings.
_NOT_SETTINGS = frozenset({"ZHIYIN_CONFIG", "ZHIYIN_PYTHON"})

# pydantic's error type → what is wrong, in Chinese and English; {…} are pydantic's own figures.
_TEXTS: dict[str, tuple[str, str]] = {
    "bool_parsing": ("须为 true 或 false", "must be true or false"),
    "bool_type": ("须为 true 或 false", "must be true or false"),
    "int_parsing": ("须为整数", "must be a whole number"),
    "int_type": ("须为整数", "must be a whole number"),
    "int_from_float": ("须为整数", "must be a whole number"),
    "float_parsing": ("须为数字", "must be a number"),
    "float_type": ("须为数字", "must be a number"),
    "string_type": ("须为文字", "must be text"),
    "string_too_short": ("不能为空", "must not be empty"),
    "string_pattern_mismatch": ("格式不对，须符合 {pattern}", "must match {pattern}"),
    "literal_error": ("只能是 {choices}", "must be one of {choices}"),
    "greater_than": ("须大于 {gt}", "must be more than {gt}"),
    "greater_than_equal": ("不能小于 {ge}", "must be at least {ge}"),
    "less_than_equal": ("不能大于 {le}", "must be at most {le}"),
    "extra_forbidden": ("没有这个配置项{like_zh}", "is no setting{like_en}"),
    "path_type": ("须为文件路径", "must be a path"),
    "tuple_type": ('须为列表，如 ["127.0.0.1"]', 'must be a list, such as ["127.0.0.1"]'),
    "model_type": ("须为一节配置", "must be a section"),
}


class SettingsError(DomainError):
    """The settings cannot be used; each wrong key has a line that says what to do."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__("settings", zh, en)


def load_settings(config: Path | None = None) -> Settings:
    """Read environment and file, and check them.

    ``config``: the TOML file; without it the one named by ``ZHIYIN_CONFIG``, else ``zhiyin.toml``
    in the current folder if there is one. Raises SettingsError.
    """
    file = _find_file(config)
    _refuse_unknown_variables(os.environ)

    class FromFile(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Environment before file; nothing else."""
            if file is None:
                return (env_settings,)
            return env_settings, TomlConfigSettingsSource(settings_cls, file)

    try:
        return FromFile()
    except ValidationError as error:
        lines = [_explain(detail) for detail in error.errors()]
        raise SettingsError(
            "配置有误，请改正后再启动：\n" + "\n".join(f"  {zh}" for zh, _ in lines),
            "settings to correct before a start:\n" + "\n".join(f"  {en}" for _, en in lines),
        ) from None  # pydantic's own text would print the values, secrets too
    except SourceError as error:
        raise SettingsError(
            f'配置读不懂（列表要写成 JSON，如 ["a"]）：{error}',
            f'a setting cannot be read (lists are written as JSON, such as ["a"]): {error}',
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"配置文件 {file} 写法有误：{error}", f"settings file {file} is not valid TOML: {error}"
        ) from None
    except OSError as error:
        raise SettingsError(
            f"配置文件读不了：{error}", f"a settings file cannot be read: {error}"
        ) from None


def setting_fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting as (``section.key`` or ``key``, pydantic's field), in the order of the docs."""
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, BaseModel):
            for key, inner in section.model_fields.items():
                yield f"{name}.{key}", inner
        else:
            yield name, field


def variable(key: str) -> str:
    """The environment variable of a setting: ``web.port`` → ``ZHIYIN_WEB__PORT``."""
    return _PREFIX + key.replace(".", "__").upper()


def is_secret(field: FieldInfo) -> bool:
    """Whether the setting's value must never be printed."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def _find_file(config: Path | None) -> Path | None:
    named = os.environ.get("ZHIYIN_CONFIG")
    wanted = config or (Path(named) if named else None)
    if wanted is None:
        return DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    if not wanted.is_file():
        raise SettingsError(
            f"没有配置文件 {wanted}，请检查 --config 或 ZHIYIN_CONFIG",
            f"no settings file {wanted}: check --config or ZHIYIN_CONFIG",
        )
    return wanted


def _refuse_unknown_variables(environ: Mapping[str, str]) -> None:
    """A misspelt variable would be a setting that silently does not hold."""
    known = {variable(key) for key, _ in setting_fields()} | _NOT_SETTINGS
    unknown = sorted(name for name in environ if name.startswith(_PREFIX) and name not in known)
    if unknown:
        zh, en = zip(*(_no_such(name, known) for name in unknown), strict=True)
        raise SettingsError("\n".join(zh), "\n".join(en))


def _no_such(name: str, known: set[str]) -> tuple[str, str]:
    like_zh, like_en = _did_you_mean(name, known)
    return (
        f"环境变量 {name}：没有这个配置项{like_zh}",
        f"environment variable {name} is no setting{like_en}",
    )


def _did_you_mean(name: str, known: set[str]) -> tuple[str, str]:
    like = difflib.get_close_matches(name, known, n=1)
    return (f"，是不是 {like[0]}？", f"; did you mean {like[0]}?") if like else ("", "")


def _explain(detail: Mapping[str, Any]) -> tuple[str, str]:
    key = ".".join(str(part) for part in detail["loc"])
    fields = dict(setting_fields())
    context: dict[str, Any] = dict(detail.get("ctx", {}))
    unfit = context.get("error")
    if isinstance(unfit, Unfit):
        zh, en = unfit.zh, unfit.en
    else:
        zh, en = _TEXTS.get(detail["type"], (detail["msg"], detail["msg"]))
        context["like_zh"], context["like_en"] = _did_you_mean(key, set(fields))
        context["choices"] = str(context.get("expected", "")).replace(" or ", ", ")
        zh, en = zh.format(**context), en.format(**context)
    field = fields.get(key)
    if field is None:  # a whole section, or no setting at all: its value would say nothing
        return f"{key}：{zh}", f"{key}: {en}"
    shown = "***" if is_secret(field) else repr(_plain(detail["input"]))
    section, _, last = key.rpartition(".")
    place = f"[{section}] {last}" if section else last
    return (
        f"{key} = {shown}：{zh}（环境变量 {variable(key)}，或配置文件 {place}）",
        f"{key} = {shown}: {en} (environment {variable(key)}, or {place} in the file)",
    )


def _plain(value: object) -> object:
    return str(value) if isinstance(value, Path) else value
