"""Keyset pages: a page names where the next one begins, so page 15,000 costs as much as page 1."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from backend.domain.errors import DomainError

T = TypeVar("T")
Keys = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items in order; ``next`` is the cursor of what follows, ``None`` at the end."""

    items: Sequence[T]
    next: str | None


def encode_cursor(keys: Keys) -> str:
    """The sort keys of a page's last item as opaque text."""
    return base64.urlsafe_b64encode(msgspec.json.encode(keys)).rstrip(b"=").decode()


def decode_cursor(cursor: str, kinds: tuple[type, ...]) -> Keys:
    """The sort keys again, of exactly these types.

    Raises:
        DomainError: ``bad_cursor`` for anything that :func:`encode_cursor` did not give.
    """
    try:
        data = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        keys: Keys = msgspec.json.decode(data, type=tuple[kinds])  # type: ignore[valid-type]  # built from the caller's types at run time
    except (msgspec.MsgspecError, UnicodeError, binascii.Error, ValueError) as error:
        raise DomainError(
            "bad_cursor",
            "翻页标记无效，请从第一页重新查看",
            "this is no cursor; begin again at the first page",
        ) from error
    return keys


def page(rows: Sequence[T], limit: int, keys: Callable[[T], Keys]) -> Page[T]:
    """A page from ``limit + 1`` rows: the one too many only says that there is a next page."""
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], encode_cursor(keys(rows[limit - 1])))
