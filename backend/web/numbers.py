"""Numbers as people type them into forms."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import Form

from backend.domain.errors import DomainError

Number = Annotated[str, Form(max_length=32)]


def number(text: str) -> float | None:
    """The number in ``text``; ``None`` when the field was left empty.

    Raises:
        DomainError: ``bad_number``.
    """
    text = text.strip().replace("，", ",").replace(",", "")
    if not text:
        return None
    try:
        value = float(text)
    except ValueError as error:
        raise _bad(text) from error
    if not math.isfinite(value):
        raise _bad(text)
    return value


def whole(text: str) -> int | None:
    """As :func:`number`, without a fraction.

    Raises:
        DomainError: ``bad_number``.
    """
    value = number(text)
    if value is not None and value != int(value):
        raise _bad(text)
    return None if value is None else int(value)


def _bad(text: str) -> DomainError:
    return DomainError(
        "bad_number", f"“{text[:20]}”不是数字，请重新填写", f"{text[:20]!r} is not a number"
    )
