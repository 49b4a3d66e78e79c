"""The gate every picture from outside passes before a pixel of it is computed.

A picture's container is read by hand first: only its headers and block lengths, in one pass over
the bytes. Size, format, dimensions, animation and missing ends are judged there, so a file that
claims 100 megapixels costs no memory and one that stops in the middle is never half shown. Formats:
JPEG (ITU-T T.81), PNG (W3C PNG third edition), WebP (RFC 9649).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from backend.domain.errors import DomainError

Picture = NDArray[np.uint8]
"""Height × width × 3, blue-green-red, 8 bits each."""


class PictureError(DomainError):
    """A picture that is not taken; ``code`` is stable, ``zh`` and ``en`` say what to do."""


@dataclass(frozen=True, slots=True)
class PictureLimits:
    """What a picture may cost.

    Attributes:
        max_bytes: length of the file.
        max_pixels: width × height of the header. Memory while decoding is about 3 bytes a pixel.
        max_side: longer side in pixels; JPEG could say 65,535.
        min_side: shorter side in pixels; below it there is nothing to see.
        max_scans: passes of a progressive JPEG. Encoders write about ten; thousands over a large
            picture are an attack on the processor.
    """

    max_bytes: int = 8 * 1024 * 1024
    max_pixels: int = 16_000_000
    max_side: int = 12_000
    min_side: int = 16
    max_scans: int = 64


DEFAULT_LIMITS = PictureLimits()


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """What the container says of itself: ``format`` is ``jpeg``, ``png`` or ``webp``."""

    format: str
    width: int
    height: int


def inspect(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> PictureHeader:
    """Judge a picture by its container, without decoding it.

    Raises:
        PictureError: ``picture_empty``, ``picture_too_many_bytes``, ``picture_unknown_format``,
            ``picture_broken``, ``picture_truncated``, ``picture_animated``,
            ``picture_too_many_pixels``, ``picture_too_small`` or ``picture_too_many_scans``.
    """
    if not data:
        raise PictureError("picture_empty", "图片是空的，请重新拍摄。", "Empty; take it again.")
    if len(data) > limits.max_bytes:
        mebi = limits.max_bytes / 1024 / 1024
        raise PictureError(
            "picture_too_many_bytes",
            f"图片文件太大（上限 {mebi:.3g} MB），请压缩后再传。",
            f"The file is too large (at most {mebi:.3g} MiB); compress it and send it again.",
        )
    if data.startswith(b"\xff\xd8\xff"):
        header = _jpeg(data, limits)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        header = _png(data)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        header = _webp(data)
    else:
        raise PictureError(
            "picture_unknown_format",
            "这不是可识别的图片，请上传 JPEG、PNG 或 WebP 格式。",
            "Not a picture that is known here; send JPEG, PNG or WebP.",
        )
    _check_size(header, limits)
    return header


def decode(data: bytes, limits: PictureLimits = DEFAULT_LIMITS) -> Picture:
    """The picture as blue-green-red uint8 height×width×3, turned upright as its EXIF data say.

    Transparency is dropped, 16-bit samples are reduced to 8 bits.

    Raises:
        PictureError: as ``inspect``, and ``picture_broken`` when the pixels do not decode or are
            not what the header promised.
    """
    header = inspect(data, limits)
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise _broken() from error
    upright = (header.height, header.width, 3)
    turned = (header.width, header.height, 3)
    if picture is None or picture.shape not in (upright, turned):
        raise _broken()
    return np.ascontiguousarray(picture, np.uint8)


def _check_size(header: PictureHeader, limits: PictureLimits) -> None:
    width, height = header.width, header.height
    if width * height > limits.max_pixels or max(width, height) > limits.max_side:
        most = limits.max_pixels // 10_000
        raise PictureError(
            "picture_too_many_pixels",
            f"图片尺寸太大（{width}×{height}），请缩小到 {most} 万像素以内。",
            f"Too many pixels ({width}×{height}); at most {limits.max_pixels:,} are taken.",
        )
    if min(width, height) < limits.min_side:
        raise PictureError(
            "picture_too_small",
            f"图片太小（{width}×{height}），看不清内容，请重新拍摄。",
            f"Too small ({width}×{height}) to show anything; take it again.",
        )


def _broken() -> PictureError:
    return PictureError(
        "picture_broken",
        "图片已损坏，无法打开，请重新拍摄或重新上传。",
        "The picture is damaged and cannot be opened; take it or send it again.",
    )


def _truncated() -> PictureError:
    return PictureError(
        "picture_truncated",
        "图片没有传完整，请重新上传。",
        "The picture is not complete; send it again.",
    )


def _animated() -> PictureError:
    return PictureError(
        "picture_animated",
        "不接受动图，请上传单张静态图片。",
        "Moving pictures are not taken; send a single still picture.",
    )


# A marker inside entropy-coded data: not a stuffed byte, restart or fill byte.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
_JPEG_FRAMES = frozenset({0xC0, 0xC1, 0xC2})
"""Baseline, extended and progressive Huffman: what cameras and phones write."""
_JPEG_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_SOS, _JPEG_EOI, _JPEG_SOI = 0xDA, 0xD9, 0xD8


def _jpeg(data: bytes, limits: PictureLimits) -> PictureHeader:
    header: PictureHeader | None = None
    scans = 0
    at = 2
    while True:
        found = _JPEG_MARKER.search(data, at)
        if found is None:
            raise _truncated()
        marker, at = data[found.start() + 1], found.end()
        if marker == _JPEG_EOI:
            break
        if marker == _JPEG_SOI or marker == 0x01:
            raise _broken()
        length = int.from_bytes(data[at : at + 2], "big")
        if at + length > len(data) or len(data) - at < 2:
            raise _truncated()
        if length < 2 or marker in _JPEG_OTHER_FRAMES:
            raise _broken()
        if marker in _JPEG_FRAMES:
            if header is not None or length < 8:
                raise _broken()
            height = int.from_bytes(data[at + 3 : at + 5], "big")
            width = int.from_bytes(data[at + 5 : at + 7], "big")
            header = PictureHeader("jpeg", width, height)
        if marker == _JPEG_SOS:
            scans += 1
            if header is None:
                raise _broken()
            if scans > limits.max_scans:
                raise PictureError(
                    "picture_too_many_scans",
                    "图片编码异常，请用相机重新拍摄。",
                    "The picture is coded in an abnormal way; take it again with a camera.",
                )
        at += length
    if header is None or scans == 0:
        raise _broken()
    return header


def _png(data: bytes) -> PictureHeader:
    header: PictureHeader | None = None
    has_pixels = False
    at = 8
    while True:
        if len(data) - at < 12:
            raise _truncated()
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if length > len(data) - at - 12:
            raise _truncated()
        if (header is None) != (kind == b"IHDR"):
            raise _broken()
        if kind == b"IHDR":
            if length != 13:
                raise _broken()
            width = int.from_bytes(data[at + 8 : at + 12], "big")
            height = int.from_bytes(data[at + 12 : at + 16], "big")
            header = PictureHeader("png", width, height)
        elif kind in (b"acTL", b"fcTL", b"fdAT"):
            raise _animated()
        elif kind == b"IDAT":
            has_pixels = True
        elif kind == b"IEND":
            break
        at += 12 + length
    if header is None or not has_pixels:
        raise _broken()
    return header


_WEBP_ANIMATION_FLAG = 0x02


def _webp(data: bytes) -> PictureHeader:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise _truncated()
    canvas: PictureHeader | None = None
    frame: PictureHeader | None = None
    at = 12
    while end - at >= 8:
        kind = data[at : at + 4]
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        body = data[at + 8 : at + 8 + length]
        if at + 8 + length > end:
            raise _truncated()
        if kind in (b"ANIM", b"ANMF"):
            raise _animated()
        if kind == b"VP8X":
            if canvas is not None or length < 10:
                raise _broken()
            if body[0] & _WEBP_ANIMATION_FLAG:
                raise _animated()
            canvas = PictureHeader(
                "webp",
                1 + int.from_bytes(body[4:7], "little"),
                1 + int.from_bytes(body[7:10], "little"),
            )
        elif kind in (b"VP8 ", b"VP8L"):
            if frame is not None:
                raise _broken()
            frame = _webp_frame(kind, body)
        at += 8 + length + (length & 1)
    if frame is None or (canvas is not None and canvas != frame):
        raise _broken()
    return frame


def _webp_frame(kind: bytes, body: bytes) -> PictureHeader:
    if kind == b"VP8 " and len(body) >= 10 and body[3:6] == b"\x9d\x01\x2a":
        width = int.from_bytes(body[6:8], "little") & 0x3FFF
        height = int.from_bytes(body[8:10], "little") & 0x3FFF
        return PictureHeader("webp", width, height)
    if kind == b"VP8L" and len(body) >= 5 and body[0] == 0x2F:
        bits = int.from_bytes(body[1:5], "little")
        return PictureHeader("webp", 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF))
    raise _broken()
