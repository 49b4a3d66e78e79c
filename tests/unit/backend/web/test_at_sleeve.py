"""The page beside the sleeve says why it would not open."""

import pytest
from sqlalchemy import select, update

from backend.domain.record import Record
from backend.store.tables import seal_use, use_grant
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


@pytest.mark.parametrize(
    ("side", "words"), [("left", "慢慢向左转头"), ("right", "慢慢向右转头")], ids=["left", "right"]
)
def test_c11_once_it_is_unlocked_the_page_says_to_which_side(
    town: Town, side: str, words: str
) -> None:
    application, db = town.made.day.using, town.made.world.db
    with db.write() as conn:
        grants = use_grant.c.application_id == application
        (policy,) = conn.execute(select(use_grant.c.policy).where(grants)).one()
        policy = {**policy, "challenge": side}
        conn.execute(update(use_grant).where(grants).values(policy=policy))
        uses = seal_use.c.application_id == application
        conn.execute(update(seal_use).where(uses).values(state="counted"))
    shown = town.client("operator").get(f"/applications/{application}/sleeve/progress").text
    step = shown[shown.index('aria-current="step"') :].partition("</li>")[0]
    assert words in step
    assert shown.count("转头") == 1


def test_who_has_to_be_looked_at_again_reads_why(town: Town) -> None:
    context, application = town.made.world.context, town.made.day.using
    page = f"/applications/{application}/sleeve/progress"
    client = town.client("operator")

    def check(verdict: str, *reasons: str) -> str:
        now = context.now()
        data = {"kind": "face", "verdict": verdict, "reasons": list(reasons), "attempt": 1}
        told = Record("check.done", VILLAGE, now, now, application=application, data=data)
        with context.db.write() as conn:
            context.journal.append(conn, [told])
        return str(client.get(page).text)

    assert "这次没有通过：没有看到转头。" in check("unusable", "no_turn")
    assert "这次没有通过" not in check("match")
