"""What ``zhiyin device`` does: commissioning from the command line, on record as who asked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from sqlalchemy import select

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, denied
from backend.services.actors import load_actor
from backend.services.devices import Commissioned, DeviceService, NewDevice
from backend.services.identity import normal_login
from backend.services.seals import SealInfo, SealService
from backend.store.tables import organisation, person
from gateway.protocol.cose import EDDSA, ES256, Algorithm, PublicKey
from seal_firmware_sim import credentials as sim
from seal_firmware_sim.identity import make_signer, new_secret
from zhiyin import wiring
from zhiyin.running import schema, store
from zhiyin.settings import Settings

_PAGE: Final = 200


@contextmanager
def house(settings: Settings) -> Iterator[wiring.House]:
    """The installation, ready for its services.

    Raises:
        DomainError: when database, tables or keys are not as they must be.
    """
    with store.opened(settings) as db:
        store.require_answer(db)
        schema.require_current(db)
    made = wiring.build(settings)
    try:
        yield made
    finally:
        made.close()


def administrator(home: wiring.House, login: str) -> Actor:
    """Whoever gives the order, with the roles that they hold now: it is recorded as theirs, and
    reaches as far as theirs.

    Raises:
        DomainError: ``denied`` when nobody of that login administers anything.
    """
    with home.db.read() as conn:
        found = conn.execute(
            select(person.c.id).where(person.c.login == normal_login(login))
        ).scalar()
        actor = load_actor(conn, found, home.now()) if found is not None else None
    if actor is None or not actor.branches(Role.ADMIN):
        raise denied(
            f"{login} 不是系统管理员，请用 --by 指定一位现任管理员的用户名",
            f"{login} administers nothing; name an administrator in office with --by",
        )
    return actor


def bundle(made: Commissioned) -> dict[str, Any]:
    """Everything that is put into a sleeve, as JSON; its broker password is in no other place."""
    return {
        "device": made.device_id,
        "org": made.org_id,
        "seal": made.seal_id,
        "key_id": made.key_id.hex(),
        "proof": made.proof,
        "mqtt": {"username": made.mqtt.username, "password": made.mqtt.password},
        "server": {
            "grant_keys": [_public(key) for key in made.server.grant_keys],
            "receipt_keys": [_public(key) for key in made.server.receipt_keys],
            "picture_key": made.server.picture_key.hex(),
        },
        "start": {
            "counter": made.start.counter,
            "tip": made.start.tip.hex(),
            "boot": made.start.boot,
            "total": made.start.total,
        },
    }


def _public(key: PublicKey) -> dict[str, str]:
    return {"alg": "EdDSA" if key.alg == EDDSA else "ES256", "public": key.raw.hex()}


# ── simulated sleeves ────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Simulated:
    """How simulated sleeves are made. ``random`` gives that many random bytes."""

    alg: Algorithm
    mqtt_host: str
    mqtt_port: int
    ca_file: Path | None
    random: Callable[[int], bytes] = os.urandom


def enrol_simulated(
    home: wiring.House, actor: Actor, device_id: str, org_id: str, seal_id: str, how: Simulated
) -> sim.Credentials:
    """Make a key, as only the simulator may, and enrol its sleeve where its organisation is.

    Raises:
        DomainError: as :meth:`DeviceService.enrol`.
    """
    secret = new_secret(how.alg, how.random)
    with home.db.read() as conn:
        place = conn.execute(
            select(organisation.c.lat, organisation.c.lon, organisation.c.fence_m).where(
                organisation.c.id == org_id
            )
        ).one_or_none()
    lat, lon, fence = (None, None, None) if place is None else tuple(place)
    made = DeviceService(home.services, home.keys).enrol(
        actor,
        NewDevice(
            device_id,
            org_id,
            to_pem(make_signer(how.alg, secret).public),
            seal_id=seal_id,
            lat=lat,
            lon=lon,
            fence_m=fence,
        ),
    )
    return sim.Credentials(
        device=device_id,
        org=made.org_id,
        seal=seal_id,
        alg="ES256" if how.alg == ES256 else "EdDSA",
        private_key=secret.hex(),
        mqtt=sim.MqttAddress(
            host=how.mqtt_host,
            port=how.mqtt_port,
            username=made.mqtt.username,
            password=made.mqtt.password,
            ca_file=None if how.ca_file is None else str(how.ca_file),
        ),
        server=sim.ServerKeys(
            grant_keys=[sim.ServerKey.of(key) for key in made.server.grant_keys],
            receipt_keys=[sim.ServerKey.of(key) for key in made.server.receipt_keys],
            picture_key=made.server.picture_key.hex(),
        ),
        home=None if lat is None or lon is None else sim.Home(lat=lat, lon=lon),
    )


def seals_without_sleeve(
    home: wiring.House, actor: Actor, branch: str | None
) -> Iterator[SealInfo]:
    """Seals in use, of the actor's branches, that lie in no sleeve yet."""
    seals = SealService(home.services)
    cursor: str | None = None
    while True:
        found = seals.find(actor, branch=branch, status="active", cursor=cursor, limit=_PAGE)
        yield from (one for one in found.items if one.device_id is None)
        cursor = found.next
        if cursor is None:
            return


def save(file: Path, made: list[sim.Credentials]) -> None:
    """Add credentials to a file that only its owner can read.

    Raises:
        DomainError: ``file_exposed`` when others can read what is there.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "ab") as target:
        if os.fstat(target.fileno()).st_mode & 0o077:
            raise DomainError(
                "file_exposed",
                f"{file} 可被其他用户读取，请先执行 chmod 600 {file}",
                f"others may read {file}; run chmod 600 {file} first",
            )
        target.write(sim.dump(made))
        target.flush()
        os.fsync(target.fileno())


def to_pem(key: PublicKey) -> str:
    """A public key as SubjectPublicKeyInfo PEM (RFC 7468)."""
    public = (
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw)
        if key.alg == ES256
        else ed25519.Ed25519PublicKey.from_public_bytes(key.raw)
    )
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
