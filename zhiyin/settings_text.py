"""The settings as text: those in force, and the table in docs/operations.md."""

import json
from pathlib import Path

from pydantic import SecretStr

from zhiyin.settings import Settings
from zhiyin.settings_source import setting_fields, variable

_HIDDEN = "***"


def as_lines(settings: Settings) -> str:
    """One ``key = value`` line a setting, in the file's own notation; secrets are hidden."""
    lines = []
    for key, _ in setting_fields():
        value: object = settings
        for part in key.split("."):
            value = getattr(value, part)
        lines.append(f"{key} = {_show(value)}")
    return "\n".join(lines)


def as_table() -> str:
    """Every setting with its variable, default and meaning, as a Markdown table."""
    rows = ["| 配置项 key | 环境变量 variable | 默认 default | 说明 |", "|---|---|---|---|"]
    for key, field in setting_fields():
        default = "随产品 bundled" if key == "fonts_dir" else f"`{_show(field.default)}`"
        if field.default is None:
            default = "–"
        about = (field.description or "").replace("|", "\\|")
        rows.append(f"| `{key}` | `{variable(key)}` | {default} | {about} |")
    return "\n".join(rows)


def _show(value: object) -> str:
    if isinstance(value, SecretStr):
        return _HIDDEN
    if isinstance(value, Path):
        value = str(value)
    return json.dumps(value, ensure_ascii=False)
