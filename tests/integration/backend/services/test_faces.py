"""Faces: consent first and on record, encrypted, forgotten when it is withdrawn."""

from collections.abc import Callable, Sequence

import cv2
import pytest
from sqlalchemy import select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.faces import FaceService
from backend.services.people import PeopleService
from backend.store.people import template_context, templates_near
from backend.store.pictures import PictureStore
from backend.store.tables import consent, face_template, picture, picture_blob
from backend.vision.faces.template import FaceTemplate
from tests.support import fake_faces
from tests.support.fake_faces import AnyFace
from tests.support.world import OTHER_VILLAGE, VILLAGE, World

WORDING = "本人同意登记人脸，仅用于用印时核对身份，可随时撤回。"


def jpeg(seed: int) -> bytes:
    done, encoded = cv2.imencode(".jpg", fake_faces.picture(seed))
    assert done
    return encoded.tobytes()


PICTURES = [jpeg(seed) for seed in range(3)]


@pytest.fixture
def store(world: World) -> PictureStore:
    return PictureStore(world.ring)


@pytest.fixture
def faces(world: World, store: PictureStore) -> FaceService:
    return FaceService(world.context, world.ring, store, AnyFace())


@pytest.fixture
def custodian(world: World) -> Actor:
    return world.actor(Role.CUSTODIAN)


