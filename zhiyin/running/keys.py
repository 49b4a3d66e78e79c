"""The installation's keys on disk: made, rotated, and handed out to parts."""

from __future__ import annotations

from backend.store.handing import hand_out
from backend.store.keyfiles import Purpose
from backend.store.keyring import KeyRing
from zhiyin.settings import Settings


def create(settings: Settings) -> KeyRing:
    """Make keys that are missing and hand out; never overwrites one.

    Raises:
        KeyRingError: when a folder is open to others, or a key is damaged.
    """
    ring = KeyRing.create(settings.keys_path())
    give(settings)
    return ring


def rotate(settings: Settings, purpose: Purpose) -> int:
    """Add a generation and hand out; its number.

    Raises:
        KeyRingError: as :meth:`KeyRing.rotate`.
    """
    number = KeyRing.rotate(settings.keys_path(), purpose)
    give(settings)
    return number


def give(settings: Settings) -> None:
    """Hand out, where parts have folders of their own.

    Raises:
        KeyRingError: as :func:`create`.
    """
    if settings.keys_parts_dir is not None:
        hand_out(settings.keys_path(), settings.keys_parts_dir)
