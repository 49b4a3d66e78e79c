"""Commissioning sleeves: enrol, bind to a seal, rotate, revoke. Secrets are shown once."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Row, select
from sqlalchemy.exc import IntegrityError

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError, conflict, missing
from backend.services import issuing
from backend.services.context import ServiceContext
from backend.services.device_keys import SubmittedKey, read_key
from backend.services.device_rows import active_device, seen_device
from backend.services.mqtt_passwords import SALT_BYTES, mosquitto_hash
from backend.services.organisations import check_place, seen_organisation
from backend.services.people_rules import checked_name
from backend.services.recording import write_down
from backend.services.server_keys import tell_new
from backend.store import commissioning
from backend.store.keyring import KeyRing
from backend.store.tables import seal
from gateway.protocol.cose import PublicKey
from gateway.protocol.topics import is_device_id

_PASSWORD_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class NewDevice:
    """A sleeve to enrol. ``key`` is PEM: a public key or a signing request; ``signature`` an
    optional proof of possession for a public key."""

    id: str
    org_id: str
    key: str
    signature: bytes | None = None
    seal_id: str | None = None
    lat: float | None = None
    lon: float | None = None
    fence_m: float | None = None


@dataclass(frozen=True, slots=True)
class MqttLogin:
    """How the sleeve signs in to the broker. Shown once."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServerKeys:
    """Whom a sleeve believes and to whom it encrypts: public keys only."""

    grant_keys: tuple[PublicKey, ...]
    receipt_keys: tuple[PublicKey, ...]
    picture_key: bytes


@dataclass(frozen=True, slots=True)
class ChainStart:
    """Where the sleeve's chain goes on; zeros for a new one."""

    counter: int
    tip: bytes
    boot: int
    total: int


@dataclass(frozen=True, slots=True)
class Commissioned:
    """What commissioning hands to whoever sets up the sleeve."""

    device_id: str
    org_id: str
    seal_id: str | None
    key_id: bytes
    proof: str
    mqtt: MqttLogin
    server: ServerKeys
    start: ChainStart


