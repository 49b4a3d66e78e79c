"""People and roles: terms of office, who may name whom, and what ends when somebody leaves."""

from collections.abc import Callable

import pytest
from sqlalchemy import select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.services.actors import load_actor
from backend.services.credentials import CredentialService
from backend.services.passwords import Passwords
from backend.services.people import NewPerson, PeopleService
from backend.services.roles import NewRole, RoleService
from backend.services.seals import NewSeal, SealService
from backend.services.tokens import Scopes, TokenService
from backend.store import people as stored
from backend.store.pictures import PictureStore
from backend.store.tables import api_token, person
from tests.support.world import (
    DISTRICT,
    FAR_VILLAGE,
    OTHER_VILLAGE,
    TOWN,
    VILLAGE,
    Clock,
    World,
    org_id,
)

DAY = 86_400_000
QUICK = Passwords(time_cost=1, memory_kib=64)


@pytest.fixture
def wall() -> Clock:
    return Clock(1_795_000_000_000)


@pytest.fixture
def people(world: World, wall: Clock) -> PeopleService:
    return PeopleService(world.context, PictureStore(world.ring), wall)


@pytest.fixture
def roles(world: World) -> RoleService:
    return RoleService(world.context)


@pytest.fixture
def credentials(world: World, wall: Clock) -> CredentialService:
    return CredentialService(world.context, QUICK, wall)


@pytest.fixture
def admin(world: World) -> Actor:
    return world.actor(Role.ADMIN)


