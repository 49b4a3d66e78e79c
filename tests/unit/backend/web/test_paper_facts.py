"""What was read on the papers, shown before anybody approves (C6)."""

from typing import Any

from backend.store.tables import reference_page
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town

FACTS: dict[str, Any] = {
    "title": "土地承包合同",
    "amounts": [{"text": "50000元", "fen": 5_000_000, "form": "figures", "line": 3}],
    "discords": [{"capital": {"text": "伍拾万元整"}, "figures": {"text": "50000元"}}],
    "dates": ["2026-03-01"],
    "parties": [["甲方", "柳塘村经济合作社"], ["乙方", "周大明"]],
    "names": [],
    "blanks": [{"label": "承包期限", "line": 5, "box": [0, 0, 1, 1]}],
    "places": [],
}


def test_blanks_and_amounts_that_disagree_are_seen_before_approving(town: Town) -> None:
    application = town.made.day.waiting
    with town.made.world.db.write() as conn:
        conn.execute(
            reference_page.insert(),
            [
                {
                    "application_id": application,
                    "position": position,
                    "org_path": VILLAGE,
                    "picture_id": "p",
                    "sheet": position,
                    "features": b"",
                    "words": "",
                    "facts": FACTS,
                    "zones": [],
                    "made_at": 1,
                }
                for position in range(2)
            ],
        )
    page = str(town.client("approver").get(f"/applications/{application}").text)
    for words in ("承包期限", "还空着没填", "伍拾万元整", "不一致", "周大明", "2026-03-01"):
        assert words in page
    assert page.count("周大明") == 1  # each once, though both pages say it


def test_an_application_whose_papers_are_not_read_shows_nothing(town: Town) -> None:
    application = town.made.day.waiting
    page = str(town.client("approver").get(f"/applications/{application}").text)
    assert "文件里读到的内容" not in page
