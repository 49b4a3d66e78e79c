"""The public register on each database: closed until opened, without persons, codes that hold."""

from typing import Any

import pytest
from sqlalchemy import insert, update

from backend.domain.errors import DomainError
from backend.services.public_register import PublicRegisterService
from backend.store.tables import organisation, seal, seal_use
from tests.support.world import OTHER_VILLAGE, START, VILLAGE, World, org_id

DAY = 86_400_000
SECRETS = [b"new" * 11, b"old" * 11]


@pytest.fixture
def register(world: World) -> PublicRegisterService:
    with world.db.write() as conn:
        for place, path in enumerate((VILLAGE, OTHER_VILLAGE)):
            conn.execute(
                seal.insert(),
                {
                    "id": f"seal{place}",
                    "org_id": org_id(path),
                    "org_path": path,
                    "kind": "committee",
                    "name": "村民委员会章",
                    "status": "active",
                    "created_at": START,
                },
            )
    return PublicRegisterService(world.context, SECRETS, world.clock, checks_a_minute=5)


def stamped(world: World, use: str, path: str = VILLAGE, **columns: Any) -> str:
    row = {
        "id": use,
        "org_path": path,
        "device_id": use.split(":")[0],
        "seal_id": "seal0" if path == VILLAGE else "seal1",
        "grant_id": "g",
        "state": "finished",
        "person_check": "match",
        "granted": 2,
        "pressed": 2,
        "started_at": START,
        "recorded_at": START,
        "last_event_at": START,
        "first_seq": 0,
    }
    with world.db.write() as conn:
        conn.execute(insert(seal_use), row | columns)
    return use


def open_to_all(world: World, path: str) -> None:
    with world.db.write() as conn:
        conn.execute(
            update(organisation)
            .where(organisation.c.path == path)
            .values(settings={"public_page": True})
        )


def test_nothing_is_public_until_the_organisation_says_so(
    world: World, register: PublicRegisterService
) -> None:
    code = register.code(stamped(world, "LT-1:7"), START)
    assert register.check(code, "a") is None
    with pytest.raises(DomainError, match=r"not_found|no such"):
        register.month(org_id(VILLAGE), START - DAY, START + DAY, "a")
    open_to_all(world, VILLAGE)
    answer = register.check(code.lower(), "a")
    assert answer is not None
    assert (answer.org_name, answer.stamps, answer.verdict) == ("柳塘村", 2, "approved")
    month = register.month(org_id(VILLAGE), START - DAY, START + DAY, "a")
    assert [(one.kind, one.uses, one.stamps) for one in month.lines] == [("committee", 1, 2)]


def test_the_verdict_says_what_was_wrong(world: World, register: PublicRegisterService) -> None:
    open_to_all(world, VILLAGE)
    for use, columns, verdict in (
        ("LT-1:1", {"pressed": 3}, "over"),
        ("LT-1:2", {"grant_id": None, "granted": 0, "pressed": 1}, "unapproved"),
    ):
        stamped(world, use, **columns)
        answer = register.check(register.code(use, START), use)
        assert answer is not None
        assert answer.verdict == verdict
    never = register.code(stamped(world, "LT-1:3", pressed=0), START)
    assert register.check(never, "c") is None


def test_promise_6_one_village_in_public_leaves_its_neighbour_private(
    world: World, register: PublicRegisterService
) -> None:
    open_to_all(world, VILLAGE)
    code = register.code(stamped(world, "LT-2:1", OTHER_VILLAGE), START)
    assert register.check(code, "a") is None
    assert register.month(org_id(VILLAGE), START - DAY, START + DAY, "a").lines == []


def test_codes_cannot_be_guessed_from_one_another_and_survive_a_new_key(
    world: World, register: PublicRegisterService
) -> None:
    open_to_all(world, VILLAGE)
    use = stamped(world, "LT-1:7")
    code = register.code(use, START)
    # Another paper of the same moment, or one sign changed: nothing.
    assert register.check(register.code("LT-1:8", START), "a") is None
    for place in (0, 9, 23):
        changed = code[:place] + ("A" if code[place] != "A" else "B") + code[place + 1 :]
        assert register.check(changed, f"b{place}") is None
    older = PublicRegisterService(world.context, SECRETS[1:], world.clock)
    assert older.code(use, START) != code
    assert register.check(older.code(use, START), "c") is not None
    assert register.codes([use, "nothing"]) == {use: code}


def test_who_tries_too_often_waits(world: World, register: PublicRegisterService) -> None:
    for _ in range(5):
        register.check("x", "guesser")
    with pytest.raises(DomainError, match="too many"):
        register.check("x", "guesser")
    register.check("x", "somebody else")
    world.clock.advance(60_000)
    register.check("x", "guesser")
