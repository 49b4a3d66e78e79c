"""Stylesheet, scripts, icons: served with the content's digest in the address, so that a browser
may keep them for ever, and packed with gzip once.

The font files are for documents that the server sets; no page asks for them (15 MB each).
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent / "static"
BUNDLED_FONTS: Final = ROOT / "vendor/fonts"
PREFIX: Final = "/static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".txt": "text/plain; charset=utf-8",
}
_PACKED: Final = frozenset({".css", ".js", ".svg", ".txt"})
_DIGEST_CHARACTERS: Final = 12


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    name: str
    digest: str
    mime: str
    plain: bytes = field(repr=False)
    packed: bytes | None = field(repr=False)


@cache
def asset(name: str) -> Asset | None:
    """The file ``name`` below the static folder; ``None`` when there is none to be served."""
    path = (ROOT / name).resolve()
    mime = _TYPES.get(path.suffix)
    if mime is None or not path.is_relative_to(ROOT.resolve()) or not path.is_file():
        return None
    plain = path.read_bytes()
    digest = hashlib.sha256(plain).hexdigest()[:_DIGEST_CHARACTERS]
    packed = gzip.compress(plain, 9, mtime=0) if path.suffix in _PACKED else None
    return Asset(name, digest, mime, plain, packed)


@cache
def address(name: str) -> str:
    """Where a page finds the file ``name``.

    Raises:
        LookupError: there is none: npm's files are fetched by the launcher or the build.
    """
    found = asset(name)
    if found is None:
        raise LookupError(f"backend/web/static/{name}")
    return f"{PREFIX}/{found.digest}/{name}"
