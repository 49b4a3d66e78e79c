"""A sheet as an Excel workbook (ECMA-376). Whatever a cell holds stays text: nothing that somebody
typed into a form becomes a formula, a link or a number on the desk of whoever opens the file."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any, Final

from xlsxwriter import Workbook

from backend.reports.sheet import Cell, Sheet, plain_text

MIME: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

_LONGEST: Final = 32_767
"""Characters that a cell can hold (Excel's own limit)."""

_OPTIONS: Final = {
    "in_memory": True,
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
_LINE: Final = 18


def write_xlsx(sheet: Sheet) -> bytes:
    """The workbook's bytes; the same sheet gives the same bytes."""
    out = io.BytesIO()
    with Workbook(out, _OPTIONS) as book:
        book.set_properties(
            # Excel wants a time; who made it and when stands in the facts.
            {"title": plain_text(sheet.title), "created": datetime(2000, 1, 1, tzinfo=UTC)}
        )
        _fill(book, sheet)
    return out.getvalue()


def _fill(book: Any, sheet: Sheet) -> None:
    base = {"font_name": "宋体", "font_size": 10, "valign": "top", "text_wrap": True, "border": 1}
    title = book.add_format({"font_name": "宋体", "font_size": 16, "bold": True})
    fact = book.add_format({"font_name": "宋体", "font_size": 10})
    warn = book.add_format({"font_name": "宋体", "font_size": 10, "font_color": "#B00020"})
    head = book.add_format(base | {"bold": True, "bg_color": "#EDEDED"})
    cell = book.add_format(base)
    page = book.add_worksheet()
    for place, column in enumerate(sheet.columns):
        page.set_column(place, place, column.width * 2)
    page.write_string(0, 0, plain_text(sheet.title), title)
    line = 1
    for name, value in sheet.facts:
        page.write_string(line, 0, _short(f"{name}：{value}"), fact)
        line += 1
    if sheet.warning:
        page.write_string(line, 0, _short(sheet.warning), warn)
        line += 1
    page.set_row(line, _LINE)
    for place, column in enumerate(sheet.columns):
        page.write_string(line, place, plain_text(column.title), head)
    page.freeze_panes(line + 1, 0)
    page.repeat_rows(line)
    top = line
    for row in sheet.rows:
        line += 1
        for place, held in enumerate(row):
            if isinstance(held, int | float):
                page.write_number(line, place, held, cell)
            else:
                page.write_string(line, place, _short(held), cell)
    if line > top:
        page.autofilter(top, 0, line, len(sheet.columns) - 1)
    page.set_landscape()
    page.set_paper(9)  # A4
    page.fit_to_pages(1, 0)
    page.set_footer("&C&P / &N")


def _short(value: Cell) -> str:
    return plain_text(value)[:_LONGEST]
