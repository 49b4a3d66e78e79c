"""Untrusted pictures: what is refused before a pixel is computed, and what comes out."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from backend.vision import decode as gate
from backend.vision.decode import PictureError, PictureLimits, decode, inspect


def _saved(format: str, size: tuple[int, int] = (60, 40), **options: Any) -> bytes:
    """A picture whose left half is red and right half blue."""
    picture = Image.new("RGB", size, (250, 10, 10))
    picture.paste((10, 10, 250), (size[0] // 2, 0, size[0], size[1]))
    out = io.BytesIO()
    picture.save(out, format, **options)
    return out.getvalue()


def _png_chunk(kind: bytes, body: bytes) -> bytes:
    crc = zlib.crc32(kind + body)
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc)


def _png_bomb(width: int, height: int) -> bytes:
    """A few hundred bytes that claim width × height."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000), 9)
    chunks = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", pixels) + _png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def _jpeg_bomb(width: int, height: int) -> bytes:
    data = _saved("JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _webp_bomb(width: int, height: int) -> bytes:
    data = bytearray(_saved("WEBP", lossless=False))
    at = data.index(b"\x9d\x01\x2a") + 3
    data[at : at + 4] = struct.pack("<HH", width, height)
    return bytes(data)


def _animated_png() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(out, "PNG", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _animated_webp() -> bytes:
    out = io.BytesIO()
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue")]
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


def _code(data: bytes, limits: PictureLimits = gate.DEFAULT_LIMITS) -> str:
    with pytest.raises(PictureError) as refused:
        decode(data, limits)
    assert refused.value.zh
    assert refused.value.en
    return refused.value.code


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {"quality": 95}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"lossless": True, "exif": b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x00"}),
    ],
)
def test_good_pictures_come_out_blue_green_red(format: str, options: dict[str, Any]) -> None:
    data = _saved(format, **options)
    assert inspect(data) == gate.PictureHeader(format.lower(), 60, 40)
    picture = decode(data)
    assert picture.shape == (40, 60, 3)
    assert picture.dtype == np.uint8
    blue, _, red = (int(value) for value in picture[20, 5])
    assert red > 200 > 60 > blue


def test_a_grey_a_transparent_and_a_sixteen_bit_picture_become_three_channels() -> None:
    for mode in ("L", "RGBA", "I;16", "P"):
        out = io.BytesIO()
        Image.new(mode, (30, 20)).save(out, "PNG")
        assert decode(out.getvalue()).shape == (20, 30, 3)
    out = io.BytesIO()
    Image.new("CMYK", (30, 20)).save(out, "JPEG")
    assert decode(out.getvalue()).shape == (20, 30, 3)


def test_a_picture_taken_sideways_is_turned_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(_saved("JPEG", exif=exif)).shape == (60, 40, 3)


@pytest.mark.parametrize("bomb", [_png_bomb, _jpeg_bomb, _webp_bomb])
def test_a_hundred_megapixels_are_refused_before_decoding(
    bomb: Callable[[int, int], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def decoder(*_: object) -> None:
        raise AssertionError("the decoder saw a bomb")

    monkeypatch.setattr(cv2, "imdecode", decoder)
    assert _code(bomb(10_000, 10_000)) == "picture_too_many_pixels"
    # Long and thin: few pixels, absurd side.
    assert _code(bomb(16_000, 100)) == "picture_too_many_pixels"


def test_the_pixel_limit_is_exact() -> None:
    data = _saved("PNG", (60, 40))
    assert decode(data, PictureLimits(max_pixels=2400)).shape == (40, 60, 3)
    assert _code(data, PictureLimits(max_pixels=2399)) == "picture_too_many_pixels"


def test_the_byte_limit_is_exact() -> None:
    data = _saved("PNG")
    assert decode(data, PictureLimits(max_bytes=len(data))).shape == (40, 60, 3)
    assert _code(data, PictureLimits(max_bytes=len(data) - 1)) == "picture_too_many_bytes"


def test_moving_pictures_are_refused() -> None:
    assert _code(_animated_png()) == "picture_animated"
    assert _code(_animated_webp()) == "picture_animated"


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
def test_a_picture_cut_anywhere_is_refused(format: str) -> None:
    data = _saved(format, (200, 160))
    for part in (0.3, 0.6, 0.9, 0.999):
        cut = data[: int(len(data) * part)]
        assert _code(cut) in {"picture_truncated", "picture_broken"}
    assert _code(data[:-1]) == "picture_truncated"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "picture_empty"),
        (b"hello, I am a picture", "picture_unknown_format"),
        (b"GIF89a" + bytes(100), "picture_unknown_format"),
        (b"BM" + bytes(100), "picture_unknown_format"),
        (b"%PDF-1.7" + bytes(100), "picture_unknown_format"),
        (b"\xff\xd8\xff", "picture_truncated"),
        (b"\xff\xd8\xff\xd9", "picture_broken"),
        (b"\x89PNG\r\n\x1a\n", "picture_truncated"),
        (b"RIFF\x04\x00\x00\x00WEBP", "picture_broken"),
    ],
)
def test_what_is_no_picture_is_told_so(data: bytes, code: str) -> None:
    assert _code(data) == code


def test_a_speck_is_refused() -> None:
    assert _code(_saved("PNG", (15, 300))) == "picture_too_small"


def test_pixels_that_do_not_decode_are_refused() -> None:
    assert _code(_png_bomb(64, 64)) == "picture_broken"


def test_two_jpeg_frames_cannot_smuggle_a_second_size() -> None:
    data = _saved("JPEG")
    start = data.index(b"\xff\xc0")
    length = 2 + int.from_bytes(data[start + 2 : start + 4], "big")
    second = bytearray(data[start : start + length])
    second[5:9] = struct.pack(">HH", 60_000, 60_000)
    doubled = data[: start + length] + bytes(second) + data[start + length :]
    assert _code(doubled) == "picture_broken"


def test_a_progressive_jpeg_of_endless_passes_is_refused() -> None:
    data = _saved("JPEG", progressive=True)
    limits = PictureLimits(max_scans=data.count(b"\xff\xda") - 1)
    assert _code(data, limits) == "picture_too_many_scans"


def test_a_webp_canvas_larger_than_its_frame_is_refused() -> None:
    data = bytearray(
        _saved("WEBP", exif=b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x00", quality=90)
    )
    at = data.index(b"VP8X") + 8
    data[at + 4 : at + 7] = (61).to_bytes(3, "little")
    assert _code(bytes(data)) == "picture_broken"


@given(
    kind=st.sampled_from(["JPEG", "PNG", "WEBP"]),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=6),
    cut=st.integers(0, 10_000),
)
def test_whatever_the_bytes_a_picture_or_a_refusal_comes_out(
    kind: str, edits: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(_saved(kind))
    for at, value in edits:
        data[at % len(data)] = value
    if cut % 3 == 0:
        del data[cut % len(data) :]
    limits = PictureLimits(max_pixels=1_000_000)
    try:
        picture = decode(bytes(data), limits)
    except PictureError:
        return
    assert picture.ndim == 3
    assert picture.shape[0] * picture.shape[1] <= limits.max_pixels


@given(st.binary(max_size=300), st.sampled_from([b"", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"]))
def test_noise_is_always_refused_in_words(data: bytes, prefix: bytes) -> None:
    with pytest.raises(PictureError):
        inspect(prefix + data)
