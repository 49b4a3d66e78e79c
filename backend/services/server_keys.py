"""The server's public keys as sleeves are told them: a numbered list in a signed message.

A list is queued for every sleeve, once under each generation of the grant key: a sleeve takes the
one that it can verify, confirms with ``keys_applied``, and ignores the others. So one that was off
line through any number of rotations is told when it comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, func, select

from backend.domain.calendar import DAY_MS
from backend.domain.record import Record
from backend.services.context import ServiceContext
from backend.store import commissioning, grants
from backend.store import settings as kept
from backend.store.keyring import KeyRing
from backend.store.tables import device, downlink
from gateway.protocol import cbor
from gateway.protocol.cose import PublicKey
from gateway.protocol.envelope import convert, plain, seal_down
from gateway.protocol.limits import MAX_SERVER_KEYS
from gateway.protocol.messages import Keys, ServerKey

OVERLAP_MS: Final = 90 * DAY_MS
"""How long an old key is believed beside the new one, unless told otherwise."""

_NAME: Final = "server_keys"


@dataclass(frozen=True, slots=True)
class Told:
    """List ``serial``; how many ``sleeves`` in service there are, how many ``confirmed`` it."""

    serial: int
    sleeves: int
    confirmed: int


class ServerKeyService:
    """Announces the public keys of ``keyring`` to the sleeves."""

    def __init__(self, context: ServiceContext, keyring: KeyRing) -> None:
        self._context = context
        self._keyring = keyring

    def announce(self, overlap_ms: int = OVERLAP_MS) -> Told:
        """Tell every sleeve the keys that there are now; older generations are believed for
        ``overlap_ms`` more. With the same keys as before only sleeves that were never told are.
        """
        now = self._context.now()
        with self._context.db.write() as conn:
            before = _current(conn, lock=True)
            keys = _listed(self._keyring, before, now, overlap_ms)
            if before is None or _named(keys) != _named(before):
                kept.put(conn, _NAME, {"cbor": cbor.encode(plain(keys)).hex()}, now)
                tell(conn, self._keyring, _in_service(conn), keys, now)
                self._context.journal.append(conn, [_record(keys, now)])
            else:
                keys = before
                tell(conn, self._keyring, _untold(conn, keys.serial), keys, now)
            return _told(conn, keys.serial)

    def told(self) -> Told | None:
        """How far the current list has come; None: the keys of commissioning still hold."""
        with self._context.db.read() as conn:
            keys = _current(conn)
            return None if keys is None else _told(conn, keys.serial)


def tell_new(conn: Connection, keyring: KeyRing, device_id: str, now: int) -> None:
    """A sleeve was just given its keys: tell it the current list too, if there is one. Whoever
    commissioned it may not have been restarted since the last rotation."""
    keys = _current(conn)
    if keys is not None:
        tell(conn, keyring, [device_id], keys, now)


def tell(conn: Connection, keyring: KeyRing, devices: Iterable[str], keys: Keys, now: int) -> None:
    """Queue ``keys`` for ``devices``, in place of lists that they have not confirmed."""
    for name in devices:
        commissioning.overtake(conn, name, Keys.type, now)
        for signer in keyring.grant_all:
            payload = seal_down(keys, signer, device=name, time=now)
            grants.say(conn, name, Keys.type, str(keys.serial), payload, now)


def _listed(keyring: KeyRing, before: Keys | None, now: int, overlap_ms: int) -> Keys:
    return Keys(
        serial=1 if before is None else before.serial + 1,
        grant=_spans(keyring.grant_keys.values(), before.grant if before else (), now, overlap_ms),
        receipt=_spans(
            keyring.receipt_keys.values(), before.receipt if before else (), now, overlap_ms
        ),
        picture=keyring.picture_wire_public,
    )


def _spans(
    newest_first: Iterable[PublicKey], before: Sequence[ServerKey], now: int, overlap_ms: int
) -> list[ServerKey]:
    """Oldest first; the newest has no end, an older one the end that it was given before."""
    known = {one.public: one.until for one in before if one.until is not None}
    newest, *older = newest_first
    spans = [ServerKey(alg=newest.alg, public=newest.raw)]
    for key in older[: MAX_SERVER_KEYS - 1]:
        until = known.get(key.raw, now + overlap_ms)
        if until >= now:
            spans.append(ServerKey(alg=key.alg, public=key.raw, until=until))
    return spans[::-1]


def _named(keys: Keys) -> tuple[Any, ...]:
    """Which keys a list is about, apart from how long."""
    return keys.grant[-1].public, keys.receipt[-1].public, keys.picture


def _current(conn: Connection, *, lock: bool = False) -> Keys | None:
    found = kept.get(conn, _NAME, lock=lock)
    return None if found is None else convert(cbor.decode(bytes.fromhex(found["cbor"])), Keys)


def _in_service(conn: Connection) -> list[str]:
    query = select(device.c.id).where(device.c.status == commissioning.ACTIVE).order_by(device.c.id)
    return list(conn.execute(query).scalars())


def _untold(conn: Connection, serial: int) -> list[str]:
    told = select(downlink.c.device_id).where(
        downlink.c.type == Keys.type, downlink.c.subject == str(serial)
    )
    query = select(device.c.id).where(
        device.c.status == commissioning.ACTIVE, device.c.id.not_in(told)
    )
    return list(conn.execute(query.order_by(device.c.id)).scalars())


def _told(conn: Connection, serial: int) -> Told:
    confirmed = (
        select(downlink.c.device_id)
        .join(device, device.c.id == downlink.c.device_id)
        .where(
            device.c.status == commissioning.ACTIVE,
            downlink.c.type == Keys.type,
            downlink.c.subject == str(serial),
        )
        .group_by(downlink.c.device_id)
        .having(func.count() == func.count(downlink.c.confirmed_at))
    )
    found = conn.execute(select(func.count()).select_from(confirmed.subquery())).scalar_one()
    return Told(serial, len(_in_service(conn)), int(found))


def _record(keys: Keys, now: int) -> Record:
    def spans(listed: Sequence[ServerKey]) -> list[dict[str, Any]]:
        return [{"key": one.key().kid, "public": one.public, "until": one.until} for one in listed]

    return Record(
        kind="server.keys_announced",
        org_path="/",
        at=now,
        happened_at=now,
        data={
            "serial": keys.serial,
            "grant": spans(keys.grant),
            "receipt": spans(keys.receipt),
            "picture": keys.picture,
        },
    )
