"""Commissioning: keys and proofs, secrets shown once, binding, orders, revocation."""

import hashlib
from base64 import b64decode
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from sqlalchemy import select, update

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.domain.matter import SealKind
from backend.services.device_keys import proof_message
from backend.services.device_orders import DeviceOrderService
from backend.services.device_views import DeviceViewService
from backend.services.devices import DeviceService, NewDevice
from backend.services.seals import NewSeal, SealService
from backend.store.tables import device, device_key, downlink, mqtt_account, use_grant
from gateway.protocol.envelope import open_down
from gateway.protocol.limits import SILENT_AFTER_MS
from gateway.protocol.messages import Config, Lock
from tests.support.world import OTHER_VILLAGE, VILLAGE, World, org_id

SLEEVE = "YQ-0001"
Key = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


@pytest.fixture
def devices(world: World) -> DeviceService:
    return DeviceService(world.context, world.ring)


@pytest.fixture
def orders(world: World) -> DeviceOrderService:
    assert world.context.sign_down is not None
    return DeviceOrderService(world.context, world.context.sign_down)


@pytest.fixture
def views(world: World) -> DeviceViewService:
    return DeviceViewService(world.context)


@pytest.fixture
def seals(world: World) -> SealService:
    return SealService(world.context)


@pytest.fixture
def admin(world: World) -> Actor:
    return world.actor(Role.ADMIN)


@pytest.fixture
def key() -> Key:
    return ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32)


def public_pem(key: Any) -> str:
    pem: bytes = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return pem.decode()


def request_pem(key: Key, name: str | None = SLEEVE) -> str:
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    digest = None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names))
    signed = request.sign(key, digest)
    return signed.public_bytes(serialization.Encoding.PEM).decode()


def sleeve(pem: str, path: str = VILLAGE, name: str = SLEEVE, **more: Any) -> NewDevice:
    return NewDevice(name, org_id(path), pem, **more)


def code(attempt: Callable[..., object], *given: object) -> str:
    with pytest.raises(DomainError) as caught:
        attempt(*given)
    return caught.value.code


def a_seal(seals: SealService, admin: Actor, kind: SealKind = SealKind.COMMITTEE) -> str:
    return seals.register(admin, NewSeal(org_id(VILLAGE), kind, "柳塘村村民委员会")).id


# ── enrolment ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "make",
    [
        lambda: ed25519.Ed25519PrivateKey.from_private_bytes(b"k" * 32),
        lambda: ec.derive_private_key(12345, ec.SECP256R1()),
    ],
)
@pytest.mark.parametrize("wrap", [public_pem, request_pem, lambda key: request_pem(key, None)])
def test_a_sleeve_enrols_with_a_public_key_or_a_signing_request(
    world: World,
    devices: DeviceService,
    admin: Actor,
    make: Callable[[], Key],
    wrap: Callable[[Key], str],
) -> None:
    pem = wrap(make())

    made = devices.enrol(admin, sleeve(pem))

    assert made.proof == ("signing_request" if "REQUEST" in pem else "none")
    with world.db.read() as conn:
        row = conn.execute(select(device_key)).one()
        stored = conn.execute(select(device)).one()
    assert (row.device_id, row.kid, row.from_counter) == (SLEEVE, made.key_id, 1)
    assert (stored.org_path, stored.tip, stored.counter) == (VILLAGE, bytes(32), 0)
    (record,) = world.records("device.enrolled")
    assert record.device == SLEEVE
    assert record.data["key"] == made.key_id


def test_a_public_key_may_come_with_a_proof(
    devices: DeviceService, admin: Actor, key: ed25519.Ed25519PrivateKey
) -> None:
    good = key.sign(proof_message(SLEEVE))
    other = key.sign(proof_message("YQ-0002"))

    assert code(devices.enrol, admin, sleeve(public_pem(key), signature=other)) == "bad_proof"
    assert devices.enrol(admin, sleeve(public_pem(key), signature=good)).proof == "signature"


