"""A message that could not be delivered is itself told (promise 7).

It goes to the person's next channel, and where there is none left, those who look after the
installation are told, beside the person's own inbox, which always has it.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Connection, Row, select

from alerts import messages, recipients
from alerts.dialect import inserted
from alerts.outbox import Outbox, Telling, dedupe_key
from alerts.preferences import load_many
from alerts.rules.registry import BREAKTHROUGH
from alerts.settings import AlertSettings
from backend.services.context import ServiceContext
from backend.store.tables import delivery, person

FAILED: Final = "delivery_failed"


def of_delivery(
    conn: Connection,
    context: ServiceContext,
    settings: AlertSettings,
    row: Row[Any],
    detail: str,
    now: int,
) -> None:
    """``row`` is dead, because of ``detail``: what follows from it."""
    if _next_channel(conn, context, settings, row, now) and row.kind not in BREAKTHROUGH:
        return
    if row.kind == FAILED:
        return  # the failure to tell of a failure stands in the ledger; it must not go in circles
    name = None
    if row.person_id is not None:
        name = conn.execute(select(person.c.name).where(person.c.id == row.person_id)).scalar()
    title, _ = messages.render(row.kind, row.message.get("fields", {}), "zh_CN")
    told = recipients.admins(conn, row.org_path, now)
    if row.alert_id is not None:
        told += recipients.supervisors(conn, row.org_path, now, all_levels=True)
    fields = {
        "alert_title": title,
        "channel": row.channel,
        "person": name,
        "reason": detail,
        "at": now,
    }
    Outbox(context, settings).tell(
        conn,
        [
            Telling(
                kind=FAILED,
                dedupe=row.id,
                org_path=row.org_path,
                people=recipients.without(told, {row.person_id}),
                fields={key: value for key, value in fields.items() if value is not None},
                severity="major" if row.breakthrough else "minor",
                breakthrough=bool(row.breakthrough),
                alert_id=row.alert_id,
                application_id=row.application_id,
                use_id=row.use_id,
            )
        ],
        now,
    )


def _next_channel(
    conn: Connection, context: ServiceContext, settings: AlertSettings, row: Row[Any], now: int
) -> bool:
    """Put it on the person's next channel; false when there is none left to try."""
    if row.person_id is None:
        return False
    wishes = load_many(conn, [row.person_id], settings).get(row.person_id)
    if wishes is None:
        return False
    here = (row.channel, row.address)
    place = wishes.channels.index(here) + 1 if here in wishes.channels else len(wishes.channels)
    if place >= len(wishes.channels):
        return False
    channel, address = wishes.channels[place]
    occasion = str(row.message.get("occasion", row.id))
    return inserted(
        conn,
        delivery,
        {
            "id": context.new_id(),
            "dedupe": dedupe_key(row.kind, occasion, row.person_id, place),
            "kind": row.kind,
            "breakthrough": row.breakthrough,
            "org_path": row.org_path,
            "person_id": row.person_id,
            "alert_id": row.alert_id,
            "application_id": row.application_id,
            "use_id": row.use_id,
            "channel": channel,
            "address": address,
            "locale": row.locale,
            "message": row.message,
            "state": "waiting",
            "created_at": now,
            "due_at": wishes.due(now, breakthrough=row.breakthrough),
            "attempts": 0,
        },
    )