def code(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(DomainError) as caught:
        attempt(*given)
    return caught.value.code


def enrol(
    faces: FaceService, actor: Actor, person: str, pictures: Sequence[bytes] = tuple(PICTURES)
) -> None:
    faces.enrol(actor, person, pictures, WORDING, consented=True)


def test_a_face_is_enrolled_with_its_consent_on_record_and_found_by_the_gateway(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    person = world.person("用章人")

    enrol(faces, custodian, person)

    info = faces.get(custodian, person)
    assert (info.enrolled, info.engine, info.consent_wording) == (True, "fake", WORDING)
    assert [one.kind for one in world.records()] == ["consent.given", "face.enrolled"]
    with world.db.read() as conn:
        stored = conn.execute(select(face_template)).one()
        given = conn.execute(select(consent)).one()
        near = templates_near(conn, VILLAGE, [])
    assert given.recorded_by == custodian.person_id
    assert stored.consent_id == given.id
    ((sealed, context),) = near[person]
    plain = world.ring.open_template(sealed, context)
    assert FaceTemplate.from_bytes(plain) == AnyFace.template
    assert AnyFace.template.to_bytes() not in sealed
    assert context == template_context(person)


def test_pictures_are_kept_only_when_asked_for(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    enrol(faces, custodian, world.person("甲"))
    with world.db.read() as conn:
        assert not conn.execute(select(picture)).all()

    faces.enrol(
        custodian, world.person("乙"), PICTURES, WORDING, consented=True, keep_pictures=True
    )
    with world.db.read() as conn:
        rows = conn.execute(select(picture)).all()
    assert [(row.kind, row.mime, row.org_path) for row in rows] == [
        ("enrolment", "image/jpeg", VILLAGE)
    ] * 3


def test_withdrawing_consent_destroys_template_and_pictures(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    operator = world.actor(Role.OPERATOR)
    person = operator.person_id
    faces.enrol(custodian, person, PICTURES, WORDING, consented=True, keep_pictures=True)

    faces.withdraw(operator, person)

    with world.db.read() as conn:
        stored = conn.execute(select(face_template)).one()
        given = conn.execute(select(consent)).one()
        assert (stored.sealed, stored.retired_at) == (b"", world.clock())
        assert given.withdrawn_at == world.clock()
        assert not conn.execute(select(picture_blob)).all()
        assert not templates_near(conn, VILLAGE, [person])
    kinds = [one.kind for one in world.records()]
    assert kinds[-2:] == ["consent.withdrawn", "face.retired"]
    assert not faces.get(operator, person).enrolled
    assert code(lambda: faces.withdraw(operator, person)) == "no_consent"


def test_enrolling_again_replaces_the_face(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    person = world.person("用章人")
    enrol(faces, custodian, person)
    world.clock.advance(1)
    enrol(faces, custodian, person)

    with world.db.read() as conn:
        rows = conn.execute(select(face_template).order_by(face_template.c.id)).all()
        assert len(templates_near(conn, VILLAGE, [])[person]) == 1
    assert [row.retired_at is None for row in rows] == [False, True]
    assert [row.sealed == b"" for row in rows] == [True, False]


def test_without_separate_consent_nothing_is_looked_at(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    person = world.person("用章人")

    def attempt(wording: str, consented: bool) -> None:
        faces.enrol(custodian, person, PICTURES, wording, consented=consented)

    for wording, consented in ((WORDING, False), ("同意", True), ("  ", True)):
        assert code(attempt, wording, consented) == "consent_needed"
    assert not world.records()


def test_pictures_that_do_not_serve_say_what_to_do(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    person = world.person("用章人")

    assert code(lambda: enrol(faces, custodian, person, PICTURES[:2])) == "too_few_pictures"
    assert code(lambda: enrol(faces, custodian, person, [b"no picture"] * 3)) == (
        "picture_unknown_format"
    )
    assert code(lambda: enrol(faces, custodian, person, PICTURES * 4)) == "too_many_pictures"
    with world.db.read() as conn:
        assert not conn.execute(select(consent)).all()


def test_promise_6_faces_are_enrolled_by_oneself_or_at_ones_own_counter(
    world: World, faces: FaceService
) -> None:
    operator = world.actor(Role.OPERATOR)
    enrol(faces, operator, operator.person_id)

    neighbour = world.actor(Role.CUSTODIAN, OTHER_VILLAGE)
    for attempt in (
        lambda: enrol(faces, neighbour, operator.person_id),
        lambda: faces.withdraw(neighbour, operator.person_id),
        lambda: faces.get(neighbour, operator.person_id),
        lambda: faces.get(world.actor(Role.OPERATOR), operator.person_id),
    ):
        assert code(attempt) == "not_found"
    approver = world.actor(Role.APPROVER)
    assert code(lambda: faces.withdraw(approver, operator.person_id)) == "denied"


def test_who_leaves_takes_their_face_along(
    world: World, faces: FaceService, store: PictureStore, custodian: Actor
) -> None:
    person = world.person("用章人")
    enrol(faces, custodian, person)

    PeopleService(world.context, store, world.clock).leave(world.actor(Role.ADMIN), person)

    with world.db.read() as conn:
        assert conn.execute(select(face_template.c.sealed)).scalar_one() == b""
    assert code(lambda: enrol(faces, custodian, person)) == "person_left"


def test_consent_comes_before_the_camera_and_is_recorded_once(
    world: World, faces: FaceService, custodian: Actor
) -> None:
    person = world.person("用章人")
    assert code(lambda: faces.look(custodian, person, PICTURES[0])) == "consent_needed"
    assert code(lambda: faces.give_consent(custodian, person, WORDING, consented=False)) == (
        "consent_needed"
    )

    info = faces.give_consent(custodian, person, WORDING, consented=True)
    assert (info.enrolled, info.consent_wording) == (False, WORDING)
    report = faces.look(custodian, person, PICTURES[0])
    assert report is not None
    assert report.usable
    enrol(faces, custodian, person)
    enrol(faces, custodian, person)  # again, under the same consent

    kinds = [one.kind for one in world.records() if one.kind.startswith(("consent", "face"))]
    assert kinds == ["consent.given", "face.enrolled", "face.enrolled"]
    # Under other words it is another consent, and the old face goes.
    info = faces.give_consent(custodian, person, WORDING + "（修订）", consented=True)
    assert not info.enrolled


def test_promise_6_nobody_elsewhere_consents_looks_or_withdraws(
    world: World, faces: FaceService
) -> None:
    person, stranger = world.person("用章人"), world.actor(Role.CUSTODIAN, OTHER_VILLAGE)
    for attempt in (
        lambda: faces.give_consent(stranger, person, WORDING, consented=True),
        lambda: faces.look(stranger, person, PICTURES[0]),
        lambda: faces.withdraw(stranger, person),
    ):
        assert code(attempt) == "not_found"
