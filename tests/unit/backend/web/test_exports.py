"""Taking lists away: what the page shows, within one's branch, on record, and inert."""

import io

import openpyxl
import pypdfium2
import pytest

from tests.unit.backend.web.conftest import Town


def sheet(data: bytes) -> list[list[object]]:
    book = openpyxl.load_workbook(io.BytesIO(data))
    return [list(row) for row in book.worksheets[0].iter_rows(values_only=True)]


def texts(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    said = "".join(page.get_textpage().get_text_range() for page in document)
    return "".join(said.replace("\u200b", "").split())  # narrow columns break words


def test_the_log_is_exported_as_the_address_asks(town: Town) -> None:
    client = town.client("town")
    answer = client.post("/exports/uses?only=alerted&q=", data={"format": "xlsx"})
    assert answer.status_code == 200
    assert "zhiyin.xlsx" in answer.headers["content-disposition"]
    rows = sheet(answer.content)
    head = next(place for place, row in enumerate(rows) if row[0] == "登记号")
    assert len(rows) - head - 1 == 2
    assert any("C1 未批先盖" in str(row[11]) for row in rows[head + 1 :])
    (made,) = town.made.world.records("export.made")
    assert made.data == {
        "what": "uses",
        "format": "xlsx",
        "asked": {"only": "alerted"},
        "rows": 2,
        "cut": False,
    }
    assert made.person == town.made.people["town"].person_id


@pytest.mark.parametrize("what", ["uses", "register", "alerts"])
def test_every_list_is_set_as_pdf_on_a4_across(shared_town: Town, what: str) -> None:
    answer = shared_town.client("town").post(f"/exports/{what}", data={"format": "pdf"})
    assert answer.status_code == 200, answer.text
    page = pypdfium2.PdfDocument(answer.content)[0]
    assert [round(side / 72 * 25.4) for side in page.get_size()] == [297, 210]
    said = texts(answer.content)
    assert {"uses": "李建国", "register": "居住情况说明", "alerts": "未批先盖"}[what] in said


def test_the_register_has_the_official_fields_and_only_what_was_stamped(shared_town: Town) -> None:
    answer = shared_town.client("town").post("/exports/register", data={"format": "xlsx"})
    rows = sheet(answer.content)
    head = next(row for row in rows if row[0] == "登记号")
    assert head[:17] == [
        *("登记号", "用印时间", "单位和印章", "申请人", "用印事项", "文件名称和编号", "份数"),
        *("章数", "审批人", "经办人", "监督人", "用印地点", "归还时间", "金额（元）", "对方"),
        *("会议决议", "套筒"),
    ]
    assert all(int(str(row[7])) > 0 for row in rows[rows.index(head) + 1 :])


@pytest.mark.parametrize("what", ["uses", "register", "alerts"])
def test_promise_6_an_export_holds_nothing_of_another_branch(shared_town: Town, what: str) -> None:
    client = shared_town.client("stranger")
    # Naming the other branch in the address does not help.
    for query in ("", "?org=/330109/330109103/330109103201/"):
        rows = sheet(client.post(f"/exports/{what}{query}", data={"format": "xlsx"}).content)
        head = next(place for place, row in enumerate(rows) if row[1] in ("用印时间", "种类"))
        assert rows[head + 1 :] == []
        assert "柳塘村" not in str(rows)


def test_what_is_no_list_or_format_does_not_exist(shared_town: Town) -> None:
    client = shared_town.client("town")
    assert client.post("/exports/people", data={"format": "xlsx"}).status_code == 404
    assert client.post("/exports/uses", data={"format": "exe"}).status_code == 404
    assert client.get("/exports/uses").status_code == 405


def test_another_site_exports_nothing(shared_town: Town) -> None:
    client = shared_town.client("town")
    answer = client.post(
        "/exports/uses", data={"format": "xlsx"}, headers={"sec-fetch-site": "cross-site"}
    )
    assert answer.status_code == 403
