"""Words of the pages. The message id is the Chinese text itself, so that a missing translation
never shows English to a villager; ``locales/en.toml`` holds the English of every one of them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

CHINESE: Final = "zh_CN"
ENGLISH: Final = "en"
LOCALES: Final = (CHINESE, ENGLISH)


def mark(message: str) -> str:
    """The message itself; the name tells the completeness test that it is one."""
    return message


@cache
def english() -> Mapping[str, str]:
    """Chinese message → English."""
    source = files("backend.web").joinpath("locales/en.toml").read_text("utf-8")
    found: dict[str, str] = tomllib.loads(source)
    return found


def say(message: str, locale: str, /, **values: object) -> str:
    """``message`` in ``locale`` with its ``{places}`` filled. Values are put in, never read."""
    text = english().get(message, message) if locale == ENGLISH else message
    return text.format(**values) if values else text


def reading_locale(wanted: str | None) -> str:
    """The language we have for a wanted one: any ``zh…`` and all that is unknown is Chinese."""
    return ENGLISH if (wanted or "").lower().startswith("en") else CHINESE


def negotiate(accept_language: str | None) -> str:
    """The best language for an ``Accept-Language`` header (RFC 9110 §12.5.4): the first that we
    have, by weight; any ``zh*`` is Chinese, and Chinese is what we speak when in doubt."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate((accept_language or "").split(",")):
        tag, _, options = part.strip().partition(";")
        try:
            weight = float(options.strip().removeprefix("q=")) if options else 1.0
        except ValueError:
            weight = 0.0
        ranked.append((-weight, place, tag.lower()))
    for weight, _place, tag in sorted(ranked):
        if weight < 0 and tag[:2] in ("zh", "en"):
            return reading_locale(tag)
    return CHINESE
