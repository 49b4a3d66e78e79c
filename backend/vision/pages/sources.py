"""Uploaded papers as drawn pages: PDF by PDFium, pictures through the gate of every picture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from backend.vision.decode import Picture, decode
from backend.vision.pages.errors import PaperError
from backend.vision.pages.reader import Box
from backend.vision.pages.settings import DEFAULT_SOURCE_LIMITS, DPI, SourceLimits

PDF, PICTURE = "pdf", "picture"
_MAX_SIGNS = 20_000


@dataclass(frozen=True, slots=True)
class Words:
    """A stretch of text of a PDF's text layer, and where it stands on the drawn page."""

    text: str
    box: Box


@dataclass(frozen=True, slots=True)
class SourcePage:
    """One page as drawn.

    Attributes:
        index: from 0 within the file.
        picture: ``DPI`` dots an inch; a picture's own pixels where nobody knows its size.
        words: of the text layer; None where there is none.
    """

    index: int
    picture: Picture
    source: str
    words: tuple[Words, ...] | None = None


def count(data: bytes, limits: SourceLimits = DEFAULT_SOURCE_LIMITS) -> int:
    """How many pages the file has; 1 for a picture.

    Raises:
        PaperError: as ``drawn``.
        PictureError: as ``backend.vision.decode``.
    """
    if not _is_pdf(data):
        decode(data, limits.picture)
        return 1
    document = _open(data, limits)
    try:
        return len(document)
    finally:
        document.close()


def drawn(
    data: bytes,
    chosen: Sequence[int] | None = None,
    limits: SourceLimits = DEFAULT_SOURCE_LIMITS,
) -> Iterator[SourcePage]:
    """The chosen pages (default all), one at a time.

    Raises:
        PaperError: ``paper_too_many_bytes``, ``paper_encrypted``, ``paper_broken``,
            ``paper_too_many_pages`` (of the file, or chosen) or ``paper_no_such_page``.
        PictureError: as ``backend.vision.decode`` for anything that is no PDF.
    """
    if not _is_pdf(data):
        _check_chosen(chosen, 1, limits)
        yield SourcePage(0, decode(data, limits.picture), PICTURE)
        return
    document = _open(data, limits)
    try:
        for index in _check_chosen(chosen, len(document), limits):
            yield _draw(document, index, limits)
    finally:
        document.close()


def _is_pdf(data: bytes) -> bool:
    # Readers allow some bytes before the header (ISO 32000-1, annex H.3.4.1).
    return b"%PDF-" in data[:1024]


def _open(data: bytes, limits: SourceLimits):  # type: ignore[no-untyped-def]  # pypdfium2 has no types
    import pypdfium2 as pdfium

    if len(data) > limits.max_pdf_bytes:
        mebi = limits.max_pdf_bytes // 1024 // 1024
        raise PaperError(
            "paper_too_many_bytes",
            f"文件太大（上限 {mebi} MB），请压缩后再传。",
            f"The file is too large (at most {mebi} MiB); compress it and send it again.",
        )
    try:
        document = pdfium.PdfDocument(data)
        pages = len(document)
    except pdfium.PdfiumError as error:
        if "password" in str(error).lower():
            raise PaperError(
                "paper_encrypted",
                "文件设有密码，请去掉密码后再传。",
                "The file asks for a password; send it without one.",
            ) from error
        raise _broken() from error
    if pages == 0:
        document.close()
        raise _broken()
    if pages > limits.max_pdf_pages:
        document.close()
        raise PaperError(
            "paper_too_many_pages",
            f"文件有 {pages} 页，超过上限 {limits.max_pdf_pages} 页，请拆分后再传。",
            f"The file has {pages} pages, at most {limits.max_pdf_pages} are taken; split it.",
        )
    return document


def _check_chosen(chosen: Sequence[int] | None, pages: int, limits: SourceLimits) -> list[int]:
    wanted = list(range(pages)) if chosen is None else list(dict.fromkeys(chosen))
    if any(not 0 <= index < pages for index in wanted):
        raise PaperError(
            "paper_no_such_page",
            f"文件只有 {pages} 页，请重新选择页码。",
            f"The file has {pages} pages only; choose among them.",
        )
    if len(wanted) > limits.max_chosen:
        raise PaperError(
            "paper_too_many_pages",
            f"一次最多核对 {limits.max_chosen} 页，请只选要盖章的页。",
            f"At most {limits.max_chosen} pages are compared; choose those to be stamped.",
        )
    return wanted


def _draw(document, index: int, limits: SourceLimits) -> SourcePage:  # type: ignore[no-untyped-def]
    import pypdfium2 as pdfium

    try:
        page = document[index]
        width, height = page.get_size()
        if not (width >= 1 and height >= 1):
            raise _broken()
        scale = min(DPI / 72, limits.max_side / max(width, height))
        bitmap = page.render(scale=scale, rev_byteorder=False)
        shown = bitmap.to_numpy()
        picture = np.ascontiguousarray(
            cv2.cvtColor(shown, cv2.COLOR_GRAY2BGR) if shown.ndim == 2 else shown[:, :, :3]
        )
        text = page.get_textpage()
        words = _words(text, height, scale, picture.shape)
        text.close()
        page.close()
    except pdfium.PdfiumError as error:
        raise _broken() from error
    return SourcePage(index, picture, PDF, words or None)


def _words(text, height: float, scale: float, shape: tuple[int, ...]) -> tuple[Words, ...]:  # type: ignore[no-untyped-def]
    """Signs that stand beside each other become one stretch; a wide gap or a new line ends it."""
    found: list[Words] = []
    run: list[tuple[str, float, float, float, float]] = []

    def end() -> None:
        if run:
            left, top = min(s[1] for s in run), min(s[2] for s in run)
            right, bottom = max(s[3] for s in run), max(s[4] for s in run)
            box = (round(left), round(top), round(right - left), round(bottom - top))
            inside = box[0] >= 0 and box[1] >= 0
            if inside and box[0] + box[2] <= shape[1] and box[1] + box[3] <= shape[0]:
                found.append(Words("".join(s[0] for s in run), box))
            run.clear()

    for at in range(min(text.count_chars(), _MAX_SIGNS)):
        sign = text.get_text_range(at, 1)
        if not sign.strip():
            continue
        # Loose boxes are as high as the type: stretches of full stops and dashes get a line's box.
        left, bottom, right, top = text.get_charbox(at, loose=True)
        box = (left * scale, (height - top) * scale, right * scale, (height - bottom) * scale)
        if box[2] - box[0] <= 0 or box[3] - box[1] <= 0:
            continue
        if run:
            last = run[-1]
            high = max(last[4] - last[2], box[3] - box[1])
            level = abs((last[2] + last[4]) / 2 - (box[1] + box[3]) / 2) < 0.4 * high
            if not level or not -0.8 * high < box[0] - last[3] < high:
                end()
        run.append((sign, *box))
    end()
    return tuple(found)


def _broken() -> PaperError:
    return PaperError(
        "paper_broken",
        "文件已损坏或不完整，无法打开，请重新上传。",
        "The file is damaged or incomplete and cannot be opened; send it again.",
    )
