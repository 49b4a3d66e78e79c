"""Puts what must be said into the outbox, in the transaction that decided it.

Everybody gets it in the app itself (inbox); beside it goes a delivery by the person's first
channel, or by all of them at once where quiet hours do not hold it. Later failures go to the next
channel: see `alerts.delivery`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from alerts import preferences
from alerts.preferences import Preference
from alerts.settings import AlertSettings
from backend.services.context import ServiceContext
from backend.store.dialect import insert_or_ignore
from backend.store.tables import delivery, inbox_notice


@dataclass(frozen=True, slots=True)
class Telling:
    """One thing to say to some people.

    ``kind`` and ``fields`` are for `alerts.messages.render`. ``dedupe`` names the occasion: said
    twice, it is sent once. ``breakthrough``: quiet hours do not hold it. ``late``: a late use, told
    together with others. ``channels``: used besides the person's first one.
    """

    kind: str
    dedupe: str
    org_path: str
    people: Sequence[str]
    fields: Mapping[str, Any] = field(default_factory=dict)
    severity: str = "info"
    breakthrough: bool = False
    late: bool = False
    channels: Sequence[str] = ()
    alert_id: str | None = None
    application_id: str | None = None
    use_id: str | None = None


class Outbox:
    """Writes inbox notices and deliveries."""

    def __init__(self, context: ServiceContext, settings: AlertSettings) -> None:
        self._context = context
        self._settings = settings

    def tell(self, conn: Connection, tellings: Sequence[Telling], now: int) -> int:
        """Say all of them; how many deliveries wait now because of it."""
        everybody = {one for telling in tellings for one in telling.people}
        if not everybody:
            return 0
        known = preferences.load_many(conn, everybody, self._settings)
        notices: list[dict[str, Any]] = []
        deliveries: list[dict[str, Any]] = []
        for telling in tellings:
            for person_id in dict.fromkeys(telling.people):
                wishes = known.get(person_id)
                if wishes is None:
                    continue  # has left
                notices.append(self._notice(telling, person_id, now))
                deliveries += self._deliveries(telling, wishes, now)
        conn.execute(inbox_notice.insert(), notices) if notices else None
        if deliveries:
            conn.execute(insert_or_ignore(conn, delivery), deliveries)
        return len(deliveries)

    def _notice(self, telling: Telling, person_id: str, now: int) -> dict[str, Any]:
        return {
            "id": self._context.new_id(),
            "person_id": person_id,
            "kind": telling.kind,
            "alert_id": telling.alert_id,
            "application_id": telling.application_id,
            "use_id": telling.use_id,
            "message": message_of(telling),
            "created_at": now,
        }

    def _deliveries(self, telling: Telling, wishes: Preference, now: int) -> list[dict[str, Any]]:
        if not telling.breakthrough and telling.kind in wishes.muted:
            return []
        everywhere = enumerate((*wishes.channels, *wishes.reserve))
        first = len(wishes.channels) if telling.breakthrough else 1
        channels = [
            (place, one)
            for place, one in everywhere
            if place < min(first, len(wishes.channels)) or one[0] in telling.channels
        ]
        wait = self._settings.delivery.late_bundle_ms if telling.late else 0
        due = wishes.due(now + wait, breakthrough=telling.breakthrough)
        return [
            {
                "id": self._context.new_id(),
                "dedupe": dedupe_key(telling.kind, telling.dedupe, wishes.person_id, place),
                "kind": telling.kind,
                "breakthrough": telling.breakthrough,
                "org_path": telling.org_path,
                "person_id": wishes.person_id,
                "alert_id": telling.alert_id,
                "application_id": telling.application_id,
                "use_id": telling.use_id,
                "channel": channel,
                "address": address,
                "locale": wishes.locale,
                "message": message_of(telling),
                "state": "waiting",
                "created_at": now,
                "due_at": due,
                "attempts": 0,
            }
            for place, (channel, address) in channels
        ]


def message_of(telling: Telling) -> dict[str, Any]:
    """What is kept of it, to be rendered when it is sent or read."""
    return {
        "fields": dict(telling.fields),
        "severity": telling.severity,
        "late": telling.late,
        "occasion": telling.dedupe,
    }


def dedupe_key(kind: str, occasion: str, person_id: str, place: int) -> str:
    """Unique for an occasion, a person and the place of the channel in their order."""
    key = f"{kind}:{occasion}:{person_id}:{place}"
    return key if len(key) <= 200 else hashlib.sha256(key.encode()).hexdigest()
