"""The page beside the sleeve says why it would not open."""

from sqlalchemy import select, update

from backend.domain.record import Record
from backend.store.tables import use_grant
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


def test_c11_the_side_to_turn_to_is_not_said_before_it_is_asked(town: Town) -> None:
    application = town.made.day.granted
    client, db = town.client("custodian"), town.made.world.db
    page = f"/applications/{application}/sleeve/progress"
    with db.read() as conn:
        (policy,) = conn.execute(
            select(use_grant.c.policy).where(use_grant.c.application_id == application)
        ).one()
    with db.write() as conn:
        conn.execute(
            update(use_grant)
            .where(use_grant.c.application_id == application)
            .values(policy={**policy, "challenge": "left"})
        )
    shown = client.get(page).text
    assert "再按提示慢慢转头" in shown
    assert "向左转头" not in shown
