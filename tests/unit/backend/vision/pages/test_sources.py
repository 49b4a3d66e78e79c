"""Uploaded papers: what is taken, what is refused, and with which words."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace

import pypdfium2 as pdfium
import pytest
from PIL import Image

from backend.domain.errors import DomainError
from backend.vision.decode import PictureError
from backend.vision.pages import sources
from backend.vision.pages.errors import PaperError
from backend.vision.pages.settings import DEFAULT_SOURCE_LIMITS
from tests.support.paper_cases import typeset
from tests.support.paper_cases.words import paper

STYLE = typeset.Style("Noto Serif SC", 12, 16, 1.0, 25, 25, False, False)

ENCRYPTED = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]>>endobj
4 0 obj<</Filter/Standard/V 1/R 2/P -4/O(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)
/U(bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb)>>endobj
trailer<</Root 1 0 R/Encrypt 4 0 R/ID[(cccccccccccccccc)(cccccccccccccccc)]>>
"""


def empty_pdf(pages: int, size: tuple[float, float] = (595, 842)) -> bytes:
    document = pdfium.PdfDocument.new()
    for _ in range(pages):
        document.new_page(*size)
    out = io.BytesIO()
    document.save(out)
    document.close()
    return out.getvalue()


def refusal(data: bytes, chosen: Sequence[int] | None = None) -> str:
    with pytest.raises(DomainError) as refused:
        list(sources.drawn(data, chosen))
    assert refused.value.zh
    assert refused.value.en
    return refused.value.code


def test_a_page_is_drawn_and_its_words_stand_where_they_are_drawn() -> None:
    (page,) = sources.drawn(typeset.pdf(paper("certificate", 5), STYLE))
    assert abs(page.picture.shape[1] - 1240) <= 1
    assert page.words
    said = [words.text for words in page.words]
    assert said[0] == "自产农产品证明"
    for words in page.words:
        left, top, wide, high = words.box
        assert page.picture[top : top + high, left : left + wide].min() < 100, words


def test_of_a_long_contract_only_the_chosen_pages_are_drawn() -> None:
    data = empty_pdf(200)
    assert sources.count(data) == 200
    assert [page.index for page in sources.drawn(data, [0, 199, 100, 100])] == [0, 199, 100]
    assert refusal(data) == "paper_too_many_pages"
    assert refusal(data, [200]) == "paper_no_such_page"
    assert refusal(data, [-1]) == "paper_no_such_page"


def test_a_file_with_too_many_pages_is_refused_unread() -> None:
    limits = replace(DEFAULT_SOURCE_LIMITS, max_pdf_pages=3)
    with pytest.raises(PaperError, match="paper_too_many_pages"):
        sources.count(empty_pdf(4), limits)


def test_a_gigantic_page_is_drawn_coarsely() -> None:
    (page,) = sources.drawn(empty_pdf(1, (14_000, 14_000)))
    assert max(page.picture.shape) <= DEFAULT_SOURCE_LIMITS.max_side


def test_a_truncated_file_is_refused_or_read_to_its_end() -> None:
    data = typeset.pdf(paper("receipt", 2), STYLE)
    assert refusal(data[:200]) == "paper_broken"
    assert refusal(b"%PDF-1.7\n" + bytes(5000)) == "paper_broken"


def test_an_encrypted_file_asks_for_one_without_password() -> None:
    assert refusal(ENCRYPTED) == "paper_encrypted"


def test_too_many_bytes_are_refused_before_they_are_parsed() -> None:
    limits = replace(DEFAULT_SOURCE_LIMITS, max_pdf_bytes=1000)
    with pytest.raises(PaperError, match="paper_too_many_bytes"):
        list(sources.drawn(empty_pdf(50), limits=limits))


def test_what_is_no_pdf_passes_the_gate_of_pictures() -> None:
    frames = [Image.new("RGB", (900, 1300), colour) for colour in ("white", "grey")]
    moving = io.BytesIO()
    frames[0].save(moving, "WEBP", save_all=True, append_images=frames[1:])
    with pytest.raises(PictureError, match="picture_animated"):
        list(sources.drawn(moving.getvalue()))
    with pytest.raises(PictureError, match="picture_unknown_format"):
        list(sources.drawn(b"PK\x03\x04 a word file"))