def _spoiled_request() -> str:
    one, other = (ed25519.Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
    pem = request_pem(one)
    der = b64decode("".join(pem.split("\n")[1:-2]))
    mine = one.public_key().public_bytes_raw()
    swapped = der.replace(mine, other.public_key().public_bytes_raw())
    return x509_pem(swapped)


def x509_pem(der: bytes) -> str:
    request = x509.load_der_x509_csr(der)
    return request.public_bytes(serialization.Encoding.PEM).decode()


@pytest.mark.parametrize(
    ("pem", "expected"),
    [
        ("", "bad_key"),
        ("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "bad_key"),
        (
            "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----",
            "bad_key",
        ),
        ("x" * 9000, "bad_key"),
        (public_pem(rsa.generate_private_key(65537, 2048)), "bad_key"),
        (public_pem(ec.derive_private_key(5, ec.SECP384R1())), "bad_key"),
        (request_pem(ed25519.Ed25519PrivateKey.generate(), "YQ-0002"), "bad_proof"),
        (_spoiled_request(), "bad_proof"),
    ],
)
def test_keys_of_other_kinds_and_unproven_requests_are_refused(
    world: World, devices: DeviceService, admin: Actor, pem: str, expected: str
) -> None:
    assert code(devices.enrol, admin, sleeve(pem)) == expected
    assert not world.records()


def test_c24_a_key_or_id_is_registered_once(devices: DeviceService, admin: Actor, key: Key) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    other = public_pem(ed25519.Ed25519PrivateKey.generate())

    assert code(devices.enrol, admin, sleeve(public_pem(key), name="YQ-0002")) == "key_in_use"
    assert code(devices.enrol, admin, sleeve(other)) == "device_exists"
    assert code(devices.enrol, admin, sleeve(other, name="a/b")) == "bad_device_id"
    assert code(devices.enrol, admin, sleeve(other, name="YQ-0002", lat=1.0)) == "bad_position"


def test_the_broker_password_is_shown_once_and_stored_as_mosquitto_reads_it(
    world: World, devices: DeviceService, admin: Actor, key: Key
) -> None:
    made = devices.enrol(admin, sleeve(public_pem(key)))

    assert made.mqtt.username == SLEEVE
    assert made.mqtt.password not in repr(made)
    with world.db.read() as conn:
        stored = conn.execute(select(mqtt_account)).one()
    _, version, rounds, salt, digest = stored.password_hash.split("$")
    assert version == "7"
    assert b64decode(digest) == hashlib.pbkdf2_hmac(
        "sha512", made.mqtt.password.encode(), b64decode(salt), int(rounds)
    )

    again = devices.rotate_login(admin, SLEEVE)
    assert again.password != made.mqtt.password
    with world.db.read() as conn:
        (after,) = conn.execute(select(mqtt_account)).all()
    assert after.password_hash != stored.password_hash


def test_commissioning_names_whom_to_believe(
    world: World, devices: DeviceService, admin: Actor, key: Key
) -> None:
    server = devices.enrol(admin, sleeve(public_pem(key))).server

    assert server.grant_keys == (world.ring.grant.public,)
    assert server.receipt_keys == (world.ring.receipt.public,)
    assert server.picture_key == world.ring.picture_wire.public_key().public_bytes_raw()


def test_promise_6_sleeves_of_another_branch_do_not_exist(
    world: World,
    devices: DeviceService,
    orders: DeviceOrderService,
    views: DeviceViewService,
    seals: SealService,
    admin: Actor,
    key: Key,
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    seal = a_seal(seals, admin)
    before = len(world.records())
    stranger = world.actor(Role.ADMIN, OTHER_VILLAGE)
    other = ed25519.Ed25519PrivateKey.generate()
    own = devices.enrol(
        stranger, sleeve(public_pem(other), OTHER_VILLAGE, name="SQ-0001")
    ).device_id

    for attempt, *given in (
        (devices.enrol, sleeve(public_pem(other), VILLAGE, name="X-1")),
        (devices.bind, SLEEVE, None),
        (devices.bind, own, seal),
        (devices.revoke, SLEEVE, "丢失"),
        (devices.rotate_login, SLEEVE),
        (devices.replace_key, SLEEVE, public_pem(ed25519.Ed25519PrivateKey.generate())),
        (devices.set_home, SLEEVE, 30.0, 120.0, 200.0),
        (orders.lock, SLEEVE, True, "不行"),
        (orders.configure, SLEEVE, {}),
        (views.get, SLEEVE),
        (seals.get, seal),
        (seals.entrust, seal, None),
        (seals.set_status, seal, "suspended", "不行"),
        (seals.register, NewSeal(org_id(VILLAGE), SealKind.PARTY, "假章")),
    ):
        assert callable(attempt)
        assert code(attempt, stranger, *given) == "not_found"
    assert [one.id for one in views.find(stranger).items] == [own]
    assert not seals.find(stranger).items
    assert len(world.records()) == before + 1


@pytest.mark.parametrize(
    "role", [Role.CUSTODIAN, Role.APPROVER, Role.SUPERVISOR, Role.OPERATOR, Role.APPLICANT]
)
def test_only_administrators_commission(
    world: World, devices: DeviceService, admin: Actor, key: Key, role: Role
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    other = world.actor(role)

    for attempt, *given in (
        (devices.enrol, sleeve(public_pem(key), name="X-1")),
        (devices.bind, SLEEVE, None),
        (devices.revoke, SLEEVE, "丢失"),
        (devices.rotate_login, SLEEVE),
    ):
        assert callable(attempt)
        assert code(attempt, other, *given) == "denied"


# ── binding ──────────────────────────────────────────────────────────────────────────────────────


def test_a_sleeve_holds_one_seal_and_a_seal_lies_in_one_sleeve(
    world: World, devices: DeviceService, seals: SealService, admin: Actor, key: Key
) -> None:
    seal = a_seal(seals, admin)
    devices.enrol(admin, sleeve(public_pem(key), seal_id=seal))
    other = public_pem(ed25519.Ed25519PrivateKey.generate())
    devices.enrol(admin, sleeve(other, name="YQ-0002"))

    assert seals.get(admin, seal).device_id == SLEEVE
    assert code(devices.bind, admin, "YQ-0002", seal) == "seal_in_sleeve"
    assert code(seals.set_status, admin, seal, "destroyed", "换新章") == "seal_in_sleeve"
    devices.bind(admin, SLEEVE, None)
    devices.bind(admin, "YQ-0002", seal)
    assert [one.data["seal"] for one in world.records("device.bound")] == [seal, None, seal]


def test_a_sleeve_is_not_rebound_under_a_live_grant_or_an_open_use(
    world: World, devices: DeviceService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    live_grant(world)
    assert code(devices.bind, admin, SLEEVE, None) == "grants_live"

    with world.db.write() as conn:
        conn.execute(update(use_grant).values(state="used"))
        conn.execute(update(device).values(open_use=f"{SLEEVE}:9"))
    assert code(devices.bind, admin, SLEEVE, None) == "use_open"


def live_grant(world: World) -> None:
    with world.db.write() as conn:
        conn.execute(
            use_grant.insert(),
            {
                "id": "g1",
                "application_id": "a1",
                "org_path": VILLAGE,
                "device_id": SLEEVE,
                "seal_id": "s1",
                "operator_id": "p1",
                "alternates": [],
                "job": "123456",
                "stamps": 1,
                "title": "证明",
                "not_before": world.clock(),
                "not_after": world.clock() + 3_600_000,
                "policy": {"offline": True},
                "state": "issued",
                "issued_at": world.clock(),
            },
        )


# ── keys and revocation ──────────────────────────────────────────────────────────────────────────


def test_a_replaced_key_signs_from_the_next_event_on_and_the_old_one_still_verifies(
    world: World, devices: DeviceService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    with world.db.write() as conn:
        conn.execute(update(device).values(counter=41, tip=b"t" * 32, boot=3, total=20))
    other = ed25519.Ed25519PrivateKey.generate()

    made = devices.replace_key(admin, SLEEVE, request_pem(other))

    assert (made.start.counter, made.start.tip, made.start.boot) == (41, b"t" * 32, 3)
    with world.db.read() as conn:
        rows = conn.execute(select(device_key).order_by(device_key.c.from_counter)).all()
    assert [(row.from_counter, row.until_counter) for row in rows] == [(1, 41), (42, None)]
    assert all(row.revoked_at is None for row in rows)
    (record,) = world.records("device.key_added")
    assert record.data["from"] == 42
    assert code(devices.replace_key, admin, SLEEVE, public_pem(key)) == "key_in_use"


def test_a_key_is_not_replaced_while_events_of_the_old_one_are_missing(
    world: World, devices: DeviceService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    with world.db.write() as conn:
        conn.execute(update(device).values(gap_since=world.clock()))
    other = public_pem(ed25519.Ed25519PrivateKey.generate())

    assert code(devices.replace_key, admin, SLEEVE, other) == "events_waiting"


def test_revoking_ends_keys_account_and_live_grants_for_good(
    world: World, devices: DeviceService, seals: SealService, admin: Actor, key: Key
) -> None:
    seal = a_seal(seals, admin)
    devices.enrol(admin, sleeve(public_pem(key), seal_id=seal))
    live_grant(world)

    devices.revoke(admin, SLEEVE, "套筒被盗")

    with world.db.read() as conn:
        assert conn.execute(select(device_key.c.revoked_at)).scalar_one() is not None
        assert conn.execute(select(mqtt_account.c.revoked_at)).scalar_one() is not None
        assert conn.execute(select(use_grant.c.state)).scalar_one() == "revoked"
        assert conn.execute(select(device.c.status)).scalar_one() == "revoked"
    assert seals.get(admin, seal).device_id is None
    (revoked,) = world.records("device.revoked")
    assert revoked.data == {"reason": "套筒被盗", "seal": seal, "grants": ["g1"]}
    assert len(world.records("grant.revoked")) == 1
    for attempt, *given in (
        (devices.revoke, "再来"),
        (devices.rotate_login,),
        (devices.bind, None),
    ):
        assert callable(attempt)
        assert code(attempt, admin, SLEEVE, *given) == "device_revoked"


# ── orders ───────────────────────────────────────────────────────────────────────────────────────


def said(world: World) -> list[Any]:
    with world.db.read() as conn:
        rows = conn.execute(
            select(downlink).where(downlink.c.confirmed_at.is_(None)).order_by(downlink.c.id)
        ).all()
    keys = world.ring.grant_keys
    return [(row.subject, open_down(row.payload, device=SLEEVE, keys=keys)) for row in rows]


def test_a_lock_is_signed_numbered_and_replaces_the_order_before_it(
    world: World, devices: DeviceService, orders: DeviceOrderService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))

    orders.lock(admin, SLEEVE, True, "正在调查")
    assert said(world) == [("1", Lock(order=1, locked=True, text="正在调查"))]
    orders.lock(admin, SLEEVE, False, "调查结束")
    assert said(world) == [("2", Lock(order=2, locked=False, text="调查结束"))]
    with world.db.read() as conn:
        row = conn.execute(select(device)).one()
    assert (row.locked, row.lock_order) == (False, 2)
    assert [one.data["order"] for one in world.records("device.lock_ordered")] == [1, 2]


def test_custodians_may_lock_but_not_unlock(
    world: World, devices: DeviceService, orders: DeviceOrderService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    custodian = world.actor(Role.CUSTODIAN)

    orders.lock(custodian, SLEEVE, True, "可疑")
    assert code(orders.lock, custodian, SLEEVE, False, "没事") == "denied"
    assert code(orders.lock, world.actor(Role.OPERATOR), SLEEVE, True, "可疑") == "denied"
    orders.lock(world.actor(Role.SUPERVISOR), SLEEVE, False, "没事")


def test_configuration_keeps_what_is_not_named_and_takes_the_fence_from_home(
    world: World, devices: DeviceService, orders: DeviceOrderService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key), lat=30.1, lon=120.2, fence_m=150.0))

    orders.configure(admin, SLEEVE, {"heartbeat_ms": 30_000})
    orders.configure(admin, SLEEVE, {"face_attempts": 5})

    ((subject, config),) = said(world)
    assert subject == "2"
    assert isinstance(config, Config)
    assert (config.revision, config.heartbeat_ms, config.face_attempts) == (2, 30_000, 5)
    assert config.fence is not None
    assert (config.fence.lat, config.fence.radius) == (30.1, 150.0)
    for wanted in ({"heartbeat_ms": 5}, {"nonsense": 1}, {"revision": 9}):
        assert code(orders.configure, admin, SLEEVE, wanted) == "bad_config"


# ── views ────────────────────────────────────────────────────────────────────────────────────────


def test_what_is_wrong_with_a_sleeve_is_named(
    world: World, devices: DeviceService, views: DeviceViewService, admin: Actor, key: Key
) -> None:
    devices.enrol(admin, sleeve(public_pem(key)))
    assert views.get(admin, SLEEVE).info.problems == ("never_seen",)

    with world.db.write() as conn:
        conn.execute(
            update(device).values(
                seal_id="s1",
                online=True,
                last_seen_at=world.clock(),
                battery=80,
                clock_trusted=True,
                flash_free=4_000_000,
            )
        )
    assert views.get(admin, SLEEVE).info.problems == ()
    with world.db.write() as conn:
        conn.execute(
            update(device).values(
                online=False, battery=9, claimed=5, gap_since=world.clock(), clock_trusted=False
            )
        )
    world.clock.advance(SILENT_AFTER_MS + 1)
    assert set(views.get(admin, SLEEVE).info.problems) == {
        "offline",
        "silent",
        "gap",
        "withheld",
        "battery",
        "clock",
    }


def test_sleeves_are_listed_in_pages_and_by_what_waits(
    world: World,
    devices: DeviceService,
    orders: DeviceOrderService,
    views: DeviceViewService,
    admin: Actor,
) -> None:
    for number in range(5):
        pem = public_pem(ed25519.Ed25519PrivateKey.generate())
        devices.enrol(admin, sleeve(pem, name=f"YQ-000{number}"))
    orders.lock(admin, "YQ-0003", True, "可疑")

    first = views.find(admin, limit=3)
    rest = views.find(admin, limit=3, cursor=first.next)
    assert [one.id[-1] for one in (*first.items, *rest.items)] == list("01234")
    assert rest.next is None
    assert [one.id for one in views.find(admin, unconfirmed=True).items] == ["YQ-0003"]
    assert len(views.get(admin, "YQ-0003").open_orders) == 1