class DeviceService:
    """Enrols, binds, rotates and revokes sleeves."""

    def __init__(self, context: ServiceContext, keyring: KeyRing) -> None:
        self._context = context
        self._keyring = keyring

    def enrol(self, actor: Actor, new: NewDevice) -> Commissioned:
        """Register a sleeve with its key and give it a broker account.

        Raises:
            DomainError: ``bad_device_id``, ``bad_key``, ``bad_proof``, ``bad_position``,
                ``not_found``, ``denied``, ``device_exists``, ``key_in_use``; as :meth:`bind`.
        """
        if not is_device_id(new.id):
            raise DomainError(
                "bad_device_id",
                "套筒编号须为3到32个字母、数字、“-”或“_”，且不以符号开头",
                "a sleeve id has 3 to 32 letters, digits, '-' or '_' and begins with no mark",
            )
        key = read_key(new.key, new.id, new.signature)
        check_place(new.lat, new.lon, new.fence_m)
        now = self._context.now()
        mqtt, hashed = self._new_login(new.id)
        with self._context.db.write() as conn:
            org = seen_organisation(conn, actor, new.org_id)
            actor.must(Role.ADMIN, org.path)
            self._refuse_known(conn, new.id, key)
            commissioning.insert_device(
                conn,
                {
                    "id": new.id,
                    "org_id": org.id,
                    "org_path": org.path,
                    "home_lat": new.lat,
                    "home_lon": new.lon,
                    "fence_m": new.fence_m,
                },
                now,
            )
            commissioning.insert_key(conn, new.id, key.public, 1, now)
            tell_new(conn, self._keyring, new.id, now)
            commissioning.set_account(conn, new.id, hashed, now)
            data = {"key": key.public.kid, "alg": key.public.alg, "proof": key.proof}
            write_down(self._context, conn, actor, "device.enrolled", org.path, data, device=new.id)
            row = active_device(conn, actor, new.id)
            if new.seal_id is not None:
                row = self._bind(conn, actor, row, new.seal_id)
            return self._commissioned(row, key, mqtt)

    def bind(self, actor: Actor, device_id: str, seal_id: str | None) -> None:
        """Say which seal lies in the sleeve (``None``: none). The sleeve then belongs to the seal's
        organisation. Not while a grant for it is live or a use is open.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``use_open``,
                ``grants_live``, ``seal_destroyed``, ``seal_in_sleeve``.
        """
        with self._context.db.write() as conn:
            self._bind(conn, actor, active_device(conn, actor, device_id), seal_id)

    def replace_key(
        self, actor: Actor, device_id: str, pem: str, signature: bytes | None = None
    ) -> Commissioned:
        """Another key from the next event on, after a repair; the sleeve itself rotates by its own
        signed event. The old key still verifies what it signed. A new broker password comes along.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``bad_key``, ``bad_proof``,
                ``key_in_use``, ``events_waiting`` (a gap is open: what the old key signed may
                still arrive).
        """
        key = read_key(pem, device_id, signature)
        now = self._context.now()
        mqtt, hashed = self._new_login(device_id)
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id)
            self._refuse_known(conn, None, key)
            if row.gap_since is not None:
                raise conflict(
                    "events_waiting",
                    "该套筒有记录尚未到齐，请待缺口处理完毕后再更换密钥",
                    "events of this sleeve are still missing; replace the key when the gap closed",
                )
            commissioning.close_keys(conn, device_id, row.counter)
            commissioning.insert_key(conn, device_id, key.public, row.counter + 1, now)
            tell_new(conn, self._keyring, device_id, now)
            commissioning.set_account(conn, device_id, hashed, now)
            data = {
                "key": key.public.kid,
                "alg": key.public.alg,
                "proof": key.proof,
                "from": row.counter + 1,
            }
            write_down(
                self._context, conn, actor, "device.key_added", row.org_path, data, device=device_id
            )
            return self._commissioned(row, key, mqtt)

    def rotate_login(self, actor: Actor, device_id: str) -> MqttLogin:
        """A new broker password; the old one is void when the broker has read the accounts again.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``.
        """
        mqtt, hashed = self._new_login(device_id)
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id)
            commissioning.set_account(conn, device_id, hashed, self._context.now())
            write_down(
                self._context, conn, actor, "device.login_set", row.org_path, {}, device=device_id
            )
        return mqtt

    def revoke(self, actor: Actor, device_id: str, reason: str) -> None:
        """Take the sleeve out of service for good: keys, broker account and live grants end.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``bad_name`` (no reason).
        """
        reason = checked_name(reason, 200)
        now = self._context.now()
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id)
            live = commissioning.lock_live_grants(conn, device_id)
            ended = issuing.revoke(
                conn, self._context, live, "device_revoked", actor.person_id, now
            )
            commissioning.revoke_keys(conn, device_id, now)
            commissioning.revoke_account(conn, device_id, now)
            commissioning.update_device(
                conn,
                device_id,
                {"status": commissioning.REVOKED, "revoked_at": now, "seal_id": None},
            )
            self._context.journal.append(conn, ended)
            write_down(
                self._context,
                conn,
                actor,
                "device.revoked",
                row.org_path,
                {"reason": reason, "seal": row.seal_id, "grants": [one.grant_id for one in ended]},
                device=device_id,
                seal=row.seal_id,
            )

    def set_home(
        self,
        actor: Actor,
        device_id: str,
        lat: float | None,
        lon: float | None,
        fence_m: float | None,
    ) -> None:
        """Where the sleeve lives (C16); ``None``: where its organisation is.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``bad_position``.
        """
        check_place(lat, lon, fence_m)
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id)
            values = {"home_lat": lat, "home_lon": lon, "fence_m": fence_m}
            commissioning.update_device(conn, device_id, values)
            write_down(
                self._context,
                conn,
                actor,
                "device.home_set",
                row.org_path,
                values,
                device=device_id,
                seal=row.seal_id,
            )

    def server_keys(self) -> ServerKeys:
        """What a sleeve must know of this installation."""
        return ServerKeys(
            tuple(self._keyring.grant_keys.values()),
            tuple(self._keyring.receipt_keys.values()),
            self._keyring.picture_wire_public,
        )

    # ── inside ───────────────────────────────────────────────────────────────────────────────────

    def _bind(self, conn: Connection, actor: Actor, row: Row[Any], seal_id: str | None) -> Row[Any]:
        if row.open_use is not None:
            raise conflict(
                "use_open", "该套筒正在用印，请结束后再办理", "a use is open at this sleeve"
            )
        if commissioning.lock_live_grants(conn, row.id):
            raise conflict(
                "grants_live",
                "该套筒还有未用完的用印授权，请先结束或作废相关申请",
                "grants for this sleeve are live; finish or void their applications first",
            )
        values: dict[str, Any] = {"seal_id": seal_id}
        if seal_id is not None:
            values |= self._seal_place(conn, actor, seal_id)
        try:
            commissioning.update_device(conn, row.id, values)
        except IntegrityError as error:
            raise conflict(
                "seal_in_sleeve", "该印章已在另一个套筒中", "the seal lies in another sleeve"
            ) from error
        write_down(
            self._context,
            conn,
            actor,
            "device.bound",
            values.get("org_path", row.org_path),
            {"seal": seal_id, "before": row.seal_id, "from": row.org_path},
            device=row.id,
            seal=seal_id,
        )
        return seen_device(conn, actor, row.id)

    @staticmethod
    def _seal_place(conn: Connection, actor: Actor, seal_id: str) -> dict[str, Any]:
        found = conn.execute(select(seal).where(seal.c.id == seal_id)).one_or_none()
        if found is None or not actor.may_any(tuple(Role), found.org_path):
            raise missing("该印章", "seal")
        actor.must(Role.ADMIN, found.org_path)
        if found.status == "destroyed":
            raise conflict("seal_destroyed", "该印章已登记销毁", "the seal is entered as destroyed")
        return {"org_id": found.org_id, "org_path": found.org_path}

    @staticmethod
    def _refuse_known(conn: Connection, device_id: str | None, key: SubmittedKey) -> None:
        if device_id is not None and commissioning.lock_device(conn, device_id) is not None:
            raise conflict(
                "device_exists", "该套筒编号已登记过", "a sleeve of that id is or was registered"
            )
        if commissioning.is_key_known(conn, key.public):
            raise conflict(
                "key_in_use",
                "该公钥已登记过，每个套筒须使用自己的密钥",
                "the key is or was registered; each sleeve has its own",
            )

    def _new_login(self, device_id: str) -> tuple[MqttLogin, str]:
        password = urlsafe_b64encode(self._context.random(_PASSWORD_BYTES)).decode()
        hashed = mosquitto_hash(password, self._context.random(SALT_BYTES))
        return MqttLogin(device_id, password), hashed

    def _commissioned(self, row: Row[Any], key: SubmittedKey, mqtt: MqttLogin) -> Commissioned:
        return Commissioned(
            row.id,
            row.org_id,
            row.seal_id,
            key.public.kid,
            key.proof,
            mqtt,
            self.server_keys(),
            ChainStart(row.counter, row.tip, row.boot, row.total),
        )
