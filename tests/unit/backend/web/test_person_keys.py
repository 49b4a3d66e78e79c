"""Somebody else's signing keys, and who may revoke them."""

from backend.ledger.approvals import REVOKED
from backend.store.tables import signing_key
from tests.support.world import VILLAGE
from tests.unit.backend.web.conftest import Town

ORG = VILLAGE.rstrip("/").rpartition("/")[2]


def key_of(town: Town, who: str, key: str = "K1") -> str:
    """A key that somebody registered; the page of that person's keys."""
    person = town.made.people[who].person_id
    with town.made.world.db.write() as conn:
        conn.execute(
            signing_key.insert(),
            {
                "id": key,
                "person_id": person,
                "label": "旧手机",
                "alg": "EdDSA",
                "public": key.encode() * 16,
                "form": "raw",
                "counter": 0,
                "created_at": town.made.world.clock(),
                "record_seq": 1,
            },
        )
    return f"/admin/orgs/{ORG}/people/{person}/keys"


def test_an_administrator_revokes_a_lost_phones_key_and_the_reason_is_on_record(
    town: Town,
) -> None:
    address, admin = key_of(town, "approver"), town.client("admin")
    assert f'href="{address}"' in admin.get(f"/admin/orgs/{ORG}").text
    page = admin.get(address).text
    assert "旧手机" in page
    assert f'action="{address}/K1/revoke"' in page
    assert admin.post(f"{address}/K1/revoke", data={"reason": " "}).status_code == 422
    assert town.made.world.records(REVOKED) == []
    answer = admin.post(f"{address}/K1/revoke", data={"reason": "手机丢了"})
    assert answer.headers["location"] == f"{address}?done=revoke"
    [said] = town.made.world.records(REVOKED)
    assert (said.data["key"], said.data["reason"]) == ("K1", "手机丢了")
    assert said.person == town.made.people["admin"].person_id
    page = admin.get(f"{address}?done=revoke").text
    assert "已注销。以前签过的仍然有效。" in page
    assert f"{address}/K1/revoke" not in page
    assert admin.post(f"{address}/K1/revoke", data={"reason": "再来"}).status_code == 422


def test_a_key_is_revoked_on_its_owners_page_only(town: Town) -> None:
    key_of(town, "approver")
    other = key_of(town, "applicant", "K2")
    answer = town.client("admin").post(f"{other}/K1/revoke", data={"reason": "手机丢了"})
    assert answer.status_code == 404
    assert town.made.world.records(REVOKED) == []


def test_promise_6_a_supervisor_looks_and_others_find_nothing(town: Town) -> None:
    address = key_of(town, "approver")
    page = town.client("town").get(address)
    assert page.status_code == 200
    assert "/revoke" not in page.text
    for who in ("custodian", "stranger"):
        assert town.client(who).get(address).status_code == 404
        answer = town.client(who).post(f"{address}/K1/revoke", data={"reason": "手机丢了"})
        assert answer.status_code == 404
