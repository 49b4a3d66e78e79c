"""A workbook from somebody else: read within bounds, never run, refused in words."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime, time

import openpyxl
import pytest

from backend.domain.errors import DomainError
from backend.reports.import_template import write_template
from backend.reports.workbook import MAX_BYTES, MAX_CELL, MAX_ROWS, read_workbook
from backend.services.import_book import SHEETS, read_lines

AFTERNOON = datetime.combine(date(2027, 1, 2), time(15, 4))


def book(*rows: Sequence[object], title: str = "单位") -> bytes:
    made = openpyxl.Workbook()
    sheet = made.worksheets[0]
    sheet.title = title
    for row in rows:
        sheet.append(list(row))
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def with_part(data: bytes, name: str, content: bytes) -> bytes:
    """The archive with one part more, or another in its place."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", 8) as new:
        for part in old.namelist():
            if part != name:
                new.writestr(part, old.read(part))
        new.writestr(name, content)
    return out.getvalue()


def refused(data: bytes) -> str:
    with pytest.raises(DomainError) as caught:
        read_workbook(data)
    assert caught.value.code == "bad_workbook"
    return caught.value.zh


def test_cells_come_as_words_codes_stay_whole_and_days_are_days() -> None:
    data = book(
        ["单位代码", "数", "日期", "时刻"],
        [330109103201, 30.25, date(2027, 12, 31), AFTERNOON],
        [],
        [None, None, "  末尾  "],
    )
    assert read_workbook(data)["单位"] == [
        (1, ["单位代码", "数", "日期", "时刻"]),
        (2, ["330109103201", "30.25", "2027-12-31", "2027-01-02"]),
        (4, ["", "", "末尾"]),
    ]


def test_formulas_are_refused_where_they_stand() -> None:
    assert "第2行有公式" in refused(book(["a"], ['=HYPERLINK("http://evil.example")']))


def test_what_is_no_workbook_is_refused() -> None:
    for data in (b"", b"PK\x03\x04", b"<html>", b"\xd0\xcf\x11\xe0" + bytes(600)):
        assert "工作簿" in refused(data) or "损坏" in refused(data)
    empty = io.BytesIO()
    with zipfile.ZipFile(empty, "w") as archive:
        archive.writestr("x", "y")
    assert "打不开" in refused(empty.getvalue())
    assert "超过" in refused(bytes(MAX_BYTES + 1))


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    assert "太大" in refused(with_part(book(["a"]), "xl/bomb.xml", b" " * (61 * 1024 * 1024)))


def test_many_parts_are_refused() -> None:
    data = book(["a"])
    out = io.BytesIO(data)
    with zipfile.ZipFile(out, "a") as archive:
        for place in range(400):
            archive.writestr(f"xl/x{place}.xml", "")
    assert "太多" in refused(out.getvalue())


@pytest.mark.parametrize(
    "name",
    ["xl/vbaProject.bin", "xl/externalLinks/externalLink1.xml", "xl/embeddings/oleObject1.bin"],
)
def test_macros_links_and_embedded_objects_are_refused(name: str) -> None:
    assert "宏" in refused(with_part(book(["a"]), name, b"x"))


def test_entities_are_refused() -> None:
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">]><worksheet>&a;</worksheet>'
    for padding in (0, 256 * 1024 - 60):  # also across the pieces that are looked at
        part = b"<!--" + b" " * padding + b"-->" + laughs
        assert "不允许" in refused(with_part(book(["a"]), "xl/worksheets/sheet1.xml", part))


def test_too_many_rows_or_too_much_in_a_cell_is_said() -> None:
    assert f"超过{MAX_ROWS}行" in refused(book(*([["x"]] * (MAX_ROWS + 2))))
    assert "第1行有一格超过" in refused(book(["x" * (MAX_CELL + 1)]))


def test_a_lie_about_the_size_costs_nothing() -> None:
    data = book(["a"], ["b"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        xml = archive.read("xl/worksheets/sheet1.xml")
    xml = xml.replace(b'<dimension ref="A1:A2" />', b'<dimension ref="A1:XFD1048576" />')
    xml = xml.replace(b'ref="A1:A2"', b'ref="A1:XFD1048576"')
    rows = read_workbook(with_part(data, "xl/worksheets/sheet1.xml", xml))["单位"]
    assert [number for number, _ in rows] == [1, 2]


def test_our_own_template_is_read_with_nothing_in_it() -> None:
    sheets = read_workbook(write_template())
    assert set(SHEETS) <= set(sheets)
    assert read_lines(sheets) == ([], [])


def test_rows_are_checked_against_their_columns() -> None:
    lines, problems = read_lines(
        {
            "单位": [(1, ["单位代码*", "单位名称*", "上级代码*"]), (2, ["1", "", "2"])],
            "人员": [(1, ["单位代码", "姓名", "角色"]), (5, ["1", "张三", "皇帝"])],
            "印章": [(1, ["单位代码", "颜色"])],
            "备注": [(1, ["随便"])],
        }
    )
    assert [(one.sheet, one.number) for one in lines] == [("单位", 2), ("人员", 5)]
    said = [(one.sheet, one.number, one.zh.split("：")[0]) for one in problems]
    assert said == [
        ("单位", 2, "“单位名称”没有填"),
        ("人员", 5, "“角色”只能填"),
        ("印章", 1, "不认识的列“颜色”"),
        ("印章", 1, "缺少列“印章种类”"),
        ("印章", 1, "缺少列“印章名称”"),
    ]
    assert read_lines({"Sheet1": [(1, ["x"])]})[1][0].number == 0
