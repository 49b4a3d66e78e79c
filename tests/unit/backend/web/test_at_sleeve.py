"""The page beside the sleeve says why it would not open."""

from backend.domain.record import Record
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town


def test_the_page_beside_the_sleeve_says_why_it_stayed_locked(town: Town) -> None:
    context, application = town.made.world.context, town.made.day.granted
    page = f"/applications/{application}/sleeve/progress"
    client = town.client("custodian")

    def request(verdict: dict[str, object]) -> str:
        now = context.now()
        told = Record(
            "event.unlock_request",
            VILLAGE,
            now,
            now,
            application=application,
            data={"event": {}, "verdict": verdict},
        )
        with context.db.write() as conn:
            context.journal.append(conn, [told])
        return str(client.get(page).text)

    assert "不在授权的地点" in request({"refused": "outside_place"})
    assert "不在授权的地点" not in request({"granted": 2})
