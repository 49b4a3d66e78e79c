"""Sign-in, sessions, tokens: one answer for every wrong try, counted before it is judged."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.identity import SESSION_MS, IdentityService, SignedIn
from backend.services.passwords import Passwords
from backend.services.tokens import Scopes, TokenService
from backend.store import throttle
from backend.store.tables import api_token, person
from tests.support.world import (
    FAR_VILLAGE,
    OTHER_VILLAGE,
    TOWN,
    VILLAGE,
    Clock,
    World,
)

PASSWORD = "柳塘村的春天来了-2026"
ADDRESS = "10.1.2.3"
MINUTE = 60_000
DAY = 86_400_000
QUICK = Passwords(time_cost=1, memory_kib=64)


@pytest.fixture
def wall() -> Clock:
    return Clock(1_795_000_000_000)


@pytest.fixture
def identity(world: World, wall: Clock) -> IdentityService:
    return IdentityService(world.context, QUICK, world.ring.web, wall)


@pytest.fixture
def tokens(world: World, wall: Clock) -> TokenService:
    return TokenService(world.context, wall)


@pytest.fixture
def director(world: World) -> str:
    found = world.person("王方", login="wang.fang", password_hash=QUICK.hash(PASSWORD))
    world.grant_role(found, Role.APPROVER)
    return found


def refused(identity: IdentityService, login: str, password: str, address: str = ADDRESS) -> str:
    with pytest.raises(DomainError) as caught:
        identity.sign_in(login, password, address)
    return f"{caught.value.code}|{caught.value.zh}"


def signed_in(identity: IdentityService) -> SignedIn:
    return identity.sign_in("wang.fang", PASSWORD, ADDRESS)


def test_a_session_recognises_its_person_with_the_roles_in_force(
    identity: IdentityService, director: str
) -> None:
    made = identity.sign_in("  Wang.Fang ", PASSWORD, ADDRESS)

    known = identity.by_cookie(made.cookie)
    assert known is not None
    assert known.actor.person_id == director
    assert known.actor.may(Role.APPROVER, VILLAGE)
    assert known.may_write
    assert known.token_id is None


def test_every_refusal_to_sign_in_reads_the_same(
    world: World, identity: IdentityService, director: str
) -> None:
    world.person("走了", login="left", status="left", password_hash=QUICK.hash(PASSWORD))
    world.person("无口令", login="nopass")

    answers = {
        refused(identity, login, PASSWORD if login != "wang.fang" else "wrong password", login)
        for login in ("wang.fang", "nobody", "left", "nopass", "", "x" * 5000)
    }
    assert answers == {"sign_in_refused|用户名或口令不正确"}


def test_a_sixth_try_is_refused_even_with_the_right_password(
    identity: IdentityService, wall: Clock, director: str
) -> None:
    for _ in range(5):
        assert refused(identity, "wang.fang", "wrong").startswith("sign_in_refused")

    assert refused(identity, "wang.fang", PASSWORD).startswith("too_many_attempts")
    # Somebody else's guessing from elsewhere does not lock the owner out.
    identity.sign_in("wang.fang", PASSWORD, "10.9.9.9")
    wall.advance(MINUTE)
    signed_in(identity)


def test_each_further_wrong_try_locks_longer(
    identity: IdentityService, wall: Clock, director: str
) -> None:
    for _ in range(5):
        refused(identity, "wang.fang", "wrong")
    for minutes in (1, 2, 4):
        wall.advance(minutes * MINUTE - 1)
        assert refused(identity, "wang.fang", PASSWORD).startswith("too_many_attempts")
        wall.advance(1)
        assert refused(identity, "wang.fang", "wrong").startswith("sign_in_refused")


def test_unknown_logins_are_throttled_too(identity: IdentityService) -> None:
    codes = [refused(identity, "ghost", "x").split("|")[0] for _ in range(6)]

    assert codes == ["sign_in_refused"] * 5 + ["too_many_attempts"]


def test_one_password_tried_on_many_logins_locks_the_address(identity: IdentityService) -> None:
    codes = [
        refused(identity, f"user{number}", "Summer2026!").split("|")[0]
        for number in range(throttle.ADDRESS.free + 1)
    ]

    assert codes[-2:] == ["sign_in_refused", "too_many_attempts"]


def test_guessing_one_login_from_many_addresses_is_slowed(
    identity: IdentityService, director: str
) -> None:
    codes = [
        refused(identity, "wang.fang", "wrong", f"10.0.0.{number}").split("|")[0]
        for number in range(throttle.LOGIN.free + 1)
    ]

    assert codes[-2:] == ["sign_in_refused", "too_many_attempts"]


def test_guesses_made_at_once_count_each(identity: IdentityService, director: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        codes = list(
            pool.map(lambda _: refused(identity, "wang.fang", "wrong").split("|")[0], range(12))
        )

    assert codes.count("sign_in_refused") == 5


def test_a_success_forgets_the_tries_before_it(identity: IdentityService, director: str) -> None:
    for _ in range(3):
        for _ in range(4):
            refused(identity, "wang.fang", "wrong")
        signed_in(identity)


def test_successes_of_a_whole_town_do_not_lock_its_address(
    identity: IdentityService, director: str
) -> None:
    for _ in range(throttle.ADDRESS.free + 5):
        signed_in(identity)


def test_a_weaker_hash_is_replaced_at_sign_in(world: World, wall: Clock, director: str) -> None:
    stronger = Passwords(time_cost=2, memory_kib=64)
    identity = IdentityService(world.context, stronger, world.ring.web, wall)

    signed_in(identity)

    with world.db.read() as conn:
        stored = conn.execute(select(person.c.password_hash)).scalar_one()
    assert not stronger.is_outdated(stored)
    signed_in(identity)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda cookie: "",
        lambda cookie: "x.y",
        lambda cookie: cookie[:-2],
        lambda cookie: cookie[:-1] + ("A" if cookie[-1] != "A" else "B"),
        lambda cookie: cookie[1:],
        lambda cookie: "W10." + cookie.rsplit(".", 1)[1],
    ],
)
def test_forged_cookies_are_nobody(identity: IdentityService, director: str, spoil: object) -> None:
    assert callable(spoil)
    assert identity.by_cookie(spoil(signed_in(identity).cookie)) is None


def test_a_cookie_of_another_installation_is_nobody(
    world: World, identity: IdentityService, wall: Clock, director: str
) -> None:
    other = IdentityService(world.context, QUICK, [b"x" * 32], wall)

    assert other.by_cookie(signed_in(identity).cookie) is None


def test_after_the_key_is_rotated_old_sessions_hold_and_new_ones_use_the_new_key(
    world: World, identity: IdentityService, wall: Clock, director: str
) -> None:
    old = signed_in(identity).cookie
    rotated = IdentityService(world.context, QUICK, [*world.ring.web, b"n" * 32], wall)

    assert rotated.by_cookie(old) is not None
    assert identity.by_cookie(signed_in(rotated).cookie) is None


def test_a_session_ends_after_twelve_hours(
    identity: IdentityService, wall: Clock, director: str
) -> None:
    cookie = signed_in(identity).cookie
    wall.advance(SESSION_MS - 1)
    assert identity.by_cookie(cookie) is not None

    wall.advance(1)
    assert identity.by_cookie(cookie) is None


def test_signing_out_voids_that_cookie_also_a_stolen_copy_and_no_other(
    identity: IdentityService, director: str
) -> None:
    phone, console = signed_in(identity), signed_in(identity)

    identity.sign_out(phone.session)
    identity.sign_out(phone.session)

    assert identity.by_cookie(phone.cookie) is None
    assert identity.by_cookie(console.cookie) is not None


def test_ending_all_sessions_voids_every_cookie_and_a_new_one_works(
    identity: IdentityService, wall: Clock, director: str
) -> None:
    phone, console = signed_in(identity), signed_in(identity)

    identity.end_sessions(director)
    wall.advance(5)

    assert identity.by_cookie(phone.cookie) is None
    assert identity.by_cookie(console.cookie) is None
    assert identity.by_cookie(signed_in(identity).cookie) is not None


def test_c33_authority_ends_with_the_term_of_office_within_a_running_session(
    world: World, identity: IdentityService
) -> None:
    found = world.person("李明", login="li.ming", password_hash=QUICK.hash(PASSWORD))
    world.grant_role(found, Role.APPROVER, ends_at=world.clock() + DAY)
    world.grant_role(found, Role.APPLICANT, starts_at=world.clock() + 2 * DAY)
    cookie = identity.sign_in("li.ming", PASSWORD, ADDRESS).cookie

    def roles() -> list[Role]:
        known = identity.by_cookie(cookie)
        assert known is not None
        return [held.role for held in known.actor.roles]

    assert roles() == [Role.APPROVER]
    world.clock.advance(DAY)
    assert roles() == []
    world.clock.advance(DAY)
    assert roles() == [Role.APPLICANT]


def test_somebody_who_left_is_nobody_at_once(
    world: World, identity: IdentityService, director: str
) -> None:
    cookie = signed_in(identity).cookie
    with world.db.write() as conn:
        conn.execute(update(person).where(person.c.id == director).values(status="left"))

    assert identity.by_cookie(cookie) is None


# ── tokens ───────────────────────────────────────────────────────────────────────────────────────


def test_a_token_acts_as_its_person_and_is_stored_as_a_digest_only(
    world: World, identity: IdentityService, tokens: TokenService, director: str
) -> None:
    issued = tokens.issue(known_actor(identity), "统计接口", Scopes(write=True), 30)

    known = identity.by_token(issued.token)
    assert known is not None
    assert known.actor.may(Role.APPROVER, VILLAGE)
    assert known.may_write
    assert known.token_id == issued.info.id
    assert issued.token not in repr(issued)
    with world.db.read() as conn:
        row = conn.execute(select(api_token)).one()
        assert issued.token.encode() not in row.digest
        assert row.last_used_at is not None
    (record,) = world.records("person.token_issued")
    assert record.data["subject"] == director


def known_actor(identity: IdentityService) -> Actor:
    return signed_in(identity).authenticated.actor


@pytest.mark.parametrize("token", ["", "zyt_", "zyt_" + "A" * 43, "x" * 10_000])
def test_a_made_up_token_is_nobody(identity: IdentityService, token: str) -> None:
    assert identity.by_token(token) is None


def test_a_token_reads_only_unless_it_says_write(
    identity: IdentityService, tokens: TokenService, director: str
) -> None:
    known = identity.by_token(tokens.issue(known_actor(identity), "只读", Scopes(), 1).token)

    assert known is not None
    assert not known.may_write


def test_a_token_narrows_roles_and_branch(
    world: World, identity: IdentityService, tokens: TokenService
) -> None:
    town = world.person("镇管理员", TOWN, login="town", password_hash=QUICK.hash(PASSWORD))
    world.grant_role(town, Role.ADMIN, TOWN)
    world.grant_role(town, Role.SUPERVISOR, TOWN)
    actor = identity.sign_in("town", PASSWORD, ADDRESS).authenticated.actor
    narrow = Scopes(roles=(Role.SUPERVISOR,), branch=VILLAGE)
    elsewhere = Scopes(branch=FAR_VILLAGE)

    known = identity.by_token(tokens.issue(actor, "村", narrow, 1).token)
    nothing = identity.by_token(tokens.issue(actor, "外", elsewhere, 1).token)

    assert known is not None
    assert known.actor.may(Role.SUPERVISOR, VILLAGE)
    assert not known.actor.may(Role.SUPERVISOR, OTHER_VILLAGE)
    assert not known.actor.may(Role.ADMIN, VILLAGE)
    assert nothing is not None
    assert nothing.actor.roles == ()


def test_tokens_expire_and_are_revoked_by_their_owner(
    identity: IdentityService, tokens: TokenService, wall: Clock, director: str
) -> None:
    actor = known_actor(identity)
    first = tokens.issue(actor, "一", Scopes(), 1)
    second = tokens.issue(actor, "二", Scopes(), 2)
    wall.advance(DAY)

    assert identity.by_token(first.token) is None
    assert identity.by_token(second.token) is not None
    tokens.revoke(actor, second.info.id)
    assert identity.by_token(second.token) is None
    assert [one.label for one in tokens.find(actor)] == ["二", "一"]
    with pytest.raises(DomainError, match="token_revoked"):
        tokens.revoke(actor, second.info.id)


def test_nobody_gets_a_token_that_acts_as_another_human_being(
    world: World, tokens: TokenService, director: str
) -> None:
    admin = world.actor(Role.ADMIN)
    program = world.person("统计程序")

    with pytest.raises(DomainError, match="denied"):
        tokens.issue(admin, "冒充", Scopes(), 1, director)
    assert tokens.issue(admin, "程序", Scopes(), 1, program).info.person_id == program


def test_promise_6_tokens_of_another_branch_do_not_exist(
    world: World, tokens: TokenService
) -> None:
    program = world.person("统计程序")
    issued = tokens.issue(world.actor(Role.ADMIN), "程序", Scopes(), 1, program)
    stranger = world.actor(Role.ADMIN, OTHER_VILLAGE)

    for attempt in (
        lambda: tokens.issue(stranger, "外", Scopes(), 1, program),
        lambda: tokens.find(stranger, program),
        lambda: tokens.revoke(stranger, issued.info.id),
    ):
        with pytest.raises(DomainError, match="not_found"):
            attempt()


@pytest.mark.parametrize(("label", "days"), [("", 1), ("x" * 101, 1), ("x", 0), ("x", 367)])
def test_a_token_needs_a_use_and_an_end(
    world: World, tokens: TokenService, label: str, days: int
) -> None:
    with pytest.raises(DomainError, match="bad_token"):
        tokens.issue(world.actor(Role.ADMIN), label, Scopes(), days)
