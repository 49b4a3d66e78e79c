"""Promises 5 and 6 for pictures: recorded before shown, and never outside one's branch."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.record import Record
from backend.services.pictures import REVIEW_MS, PictureService, Retention, Review
from backend.store.journal import Journal
from backend.store.pictures import PictureStore
from backend.store.tables import alert, picture, seal_use
from backend.store.uploads import NewPicture, announce
from tests.support.world import (
    FAR_VILLAGE,
    OTHER_VILLAGE,
    START,
    TOWN,
    VILLAGE,
    World,
)

DAY = 86_400_000


@pytest.fixture
def store(world: World) -> PictureStore:
    return PictureStore(world.ring, random=world.context.random)


@pytest.fixture
def pictures(world: World, store: PictureStore) -> PictureService:
    return PictureService(world.context, store)


@pytest.fixture
def face(world: World, store: PictureStore) -> str:
    return keep(world, store, "face-1")


def keep(
    world: World,
    store: PictureStore,
    name: str,
    kind: str = "face",
    path: str = VILLAGE,
    use_id: str | None = "YQ-0001:5",
) -> str:
    with world.db.write() as conn:
        store.put(
            conn,
            name,
            name.encode(),
            org_path=path,
            kind=kind,
            mime="image/jpeg",
            now=world.clock(),
        )
        conn.execute(picture.update().where(picture.c.id == name).values(use_id=use_id))
    return name


def code_of(caught: pytest.ExceptionInfo[DomainError]) -> str:
    return caught.value.code


def test_promise_5_a_look_is_recorded_with_who_and_why_before_the_picture_is_decrypted(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    supervisor = world.actor(Role.SUPERVISOR, TOWN)
    review = pictures.open_review(supervisor, "核对八月用印", TOWN)
    looks_when_opened: list[list[Record]] = []
    really_get = store.get

    def get(conn: object, picture_id: str) -> bytes:
        looks_when_opened.append(world.records("picture.viewed"))
        return really_get(conn, picture_id)  # type: ignore[arg-type] # conn is passed through

    store.get = get  # type: ignore[method-assign] # to see what is committed at that moment
    shown = pictures.view(supervisor, face, review_id=review.id)

    assert shown.data == b"face-1"
    assert len(looks_when_opened) == 1
    (look,) = looks_when_opened[0]
    assert look.person == supervisor.person_id
    assert look.org_path == VILLAGE
    assert look.use_id == "YQ-0001:5"
    assert look.data == {
        "picture": face,
        "kind": "face",
        "review": review.id,
        "reason": "核对八月用印",
    }


def test_promise_5_each_picture_of_a_review_is_a_record_of_its_own(
    world: World, store: PictureStore, pictures: PictureService
) -> None:
    supervisor = world.actor(Role.SUPERVISOR)
    review = pictures.open_review(supervisor, "例行检查", VILLAGE)
    for name in ("a", "b", "a"):
        if name == "b" or not world.records("picture.viewed"):
            keep(world, store, name)
        pictures.view(supervisor, name, review_id=review.id)

    opened = world.records("review.opened")
    assert [one.data["reason"] for one in opened] == ["例行检查"]
    assert [one.data["picture"] for one in world.records("picture.viewed")] == ["a", "b", "a"]


def test_promise_5_no_picture_is_seen_when_the_record_cannot_be_written(
    world: World, store: PictureStore, face: str
) -> None:
    class FullDisk(Journal):
        def append(self, conn: object, records: object) -> list[Record]:
            raise OSError("no space left")

    def never(conn: object, picture_id: str) -> bytes:
        raise AssertionError("decrypted without a record")

    store.get = never  # type: ignore[method-assign] # proves that it is not reached
    context = replace(world.context, journal=FullDisk(world.log, world.context.random))
    with pytest.raises(OSError, match="no space"):
        PictureService(context, store).view(world.actor(Role.SUPERVISOR), face, reason="检查")


def test_promise_5_erasing_a_picture_leaves_the_proof_valid(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    supervisor = world.actor(Role.SUPERVISOR)
    pictures.view(supervisor, face, reason="检查")
    with world.db.read() as conn:
        before = world.log.root(conn, 1)

    pictures.erase(supervisor, face, "当事人要求删除")

    with pytest.raises(DomainError) as caught:
        pictures.view(supervisor, face, reason="再看")
    assert code_of(caught) == "picture_erased"
    (erased,) = world.records("picture.erased")
    assert erased.data == {"picture": face, "kind": "face", "reason": "当事人要求删除"}
    with world.db.read() as conn:
        assert world.log.root(conn, 1) == before
        assert world.log.inclusion_proof(conn, 0)
        row = conn.execute(select(picture)).one()
        assert (row.wrapped_key, row.salt) == (None, None)


@pytest.mark.parametrize("reason", ["", " ", "看", "长" * 201])
def test_promise_5_a_look_needs_a_reason(
    world: World, pictures: PictureService, face: str, reason: str
) -> None:
    supervisor = world.actor(Role.SUPERVISOR)
    for attempt in (
        lambda: pictures.view(supervisor, face, reason=reason),
        lambda: pictures.open_review(supervisor, reason, VILLAGE),
        lambda: pictures.erase(supervisor, face, reason),
    ):
        with pytest.raises(DomainError) as caught:
            attempt()
        assert code_of(caught) == "reason_needed"
    assert not world.records()


def test_promise_6_pictures_of_another_branch_do_not_exist_for_the_asker(
    world: World, pictures: PictureService, face: str
) -> None:
    for path in (OTHER_VILLAGE, FAR_VILLAGE):
        stranger = world.actor(Role.SUPERVISOR, path)
        review = pictures.open_review(stranger, "检查", path)
        for attempt in (
            lambda stranger=stranger: pictures.view(stranger, face, reason="检查"),
            lambda stranger=stranger, review=review: pictures.view(
                stranger, face, review_id=review.id
            ),
            lambda stranger=stranger: pictures.erase(stranger, face, "检查"),
            lambda stranger=stranger: pictures.view(stranger, "no-such", reason="检查"),
        ):
            with pytest.raises(DomainError) as caught:
                attempt()
            assert code_of(caught) == "not_found"
        with pytest.raises(DomainError) as caught:
            pictures.open_review(stranger, "检查", VILLAGE)
        assert code_of(caught) == "denied"
    assert not world.records("picture.viewed")


def test_promise_6_a_review_of_one_branch_opens_none_of_another(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    supervisor = world.actor(Role.SUPERVISOR, TOWN)
    review = pictures.open_review(supervisor, "检查石桥村", OTHER_VILLAGE)

    with pytest.raises(DomainError) as caught:
        pictures.view(supervisor, face, review_id=review.id)
    assert code_of(caught) == "denied"


def test_roles_see_only_the_kinds_that_are_theirs(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    keep(world, store, "paper", "document")

    for role in (Role.ADMIN, Role.APPLICANT, Role.OPERATOR):
        with pytest.raises(DomainError) as caught:
            pictures.view(world.actor(role), face, reason="想看看")
        assert code_of(caught) == "not_found"
    assert pictures.view(world.actor(Role.APPLICANT), "paper", reason="核对").data == b"paper"


def open_review(world: World, pictures: PictureService) -> tuple[Actor, Review]:
    supervisor = world.actor(Role.SUPERVISOR)
    return supervisor, pictures.open_review(supervisor, "检查", VILLAGE)


def test_a_review_ends_after_twelve_hours(
    world: World, pictures: PictureService, face: str
) -> None:
    supervisor, review = open_review(world, pictures)
    world.clock.advance(REVIEW_MS - 1)
    assert pictures.view(supervisor, face, review_id=review.id).data

    world.clock.advance(1)
    with pytest.raises(DomainError) as caught:
        pictures.view(supervisor, face, review_id=review.id)
    assert code_of(caught) == "review_closed"


def test_a_review_is_its_openers_only(world: World, pictures: PictureService, face: str) -> None:
    _, review = open_review(world, pictures)

    with pytest.raises(DomainError) as caught:
        pictures.view(world.actor(Role.SUPERVISOR), face, review_id=review.id)
    assert code_of(caught) == "not_found"


def test_what_cannot_be_shown_is_not_recorded_as_seen(
    world: World, pictures: PictureService
) -> None:
    with world.db.write() as conn:
        announce(conn, [NewPicture("ab" * 32, VILLAGE, "face", 900, 1, START, device_id="YQ-1")])

    with pytest.raises(DomainError) as caught:
        pictures.view(world.actor(Role.SUPERVISOR), "ab" * 32, reason="检查")
    assert code_of(caught) == "picture_on_its_way"
    assert not world.records("picture.viewed")


def use_row(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(
            seal_use.insert(),
            {
                "id": "YQ-0001:5",
                "org_path": VILLAGE,
                "device_id": "YQ-0001",
                "seal_id": "s1",
                "state": "finished",
                "person_check": "match",
                "started_at": START,
                "recorded_at": START,
                "last_event_at": START,
                "first_seq": 0,
            },
        )


def test_lists_hold_placeholders_only(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    use_row(world)
    keep(world, store, "unrelated", use_id=None)

    (listed,) = pictures.placeholders(world.actor(Role.CUSTODIAN), "YQ-0001:5")
    assert (listed.id, listed.kind, listed.state) == (face, "face", "complete")
    assert not world.records("picture.viewed")
    for actor, use in (
        (world.actor(Role.CUSTODIAN, OTHER_VILLAGE), "YQ-0001:5"),
        (world.actor(Role.CUSTODIAN), "YQ-0001:6"),
    ):
        with pytest.raises(DomainError) as caught:
            pictures.placeholders(actor, use)
        assert code_of(caught) == "not_found"


def case(world: World, closed_at: int | None) -> None:
    with world.db.write() as conn:
        conn.execute(alert.delete())
        conn.execute(
            alert.insert(),
            {
                "id": "a1",
                "code": "C10",
                "dedupe": "d",
                "org_path": VILLAGE,
                "severity": "major",
                "active": closed_at is None,
                "stage": "new",
                "use_id": "YQ-0001:5",
                "seq": 0,
                "last_seq": 0,
                "data": {},
                "happened_at": START,
                "raised_at": START,
                "updated_at": START,
                "closed_at": closed_at,
            },
        )


def test_the_sweep_erases_what_is_past_its_time_and_keeps_what_a_case_needs(
    world: World, store: PictureStore, pictures: PictureService, face: str
) -> None:
    keep(world, store, "page", "page_before")
    keep(world, store, "enrolled", "enrolment")
    keep(world, store, "other-face", use_id=None)
    retention = Retention({"face": DAY, "page_before": 3 * DAY})
    case(world, closed_at=None)
    world.clock.advance(2 * DAY)

    assert pictures.sweep(retention) == 1
    (erased,) = world.records("picture.erased")
    assert (erased.person, erased.data["picture"]) == (None, "other-face")
    assert erased.data["reason"] == "retention"

    case(world, closed_at=world.clock())
    assert pictures.sweep(retention) == 1
    assert pictures.sweep(retention) == 0
    world.clock.advance(2 * DAY)
    assert pictures.sweep(retention) == 1
    with world.db.read() as conn:
        states = {row.id: row.state for row in conn.execute(select(picture))}
    assert states == {
        face: "erased",
        "page": "erased",
        "other-face": "erased",
        "enrolled": "complete",
    }


def test_a_picture_in_an_open_case_is_not_erased_on_demand(
    world: World, pictures: PictureService, face: str
) -> None:
    case(world, closed_at=None)
    supervisor = world.actor(Role.SUPERVISOR)

    with pytest.raises(DomainError) as caught:
        pictures.erase(supervisor, face, "不想被看到")
    assert code_of(caught) == "picture_in_case"
    with pytest.raises(DomainError) as caught:
        pictures.erase(world.actor(Role.CUSTODIAN), face, "不想被看到")
    assert code_of(caught) == "denied"
