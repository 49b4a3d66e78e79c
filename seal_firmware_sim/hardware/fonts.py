"""A font with Chinese glyphs, from wherever there is one."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

ASSET = Path(__file__).parent.parent / "assets" / "vendor" / "NotoSerifSC-Regular.ttf"
"""The simulator's own copy, brought by the asset hook."""
SYSTEM_FOLDERS = (Path("/usr/share/fonts"), Path("/usr/local/share/fonts"))

_SAMPLE = "村印章"
_LIKELY = ("cjk", "notoserifsc", "notosanssc", "sourcehan", "wqy", "uming", "ukai", "droidsansfall")


class FontMissing(RuntimeError):
    """No font with Chinese glyphs is on this machine."""


def chinese_font(size: int, path: Path | None = None) -> ImageFont.FreeTypeFont:
    """A Chinese font at ``size`` pixels: ``path`` if given, else our asset, else the system's.

    Raises:
        FontMissing: when there is none, or ``path`` has no Chinese glyphs.
    """
    return _opened(size, path)


@lru_cache(maxsize=64)
def _opened(size: int, path: Path | None) -> ImageFont.FreeTypeFont:
    file, index = _found(path)
    return ImageFont.truetype(file, size, index=index)


@lru_cache(maxsize=8)
def _found(path: Path | None) -> tuple[Path, int]:
    places = [path] if path is not None else [ASSET, *_installed()]
    for place in places:
        if place.is_file() and (index := _chinese_face(place)) is not None:
            return place, index
    wanted = str(path) if path is not None else "any"
    raise FontMissing(
        f"没有找到中文字体（{wanted}）：请先运行 ./run 取得自带字体，或安装 fonts-noto-cjk。"
        f" No font with Chinese glyphs ({wanted}): let ./run fetch ours, or install fonts-noto-cjk."
    )


def _installed() -> list[Path]:
    """Installed font files whose names promise Chinese, regular weights first."""
    found = [
        file
        for folder in SYSTEM_FOLDERS
        if folder.is_dir()
        for file in sorted(folder.rglob("*"))
        if file.suffix.lower() in (".ttf", ".ttc", ".otf")
        and any(word in file.name.lower() for word in _LIKELY)
    ]
    return sorted(found, key=lambda file: "regular" not in file.name.lower())


def _chinese_face(path: Path) -> int | None:
    """Which face of the file draws simplified Chinese; None if none does."""
    usable = []
    for index in range(8):
        try:
            font = ImageFont.truetype(path, 24, index=index)
        except OSError:
            break
        blank = bytes(font.getmask("\U000ffffe"))
        if all(bytes(font.getmask(sign)) not in (blank, b"") for sign in _SAMPLE):
            usable.append((" SC" not in f"{font.getname()[0]} ", index))
    return min(usable)[1] if usable else None
