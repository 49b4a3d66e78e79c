"""Values of records as JSON can carry them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

_HIDDEN: Final = frozenset({"sealed"})
"""Encrypted PINs: of no use to a reader, and nothing to hand out."""


def readable(value: Any) -> Any:
    """``value`` with bytes as hex and keys as text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): readable(item) for key, item in value.items() if key not in _HIDDEN}
    if isinstance(value, list | tuple):
        return [readable(item) for item in value]
    return value