def code(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(DomainError) as caught:
        attempt(*given)
    return caught.value.code


def new_person(login: str | None = None, path: str = VILLAGE, name: str = "王方") -> NewPerson:
    return NewPerson(org_id(path), name, login=login)


def new_role(
    person_id: str,
    role: Role,
    path: str = VILLAGE,
    starts_at: int | None = None,
    ends_at: int | None = None,
) -> NewRole:
    return NewRole(person_id, org_id(path), role, starts_at=starts_at, ends_at=ends_at)


def test_a_person_is_entered_on_record_without_their_name(
    world: World, people: PeopleService, admin: Actor
) -> None:
    made = people.create(admin, new_person(" Wang.Fang "))

    assert (made.login, made.org_path, made.status) == ("wang.fang", VILLAGE, "active")
    assert people.get(admin, made.id) == made
    (record,) = world.records("person.created")
    assert record.person == admin.person_id
    assert record.data == {"subject": made.id, "may_sign_in": True}


@pytest.mark.parametrize(
    ("new", "expected"),
    [
        (new_person(name="  "), "bad_name"),
        (new_person(name="王\n方"), "bad_name"),
        (new_person(name="王" * 61), "bad_name"),
        (new_person(login="a b"), "bad_login"),
        (new_person(login=""), "bad_login"),
        (NewPerson(org_id(VILLAGE), "王方", phone="call me"), "bad_phone"),
        (NewPerson(org_id(VILLAGE), "王方", locale="fr"), "bad_locale"),
        (NewPerson("999", "王方"), "not_found"),
    ],
)
def test_odd_people_are_refused(
    world: World, people: PeopleService, admin: Actor, new: NewPerson, expected: str
) -> None:
    assert code(lambda: people.create(admin, new)) == expected
    assert not world.records()


def test_a_login_belongs_to_one_person(people: PeopleService, admin: Actor) -> None:
    people.create(admin, new_person("wang.fang"))
    other = people.create(admin, new_person())

    assert code(lambda: people.create(admin, new_person("WANG.FANG"))) == "login_taken"
    assert code(lambda: people.change(admin, other.id, {"login": "wang.fang"})) == "login_taken"


def test_everybody_changes_their_own_phone_and_nothing_else(
    world: World, people: PeopleService
) -> None:
    operator = world.actor(Role.OPERATOR)

    changed = people.change(operator, operator.person_id, {"phone": "139 0000 0000"})
    assert changed.phone == "139 0000 0000"
    assert code(lambda: people.change(operator, operator.person_id, {"name": "李"})) == "denied"


def test_promise_6_people_of_another_branch_do_not_exist(
    world: World, people: PeopleService, roles: RoleService, credentials: CredentialService
) -> None:
    far = world.person("远方", FAR_VILLAGE, login="far")
    held = world.grant_role(far, Role.OPERATOR, FAR_VILLAGE)
    admin = world.actor(Role.ADMIN, TOWN)

    for attempt in (
        lambda: people.get(admin, far),
        lambda: people.change(admin, far, {"name": "改"}),
        lambda: people.leave(admin, far),
        lambda: people.create(admin, new_person(path=FAR_VILLAGE)),
        lambda: credentials.reset_password(admin, far),
        lambda: credentials.set_pin_for(admin, far, "135790"),
        lambda: roles.grant(admin, new_role(far, Role.CUSTODIAN, VILLAGE)),
        lambda: roles.grant(admin, new_role(admin.person_id, Role.CUSTODIAN, FAR_VILLAGE)),
        lambda: roles.end(admin, held),
    ):
        assert code(attempt) == "not_found"
    assert far not in {one.id for one in people.find(admin).items}
    assert not roles.find(admin, person_id=far).items
    assert not world.records()


def test_lists_are_pages_in_order_of_names(
    world: World, people: PeopleService, admin: Actor
) -> None:
    for name in "丁丙乙甲戊":
        world.person(name, OTHER_VILLAGE)
        world.person(name)
    world.person("甲", status="left")

    seen: list[str] = []
    cursor = None
    while True:
        found = people.find(admin, status="active", cursor=cursor, limit=2)
        seen += [one.name for one in found.items]
        cursor = found.next
        if cursor is None:
            break
    assert len(seen) == 6
    assert set("丁丙乙甲戊") < set(seen)
    assert [one.name for one in people.find(admin, name="丙").items] == ["丙"]
    assert not people.find(admin, name="%").items
    assert code(lambda: people.find(admin, cursor="nonsense")) == "bad_cursor"


# ── roles ────────────────────────────────────────────────────────────────────────────────────────


def test_c33_a_role_has_a_term_and_authority_ends_with_it(
    world: World, roles: RoleService, admin: Actor
) -> None:
    someone = world.person("王方")
    start = world.clock()
    roles.grant(
        admin,
        new_role(someone, Role.APPROVER, starts_at=start + DAY, ends_at=start + 3 * DAY),
    )

    def may() -> bool:
        with world.db.read() as conn:
            actor = load_actor(conn, someone, world.clock())
        assert actor is not None
        return actor.may(Role.APPROVER, VILLAGE)

    held = []
    for _ in range(4):
        held.append(may())
        world.clock.advance(DAY)
    assert held == [False, True, True, False]
    (record,) = world.records("role.granted")
    assert record.data["ends_at"] == start + 3 * DAY


def test_ending_a_role_takes_effect_at_once_and_only_once(
    world: World, roles: RoleService, admin: Actor
) -> None:
    someone = world.person("王方")
    made = roles.grant(admin, new_role(someone, Role.APPROVER))

    roles.end(admin, made.id)

    with world.db.read() as conn:
        actor = load_actor(conn, someone, world.clock())
    assert actor is not None
    assert actor.roles == ()
    assert code(lambda: roles.end(admin, made.id)) == "role_ended"
    assert len(world.records("role.ended")) == 1


def test_c26_approver_and_custodian_are_two_people_at_one_organisation(
    world: World, roles: RoleService, admin: Actor
) -> None:
    someone, other = world.person("王方"), world.person("李明")
    roles.grant(admin, new_role(someone, Role.CUSTODIAN))
    SealService(world.context).register(
        admin, NewSeal(org_id(VILLAGE), SealKind.COMMITTEE, "柳塘村村民委员会", other)
    )

    for one in (someone, other):
        attempt = new_role(one, Role.APPROVER)
        assert code(roles.grant, admin, attempt) == "approver_is_custodian"
    town = world.actor(Role.ADMIN, TOWN)
    roles.grant(town, new_role(someone, Role.APPROVER, OTHER_VILLAGE))


def test_nobody_gives_or_ends_their_own_role(
    world: World, roles: RoleService, admin: Actor
) -> None:
    own = roles.find(admin, person_id=admin.person_id).items[0]

    assert code(lambda: roles.grant(admin, new_role(admin.person_id, Role.APPROVER))) == "denied"
    assert code(lambda: roles.end(admin, own.id)) == "denied"


def test_a_supervisor_is_named_from_above(world: World, roles: RoleService, admin: Actor) -> None:
    someone = world.person("监督")

    assert code(lambda: roles.grant(admin, new_role(someone, Role.SUPERVISOR))) == "denied"
    town = world.actor(Role.ADMIN, TOWN)
    made = roles.grant(town, new_role(someone, Role.SUPERVISOR))
    assert code(lambda: roles.end(admin, made.id)) == "denied"
    district = world.actor(Role.ADMIN, DISTRICT)
    chief = world.person("纪委", DISTRICT)
    roles.grant(district, new_role(chief, Role.SUPERVISOR, DISTRICT))


def test_a_village_cannot_reach_up(world: World, roles: RoleService, admin: Actor) -> None:
    someone = world.person("王方")

    assert code(lambda: roles.grant(admin, new_role(someone, Role.ADMIN, TOWN))) == "not_found"
    assert code(lambda: roles.grant(admin, new_role(someone, Role.ADMIN, DISTRICT))) == "not_found"


def test_only_administrators_name_anybody(world: World, roles: RoleService) -> None:
    someone = world.person("王方")
    for role in (Role.SUPERVISOR, Role.APPROVER, Role.CUSTODIAN):
        other = world.actor(role)
        assert code(roles.grant, other, new_role(someone, Role.OPERATOR)) == "denied"


def test_odd_terms_are_refused(world: World, roles: RoleService, admin: Actor) -> None:
    someone = world.person("王方")
    now = world.clock()
    for attempt in (
        new_role(someone, Role.OPERATOR, ends_at=now),
        new_role(someone, Role.OPERATOR, starts_at=now + 2 * DAY, ends_at=now + DAY),
    ):
        assert code(roles.grant, admin, attempt) == "bad_term"
    roles.grant(admin, new_role(someone, Role.OPERATOR))
    assert code(lambda: roles.grant(admin, new_role(someone, Role.OPERATOR))) == "role_held"


# ── credentials and leaving ──────────────────────────────────────────────────────────────────────


def test_a_reset_password_is_temporary_and_on_record(
    world: World, people: PeopleService, credentials: CredentialService, admin: Actor, wall: Clock
) -> None:
    made = people.create(admin, new_person("wang.fang"))

    given = credentials.reset_password(admin, made.id)

    assert given.password not in repr(given)
    with world.db.read() as conn:
        row = conn.execute(select(person).where(person.c.id == made.id)).one()
    assert QUICK.verify(row.password_hash, given.password)
    assert row.password_temporary
    assert row.session_epoch > wall()
    (record,) = world.records("person.password_set")
    assert record.data == {"subject": made.id, "temporary": True}
    other = people.create(admin, new_person())
    assert code(lambda: credentials.reset_password(admin, other.id)) == "no_login"


def test_a_village_administrator_cannot_take_over_who_has_authority_above(
    world: World, credentials: CredentialService, people: PeopleService, admin: Actor
) -> None:
    someone = world.person("王方", login="wang.fang")
    world.grant_role(someone, Role.APPROVER, TOWN)

    assert code(lambda: credentials.reset_password(admin, someone)) == "denied"
    assert code(lambda: people.change(admin, someone, {"login": "mine"})) == "denied"
    assert code(lambda: people.leave(admin, someone)) == "denied"


def test_pins_work_at_the_sleeve_and_are_set_by_their_owner(
    world: World, credentials: CredentialService, admin: Actor
) -> None:
    villager = world.person("不登录")
    clerk = world.person("王方", login="wang.fang")
    world.grant_role(villager, Role.OPERATOR)

    credentials.set_pin_for(admin, villager, "135790")
    assert code(lambda: credentials.set_pin_for(admin, clerk, "135790")) == "denied"
    assert code(lambda: credentials.set_pin_for(admin, villager, "111111")) == "weak_pin"

    with world.db.read() as conn:
        check = stored.pins(conn, [villager], VILLAGE, world.clock())[villager]
    assert stored.pin_digest("135790", check) == check.digest


def test_c33_who_leaves_loses_everything_at_once(
    world: World,
    people: PeopleService,
    roles: RoleService,
    credentials: CredentialService,
    admin: Actor,
    wall: Clock,
) -> None:
    program = world.person("程序")
    world.grant_role(program, Role.OPERATOR)
    TokenService(world.context, wall).issue(admin, "程序", Scopes(), 30, program)
    credentials.set_pin_for(admin, program, "135790")

    people.leave(admin, program)

    with world.db.read() as conn:
        assert load_actor(conn, program, world.clock()) is None
        assert not stored.pins(conn, [program], VILLAGE, world.clock())
        row = conn.execute(select(person).where(person.c.id == program)).one()
        token = conn.execute(select(api_token)).one()
    assert (row.status, row.password_hash, row.pin_digest) == ("left", None, None)
    assert row.session_epoch > wall()
    assert token.revoked_at is not None
    assert not roles.find(admin, person_id=program).items
    assert len(roles.find(admin, person_id=program, in_force=False).items) == 1
    assert code(lambda: people.leave(admin, admin.person_id)) == "denied"


def test_a_program_that_becomes_a_person_loses_its_tokens(
    world: World, people: PeopleService, admin: Actor, wall: Clock
) -> None:
    program = world.person("程序")
    TokenService(world.context, wall).issue(admin, "程序", Scopes(), 30, program)

    people.change(admin, program, {"login": "wang.fang"})

    with world.db.read() as conn:
        assert conn.execute(select(api_token.c.revoked_at)).scalar_one() is not None
