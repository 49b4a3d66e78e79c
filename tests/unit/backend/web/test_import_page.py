"""The import from its page: look through, then all of it."""

import io
import re

import openpyxl

from backend.reports.import_template import write_template
from tests.unit.backend.web.conftest import Town


def filled(*rows: tuple[str, list[str]]) -> dict[str, tuple[str, bytes, str]]:
    book = openpyxl.load_workbook(io.BytesIO(write_template()))
    for sheet, cells in rows:
        book[sheet].append(cells)
    out = io.BytesIO()
    book.save(out)
    return {"book": ("村.xlsx", out.getvalue(), "application/octet-stream")}


def test_the_template_filled_in_is_looked_through_then_entered(town: Town) -> None:
    client = town.client("admin")
    given = filled(
        ("单位", ["330109103288", "新河村", "330109103"]),
        ("人员", ["330109103288", "周明", "", "", "用章人"]),
    )
    looked = client.post("/admin/import", files=given)
    assert looked.status_code == 200, looked.text
    assert "检查通过" in looked.text
    assert client.get("/admin/orgs/330109103288").status_code == 404
    (rows,) = re.findall(r'name="rows" value="([^"]+)"', looked.text)
    done = client.post("/admin/import/run", data={"rows": rows})
    assert "已导入" in done.text
    assert "周明" in client.get("/admin/orgs/330109103288").text


def test_every_wrong_row_is_shown(shared_town: Town) -> None:
    client = shared_town.client("admin")
    given = filled(
        ("单位", ["330109103289", "", "330109103"]),
        ("人员", ["330109103201", "周明", "", "", "皇帝"]),
    )
    answer = client.post("/admin/import", files=given)
    assert answer.status_code == 422
    assert "有2处不对" in answer.text
    assert "“单位名称”没有填" in answer.text


def test_what_was_not_looked_through_is_refused(shared_town: Town) -> None:
    client = shared_town.client("admin")
    for rows in ("", "x", "eJyLjgUAARUAuQ==x", "eJwrSS0uAQAEXQHB"):
        assert client.post("/admin/import/run", data={"rows": rows}).status_code == 422
    junk = {"book": ("x.xlsx", b"junk", "application/octet-stream")}
    assert client.post("/admin/import", files=junk).status_code == 422


def test_who_administers_nothing_has_no_import(shared_town: Town) -> None:
    for address in ("/admin/import", "/admin/import/template.xlsx"):
        assert shared_town.client("town").get(address).status_code == 403
