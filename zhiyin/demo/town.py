"""Founds the demo's town through the same services that an administrator would use."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from backend.domain.actor import Actor, Role, RoleHeld
from backend.domain.matter import SealKind
from backend.domain.organisation import ROOT, child_path
from backend.services.actors import load_actor
from backend.services.credentials import CredentialService
from backend.services.device_orders import DeviceOrderService
from backend.services.devices import Commissioned, DeviceService, NewDevice
from backend.services.faces import FaceService
from backend.services.imprints import ImprintService
from backend.services.matters import MatterService
from backend.services.organisations import NewOrganisation, OrganisationService
from backend.services.passwords import Passwords
from backend.services.people import NewPerson, PeopleService
from backend.services.roles import NewRole, RoleService
from backend.services.seals import NewSeal, SealService
from backend.vision.workers.wire import Result, Task
from gateway.protocol.cose import ES256, Ed25519Signer, Es256Signer, PublicKey, Signer
from seal_firmware_sim import credentials as sim
from seal_firmware_sim.hardware import faces_orl, sheets
from seal_firmware_sim.hardware.pages import jpeg
from zhiyin.demo import people
from zhiyin.running.stopping import Stopped
from zhiyin.wall import wall_clock
from zhiyin.wiring import House, sign_down

CONSENT: Final = (
    "本人同意将人脸照片用于盖章时的身份核验。照片只加密保存在本镇的服务器上，任职结束即删除；"
    "我知道可以改用密码加见证人，也可以随时撤回同意。（演示数据）"
)
PIN: Final = "258036"
WITNESS_PIN: Final = "147025"
DEPUTY_EVERY: Final = 13
"""In every so many villages somebody else can approve what the director applies for."""

_LAT, _LON = 30.08, 120.17


@dataclass(frozen=True, slots=True)
class SignIn:
    """An account that the demo prints."""

    who: str
    login: str
    password: str


@dataclass(frozen=True, slots=True)
class Village:
    """Who is who in a village, by person id; ``seals`` by kind. ``deputies`` may approve what the
    approver applies for."""

    number: int
    path: str
    approver: str
    custodian: str
    operator: str
    witness: str
    seals: dict[str, str]
    deputies: list[str]


@dataclass(frozen=True, slots=True)
class Town:
    """The founded town, as it is kept beside the database for the next start."""

    villages: list[Village]
    town_approver: str
    supervisor: str
    admin: str
    sign_ins: list[SignIn]
    credentials: str

    def save(self, file: Path) -> None:
        """Write it, whole or not at all; readable by the owner only, for it holds the demo's
        passwords."""
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(asdict(self), ensure_ascii=False), encoding="utf-8")
        fresh.replace(file)

    @classmethod
    def load(cls, file: Path) -> Town | None:
        """Read it again, if there is one."""
        if not file.exists():
            return None
        raw: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return cls(
            villages=[Village(**one) for one in raw["villages"]],
            town_approver=raw["town_approver"],
            supervisor=raw["supervisor"],
            admin=raw["admin"],
            sign_ins=[SignIn(**one) for one in raw["sign_ins"]],
            credentials=raw["credentials"],
        )


class Founder:
    """Enters everything once: organisations, people, roles, seals, sleeves, faces, matters."""

    def __init__(
        self,
        house: House,
        tell: Callable[[str], None],
        *,
        heartbeat_min: int,
        ask: Callable[[Task], Result],
        imprints: Collection[tuple[int, str]] = (),
    ) -> None:
        """``imprints``: the seals, by village and kind, whose clean imprint is enrolled, too;
        ``ask`` puts a question to whoever looks at imprints."""
        context = house.services
        self._imprints = ImprintService(context, ask)
        self._pressed = imprints
        self._heartbeat_ms = heartbeat_min * 60_000
        self._orders = DeviceOrderService(context, sign_down(house.keys))
        self._house = house
        self._tell = tell
        self._organisations = OrganisationService(context)
        self._people = PeopleService(context, house.pictures, wall_clock)
        self._roles = RoleService(context)
        self._seals = SealService(context)
        self._devices = DeviceService(context, house.keys)
        self._matters = MatterService(context)
        self._passwords = CredentialService(context, Passwords(), wall_clock)
        self._faces = FaceService(context, house.keys, house.pictures, house.faces)
        self._sign_ins: list[SignIn] = []
        self._chosen: dict[str, str] = {}
        self._lines: list[sim.Credentials] = []

    def found(
        self,
        count: int,
        mqtt: Callable[[Commissioned], sim.MqttAddress],
        stopped: Callable[[], bool] = lambda: False,
    ) -> Town:
        """A town of ``count`` villages; ``mqtt`` tells where a sleeve's broker is.

        Raises:
            Stopped: when ``stopped`` says so in between.
        """
        district, town = people.DISTRICT[0], people.TOWN[0]
        path = child_path(ROOT, district)
        root = Actor("founder", (RoleHeld(Role.ADMIN, district, path),), org_path=path)
        self._organisations.create_district(*people.DISTRICT)
        self._organisations.create(
            root, NewOrganisation(district, town, people.TOWN[1], lat=_LAT, lon=_LON, fence_m=8_000)
        )
        self._matters.install_defaults(None, path)
        admin = self._person(root, district, "来立新", "admin", "系统管理员", (Role.ADMIN,))
        supervisor = self._person(
            root, district, "田素芬", "jiwei", "区纪委监委监督员", (Role.SUPERVISOR,)
        )
        self._person(root, town, "楼卫东", "zhenjiwei", "镇纪检监督员", (Role.SUPERVISOR,))
        approver = self._person(
            root, town, "沈志明", "jingguan", "镇经管站审批人", (Role.APPROVER,)
        )
        return Town(
            villages=self._villages(root, count, mqtt, stopped),
            town_approver=approver,
            supervisor=supervisor,
            admin=admin,
            sign_ins=self._sign_ins,
            credentials=sim.dump(self._lines).decode(),
        )

    def _villages(
        self,
        root: Actor,
        count: int,
        mqtt: Callable[[Commissioned], sim.MqttAddress],
        stopped: Callable[[], bool],
    ) -> list[Village]:
        villages: list[Village] = []
        enrolled: list[Future[None]] = []
        # Faces and PINs are all arithmetic: beside the rest, on a second core, they cost less time.
        with (
            ThreadPoolExecutor(1, thread_name_prefix="faces") as faces,
            ThreadPoolExecutor(1, thread_name_prefix="pins") as pins,
            ThreadPoolExecutor(1, thread_name_prefix="imprints") as imprints,
        ):
            try:
                for number in range(1, count + 1):
                    village = self._village(root, number, mqtt)
                    villages.append(village)
                    enrolled.append(pins.submit(self._set_pins, root, village))
                    enrolled.append(faces.submit(self._enrol, root, village))
                    enrolled += [
                        imprints.submit(self._press, root, village, kind)
                        for kind in people.SEALS
                        if (number, kind) in self._pressed
                    ]
                    if stopped():
                        raise Stopped
                    if number % 5 == 0 or number == count:
                        self._tell(f"建镇 {number}/{count} 个村 · founding the town")
                for one in enrolled:
                    if stopped():
                        raise Stopped
                    one.result()
            except BaseException:
                for beside in (pins, faces, imprints):
                    beside.shutdown(wait=False, cancel_futures=True)
                raise
        return villages

    def _village(
        self, root: Actor, number: int, mqtt: Callable[[Commissioned], sim.MqttAddress]
    ) -> Village:
        code = people.village_code(number)
        home = (_LAT + 0.012 * (number % 6 - 3), _LON + 0.014 * (number // 6 - 2))
        made = self._organisations.create(
            root,
            NewOrganisation(
                people.TOWN[0],
                code,
                people.VILLAGES[number - 1],
                lat=home[0],
                lon=home[1],
                fence_m=300,
            ),
        )
        first = number == 1
        staff = (
            ("村主任（审批人）", "zhuren", (Role.APPROVER, Role.APPLICANT)),
            ("印章管理员", "guanli", (Role.CUSTODIAN, Role.APPLICANT)),
            ("用章人", "yongzhang", (Role.OPERATOR,)),
            ("村监会监督员", "jianhui", (Role.SUPERVISOR, Role.OPERATOR)),
        )
        ids = [
            self._person(
                root,
                code,
                people.name_of(number, place),
                f"{login}{number:02}" if first else None,
                title,
                roles,
                village=people.VILLAGES[number - 1],
            )
            for place, (title, login, roles) in enumerate(staff)
        ]
        deputies = []
        if number % DEPUTY_EVERY == 0:
            name = people.name_of(number, 4)
            deputies.append(
                self._person(root, code, name, None, "村副主任（审批人）", (Role.APPROVER,))
            )
        approver, custodian, operator, witness = ids
        seals = {}
        for kind in people.SEALS:
            entered = self._seals.register(
                root, NewSeal(code, SealKind(kind), people.seal_name(number, kind), custodian)
            )
            seals[kind] = entered.id
            self._sleeve(root, number, kind, code, entered.id, home, mqtt)
        return Village(number, made.path, approver, custodian, operator, witness, seals, deputies)

    def _set_pins(self, root: Actor, village: Village) -> None:
        self._set_pin(root, village.operator, PIN)
        self._set_pin(root, village.witness, WITNESS_PIN)

    def _enrol(self, root: Actor, village: Village) -> None:
        self._faces.enrol(
            root,
            village.operator,
            faces_orl.enrolment_pictures(village.number - 1, 3),
            CONSENT,
            consented=True,
            keep_pictures=True,
        )

    def _press(self, root: Actor, village: Village, kind: str) -> None:
        """As at commissioning: one clean imprint on white paper."""
        text = people.seal_name(village.number, kind)
        sheet = sheets.specimen(text, random.Random(text))
        self._imprints.enrol(root, village.seals[kind], [jpeg(sheet, 85)])

    def _person(
        self,
        root: Actor,
        org: str,
        name: str,
        login: str | None,
        title: str,
        roles: tuple[Role, ...],
        village: str = "",
    ) -> str:
        made = self._people.create(root, NewPerson(org, name, login=login))
        for role in roles:
            self._roles.grant(root, NewRole(made.id, org, role, title))
        if login is not None:
            password = self._choose_password(root, made.id)
            self._sign_ins.append(SignIn(f"{village}{title} {name}", login, password))
        return made.id

    def _set_pin(self, root: Actor, person_id: str, pin: str) -> None:
        """Who can sign in sets it alone; the others type it at the counter."""
        password = self._chosen.get(person_id)
        if password is None:
            self._passwords.set_pin_for(root, person_id, pin)
        else:
            self._passwords.set_pin(self._actor(person_id), pin, password)

    def _actor(self, person_id: str) -> Actor:
        with self._house.db.read() as conn:
            actor = load_actor(conn, person_id, self._house.now())
        assert actor is not None
        return actor

    def _choose_password(self, root: Actor, person_id: str) -> str:
        """As at a counter: a temporary password, changed at once for one of their own."""
        given = self._passwords.reset_password(root, person_id)
        chosen = f"yin-{os.urandom(4).hex()}-demo"
        self._passwords.change_password(self._actor(person_id), given.password, chosen)
        self._chosen[person_id] = chosen
        return chosen

    def _sleeve(
        self,
        root: Actor,
        number: int,
        kind: str,
        code: str,
        seal_id: str,
        home: tuple[float, float],
        mqtt: Callable[[Commissioned], sim.MqttAddress],
    ) -> None:
        secret = self._house.random(32)
        name = people.device_id(number, kind)
        # Every third sleeve has a secure element, which speaks P-256.
        signer: Signer = Es256Signer(secret) if number % 3 == 0 else Ed25519Signer(secret)
        made = self._devices.enrol(
            root,
            NewDevice(
                name,
                code,
                _pem(signer.public),
                seal_id=seal_id,
                lat=home[0],
                lon=home[1],
                fence_m=300,
            ),
        )
        self._orders.configure(root, name, {"heartbeat_ms": self._heartbeat_ms})
        self._lines.append(
            sim.Credentials(
                device=name,
                org=code,
                seal=seal_id,
                alg="ES256" if signer.public.alg == ES256 else "EdDSA",
                private_key=secret.hex(),
                mqtt=mqtt(made),
                server=sim.ServerKeys(
                    grant_keys=[sim.ServerKey.of(key) for key in made.server.grant_keys],
                    receipt_keys=[sim.ServerKey.of(key) for key in made.server.receipt_keys],
                    picture_key=made.server.picture_key.hex(),
                ),
                home=sim.Home(lat=home[0], lon=home[1]),
            )
        )


def _pem(key: PublicKey) -> str:
    public = (
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key.raw)
        if key.alg == ES256
        else ed25519.Ed25519PublicKey.from_public_bytes(key.raw)
    )
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()
