"""The gate for papers that people upload: a picture or a PDF, and what may not come in."""

from __future__ import annotations

import threading
from typing import Final

import pypdfium2

from backend.domain.errors import DomainError
from backend.vision.decode import inspect

PDF: Final = "application/pdf"
MAX_PAGES: Final = 200

# PDFium may be entered by one thread at a time.
_turn = threading.Lock()


def paper_type(data: bytes, max_bytes: int) -> str:
    """The media type of an uploaded paper, by its content and not by what it calls itself.

    Raises:
        DomainError: ``paper_too_large``, ``paper_broken``, ``paper_too_many_pages``.
        PictureError: for a picture that is not taken; see backend.vision.decode.
    """
    if len(data) > max_bytes:
        raise DomainError(
            "paper_too_large",
            f"文件太大，请控制在{max_bytes // 1_048_576}MB以内",
            f"the file is too large; at most {max_bytes // 1_048_576} MiB",
        )
    if not data.startswith(b"%PDF-"):
        return f"image/{inspect(data).format}"
    try:
        with _turn:
            paper = pypdfium2.PdfDocument(data)
            try:
                pages = len(paper)
            finally:
                paper.close()
    except pypdfium2.PdfiumError as error:
        raise DomainError(
            "paper_broken",
            "PDF打不开（可能已加密或损坏），请重新导出后上传",
            "the PDF cannot be opened (encrypted or damaged); export it again",
        ) from error
    if not 1 <= pages <= MAX_PAGES:
        raise DomainError(
            "paper_too_many_pages",
            f"PDF最多{MAX_PAGES}页",
            f"a PDF has 1 to {MAX_PAGES} pages",
        )
    return PDF
