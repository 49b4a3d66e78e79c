"""The empty workbook that an import is filled in with: heads, choices, notes."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

from xlsxwriter import Workbook

from backend.services.import_book import SHEETS, Head

_NOTES: Final = (
    "先填“单位”，再填“人员”和“印章”；没有的工作表可以空着。",
    "带*的列必须填。不要写公式，不要加宏。",
    "上级代码必须是已经登记的单位，或在本表里写在前面的单位。",
    "一个人有几个角色，就写几行，姓名（和登录名）写得一样。",
    "日期写成 2027-12-31。",
    "导入前先点“先检查”：哪一行不对会逐行说明，全部正确才会一起导入。",
    "再次导入同一份表不会重复登记。",
)
_LINES: Final = 3000


def write_template(sheets: Mapping[str, Sequence[Head]] = SHEETS) -> bytes:
    """The workbook's bytes."""
    out = io.BytesIO()
    with Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"title": "导入模板", "created": datetime(2000, 1, 1, tzinfo=UTC)})
        head = book.add_format({"bold": True, "bg_color": "#EDEDED", "border": 1})
        text = book.add_format({"num_format": "@"})
        for name, heads in sheets.items():
            page = book.add_worksheet(name)
            page.freeze_panes(1, 0)
            for place, one in enumerate(heads):
                # Codes of twelve digits would else be shown as 3.3E+11.
                page.set_column(place, place, 18, text)
                page.write_string(0, place, one.title + ("*" if one.required else ""), head)
                if one.choices is not None:
                    page.data_validation(
                        1, place, _LINES, place, {"validate": "list", "source": [*one.choices]}
                    )
        notes = book.add_worksheet("填写说明")
        notes.set_column(0, 0, 80)
        for place, line in enumerate(_NOTES):
            notes.write_string(place, 0, line)
    return out.getvalue()
