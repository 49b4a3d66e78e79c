"""What is said to a sleeve unasked: lock and unlock from afar, configuration. Signed, numbered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row

from backend.domain.actor import Actor, Role
from backend.domain.errors import DomainError
from backend.services.context import GrantSigner, ServiceContext
from backend.services.device_rows import active_device
from backend.services.people_rules import checked_name
from backend.services.recording import write_down
from backend.store import commissioning, grants
from gateway.protocol.envelope import convert, plain
from gateway.protocol.errors import ProtocolError
from gateway.protocol.messages import Config, Down, Lock

LOCKERS: Final = (Role.ADMIN, Role.SUPERVISOR, Role.CUSTODIAN)
UNLOCKERS: Final = (Role.ADMIN, Role.SUPERVISOR)
"""Whoever sees something wrong may lock; to open again takes more."""


@dataclass(frozen=True, slots=True)
class Ordered:
    """An order that waits to be confirmed by the sleeve's own event: its number."""

    device_id: str
    number: int


class DeviceOrderService:
    """Queues signed orders for sleeves."""

    def __init__(self, context: ServiceContext, sign_down: GrantSigner) -> None:
        self._context = context
        self._sign = sign_down

    def lock(self, actor: Actor, device_id: str, locked: bool, reason: str) -> Ordered:
        """Lock the sleeve from afar, or allow it again. ``reason`` is shown on its screen.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``bad_name`` (no reason).
        """
        reason = checked_name(reason, 60)
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id, LOCKERS if locked else UNLOCKERS)
            order = row.lock_order + 1
            commissioning.update_device(conn, device_id, {"locked": locked, "lock_order": order})
            self._say(conn, row, Lock(order=order, locked=locked, text=reason), order)
            data = {"order": order, "locked": locked, "reason": reason}
            write_down(
                self._context,
                conn,
                actor,
                "device.lock_ordered",
                row.org_path,
                data,
                device=device_id,
                seal=row.seal_id,
            )
        return Ordered(device_id, order)

    def configure(self, actor: Actor, device_id: str, wanted: Mapping[str, Any]) -> Ordered:
        """Change settings of the sleeve (fields of :class:`gateway.protocol.messages.Config`);
        those not named stay. Its fence follows from its commissioned home.

        Raises:
            DomainError: ``not_found``, ``denied``, ``device_revoked``, ``bad_config``.
        """
        with self._context.db.write() as conn:
            row = active_device(conn, actor, device_id)
            revision = row.config_revision + 1
            config = _config({**row.config, **wanted}, revision, row)
            kept = {name: value for name, value in plain(config).items() if name != "revision"}
            commissioning.update_device(
                conn, device_id, {"config": kept, "config_revision": revision}
            )
            self._say(conn, row, config, revision)
            data = {"revision": revision, "config": kept}
            write_down(
                self._context,
                conn,
                actor,
                "device.config_ordered",
                row.org_path,
                data,
                device=device_id,
                seal=row.seal_id,
            )
        return Ordered(device_id, revision)

    def _say(self, conn: Connection, row: Row[Any], body: Down, number: int) -> None:
        now = self._context.now()
        commissioning.overtake(conn, row.id, body.type, now)
        payload = self._sign(body, device=row.id, time=now)
        grants.say(conn, row.id, body.type, str(number), payload, now)


_FIELDS: Final = frozenset({"heartbeat_ms", "use_timeout_ms", "close_timeout_ms", "face_attempts"})


def _config(values: Mapping[str, Any], revision: int, row: Row[Any]) -> Config:
    fence = None
    if row.home_lat is not None and row.home_lon is not None and row.fence_m:
        fence = {"lat": row.home_lat, "lon": row.home_lon, "radius": row.fence_m}
    chosen = {name: value for name, value in values.items() if name != "fence"}
    try:
        if not set(chosen) <= _FIELDS:
            raise ValueError(f"unknown: {', '.join(sorted(set(chosen) - _FIELDS))}")
        return convert({**chosen, "fence": fence, "revision": revision}, Config)
    except (ProtocolError, ValueError) as error:
        raise DomainError(
            "bad_config",
            "套筒参数不对：请检查名称和取值范围",
            f"a setting of the sleeve does not fit: {error}"[:200],
        ) from error
