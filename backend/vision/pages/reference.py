"""Approved pages, prepared once for all comparisons that follow.

A paper's pages are drawn, straightened, read and described when the application is made; what a
comparison needs of them is kept as bytes (``to_bytes``), so that a worker never opens an uploaded
file again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import cv2
import msgspec
import numpy as np

from backend.vision.decode import Picture
from backend.vision.pages import features, sources, straighten
from backend.vision.pages.errors import StoredPageError
from backend.vision.pages.features import Features
from backend.vision.pages.ink import Gray, flatten, red_channel
from backend.vision.pages.reader import Box, Reader, Reading
from backend.vision.pages.settings import DEFAULT_SOURCE_LIMITS, DPI, SourceLimits

VERSION = 1
DOTS_PER_MM = DPI / 25.4
_PAD = 3
_TRUSTED = 0.6
_MARGIN = 0.1
_NUMBER = re.compile(r"^[-—–－一·\s]*(第?\d{1,3}页?)([/／共]+\d{1,3}页?)?[-—–－一·\s]*$")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text, or a table cell's.

    Attributes:
        text: what it says: the text layer's words, or as read.
        seen: how the recogniser reads it on the drawn page; what photographs are compared with.
        at: middle of each sign of ``seen``, pixels from the page's left.
        box: pixels of the page.
    """

    text: str
    seen: str
    at: tuple[float, ...]
    box: Box

    def is_page_number(self, size: tuple[int, int]) -> bool:
        """Whether this is only the page's number, in the upper or lower margin."""
        middle = (self.box[1] + self.box[3] / 2) / size[1]
        in_margin = middle < _MARGIN or middle > 1 - _MARGIN
        return in_margin and _NUMBER.match(self.text) is not None


@dataclass(frozen=True, slots=True, eq=False)
class ReferencePage:
    """One approved page.

    Attributes:
        index: from 0 within its file.
        source: ``pdf`` or ``picture``.
        picture: as drawn, blue-green-red, about ``DPI`` dots an inch.
        lines: in reading order.
        features: see ``backend.vision.pages.features``.
        layer_trusted: False where a PDF's text layer says something else than its drawing.
        digest: SHA-256 over the drawn pixels, hexadecimal: the same page has the same digest.
    """

    index: int
    source: str
    picture: Picture
    lines: tuple[Line, ...]
    features: Features
    layer_trusted: bool
    digest: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.picture.shape[1], self.picture.shape[0]

    @property
    def text(self) -> str:
        """All lines, for full-text search."""
        return "\n".join(line.text for line in self.lines)


def make(
    data: bytes,
    chosen: Sequence[int] | None = None,
    *,
    reader: Reader,
    limits: SourceLimits = DEFAULT_SOURCE_LIMITS,
) -> tuple[ReferencePage, ...]:
    """The chosen pages (default all) of a PDF, or a picture of one page, as references.

    About one second of processor time a page with a text layer, two without.

    Raises:
        PaperError: see ``backend.vision.pages.sources.drawn``; ``paper_too_small`` for a picture
            in which print is too small to read.
        PictureError: see ``backend.vision.decode``.
        ReaderUnavailable: without the text models.
    """
    return tuple(_make(page, reader, limits) for page in sources.drawn(data, chosen, limits))


def _make(page: sources.SourcePage, reader: Reader, limits: SourceLimits) -> ReferencePage:
    picture = page.picture
    if page.source == sources.PICTURE:
        picture = straighten.upright(picture, reader, limits)
    gray = red_channel(picture)
    lines, trusted = _read(page, gray, reader)
    return ReferencePage(
        index=page.index,
        source=page.source,
        picture=picture,
        lines=lines,
        features=features.extract(flatten(gray, DOTS_PER_MM).ink),
        layer_trusted=trusted,
        digest=hashlib.sha256(
            repr(picture.shape).encode() + np.ascontiguousarray(picture).tobytes()
        ).hexdigest(),
    )


def _read(page: sources.SourcePage, gray: Gray, reader: Reader) -> tuple[tuple[Line, ...], bool]:
    if page.words:
        boxes = [words.box for words in page.words]
        read = reader.read([crop(gray, box) for box in boxes])
        said = "".join(words.text for words in page.words)
        seen = "".join(reading.text for reading in read)
        # Words hidden under a drawing that says something else must not decide anything.
        if SequenceMatcher(None, said, seen, autojunk=False).ratio() >= _TRUSTED:
            return tuple(
                _line(words.text, reading, words.box)
                for words, reading in zip(page.words, read, strict=True)
            ), True
    boxes = reader.find(gray)
    read = reader.read([crop(gray, box) for box in boxes])
    lines = tuple(
        _line(reading.text, reading, box)
        for box, reading in zip(boxes, read, strict=True)
        if reading.text
    )
    return lines, not page.words


def _line(text: str, reading: Reading, box: Box) -> Line:
    left, width = box[0] - _PAD, box[2] + 2 * _PAD
    return Line(text, reading.text, tuple(left + at * width for at in reading.at), box)


def crop(gray: Gray, box: Box, pad: int = _PAD) -> Gray:
    """A line's pixels with a little room around; what hangs over the page's edge is white."""
    left, top, width, height = box
    x0, y0, x1, y1 = left - pad, top - pad, left + width + pad, top + height + pad
    out = np.full((max(1, y1 - y0), max(1, x1 - x0)), 255, np.uint8)
    part = gray[max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)]
    down, right = max(0, -y0), max(0, -x0)
    out[down : down + part.shape[0], right : right + part.shape[1]] = part
    return out


class _StoredLine(msgspec.Struct, array_like=True, frozen=True):
    text: str
    seen: str
    at: tuple[float, ...]
    box: tuple[int, int, int, int]


class _Stored(msgspec.Struct, frozen=True):
    version: int
    index: int
    source: str
    png: bytes
    lines: tuple[_StoredLine, ...]
    points: bytes
    codes: bytes
    layer_trusted: bool
    digest: str


def to_bytes(page: ReferencePage) -> bytes:
    """The page as MessagePack, its picture as PNG: 0.3 to 1 MB."""
    _, png = cv2.imencode(".png", page.picture, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    return msgspec.msgpack.encode(
        _Stored(
            version=VERSION,
            index=page.index,
            source=page.source,
            png=png.tobytes(),
            lines=tuple(_StoredLine(x.text, x.seen, x.at, x.box) for x in page.lines),
            points=page.features.points.astype("<f4").tobytes(),
            codes=page.features.codes.tobytes(),
            layer_trusted=page.layer_trusted,
            digest=page.digest,
        )
    )


def from_bytes(data: bytes) -> ReferencePage:
    """A page that ``to_bytes`` wrote.

    Raises:
        StoredPageError: ``page_unknown`` for other bytes, ``page_outdated`` for another version:
            make the page again from its file.
    """
    try:
        stored = msgspec.msgpack.decode(data, type=_Stored)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _unknown() from error
    if stored.version != VERSION:
        raise StoredPageError(
            "page_outdated",
            "页面数据的版本已更新，请重新处理文件。",
            "The stored page is of another version; make it again from its file.",
        )
    picture = cv2.imdecode(np.frombuffer(stored.png, np.uint8), cv2.IMREAD_COLOR)
    points = np.frombuffer(stored.points, "<f4").astype(np.float32)
    codes = np.frombuffer(stored.codes, np.uint8)
    if picture is None or points.size % 2 or codes.size != points.size // 2 * 32:
        raise _unknown()
    return ReferencePage(
        index=stored.index,
        source=stored.source,
        picture=np.ascontiguousarray(picture, np.uint8),
        lines=tuple(Line(x.text, x.seen, x.at, x.box) for x in stored.lines),
        features=Features(points.reshape(-1, 2), codes.reshape(-1, 32)),
        layer_trusted=stored.layer_trusted,
        digest=stored.digest,
    )


def _unknown() -> StoredPageError:
    return StoredPageError(
        "page_unknown",
        "页面数据已损坏，请重新处理文件。",
        "These bytes are no stored page; make it again from its file.",
    )
